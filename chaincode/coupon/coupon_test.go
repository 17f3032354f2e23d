// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func anyCoupon(t *rapid.T) Coupon {
	c := Coupon{
		Kind:       rapid.SampledFrom([]Kind{KindStatic, KindDynamic, KindProof}).Draw(t, "kind"),
		Framework:  FrameworkID(draw16(t, "framework")),
		Lane:       rapid.Uint16().Draw(t, "lane"),
		SN:         rapid.Int64Min(1).Draw(t, "SN"),
		MandateMAC: MAC(draw16(t, "mac_M")),
		EmitterMAC: MAC(draw16(t, "mac_E")),
	}
	if c.Kind == KindStatic {
		c.Bound = rapid.Bool().Draw(t, "bound")
	} else {
		c.Release = Release{
			Frame: rapid.Uint32Min(1).Draw(t, "frame"), Time: rapid.Int64Min(0).Draw(t, "time of release"), Q: draw32(t, "q"),
		}
	}
	switch {
	case c.Bound:
		c.Owner = PublicKey(wallet(rapid.IntRange(0, 3).Draw(t, "owner")).Public().(ed25519.PublicKey))
	case c.Kind != KindStatic:
		c.Owner = draw32(t, "u_data")
	}
	if c.Kind == KindProof {
		c.Product = Product{Tag: draw16(t, "product tag"), Sale: draw32(t, "sale")}
	}
	return c
}

func draw32(t *rapid.T, label string) [32]byte {
	return [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, label))
}

func draw16(t *rapid.T, label string) [16]byte {
	return [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label))
}

func TestCouponsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := anyCoupon(t)
		got, err := ParseCoupon(want.Text())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		size := map[Kind]int{KindStatic: 60, KindDynamic: 136, KindProof: 184}[want.Kind]
		if want.Bound {
			size = 92
		}
		if len(want.Bytes()) != size {
			t.Fatalf("%d bytes, want %d", len(want.Bytes()), size)
		}
		if want.Presentable() != (want.Kind != KindStatic || want.Bound) {
			t.Fatalf("presentable is %v", want.Presentable())
		}
	})
}

func TestPresentationsRoundTrip(t *testing.T) {
	t.Parallel()
	id := rapid.StringMatching(`[ -~]{0,64}`)
	rapid.Check(t, func(t *rapid.T) {
		owner := rapid.IntRange(0, 3).Draw(t, "wallet")
		want := Presentation{
			Coupon: anyCoupon(t), PresentedAt: rapid.Int64Min(0).Draw(t, "time"), Nonce: draw16(t, "nonce"),
			Retailer: id.Draw(t, "retailer"), Invoice: id.Draw(t, "invoice"),
		}
		want.Coupon.Bound, want.Coupon.Owner = want.Coupon.Kind == KindStatic, PublicKey(wallet(owner).Public().(ed25519.PublicKey))
		if err := want.Sign(wallet(owner)); err != nil {
			t.Fatal(err)
		}
		tender, err := ParseTender(want.Text())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Tender{Coupon: want.Coupon, Presentation: &want}, tender); diff != "" {
			t.Fatal(diff)
		}
		if err := tender.Presentation.VerifySignature(tender.Presentation.Coupon.Owner); err != nil {
			t.Fatal(err)
		}
	})
}

// TestNoByteIsIdle alters every byte of a coupon and of a presentation in turn:
// either it does not parse, or keys or signature refuse it.
func TestNoByteIsIdle(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	for _, c := range v.Coupons {
		b := unhex(t, c.Bytes)
		for i := range b {
			for _, bit := range []byte{1, 0x80} {
				if text := couponText(altered(b, i, b[i]^bit)); judge(v, text) == nil {
					t.Errorf("byte %d of coupon %s can be altered", i, c.Text)
				}
			}
		}
	}
	for _, p := range v.Presentations {
		b := unhex(t, p.Bytes)
		for i := range b {
			if text := presentationText(altered(b, i, b[i]^1)); judge(v, text) == nil {
				t.Errorf("byte %d of presentation %s can be altered", i, p.Text)
			}
		}
	}
}

func TestNoCharacterIsIdle(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	text := v.Coupons[7].Text
	for i := range text {
		for c := byte(0); c < 0xff; c++ {
			if c == text[i] {
				continue
			}
			if judge(v, text[:i]+string(rune(c))+text[i+1:]) == nil {
				t.Errorf("character %d can be %q", i, c)
			}
		}
	}
}

func TestParseTender(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	tender, err := ParseTender(v.Coupons[0].Text)
	if err != nil || tender.Presentation != nil || tender.Coupon.Text() != v.Coupons[0].Text {
		t.Errorf("a coupon is read as %+v, %v", tender, err)
	}
	for _, bad := range []string{"ec1.ep1.", "ep1.ec1.", "ex1." + strings.Repeat("A", 80)} {
		tender, err := ParseTender(bad)
		if err == nil || tender.Presentation != nil || tender.Coupon != (Coupon{}) {
			t.Errorf("%s is read as %+v, %v", bad, tender, err)
		}
	}
}

func TestOnlyTheOwnersSignatureVerifies(t *testing.T) {
	t.Parallel()
	m := newVectorMaker(t)
	bearer := Presentation{Coupon: m.coupon(0, 0, 1, -1)}
	wantReason(t, "a bearer coupon", bearer.Sign(wallet(0)), ReasonInvalidRequest)
	if bearer.Signature != ([64]byte{}) {
		t.Error("a refused signature is there")
	}
	wantReason(t, "a bearer coupon's signature", bearer.VerifySignature(bearer.Coupon.Owner), ReasonBadOwnerKey)
	bound := Presentation{Coupon: m.coupon(0, 0, 1, 0)}
	wantReason(t, "another wallet", bound.Sign(wallet(1)), "")
	wantReason(t, "another wallet's signature", bound.VerifySignature(bound.Coupon.Owner), ReasonWrongSignature)
	next := PublicKey(wallet(1).Public().(ed25519.PublicKey))
	wantReason(t, "the signature of whom the coupon was transferred to", bound.VerifySignature(next), "")
	wantReason(t, "the owner", bound.Sign(wallet(0)), "")
	wantReason(t, "the owner's signature", bound.VerifySignature(bound.Coupon.Owner), "")
}

// TestNobodySignsForABearerCoupon uses that a bearer coupon's owner is zero,
// the encoding of a point of order 4, for which one signature in four of this
// form verifies.
func TestNobodySignsForABearerCoupon(t *testing.T) {
	t.Parallel()
	p := Presentation{Coupon: newVectorMaker(t).coupon(0, 0, 1, -1)}
	p.Signature[0] = 1
	for !ed25519.Verify(p.Coupon.Owner[:], p.signed(), p.Signature[:]) {
		p.PresentedAt++
	}
	wantReason(t, "a signature that verifies", p.VerifySignature(p.Coupon.Owner), ReasonBadOwnerKey)
	_, err := ParsePresentation(p.Text())
	wantReason(t, "its text", err, ReasonMalformedPresentation)
}

func TestTagsDependOnEverything(t *testing.T) {
	t.Parallel()
	k1, k2 := Key(secretOf("1")), Key(secretOf("2"))
	coupon := Coupon{Framework: FrameworkID{1}, Lane: 1, SN: 1}
	other := func(f func(c *Coupon)) Coupon { c := coupon; f(&c); return c }
	tags := []Tag{
		coupon.SpentTag(k1), coupon.SpentTag(k2),
		other(func(c *Coupon) { c.Framework[15] = 1 }).SpentTag(k1),
		other(func(c *Coupon) { c.Lane = 2 }).SpentTag(k1),
		other(func(c *Coupon) { c.SN = 2 }).SpentTag(k1),
		InvoiceTag(k1, "BANK", "1"), InvoiceTag(k2, "BANK", "1"), InvoiceTag(k1, "BANK1", ""), InvoiceTag(k1, "BANK", "2"),
	}
	ids := [][16]byte{
		NewRedemptionID("RetailerMSP", "1"), NewRedemptionID("RetailerMSP", "2"), NewRedemptionID("RetailerMSP1", ""), NewBatchID("1"), NewBatchID("2"),
	}
	for _, tag := range tags {
		ids = append(ids, tag)
	}
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			t.Errorf("id %d is there before", i)
		}
	}
	same := other(func(c *Coupon) { c.Bound, c.Owner, c.EmitterMAC = true, PublicKey{9}, MAC{9} })
	if same.SpentTag(k1) != coupon.SpentTag(k1) {
		t.Error("the spent tag depends on more than framework, lane and SN")
	}
}

func BenchmarkParseCoupon(b *testing.B) {
	text := newVectorMaker(b).coupon(0, 0, 1, 0).Text()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseCoupon(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParsePresentation(b *testing.B) {
	p := newVectorMaker(b).presentation(10, 10, 1, "RetailerMSP", "")
	text := p.Text()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParsePresentation(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifySignature(b *testing.B) {
	p := newVectorMaker(b).presentation(10, 10, 1, "RetailerMSP", "")
	b.ReportAllocs()
	for b.Loop() {
		if err := p.VerifySignature(p.Coupon.Owner); err != nil {
			b.Fatal(err)
		}
	}
}
