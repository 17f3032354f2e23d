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

// The form of a coupon, version 1: version, kind, framework id, lane, SN, then
// what the kind adds, then the two MACs.
const (
	couponVersion = 1
	couponPrefix  = "ec1."

	kindStaticBearer = 1
	kindStaticBound  = 2
	kindDynamic      = 3
	kindProof        = 4

	headSize    = 1 + 1 + 16 + 2 + 8
	ownerSize   = 32
	dynamicSize = 4 + 8 + 32 + 32
	productSize = 16 + 32
	tailSize    = 16 + 16

	maxCouponSize = headSize + dynamicSize + productSize + tailSize
)

// Coupon is what a customer holds. A bearer coupon belongs to whoever shows it
// first; a bound one to the holder of its owner's key. Whether dynamic coupons
// and purchase proofs are bound is said by their campaign, not by their bytes.
type Coupon struct {
	Kind Kind
	// Bound is whether a static coupon has an owner; false for other kinds.
	Bound     bool
	Framework FrameworkID
	Lane      uint16
	SN        int64
	// Owner is u_data: the owner's key if the coupon is bound; in a dynamic
	// bearer coupon 32 bytes that its customer chose at random, in a static
	// one zero.
	Owner PublicKey
	// Release is zero for a static coupon.
	Release Release
	// Product is zero but for a purchase proof.
	Product    Product
	MandateMAC MAC
	EmitterMAC MAC
}

// Release says when a dynamic coupon was released, and ties it to all that its
// lane released before: section 5.2 of Blundo, Cimato, De Bonis 2002.
type Release struct {
	// Frame is the frame of the lane, from 1, that the coupon is in.
	Frame uint32
	// Time is the emitter's time of release, Unix milliseconds.
	Time int64
	// Q is q_SN, the coupon's link of the dependence chain; see NextLink.
	Q Hash
}

// Product ties a purchase proof to one instance of a product and to its sale,
// and shows neither.
type Product struct {
	// Tag is the product's; see ProductTag.
	Tag Tag `json:"tag"`
	// Sale commits to product and invoice; see SaleDigest.
	Sale Hash `json:"sale"`
}

// Presentable says whether a presentation can go with the coupon.
func (c Coupon) Presentable() bool { return c.code() != kindStaticBearer }

// Bytes returns the coupon's one binary form: 60 bytes, 92 for a static coupon
// that is bound, 136 for a dynamic one, 184 for a purchase proof.
func (c Coupon) Bytes() []byte {
	return c.appendTo(make([]byte, 0, maxCouponSize))
}

// Text returns the coupon's one text form.
func (c Coupon) Text() string {
	var buf [maxCouponSize]byte
	return couponPrefix + base64.RawURLEncoding.EncodeToString(c.appendTo(buf[:0]))
}

func (c Coupon) code() byte {
	switch {
	case c.Kind == KindProof:
		return kindProof
	case c.Kind == KindDynamic:
		return kindDynamic
	case c.Bound:
		return kindStaticBound
	default:
		return kindStaticBearer
	}
}

func (c Coupon) appendTo(b []byte) []byte {
	code := c.code()
	b = append(b, couponVersion, code)
	b = append(b, c.Framework[:]...)
	b = binary.BigEndian.AppendUint16(b, c.Lane)
	b = binary.BigEndian.AppendUint64(b, uint64(c.SN))
	switch code {
	case kindStaticBound:
		b = append(b, c.Owner[:]...)
	case kindDynamic, kindProof:
		b = binary.BigEndian.AppendUint32(b, c.Release.Frame)
		b = binary.BigEndian.AppendUint64(b, uint64(c.Release.Time))
		b = append(b, c.Owner[:]...)
		b = append(b, c.Release.Q[:]...)
	}
	if code == kindProof {
		b = append(b, c.Product.Tag[:]...)
		b = append(b, c.Product.Sale[:]...)
	}
	b = append(b, c.MandateMAC[:]...)
	return append(b, c.EmitterMAC[:]...)
}

// sizeOf returns the length of a coupon of a kind's code, 0 for one that does
// not exist.
func sizeOf(code byte) int {
	switch code {
	case kindStaticBearer:
		return headSize + tailSize
	case kindStaticBound:
		return headSize + ownerSize + tailSize
	case kindDynamic:
		return headSize + dynamicSize + tailSize
	case kindProof:
		return maxCouponSize
	default:
		return 0
	}
}

// ParseCoupon reads a coupon's text form and accepts no other text for the same
// coupon. What is wrong first decides the reason, in this order:
//
//  1. prefix and base64url, or longer than any coupon: MALFORMED_COUPON;
//  2. version: UNSUPPORTED_VERSION;
//  3. kind: UNKNOWN_KIND;
//  4. length, trailing bytes included: MALFORMED_COUPON;
//  5. SN below 1 or above 2⁶³−1: MALFORMED_COUPON;
//  6. the frame 0, or a time above 2⁶³−1: MALFORMED_COUPON;
//  7. the owner's key of a static coupon, see CheckOwner: BAD_OWNER_KEY.
//
// The MACs are not looked at: that takes the issuer's keys. Nor is u_data of
// other kinds, since only their campaign tells whether it is a key.
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
	code, err := checkCouponForm(b)
	if err != nil {
		return Coupon{}, err
	}
	r := reader{rest: b[2:]}
	c := Coupon{Kind: KindStatic, Bound: code == kindStaticBound}
	c.Framework = FrameworkID(r.take(16))
	c.Lane = uint16(r.uint16())
	sn := r.uint64()
	if sn < 1 || sn > math.MaxInt64 {
		return Coupon{}, Refuse(ReasonMalformedCoupon, "", "serial numbers count from 1 to 2⁶³−1")
	}
	c.SN = int64(sn)
	switch code {
	case kindStaticBound:
		c.Owner = PublicKey(r.take(ownerSize))
		if err := CheckOwner(c.Owner); err != nil {
			return Coupon{}, err
		}
	case kindDynamic, kindProof:
		if err := c.parseRelease(&r); err != nil {
			return Coupon{}, err
		}
	}
	if code == kindProof {
		c.Kind = KindProof
		c.Product = Product{Tag: Tag(r.take(16)), Sale: Hash(r.take(32))}
	}
	c.MandateMAC, c.EmitterMAC = MAC(r.take(16)), MAC(r.take(16))
	return c, nil
}

func (c *Coupon) parseRelease(r *reader) error {
	c.Kind = KindDynamic
	c.Release.Frame = r.uint32()
	if c.Release.Frame == 0 {
		return Refuse(ReasonMalformedCoupon, "", "frames count from 1")
	}
	at := r.uint64()
	if at > math.MaxInt64 {
		return Refuse(ReasonMalformedCoupon, "", "the time of release is out of range")
	}
	c.Release.Time = int64(at)
	c.Owner = PublicKey(r.take(ownerSize))
	c.Release.Q = Hash(r.take(32))
	return nil
}

func checkCouponForm(b []byte) (byte, error) {
	if len(b) < 2 {
		return 0, Refuse(ReasonMalformedCoupon, "", "the coupon is cut off")
	}
	if b[0] != couponVersion {
		return 0, Refuse(ReasonUnsupportedVersion, "", "coupons of version %d are not known", b[0])
	}
	size := sizeOf(b[1])
	if size == 0 {
		return 0, Refuse(ReasonUnknownKind, "", "there are no coupons of kind %d", b[1])
	}
	if len(b) != size {
		return 0, Refuse(ReasonMalformedCoupon, "", "a coupon of this kind has %d bytes, not %d", size, len(b))
	}
	return b[1], nil
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
