// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"math"
	"slices"
	"strings"
)

func couponText(b []byte) string       { return "ec1." + base64.RawURLEncoding.EncodeToString(b) }
func presentationText(b []byte) string { return "ep1." + base64.RawURLEncoding.EncodeToString(b) }

// refusedTexts are other texts for the bytes of good coupons.
func (m vectorMaker) refusedTexts() []refusedVector {
	bound := m.coupon(0, 1, 2, 0).Text()
	bearer := m.bearerWithDash().Text()
	body := strings.TrimPrefix(bearer, "ec1.")
	// 92 bytes leave two of the last character's six bits unused.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, bound[len(bound)-1])
	stray := bound[:len(bound)-1] + alphabet[last|1:last|1+1]
	texts := []struct{ what, text string }{
		{"nothing", ""},
		{"a coupon without its prefix", body},
		{"a prefix in upper case", "EC1." + body},
		{"a prefix of another version", "ec2." + body},
		{"a prefix alone", "ec1."},
		{"the alphabet of plain base64", "ec1." + strings.NewReplacer("-", "+", "_", "/").Replace(body)},
		{"padding", bound + "="},
		{"stray bits in the last character", stray},
		{"a line break inside", bearer[:20] + "\n" + bearer[20:]},
		{"a line break at the end", bearer + "\r\n"},
		{"a blank before", " " + bearer},
		{"half a byte at the end", bearer + "A"},
		{"two coupons", bearer + bearer},
		{"the body of a presentation", "ec1." + strings.TrimPrefix(m.presentation(10, 10, 1, "", "").Text(), "ep1.")},
		{"185 bytes", couponText(make([]byte, 185))},
	}
	var made []refusedVector
	for _, r := range texts {
		made = append(made, refusedVector{"coupon: " + r.what, r.text, ReasonMalformedCoupon})
	}
	return made
}

// bearerWithDash is the first bearer coupon whose text shows the difference
// between the two base64 alphabets.
func (m vectorMaker) bearerWithDash() Coupon {
	sn := int64(1)
	for !strings.ContainsAny(m.coupon(0, 0, sn, -1).Text(), "-_") {
		sn++
	}
	return m.coupon(0, 0, sn, -1)
}

// altered returns b with the byte at i, from the end if negative, replaced.
func altered(b []byte, i int, to byte) []byte {
	b = slices.Clone(b)
	if i < 0 {
		i += len(b)
	}
	b[i] = to
	return b
}

func withBytes(b []byte, at int, with []byte) []byte {
	return slices.Concat(b[:at], with, b[at+len(with):])
}

// refusedCoupons are bytes that are no coupon, in their right text form.
func (m vectorMaker) refusedCoupons() []refusedVector {
	bearer, bound := m.coupon(0, 0, 1, -1).Bytes(), m.coupon(0, 1, 2, 0).Bytes()
	made := []refusedVector{
		{"one byte", couponText([]byte{1}), ReasonMalformedCoupon},
		{"version 0", couponText(altered(bearer, 0, 0)), ReasonUnsupportedVersion},
		{"version 2", couponText(altered(bearer, 0, 2)), ReasonUnsupportedVersion},
		{"version 2 and kind 9: the version decides", couponText([]byte{2, 9}), ReasonUnsupportedVersion},
		{"kind 0", couponText(altered(bearer, 1, 0)), ReasonUnknownKind},
		{"kind 5", couponText(altered(bearer, 1, 5)), ReasonUnknownKind},
		{"kind 255 and nothing else: the kind decides", couponText([]byte{1, 255}), ReasonUnknownKind},
		{"kind 3, dynamic, and the rest 0", couponText(append([]byte{1, 3}, make([]byte, 134)...)), ReasonMalformedCoupon},
		{"kind 4, a proof, and the rest 0", couponText(append([]byte{1, 4}, make([]byte, 182)...)), ReasonMalformedCoupon},
		{"a bearer coupon without its last byte", couponText(bearer[:59]), ReasonMalformedCoupon},
		{"a bearer coupon and one byte", couponText(append(slices.Clone(bearer), 0)), ReasonMalformedCoupon},
		{"a bearer coupon with an owner", couponText(altered(bound, 1, 1)), ReasonMalformedCoupon},
		{"a bound coupon without an owner", couponText(altered(bearer, 1, 2)), ReasonMalformedCoupon},
		{"a bound coupon without its last byte", couponText(bound[:91]), ReasonMalformedCoupon},
		{"SN 0", couponText(withBytes(bearer, 20, make([]byte, 8))), ReasonMalformedCoupon},
		{"SN 2^63", couponText(withBytes(bearer, 20, bigEndian(math.MinInt64, 8))), ReasonMalformedCoupon},
		{"SN 2^64-1", couponText(withBytes(bearer, 20, bigEndian(-1, 8))), ReasonMalformedCoupon},
		{"SN 0 and owner 0: the SN decides", couponText(withBytes(bound, 20, make([]byte, 40))), ReasonMalformedCoupon},
	}
	for _, o := range []struct{ what, owner string }{
		{"of order 1, y = 1", "01" + strings.Repeat("00", 31)},
		{"of order 1 with a sign", "01" + strings.Repeat("00", 30) + "80"},
		{"of order 2, y = p-1", "ec" + strings.Repeat("ff", 30) + "7f"},
		{"of order 2 with a sign", "ec" + strings.Repeat("ff", 31)},
		{"of order 4, y = 0", strings.Repeat("00", 32)},
		{"of order 4 with a sign", strings.Repeat("00", 31) + "80"},
		{"of order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"},
		{"of order 8 with a sign", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"},
		{"of order 8, the other", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"},
		{"of order 8, the other with a sign", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"},
		{"not canonical, y = p", "ed" + strings.Repeat("ff", 30) + "7f"},
		{"not canonical, y = p+1", "ee" + strings.Repeat("ff", 30) + "7f"},
		{"not canonical, y = p+3 with a sign", "f0" + strings.Repeat("ff", 31)},
		{"not canonical, y = 2^255-1", strings.Repeat("ff", 31) + "7f"},
	} {
		made = append(made, refusedVector{"owner " + o.what, couponText(withBytes(bound, 28, unhex(m.t, o.owner))), ReasonBadOwnerKey})
	}
	for i := range made {
		made[i].What = "coupon: " + made[i].What
	}
	return made
}

// The places of fields in the bytes of a presentation of a bound coupon.
const (
	placeCoupon   = 3
	placeTime     = placeCoupon + 92
	placeNonce    = placeTime + 8
	placeRetailer = placeNonce + 16 + 2
)

func (m vectorMaker) refusedPresentations() []refusedVector {
	presentation := m.presentation(10, 10, 1_900_000_000_000, "RetailerMSP", "A-2030-000123")
	p := presentation.Bytes()
	body := strings.TrimPrefix(presentation.Text(), "ep1.")
	bearer := m.coupon(0, 1, 10, -1).Bytes()
	long := presentation
	long.Retailer = strings.Repeat("R", MaxIDLength+1)
	long.Invoice = ""
	made := []refusedVector{
		{"nothing after the prefix", "ep1.", ReasonMalformedPresentation},
		{"padding", "ep1." + body + "=", ReasonMalformedPresentation},
		{"a line break inside", "ep1." + body[:9] + "\n" + body[9:], ReasonMalformedPresentation},
		{"version 0", presentationText(altered(p, 0, 0)), ReasonUnsupportedVersion},
		{"version 2 and nothing else: the version decides", presentationText([]byte{2}), ReasonUnsupportedVersion},
		{"version 1 and nothing else", presentationText([]byte{1}), ReasonMalformedPresentation},
		{"its last byte cut off", presentationText(p[:len(p)-1]), ReasonMalformedPresentation},
		{"a byte after its last", presentationText(append(slices.Clone(p), 0)), ReasonMalformedPresentation},
		{"a coupon of length 0", presentationText(withBytes(p, 1, []byte{0, 0})), ReasonMalformedPresentation},
		{"a coupon longer than everything", presentationText(withBytes(p, 1, []byte{255, 255})), ReasonMalformedPresentation},
		{"a retailer longer than everything", presentationText(withBytes(p, placeRetailer-2, []byte{255, 255})), ReasonMalformedPresentation},
		{"a coupon of version 3", presentationText(altered(p, placeCoupon, 3)), ReasonUnsupportedVersion},
		{"a coupon of kind 3 and another's length", presentationText(altered(p, placeCoupon+1, 3)), ReasonMalformedCoupon},
		{"a coupon of kind 7", presentationText(altered(p, placeCoupon+1, 7)), ReasonUnknownKind},
		{"a coupon with SN 0", presentationText(withBytes(p, placeCoupon+20, make([]byte, 8))), ReasonMalformedCoupon},
		{"an owner of order 4", presentationText(withBytes(p, placeCoupon+28, make([]byte, 32))), ReasonBadOwnerKey},
		{"a bearer coupon", presentationText(slices.Concat([]byte{1, 0, 60}, bearer, p[placeTime:])), ReasonMalformedPresentation},
		{"presented at 2^63", presentationText(altered(p, placeTime, 0x80)), ReasonMalformedPresentation},
		{"a line break in the retailer", presentationText(altered(p, placeRetailer, '\n')), ReasonMalformedPresentation},
		{"a letter beyond ASCII in the invoice", presentationText(bytes.Replace(p, []byte("A-2030"), []byte("\u00c42030"), 1)), ReasonMalformedPresentation},
		{"a retailer of 65 characters", long.Text(), ReasonMalformedPresentation},
		{"a prefix in upper case", "EP1." + body, ReasonMalformedCoupon},
	}
	for i := range made {
		made[i].What = "presentation: " + made[i].What
	}
	return made
}

// refusedForgeries parse; the keys of the vectors show what they are.
func (m vectorMaker) refusedForgeries() []refusedVector {
	forge := func(f func(c *Coupon)) string {
		c := m.coupon(0, 0, 1, -1)
		f(&c)
		return c.Text()
	}
	bound := m.coupon(0, 1, 2, 0)
	stranger := bound
	stranger.Owner = PublicKey(wallet(1).Public().(ed25519.PublicKey))
	unbound := bound
	unbound.Bound = false
	made := []refusedVector{
		{"coupon: of a framework that is not there", forge(func(c *Coupon) { c.Framework[0] ^= 1 }), ReasonUnknownFramework},
		{"coupon: moved to another emitter's framework", forge(func(c *Coupon) { c.Framework = m.mandates[1].ID() }), ReasonWrongMAC},
		{"coupon: moved to another epoch", forge(func(c *Coupon) { c.Framework = m.mandates[2].ID() }), ReasonWrongMAC},
		{"coupon: moved with the other framework's mac_M", forge(func(c *Coupon) {
			c.Framework, c.MandateMAC = m.mandates[1].ID(), m.coupon(1, 0, 1, -1).MandateMAC
		}), ReasonWrongMAC},
		{"coupon: another SN", forge(func(c *Coupon) { c.SN = 3 }), ReasonWrongMAC},
		{"coupon: another lane", forge(func(c *Coupon) { c.Lane = 2 }), ReasonWrongMAC},
		{"coupon: a bit of mac_M", forge(func(c *Coupon) { c.MandateMAC[15] ^= 1 }), ReasonWrongMAC},
		{"coupon: a bit of mac_E", forge(func(c *Coupon) { c.EmitterMAC[0] ^= 0x80 }), ReasonWrongMAC},
		{"coupon: its MACs exchanged", forge(func(c *Coupon) { c.MandateMAC, c.EmitterMAC = c.EmitterMAC, c.MandateMAC }), ReasonWrongMAC},
		{"coupon: a bound one made bearer", unbound.Text(), ReasonWrongMAC},
		{"coupon: a bound one given another owner", stranger.Text(), ReasonWrongMAC},
	}
	tamper := func(f func(p *Presentation)) string {
		p := m.presentation(10, 10, 1_900_000_000_000, "RetailerMSP", "A-2030-000123")
		f(&p)
		return p.Text()
	}
	return append(made,
		refusedVector{"presentation: another time", tamper(func(p *Presentation) { p.PresentedAt++ }), ReasonWrongSignature},
		refusedVector{"presentation: another retailer", tamper(func(p *Presentation) { p.Retailer = "SecondRetailerMSP" }), ReasonWrongSignature},
		refusedVector{"presentation: no retailer", tamper(func(p *Presentation) { p.Retailer = "" }), ReasonWrongSignature},
		refusedVector{"presentation: another invoice", tamper(func(p *Presentation) { p.Invoice = "A-2030-000124" }), ReasonWrongSignature},
		refusedVector{"presentation: a letter moved from retailer to invoice", tamper(func(p *Presentation) {
			p.Retailer, p.Invoice = "RetailerMS", "PA-2030-000123"
		}), ReasonWrongSignature},
		refusedVector{"presentation: another nonce", tamper(func(p *Presentation) { p.Nonce[0] ^= 1 }), ReasonWrongSignature},
		refusedVector{"presentation: another coupon of the same owner", tamper(func(p *Presentation) { p.Coupon = m.coupon(0, 1, 15, 10) }), ReasonWrongSignature},
		refusedVector{"presentation: signed by another wallet", tamper(func(p *Presentation) {
			copy(p.Signature[:], ed25519.Sign(wallet(11), p.signed()))
		}), ReasonWrongSignature},
		refusedVector{"presentation: a signature of zeros", tamper(func(p *Presentation) { p.Signature = [64]byte{} }), ReasonWrongSignature},
		refusedVector{"presentation: S of the signature raised by the group order", tamper(raiseS), ReasonWrongSignature},
		refusedVector{"presentation: a coupon with a wrong mac_E, signed: the MAC decides", tamper(func(p *Presentation) {
			p.Coupon.EmitterMAC[0] ^= 1
			copy(p.Signature[:], ed25519.Sign(wallet(10), p.signed()))
		}), ReasonWrongMAC},
	)
}

// raiseS makes the other signature that verifiers accept which do not insist
// on S below the group order (RFC 8032, section 5.1.7).
func raiseS(p *Presentation) {
	order := []byte("\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10")
	carry := 0
	for i := range order {
		sum := int(p.Signature[32+i]) + int(order[i]) + carry
		p.Signature[32+i], carry = byte(sum), sum>>8
	}
}
