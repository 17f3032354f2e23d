// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/ed25519"
	"math"
	"slices"
)

// The places of fields in the bytes of a dynamic coupon and of a proof.
const (
	placeSN      = 20
	placeFrame   = 28
	placeRelease = 32
)

// refusedReleases are bytes that are no dynamic coupon and no proof.
func (m vectorMaker) refusedReleases() []refusedVector {
	dynamic, proof := m.dynamicCoupon().Bytes(), m.proofCoupon().Bytes()
	presented := m.presentationOf(m.dynamicCoupon(), 15, 1_900_000_000_000, "RetailerMSP", "").Bytes()
	bound := m.coupon(0, 1, 2, 0).Bytes()
	made := []refusedVector{
		{"dynamic coupon: its last byte cut off", couponText(dynamic[:135]), ReasonMalformedCoupon},
		{"dynamic coupon: a byte after its last", couponText(append(slices.Clone(dynamic), 0)), ReasonMalformedCoupon},
		{"dynamic coupon: the length of a proof", couponText(altered(proof, 1, 3)), ReasonMalformedCoupon},
		{"dynamic coupon: the length of a bound coupon", couponText(altered(bound, 1, 3)), ReasonMalformedCoupon},
		{"dynamic coupon: as a bound coupon", couponText(altered(dynamic, 1, 2)), ReasonMalformedCoupon},
		{"dynamic coupon: version 2", couponText(altered(dynamic, 0, 2)), ReasonUnsupportedVersion},
		{"dynamic coupon: kind 6", couponText(altered(dynamic, 1, 6)), ReasonUnknownKind},
		{"dynamic coupon: SN 0", couponText(withBytes(dynamic, placeSN, make([]byte, 8))), ReasonMalformedCoupon},
		{"dynamic coupon: SN 2^63", couponText(withBytes(dynamic, placeSN, bigEndian(math.MinInt64, 8))), ReasonMalformedCoupon},
		{"dynamic coupon: frame 0", couponText(withBytes(dynamic, placeFrame, make([]byte, 4))), ReasonMalformedCoupon},
		{"dynamic coupon: time 2^63", couponText(withBytes(dynamic, placeRelease, bigEndian(math.MinInt64, 8))), ReasonMalformedCoupon},
		{"dynamic coupon: time 2^64-1", couponText(withBytes(dynamic, placeRelease, bigEndian(-1, 8))), ReasonMalformedCoupon},
		{"proof: its last byte cut off", couponText(proof[:183]), ReasonMalformedCoupon},
		{"proof: a byte after its last", couponText(append(slices.Clone(proof), 0)), ReasonMalformedCoupon},
		{"proof: the length of a dynamic coupon", couponText(altered(dynamic, 1, 4)), ReasonMalformedCoupon},
		{"proof: SN 0", couponText(withBytes(proof, placeSN, make([]byte, 8))), ReasonMalformedCoupon},
		{"proof: frame 0", couponText(withBytes(proof, placeFrame, make([]byte, 4))), ReasonMalformedCoupon},
		{"proof: time 2^63", couponText(withBytes(proof, placeRelease, bigEndian(math.MinInt64, 8))), ReasonMalformedCoupon},
		{"presentation: a dynamic coupon of frame 0", presentationText(withBytes(presented, placeCoupon+placeFrame, make([]byte, 4))), ReasonMalformedCoupon},
		{"presentation: a dynamic coupon that is cut off", presentationText(altered(presented, 2, 135)), ReasonMalformedPresentation},
		{"presentation: of a dynamic coupon, its last byte cut off", presentationText(presented[:len(presented)-1]), ReasonMalformedPresentation},
		{"presentation: of a dynamic coupon, presented at 2^63", presentationText(altered(presented, placeCoupon+136, 0x80)), ReasonMalformedPresentation},
	}
	return made
}

// forgedReleases parse; the keys and frames of the vectors show what they are.
func (m vectorMaker) forgedReleases() []refusedVector {
	var made []refusedVector
	for _, kind := range []struct {
		name string
		good Coupon
		f    int
	}{{"dynamic coupon", m.dynamicCoupon(), dynamicFramework}, {"proof", m.proofCoupon(), proofFramework}} {
		forge := func(what string, reason Reason, f func(c *Coupon)) {
			c := kind.good
			f(&c)
			made = append(made, refusedVector{kind.name + ": " + what, c.Text(), reason})
		}
		forge("of a framework that is not there", ReasonUnknownFramework, func(c *Coupon) { c.Framework[0] ^= 1 })
		forge("moved to a framework of static coupons", ReasonUnsupportedKind, func(c *Coupon) { c.Framework = m.mandates[0].ID() })
		forge("moved to a framework of the other kind", ReasonUnsupportedKind, func(c *Coupon) {
			c.Framework = m.mandates[dynamicFramework+proofFramework-kind.f].ID()
		})
		forge("another SN", ReasonWrongMAC, func(c *Coupon) { c.SN++ })
		forge("a lane without frames", ReasonFrameNotOpen, func(c *Coupon) { c.Lane = 9 })
		forge("a frame that is not open", ReasonFrameNotOpen, func(c *Coupon) { c.Release.Frame = 99 })
		forge("another frame", ReasonWrongMAC, func(c *Coupon) { c.Release.Frame = 2 })
		forge("released a millisecond later", ReasonWrongMAC, func(c *Coupon) { c.Release.Time++ })
		forge("released an hour earlier", ReasonWrongMAC, func(c *Coupon) { c.Release.Time -= 3_600_000 })
		forge("another u_data", ReasonWrongMAC, func(c *Coupon) { c.Owner = publicOf(wallet(1)) })
		forge("another q", ReasonWrongMAC, func(c *Coupon) { c.Release.Q[31] ^= 1 })
		forge("a bit of mac_M", ReasonWrongMAC, func(c *Coupon) { c.MandateMAC[15] ^= 1 })
		forge("a bit of mac_E", ReasonWrongMAC, func(c *Coupon) { c.EmitterMAC[0] ^= 0x80 })
		forge("its emitter made it before it had the beacon", ReasonWrongMAC, func(c *Coupon) { *c = m.seal(kind.f, *c, Hash{}) })
		forge("its emitter took the beacon of another frame", ReasonWrongMAC, func(c *Coupon) {
			*c = m.seal(kind.f, *c, m.beacon(kind.f, 2))
		})
		forge("its emitter used the key of another framework", ReasonWrongMAC, func(c *Coupon) {
			c.EmitterMAC = c.MAC(m.emitterKey(0), m.mandates[kind.f].Data(), m.beacon(kind.f, 1))
		})
	}
	forge := func(what string, f func(c *Coupon)) {
		c := m.proofCoupon()
		f(&c)
		made = append(made, refusedVector{"proof: " + what, c.Text(), ReasonWrongMAC})
	}
	other := ProductTag(DeriveProductKey(m.kM), "09521234543213.S0002")
	forge("of another product", func(c *Coupon) { c.Product.Tag = other })
	forge("of another sale", func(c *Coupon) { c.Product.Sale[31] ^= 1 })
	stripped := m.proofCoupon()
	stripped.Kind = KindDynamic
	labelled := stripped
	labelled.Framework = m.mandates[dynamicFramework].ID()
	static := m.dynamicCoupon()
	static.Kind = KindStatic
	return append(made,
		refusedVector{"proof: without its product, as a dynamic coupon", stripped.Text(), ReasonUnsupportedKind},
		refusedVector{"proof: without its product, under a framework of dynamic coupons", labelled.Text(), ReasonWrongMAC},
		refusedVector{"dynamic coupon: without its release, as a static one", static.Text(), ReasonUnsupportedKind},
	)
}

// tamperedReleases are presentations of dynamic coupons and proofs.
func (m vectorMaker) tamperedReleases() []refusedVector {
	const at = 1_900_000_000_000
	var made []refusedVector
	for _, kind := range []struct {
		name  string
		c     Coupon
		owner int
		other Coupon
	}{
		{"dynamic coupon", m.dynamicCoupon(), 15, m.release().coupons[2]},
		{"proof", m.proofCoupon(), 16, m.release().coupons[len(m.release().coupons)-2]},
	} {
		tamper := func(what string, reason Reason, f func(p *Presentation)) {
			p := m.presentationOf(kind.c, kind.owner, at, "RetailerMSP", "A-2030-000123")
			f(&p)
			made = append(made, refusedVector{"presentation of a " + kind.name + ": " + what, p.Text(), reason})
		}
		tamper("another time", ReasonWrongSignature, func(p *Presentation) { p.PresentedAt-- })
		tamper("another retailer", ReasonWrongSignature, func(p *Presentation) { p.Retailer = "SecondRetailerMSP" })
		tamper("another invoice", ReasonWrongSignature, func(p *Presentation) { p.Invoice = "" })
		tamper("another nonce", ReasonWrongSignature, func(p *Presentation) { p.Nonce[15] ^= 1 })
		tamper("another coupon", ReasonWrongSignature, func(p *Presentation) { p.Coupon = kind.other })
		tamper("signed by another wallet", ReasonWrongSignature, func(p *Presentation) {
			copy(p.Signature[:], ed25519.Sign(wallet(1), p.signed()))
		})
		tamper("S of the signature raised by the group order", ReasonWrongSignature, raiseS)
		tamper("dated anew and signed: the MAC decides", ReasonWrongMAC, func(p *Presentation) {
			p.Coupon.Release.Time++
			copy(p.Signature[:], ed25519.Sign(wallet(kind.owner), p.signed()))
		})
	}
	free := m.release().coupons[4]
	random := Presentation{Coupon: m.release().coupons[1], PresentedAt: at}
	transfer := Transfer{Coupon: m.dynamicCoupon(), Step: 1, NewOwner: publicOf(wallet(1)), At: at}
	transfer.Sign(wallet(15))
	return append(made,
		refusedVector{"presentation of a dynamic coupon: u_data of order 4", Presentation{Coupon: free, PresentedAt: at, Signature: Signature{1}}.Text(), ReasonBadOwnerKey},
		refusedVector{"presentation of a dynamic coupon: nobody has the key to random u_data", random.Text(), ReasonWrongSignature},
		refusedVector{"presentation of a dynamic coupon: the signature of a transfer", Presentation{
			Coupon: transfer.Coupon, PresentedAt: at, Signature: transfer.Signature,
		}.Text(), ReasonWrongSignature},
	)
}
