// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

// Labels of the keys derived from a campaign's key.
const (
	labelFrameworkKey = "ecoupon/v1/framework-key"
	labelBeaconKey    = "ecoupon/v1/beacon-key"
	labelSpentKey     = "ecoupon/v1/spent-key"
	labelProductKey   = "ecoupon/v1/product-key"
	labelEmitterKey   = "ecoupon/v1/emitter-key"
)

// DeriveFrameworkKey returns k_F, under which the issuer authenticates mandates.
// Like every key derived from k_M but the emitter's, only the issuer has it.
func DeriveFrameworkKey(kM Key) Key { return derive(kM, newEnc(labelFrameworkKey)) }

// DeriveBeaconKey returns k_B, which makes the beacons of frames.
func DeriveBeaconKey(kM Key) Key { return derive(kM, newEnc(labelBeaconKey)) }

// DeriveSpentKey returns k_S, which makes the tags of spent coupons.
func DeriveSpentKey(kM Key) Key { return derive(kM, newEnc(labelSpentKey)) }

// DeriveProductKey returns k_P, which makes the tags of products.
func DeriveProductKey(kM Key) Key { return derive(kM, newEnc(labelProductKey)) }

// DeriveEmitterKey returns k_ME, which the issuer shares with one emitter: the
// key k_M,A of Blundo, Cimato, De Bonis 2002, section 5. A new epoch is a new
// key.
func DeriveEmitterKey(kM Key, campaign, emitter string, epoch int64) Key {
	return derive(kM, newEnc(labelEmitterKey).text(campaign).text(emitter).int(epoch))
}

// derive is HKDF-SHA256 (RFC 5869) without salt and with 32 bytes of output,
// which is one block: written out, as one call of HMAC for each of its two
// steps, it has no error to handle.
func derive(kM Key, info enc) Key {
	var noSalt Key
	prk := enc(kM[:]).mac(noSalt)
	const firstBlock = 1
	return Key(append(info, firstBlock).mac(Key(prk)))
}
