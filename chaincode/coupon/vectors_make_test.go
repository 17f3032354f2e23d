// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// Every secret of the vectors is the SHA-256 of a sentence, so that they can be
// made again.
func secretOf(sentence string, a ...any) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "ecoupon vectors: "+sentence, a...))
}

// wallet returns the one-time key of the n-th wallet.
func wallet(n int) ed25519.PrivateKey {
	seed := secretOf("wallet %d", n)
	return ed25519.NewKeyFromSeed(seed[:])
}

// vectorMaker issues what the vectors need under one campaign key.
type vectorMaker struct {
	t        testing.TB
	kM, kIR  Key
	mandates []Mandate
}

func newVectorMaker(t testing.TB) vectorMaker {
	terms := []byte(`{"format":1,"currency":"EUR","gtins":["09521234543213"],"quantity":1,"benefit":{"type":"amount_off","amount":100}}`)
	first := Mandate{
		Issuer: "IssuerMSP", Emitter: "AdvertiserMSP", Product: "Ceylon tea, 50 bags", Offer: "1 € off",
		Campaign: "summer-tea", Version: 1, Kind: KindStatic, Epoch: 1, TermsSHA256: sha256.Sum256(terms),
	}
	other, rotated, moved := first, first, first
	other.Emitter, other.Offer = "SecondAdvertiserMSP", "1 € off – thé"
	rotated.Epoch = 2
	// The fields of this mandate are those of the first with one letter moved
	// from product to offer.
	moved.Product, moved.Offer = "Ceylon tea, 50 bag", "s1 € off"
	dynamic, proof := first, first
	dynamic.Kind, dynamic.Campaign = KindDynamic, "summer-tea-now"
	proof.Kind, proof.Campaign, proof.Emitter = KindProof, "tea-proofs", "RetailerMSP"
	return vectorMaker{
		t: t, kM: secretOf("k_M"), kIR: secretOf("k_IR"),
		mandates: []Mandate{first, other, rotated, moved, dynamic, proof},
	}
}

func (m vectorMaker) emitterKey(f int) Key {
	return DeriveEmitterKey(m.kM, m.mandates[f].Campaign, m.mandates[f].Emitter, m.mandates[f].Epoch)
}

// coupon issues a coupon of the f-th framework, bound to a wallet unless that
// is negative.
func (m vectorMaker) coupon(f int, lane uint16, sn int64, owner int) Coupon {
	mandate := m.mandates[f]
	c := Coupon{Kind: mandate.Kind, Framework: mandate.ID(), Lane: lane, SN: sn, MandateMAC: mandate.MAC(DeriveFrameworkKey(m.kM))}
	if owner >= 0 {
		c.Bound, c.Owner = true, PublicKey(wallet(owner).Public().(ed25519.PublicKey))
	}
	c.EmitterMAC = c.MAC(m.emitterKey(f), mandate.Data(), Hash{})
	return c
}

func (m vectorMaker) presentation(sn int64, owner int, at int64, retailer, invoice string) Presentation {
	return m.presentationOf(m.coupon(0, 1, sn, owner), owner, at, retailer, invoice)
}

func (m vectorMaker) presentationOf(c Coupon, owner int, at int64, retailer, invoice string) Presentation {
	nonce := secretOf("nonce %d", owner)
	p := Presentation{
		Coupon: c, PresentedAt: at, Nonce: Nonce(nonce[:16]), Retailer: retailer, Invoice: invoice,
	}
	if err := p.Sign(wallet(owner)); err != nil {
		m.t.Fatal(err)
	}
	return p
}

func makeVectors(t *testing.T) vectors {
	t.Helper()
	m := newVectorMaker(t)
	releases := m.release()
	v := vectors{
		Keys: keyVector{
			KM: hex.EncodeToString(m.kM[:]), KIR: hex.EncodeToString(m.kIR[:]),
			KF: keyHex(DeriveFrameworkKey(m.kM)), KB: keyHex(DeriveBeaconKey(m.kM)),
			KS: keyHex(DeriveSpentKey(m.kM)), KP: keyHex(DeriveProductKey(m.kM)),
		},
		Frames: releases.frames, Chain: releases.chain, Transfers: m.makeTransfers(),
		Coupons:       append(m.makeCoupons(), releases.vectors...),
		Presentations: m.makePresentations(),
		Closings:      releases.closings, Receipts: releases.receipts, Draws: releases.draws(),
		Batches: makeBatches(), Misconducts: m.makeMisconducts(), Attestations: makeAttestations(),
		Refused: slices.Concat(m.refusedTexts(), m.refusedCoupons(), m.refusedPresentations(), m.refusedForgeries(),
			m.refusedReleases(), m.forgedReleases(), m.tamperedReleases(), m.refusedTransfers(), refusedReceipts(releases)),
		RefusedAttestations: refusedAttestations(),
	}
	for f, mandate := range m.mandates {
		v.Framework = append(v.Framework, frameworkVector{
			Issuer: mandate.Issuer, Emitter: mandate.Emitter, Product: mandate.Product, Offer: mandate.Offer,
			Campaign: mandate.Campaign, Version: mandate.Version, Kind: string(mandate.Kind),
			TermsSHA256: mandate.TermsSHA256.String(), Epoch: mandate.Epoch,
			MData: hex.EncodeToString(mandate.Data()), FrameworkID: mandate.ID().String(),
			KME: keyHex(m.emitterKey(f)), MacM: mandate.MAC(DeriveFrameworkKey(m.kM)).String(),
		})
	}
	for _, i := range [][2]string{
		{"EXAMPLEBANK", "A-2030-000123"}, {"EXAMPLEBANK", "A-2030-000124"}, {"EXAMPLEBANKA", "-2030-000123"}, {"~", strings.Repeat("9", MaxIDLength)},
	} {
		v.Invoices = append(v.Invoices, invoiceVector{i[0], i[1], InvoiceTag(m.kIR, i[0], i[1]).String()})
	}
	for _, r := range [][2]string{
		{"RetailerMSP", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"}, {"SecondRetailerMSP", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"},
	} {
		v.Redemptions = append(v.Redemptions, redemptionVector{r[0], r[1], NewRedemptionID(r[0], r[1]).String()})
	}
	return v
}

func keyHex(k Key) string { return hex.EncodeToString(k[:]) }

func (m vectorMaker) makeCoupons() []couponVector {
	kS := DeriveSpentKey(m.kM)
	var made []couponVector
	for _, c := range []Coupon{
		m.coupon(0, 0, 1, -1), m.coupon(0, 0, 2, -1), m.coupon(0, 1, 1, -1), m.coupon(0, math.MaxUint16, math.MaxInt64, -1),
		m.coupon(1, 0, 1, -1), m.coupon(2, 0, 1, -1), m.coupon(3, 0, 1, -1),
		m.coupon(0, 1, 2, 0), m.coupon(0, 1, 2, 1), m.coupon(1, 300, 1_000_000, 2), m.coupon(2, 0, 2, 3),
	} {
		v := couponVector{
			Kind: "static", FrameworkID: c.Framework.String(), Lane: int64(c.Lane), SN: c.SN,
			SpentTag: c.SpentTag(kS).String(), Bytes: hex.EncodeToString(c.Bytes()), Text: c.Text(),
		}
		if c.Bound {
			v.Owner = c.Owner.String()
		}
		made = append(made, v)
	}
	return made
}

func (m vectorMaker) makePresentations() []presentationVector {
	const at = 1_900_000_000_000
	var made []presentationVector
	for n, p := range []Presentation{
		m.presentation(10, 10, at, "RetailerMSP", ""),
		m.presentation(11, 11, at+1, "RetailerMSP", "A-2030-000123"),
		m.presentation(12, 12, at+2, "", ""),
		m.presentation(13, 13, 0, "", "A-2030-000123"),
		m.presentation(14, 14, math.MaxInt64, strings.Repeat("R", MaxIDLength), strings.Repeat("~", MaxIDLength)),
		m.presentationOf(m.dynamicCoupon(), 15, at, "RetailerMSP", ""),
		m.presentationOf(m.proofCoupon(), 16, at, "SecondRetailerMSP", "A-2030-000124"),
	} {
		made = append(made, presentationVector{
			Coupon: p.Coupon.Text(), PrivateKey: hex.EncodeToString(wallet(10 + n).Seed()), PresentedAt: p.PresentedAt,
			Nonce: p.Nonce.String(), Audience: p.Retailer, Invoice: p.Invoice,
			Bytes: hex.EncodeToString(p.Bytes()), Text: p.Text(),
		})
	}
	return made
}
