// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"ecoupon/chaincode/coupon"
)

// The form of a key that a wallet offers: prefix, and base64url of the key and
// the first bytes of its hash, so that a coupon is not lost to a slip of the
// keyboard.
const (
	keyPrefix   = "ek1."
	keyLabel    = "ecoupon/wallet/key/v1\n"
	keyChecksum = 4
)

// offeredKey is a key that a coupon is awaited for.
type offeredKey struct {
	// Seed is the Ed25519 seed.
	Seed coupon.Key `json:"private_key"`
	// MadeAt is when it was made, Unix milliseconds.
	MadeAt int64 `json:"made_at"`
}

func (k offeredKey) public() coupon.PublicKey {
	return coupon.PublicKey(ed25519.NewKeyFromSeed(k.Seed[:]).Public().(ed25519.PublicKey))
}

// NewKey makes a key for one coupon that somebody hands on to this wallet, and
// returns the text that he needs for it. The key is durable before it is
// returned.
func (w *Wallet) NewKey() (string, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", err
	}
	made := offeredKey{Seed: coupon.Key(private.Seed()), MadeAt: w.now().UnixMilli()}
	err = w.store.update(func(c *contents) error {
		if len(c.Keys) >= maxCoupons {
			return coupon.Refuse(coupon.ReasonTooMany, "", "a wallet awaits at most %d coupons", maxCoupons)
		}
		c.Keys = append(c.Keys, made)
		return nil
	})
	if err != nil {
		return "", err
	}
	return KeyText(made.public()), nil
}

// KeyText is the text of a public key, "ek1." and base64url.
func KeyText(key coupon.PublicKey) string {
	return keyPrefix + base64.RawURLEncoding.EncodeToString(append(key[:], checksum(key)...))
}

// ParseKey reads a key's text. It refuses with INVALID_REQUEST what is not the
// whole text of a key, and with BAD_OWNER_KEY a key that cannot own a coupon.
func ParseKey(text string) (coupon.PublicKey, error) {
	var key coupon.PublicKey
	body, found := strings.CutPrefix(text, keyPrefix)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if !found || err != nil || len(raw) != len(key)+keyChecksum || strings.ContainsAny(body, "\r\n") {
		return key, coupon.Refuse(coupon.ReasonInvalidRequest, "to", "a wallet's key is %q and 48 characters", keyPrefix)
	}
	copy(key[:], raw)
	if !slices.Equal(raw[len(key):], checksum(key)) {
		return key, coupon.Refuse(coupon.ReasonInvalidRequest, "to", "the key has a slip in it")
	}
	return key, coupon.CheckOwner(key)
}

func checksum(key coupon.PublicKey) []byte {
	sum := sha256.Sum256(append([]byte(keyLabel), key[:]...))
	return sum[:keyChecksum]
}
