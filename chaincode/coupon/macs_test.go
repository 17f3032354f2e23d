// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"testing"
)

// emitted is a coupon with all that its MACs are made from.
type emitted struct {
	Coupon
	mData   []byte
	beacon  Hash
	key     Key
	mandate MAC
}

func (m vectorMaker) emitted(f int, c Coupon, beacon Hash) emitted {
	return emitted{c, m.mandates[f].Data(), beacon, m.emitterKey(f), m.mandates[f].MAC(DeriveFrameworkKey(m.kM))}
}

func (e emitted) check() error { return e.CheckMACs(e.key, e.mData, e.mandate, e.beacon) }

var kindNames = []string{"static bearer", "static bound", "dynamic", "proof"}

// ofEachKind has a coupon in each form that there is.
func (m vectorMaker) ofEachKind() map[string]emitted {
	return map[string]emitted{
		"static bearer": m.emitted(0, m.coupon(0, 1, 2, -1), Hash{}),
		"static bound":  m.emitted(0, m.coupon(0, 1, 2, 0), Hash{}),
		"dynamic":       m.emitted(dynamicFramework, m.dynamicCoupon(), m.beacon(dynamicFramework, 1)),
		"proof":         m.emitted(proofFramework, m.proofCoupon(), m.beacon(proofFramework, 1)),
	}
}

// TestMACsDependOnEverything alters each thing that the MACs cover; those that
// a kind does not have leave its coupons good.
func TestMACsDependOnEverything(t *testing.T) {
	t.Parallel()
	all, withOwner, released := kindNames, kindNames[1:], kindNames[2:]
	coupons := newVectorMaker(t).ofEachKind()
	for what, test := range map[string]struct {
		alter func(e *emitted)
		in    []string
	}{
		"nothing":       {func(*emitted) {}, nil},
		"k_ME":          {func(e *emitted) { e.key[31] ^= 1 }, all},
		"m_data":        {func(e *emitted) { e.mData = altered(e.mData, -1, e.mData[len(e.mData)-1]^1) }, all},
		"stored mac_M":  {func(e *emitted) { e.mandate[0] ^= 1 }, all},
		"mac_M":         {func(e *emitted) { e.MandateMAC[0] ^= 1 }, all},
		"mac_E":         {func(e *emitted) { e.EmitterMAC[15] ^= 1 }, all},
		"lane":          {func(e *emitted) { e.Lane++ }, all},
		"SN":            {func(e *emitted) { e.SN++ }, all},
		"lane and SN":   {func(e *emitted) { e.Lane, e.SN = uint16(e.SN), int64(e.Lane) }, all},
		"owner":         {func(e *emitted) { e.Owner[31] ^= 1 }, withOwner},
		"frame":         {func(e *emitted) { e.Release.Frame++ }, released},
		"beacon":        {func(e *emitted) { e.beacon[0] ^= 1 }, released},
		"time":          {func(e *emitted) { e.Release.Time++ }, released},
		"q":             {func(e *emitted) { e.Release.Q[31] ^= 1 }, released},
		"u_data with q": {func(e *emitted) { e.Owner, e.Release.Q = PublicKey(e.Release.Q), Hash(e.Owner) }, withOwner},
		"product tag":   {func(e *emitted) { e.Product.Tag[15] ^= 1 }, []string{"proof"}},
		"sale":          {func(e *emitted) { e.Product.Sale[0] ^= 1 }, []string{"proof"}},
	} {
		for name, e := range coupons {
			want := Reason("")
			if slices.Contains(test.in, name) {
				want = ReasonWrongMAC
			}
			test.alter(&e)
			wantReason(t, what+" of a "+name+" coupon", e.check(), want)
		}
	}
}

// TestKindsHaveLabelsOfTheirOwn makes the MACs of one coupon as each kind, with
// everything else equal, and of none of them without its label.
func TestKindsHaveLabelsOfTheirOwn(t *testing.T) {
	t.Parallel()
	e := newVectorMaker(t).ofEachKind()["proof"]
	// These leave proof and dynamic coupon with the same fields but for the label.
	var made []MAC
	for _, kind := range []Kind{KindStatic, KindDynamic, KindProof} {
		for _, bound := range []bool{false, true} {
			c := e.Coupon
			c.Kind, c.Bound = kind, bound && kind == KindStatic
			if bound == c.Bound {
				made = append(made, c.MAC(e.key, e.mData, e.beacon))
			}
		}
	}
	c := e.Coupon
	fields := []any{
		e.mData, int64(c.Lane), c.SN, int64(c.Release.Frame), e.beacon[:], c.Release.Time, c.Owner[:], c.Release.Q[:],
	}
	for _, label := range []string{"static", "dynamic", "proof"} {
		mac := MAC(hmacOf(e.key[:], encode("ecoupon/v1/"+label, fields...))[:16])
		if slices.Contains(made, mac) != (label == "dynamic") {
			t.Errorf("the fields of a dynamic coupon with the label %s are a coupon: %v", label, label != "dynamic")
		}
	}
	for i, mac := range made {
		if slices.Contains(made[:i], mac) {
			t.Errorf("MAC %d is there before", i)
		}
	}
	if len(made) != 4 {
		t.Errorf("%d MACs", len(made))
	}
}

func TestProductsAndSalesDependOnEverything(t *testing.T) {
	t.Parallel()
	k1, k2 := Key(secretOf("1")), Key(secretOf("2"))
	distinct(t, "sale", SaleDigest(Nonce{1}, "P1", "A1"), SaleDigest(Nonce{2}, "P1", "A1"), SaleDigest(Nonce{1}, "P2", "A1"),
		SaleDigest(Nonce{1}, "P1", "A2"), SaleDigest(Nonce{1}, "P1A", "1"))
	c := Coupon{Framework: FrameworkID{1}, Lane: 1, SN: 1}
	other := c
	other.SN = 2
	tags := []Tag{ProductTag(k1, "P1"), ProductTag(k2, "P1"), ProductTag(k1, "P2"), c.TransferTag(k1, 0), c.TransferTag(k2, 0), c.TransferTag(k1, 1), other.TransferTag(k1, 0), c.SpentTag(k1)}
	for i, tag := range tags {
		if slices.Contains(tags[:i], tag) {
			t.Errorf("tag %d is there before", i)
		}
	}
}

// TestSingleFormats compares values other than those of the vectors with the
// second implementation.
func TestSingleFormats(t *testing.T) {
	t.Parallel()
	m := newVectorMaker(t)
	c, kS := m.dynamicCoupon(), DeriveSpentKey(m.kM)
	id, lane, digest := c.Framework[:], int64(c.Lane), func(b []byte) []byte { d := sha256.Sum256(b); return d[:] }
	same(t, "transfer tag", c.TransferTag(kS, 3).String(), hmacOf(kS[:], encode("ecoupon/v1/transfer-tag", id, lane, c.SN, int64(3)))[:16])
	owned := c.OwnedBy(kS, 3, PublicKey{7}, 1_900_000_000_000)
	same(t, "transfer tag of an ownership", owned.Tag.String(), c.TransferTag(kS, 3).String())
	same(t, "ownership", owned.MAC.String(),
		hmacOf(kS[:], encode("ecoupon/v1/ownership", id, lane, c.SN, int64(3), owned.Owner[:], int64(1_900_000_000_000)))[:16])
	next := m.beacon(dynamicFramework, 2)
	same(t, "random value", c.Draw(next).String(), digest(encode("ecoupon/v1/random", next[:], id, lane, c.SN, c.Owner[:])))
	leaf := encode("ecoupon/v1/leaf", lane, c.SN, c.Release.Time, c.Owner[:], c.Release.Q[:])
	same(t, "leaf", c.Entry().Leaf().String(), digest(append([]byte{0}, leaf...)))
	bearer := Entry{Lane: 1, SN: 2, Time: 3, Q: Hash{4}}
	same(t, "leaf without u_data", bearer.Leaf().String(),
		digest(append([]byte{0}, encode("ecoupon/v1/leaf", int64(1), int64(2), int64(3), "", bearer.Q[:])...)))
	same(t, "log digest", LogDigest(Hash{1}, 5).String(), digest(encode("ecoupon/v1/frame-log", append([]byte{1}, make([]byte, 31)...), int64(5))))
	invoice := Invoice{Institute: "Example Pay", Number: "A-1", Amount: 1999, Currency: "EUR", PaidAt: 1_900_000_000_000}
	same(t, "attestation", invoice.Attest(wallet(100), "RetailerMSP").String(), ed25519.Sign(wallet(100),
		encode("ecoupon/v1/attestation", "Example Pay", "A-1", int64(1999), "EUR", int64(1_900_000_000_000), "RetailerMSP")))
}

func BenchmarkCheckMACs(b *testing.B) {
	coupons := newVectorMaker(b).ofEachKind()
	for _, name := range kindNames {
		e := coupons[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := e.check(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMAC is what an emitter does for each coupon.
func BenchmarkMAC(b *testing.B) {
	coupons := newVectorMaker(b).ofEachKind()
	for _, name := range kindNames {
		e := coupons[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !e.MAC(e.key, e.mData, e.beacon).Equal(e.EmitterMAC) {
					b.Fatal("another MAC")
				}
			}
		})
	}
}

// The signatures that the MACs are compared with, over a coupon's bytes.

func BenchmarkVerifyEd25519(b *testing.B) {
	key := wallet(0)
	public, message := key.Public().(ed25519.PublicKey), newVectorMaker(b).dynamicCoupon().Bytes()
	signature := ed25519.Sign(key, message)
	b.ReportAllocs()
	for b.Loop() {
		if !ed25519.Verify(public, message, signature) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkVerifyECDSAP256(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	message := newVectorMaker(b).dynamicCoupon().Bytes()
	digest := sha256.Sum256(message)
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		digest := sha256.Sum256(message)
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
			b.Fatal("refused")
		}
	}
}
