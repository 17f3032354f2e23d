// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// attestedVector is a payment and who says that it was made.
type attestedVector struct {
	Institute string `json:"institute"`
	Invoice   string `json:"invoice"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	PaidAt    int64  `json:"paid_at"`
	Merchant  string `json:"merchant"`
	// PublicKey is the one that the ledger has of the institute.
	PublicKey   string `json:"public_key"`
	Attestation string `json:"attestation"`
}

type attestationVector struct {
	attestedVector
	PrivateKey string `json:"private_key"`
}

type refusedAttestationVector struct {
	What string `json:"what"`
	attestedVector
	Reason Reason `json:"reason"`
}

// payment is what the attestations of the vectors are of; its institute has the
// key of wallet 100.
func payment() (i Invoice, merchant string) {
	return Invoice{Institute: "Example Pay", Number: "A-2030-000123", Amount: 1999, Currency: "EUR", PaidAt: 1_900_000_000_000}, "RetailerMSP"
}

func attested(i Invoice, merchant string, key PublicKey, attestation Signature) attestedVector {
	return attestedVector{
		Institute: i.Institute, Invoice: i.Number, Amount: i.Amount, Currency: i.Currency, PaidAt: i.PaidAt, Merchant: merchant,
		PublicKey: key.String(), Attestation: attestation.String(),
	}
}

func makeAttestations() []attestationVector {
	plain, shop := payment()
	free, longest := plain, Invoice{
		Institute: strings.Repeat("~", MaxIDLength), Number: strings.Repeat("9", MaxIDLength), Amount: MaxMinor, Currency: "USD", PaidAt: math.MaxInt64,
	}
	free.Amount, free.PaidAt = 0, 0
	var made []attestationVector
	for n, a := range []struct {
		invoice  Invoice
		merchant string
	}{{plain, shop}, {plain, "SecondRetailerMSP"}, {free, shop}, {longest, strings.Repeat("R", MaxIDLength)}} {
		key := wallet(100 + n/2)
		made = append(made, attestationVector{
			attestedVector: attested(a.invoice, a.merchant, publicOf(key), a.invoice.Attest(key, a.merchant)),
			PrivateKey:     hex.EncodeToString(key.Seed()),
		})
	}
	return made
}

// refusedAttestations are one payment's, with one thing wrong.
func refusedAttestations() []refusedAttestationVector {
	invoice, merchant := payment()
	good := attested(invoice, merchant, publicOf(wallet(100)), invoice.Attest(wallet(100), merchant))
	var made []refusedAttestationVector
	refuse := func(what string, reason Reason, f func(v *attestedVector)) {
		v := good
		f(&v)
		made = append(made, refusedAttestationVector{"attestation: " + what, v, reason})
	}
	cut := good.Attestation[:126]
	refuse("its last byte cut off", ReasonInvalidRequest, func(v *attestedVector) { v.Attestation = cut })
	refuse("a byte after its last", ReasonInvalidRequest, func(v *attestedVector) { v.Attestation += "00" })
	refuse("half a byte cut off", ReasonInvalidRequest, func(v *attestedVector) { v.Attestation = cut + "0" })
	refuse("nothing", ReasonInvalidRequest, func(v *attestedVector) { v.Attestation = "" })
	refuse("in upper case", ReasonInvalidRequest, func(v *attestedVector) { v.Attestation = strings.ToUpper(v.Attestation) })
	refuse("a letter that is no hexadecimal digit", ReasonInvalidRequest, func(v *attestedVector) { v.Attestation = cut + "0g" })
	refuse("of another institute", ReasonWrongAttestation, func(v *attestedVector) { v.Institute = "Example Bank" })
	refuse("of another invoice", ReasonWrongAttestation, func(v *attestedVector) { v.Invoice = "A-2030-000124" })
	refuse("a letter moved from institute to invoice", ReasonWrongAttestation, func(v *attestedVector) {
		v.Institute, v.Invoice = "Example Pa", "yA-2030-000123"
	})
	refuse("a cent more", ReasonWrongAttestation, func(v *attestedVector) { v.Amount++ })
	refuse("in another currency", ReasonWrongAttestation, func(v *attestedVector) { v.Currency = "USD" })
	refuse("a millisecond later", ReasonWrongAttestation, func(v *attestedVector) { v.PaidAt++ })
	refuse("to another merchant", ReasonWrongAttestation, func(v *attestedVector) { v.Merchant = "SecondRetailerMSP" })
	refuse("to nobody", ReasonWrongAttestation, func(v *attestedVector) { v.Merchant = "" })
	refuse("another institute's key", ReasonWrongAttestation, func(v *attestedVector) { v.PublicKey = publicOf(wallet(101)).String() })
	refuse("a bit of the signature", ReasonWrongAttestation, func(v *attestedVector) { v.Attestation = cut + flipped(v.Attestation[126:]) })
	refuse("a signature of zeros", ReasonWrongAttestation, func(v *attestedVector) { v.Attestation = strings.Repeat("00", 64) })
	refuse("S of the signature raised by the group order", ReasonWrongAttestation, func(v *attestedVector) {
		p := Presentation{Signature: invoice.Attest(wallet(100), merchant)}
		raiseS(&p)
		v.Attestation = p.Signature.String()
	})
	refuse("the signature of a presentation", ReasonWrongAttestation, func(v *attestedVector) {
		p := Presentation{Retailer: merchant, Invoice: invoice.Number, PresentedAt: invoice.PaidAt}
		v.Attestation = Signature(ed25519.Sign(wallet(100), p.signed())).String()
	})
	return append(made, refusedInstituteKeys(invoice, merchant)...)
}

// refusedInstituteKeys are keys that no institute may have, though a signature
// verifies under the first.
func refusedInstituteKeys(invoice Invoice, merchant string) []refusedAttestationVector {
	everybodys := Signature{1}
	for !ed25519.Verify(make([]byte, 32), invoice.attested(merchant), everybodys[:]) {
		invoice.Amount++
	}
	var made []refusedAttestationVector
	for _, k := range []struct{ what, key string }{
		{"of order 4, for which the signature verifies", strings.Repeat("00", 32)},
		{"of order 1", "01" + strings.Repeat("00", 31)},
		{"of order 2 with a sign", "ec" + strings.Repeat("ff", 31)},
		{"of order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"},
		{"not canonical, y = p+1", "ee" + strings.Repeat("ff", 30) + "7f"},
	} {
		v := attested(invoice, merchant, PublicKey{}, everybodys)
		v.PublicKey = k.key
		made = append(made, refusedAttestationVector{"attestation: key " + k.what, v, ReasonBadInstituteKey})
	}
	return made
}

// flipped changes the lowest bit of a byte in hexadecimal.
func flipped(digits string) string {
	b, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	b[len(b)-1] ^= 1
	return hex.EncodeToString(b)
}

// judgeAttestation reads an attestation as the contract reads a request, has the
// institute registered with the key, and checks.
func judgeAttestation(v attestedVector) error {
	text, err := json.Marshal(map[string]string{"attestation": v.Attestation, "key": v.PublicKey})
	if err != nil {
		return err
	}
	var given struct {
		Attestation Signature `json:"attestation"`
		Key         PublicKey `json:"key"`
	}
	if err := DecodeStrict(text, &given); err != nil {
		return err
	}
	institute := Institute{Institute: v.Institute, Keys: []InstituteKey{{Key: given.Key}}}
	if err := institute.Check(); err != nil {
		return err
	}
	return institute.CheckAttestation(Invoice{
		Institute: v.Institute, Number: v.Invoice, Amount: v.Amount, Currency: v.Currency, PaidAt: v.PaidAt,
	}, v.Merchant, given.Attestation)
}

func TestAttestationVectors(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	for _, a := range v.Attestations {
		key := ed25519.NewKeyFromSeed(unhex(t, a.PrivateKey))
		message := encode("ecoupon/v1/attestation", a.Institute, a.Invoice, a.Amount, a.Currency, a.PaidAt, a.Merchant)
		same(t, "attestation", a.Attestation, ed25519.Sign(key, message))
		same(t, "institute's key", a.PublicKey, []byte(key.Public().(ed25519.PublicKey)))
		wantReason(t, "attestation of "+a.Invoice, judgeAttestation(a.attestedVector), "")
	}
	seen := make(map[attestedVector]bool)
	for _, r := range v.RefusedAttestations {
		wantReason(t, r.What, judgeAttestation(r.attestedVector), r.Reason)
		if seen[r.attestedVector] {
			t.Errorf("%q is there already", r.What)
		}
		seen[r.attestedVector] = true
	}
	if len(v.Attestations) < 4 || len(v.RefusedAttestations) < 24 {
		t.Errorf("%d attestations and %d that are refused", len(v.Attestations), len(v.RefusedAttestations))
	}
}
