// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package coupon is the vocabulary and the protocol of the consortium, free of
// ledgers and networks: keys and mandates, coupons and presentations in their
// one accepted form, terms and what they are worth in a basket, and the records
// and requests that organisations exchange. Every organisation runs this same
// code, so what it decides must not depend on anything but its input.
//
// It follows Blundo, Cimato, De Bonis, "A Lightweight Protocol for the
// Generation and Distribution of Secure E-coupons" (WWW 2002).
package coupon

import (
	"encoding/base64"
	"encoding/binary"
	"math"
)

const (
	labelStatic = "ecoupon/v1/static"
	labelSpent  = "ecoupon/v1/spent"
)

// The form of a coupon, version 1: version, kind, framework id, lane, SN, for a
// bound coupon its owner, then the two MACs.
const (
	couponVersion = 1
	couponPrefix  = "ec1."

	kindStaticBearer = 1
	kindStaticBound  = 2
	kindDynamic      = 3
	kindProof        = 4

	ownerSize  = 32
	headSize   = 1 + 1 + 16 + 2 + 8
	tailSize   = 16 + 16
	bearerSize = headSize + tailSize
	boundSize  = headSize + ownerSize + tailSize
	// maxCouponSize is that of a purchase proof, the longest kind: a coupon of a
	// kind that is not served is refused as such, not as malformed.
	maxCouponSize = 184
)

// Coupon is a static coupon, held by a customer. A bearer coupon belongs to
// whoever shows it first; a bound one to the holder of its owner's key.
type Coupon struct {
	Bound      bool
	Framework  FrameworkID
	Lane       uint16
	SN         int64
	Owner      PublicKey // zero unless Bound
	MandateMAC MAC
	EmitterMAC MAC
}

// Bytes returns the coupon's one binary form: 60 bytes, or 92 if it is bound.
func (c Coupon) Bytes() []byte {
	return c.appendTo(make([]byte, 0, c.size()))
}

// Text returns the coupon's one text form.
func (c Coupon) Text() string {
	var buf [boundSize]byte
	return couponPrefix + base64.RawURLEncoding.EncodeToString(c.appendTo(buf[:0]))
}

func (c Coupon) size() int {
	if c.Bound {
		return boundSize
	}
	return bearerSize
}

func (c Coupon) appendTo(b []byte) []byte {
	kind := byte(kindStaticBearer)
	if c.Bound {
		kind = kindStaticBound
	}
	b = append(b, couponVersion, kind)
	b = append(b, c.Framework[:]...)
	b = binary.BigEndian.AppendUint16(b, c.Lane)
	b = binary.BigEndian.AppendUint64(b, uint64(c.SN))
	if c.Bound {
		b = append(b, c.Owner[:]...)
	}
	b = append(b, c.MandateMAC[:]...)
	return append(b, c.EmitterMAC[:]...)
}

// ParseCoupon reads a coupon's text form and accepts no other text for the same
// coupon. What is wrong first decides the reason, in this order:
//
//  1. prefix and base64url, or longer than any coupon: MALFORMED_COUPON;
//  2. version: UNSUPPORTED_VERSION;
//  3. kind: UNKNOWN_KIND, or UNSUPPORTED_KIND for dynamic coupons and proofs;
//  4. length, trailing bytes included: MALFORMED_COUPON;
//  5. SN below 1 or above 2⁶³−1: MALFORMED_COUPON;
//  6. the owner's key, see CheckOwner: BAD_OWNER_KEY.
//
// The MACs are not looked at: that takes the issuer's keys.
func ParseCoupon(text string) (Coupon, error) {
	var buf [maxCouponSize]byte
	raw, ok := decodeText(buf[:], couponPrefix, text)
	if !ok {
		return Coupon{}, Refuse(ReasonMalformedCoupon, "", "a coupon is %q and unpadded base64url", couponPrefix)
	}
	return ParseCouponBytes(raw)
}

// ParseCouponBytes reads a coupon's binary form, as ParseCoupon does from step 2.
func ParseCouponBytes(b []byte) (Coupon, error) {
	if err := checkCouponForm(b); err != nil {
		return Coupon{}, err
	}
	c := Coupon{
		Bound:     b[1] == kindStaticBound,
		Framework: FrameworkID(b[2:18]),
		Lane:      binary.BigEndian.Uint16(b[18:20]),
	}
	sn := binary.BigEndian.Uint64(b[20:headSize])
	if sn < 1 || sn > math.MaxInt64 {
		return Coupon{}, Refuse(ReasonMalformedCoupon, "", "serial numbers count from 1 to 2⁶³−1")
	}
	c.SN = int64(sn)
	if c.Bound {
		c.Owner = PublicKey(b[headSize : headSize+ownerSize])
		if err := CheckOwner(c.Owner); err != nil {
			return Coupon{}, err
		}
	}
	tail := b[len(b)-tailSize:]
	c.MandateMAC, c.EmitterMAC = MAC(tail[:16]), MAC(tail[16:])
	return c, nil
}

func checkCouponForm(b []byte) error {
	if len(b) < 2 {
		return Refuse(ReasonMalformedCoupon, "", "the coupon is cut off")
	}
	if b[0] != couponVersion {
		return Refuse(ReasonUnsupportedVersion, "", "coupons of version %d are not known", b[0])
	}
	size := bearerSize
	switch b[1] {
	case kindStaticBearer:
	case kindStaticBound:
		size = boundSize
	case kindDynamic, kindProof:
		return Refuse(ReasonUnsupportedKind, "", "only static coupons are served")
	default:
		return Refuse(ReasonUnknownKind, "", "there are no coupons of kind %d", b[1])
	}
	if len(b) != size {
		return Refuse(ReasonMalformedCoupon, "", "a coupon of this kind has %d bytes, not %d", size, len(b))
	}
	return nil
}

// decodeText decodes prefix and unpadded base64url into buf. It is false for
// text that is not what encoding the result gives, or does not fit.
func decodeText(buf []byte, prefix, text string) ([]byte, bool) {
	if len(text) < len(prefix) || text[:len(prefix)] != prefix {
		return nil, false
	}
	body := text[len(prefix):]
	if len(body) > base64.RawURLEncoding.EncodedLen(len(buf)) {
		return nil, false
	}
	// Strict refuses stray bits at the end. Line breaks, which the decoder
	// skips, show in the length.
	n, err := base64.RawURLEncoding.Strict().Decode(buf, []byte(body))
	if err != nil || base64.RawURLEncoding.EncodedLen(n) != len(body) {
		return nil, false
	}
	return buf[:n], true
}

// StaticMAC returns mac_E of a static coupon under its emitter's key: the MAC
// that Blundo, Cimato, De Bonis 2002, section 5.1, puts over m_data and SN, here
// over lane and owner too. Owner is nil for a bearer coupon.
func StaticMAC(kME Key, mData []byte, lane uint16, sn int64, owner *PublicKey) MAC {
	e := newEnc(labelStatic).bytes(mData).int(int64(lane)).int(sn)
	if owner == nil {
		return e.bytes(nil).mac16(kME)
	}
	return e.bytes(owner[:]).mac16(kME)
}

// CheckMACs refuses with WRONG_MAC a coupon whose MACs are not those of its
// framework: mandateMAC and mData as the issuer stored them, kME the emitter's
// key. Both are compared in constant time, and the answer does not tell which
// one is wrong.
func (c Coupon) CheckMACs(kME Key, mData []byte, mandateMAC MAC) error {
	var owner *PublicKey
	if c.Bound {
		owner = &c.Owner
	}
	emitterMAC := StaticMAC(kME, mData, c.Lane, c.SN, owner)
	mandateOK, emitterOK := c.MandateMAC.Equal(mandateMAC), c.EmitterMAC.Equal(emitterMAC)
	if !mandateOK || !emitterOK {
		return Refuse(ReasonWrongMAC, "", "the coupon is not one that its emitter made")
	}
	return nil
}

// SpentTag returns the name under which the ledger knows the coupon once it is
// spent. Only the issuer can compute it, so a tag on the ledger does not tell
// an emitter which of its coupons was redeemed.
func (c Coupon) SpentTag(kS Key) Tag {
	return newEnc(labelSpent).bytes(c.Framework[:]).int(int64(c.Lane)).int(c.SN).mac16(kS)
}
