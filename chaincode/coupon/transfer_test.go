// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/ed25519"
	"testing"
)

func publicOf(key ed25519.PrivateKey) PublicKey { return PublicKey(key.Public().(ed25519.PublicKey)) }

func goodTransfer(t testing.TB) Transfer {
	transfer := Transfer{
		Coupon: newVectorMaker(t).coupon(0, 1, 2, 0), Step: 1, NewOwner: publicOf(wallet(1)), At: 1_900_000_000_000, Nonce: Nonce{1},
	}
	transfer.Sign(wallet(0))
	return transfer
}

func TestEveryFieldOfATransferIsSigned(t *testing.T) {
	t.Parallel()
	owner := publicOf(wallet(0))
	wantReason(t, "a good transfer", goodTransfer(t).VerifySignature(owner), "")
	for what, f := range map[string]func(x *Transfer){
		"framework":         func(x *Transfer) { x.Coupon.Framework[0] ^= 1 },
		"SN":                func(x *Transfer) { x.Coupon.SN++ },
		"mac_E":             func(x *Transfer) { x.Coupon.EmitterMAC[15] ^= 1 },
		"holder":            func(x *Transfer) { x.Coupon.Bound = false },
		"step":              func(x *Transfer) { x.Step = 2 },
		"new owner":         func(x *Transfer) { x.NewOwner = publicOf(wallet(2)) },
		"at":                func(x *Transfer) { x.At++ },
		"nonce":             func(x *Transfer) { x.Nonce[15] ^= 1 },
		"signature":         func(x *Transfer) { x.Signature[0] ^= 1 },
		"signed by another": func(x *Transfer) { x.Sign(wallet(1)) },
	} {
		x := goodTransfer(t)
		f(&x)
		wantReason(t, what, x.VerifySignature(owner), ReasonWrongSignature)
	}
	wantReason(t, "the new owner's key", goodTransfer(t).VerifySignature(publicOf(wallet(1))), ReasonWrongSignature)
}

func TestTransfersNameKeysThatCanOwn(t *testing.T) {
	t.Parallel()
	x := goodTransfer(t)
	for what, key := range map[string]PublicKey{"order 4": {}, "order 1": {1}, "not canonical": fieldPrime} {
		wantReason(t, "an owner of "+what, x.VerifySignature(key), ReasonBadOwnerKey)
		bad := x
		bad.NewOwner = key
		bad.Sign(wallet(0))
		wantReason(t, "a new owner of "+what, bad.VerifySignature(publicOf(wallet(0))), ReasonBadOwnerKey)
	}
}

// TestASignatureIsForOnePurpose takes a transfer's for a presentation and the
// other way round.
func TestASignatureIsForOnePurpose(t *testing.T) {
	t.Parallel()
	x := goodTransfer(t)
	p := Presentation{Coupon: x.Coupon, PresentedAt: x.At, Nonce: x.Nonce}
	wantReason(t, "presenting", p.Sign(wallet(0)), "")
	p.Signature, x.Signature = x.Signature, p.Signature
	wantReason(t, "a transfer's signature", p.VerifySignature(publicOf(wallet(0))), ReasonWrongSignature)
	wantReason(t, "a presentation's signature", x.VerifySignature(publicOf(wallet(0))), ReasonWrongSignature)
}

func TestEveryFieldOfAnAttestationIsSigned(t *testing.T) {
	t.Parallel()
	institute := publicOf(wallet(100))
	good := Invoice{Institute: "Example Pay", Number: "A-1", Amount: 1999, Currency: "EUR", PaidAt: 1_900_000_000_000}
	attestation := good.Attest(wallet(100), "RetailerMSP")
	wantReason(t, "a good attestation", good.CheckAttestation(institute, "RetailerMSP", attestation), "")
	for what, f := range map[string]func(i *Invoice){
		"institute": func(i *Invoice) { i.Institute = "Example Bank" }, "number": func(i *Invoice) { i.Number = "A-2" },
		"a letter moved": func(i *Invoice) { i.Institute, i.Number = "Example PayA", "-1" },
		"amount":         func(i *Invoice) { i.Amount++ }, "currency": func(i *Invoice) { i.Currency = "USD" },
		"paid at": func(i *Invoice) { i.PaidAt++ },
	} {
		i := good
		f(&i)
		err := i.CheckAttestation(institute, "RetailerMSP", attestation)
		wantReason(t, what, err, ReasonWrongAttestation)
		if fieldOf(err) != "invoice.attestation" {
			t.Errorf("%s: field %q", what, fieldOf(err))
		}
	}
	wantReason(t, "another merchant", good.CheckAttestation(institute, "SecondRetailerMSP", attestation), ReasonWrongAttestation)
	wantReason(t, "another institute's key", good.CheckAttestation(publicOf(wallet(101)), "RetailerMSP", attestation), ReasonWrongAttestation)
	zero := good
	for !ed25519.Verify(make([]byte, 32), zero.attested("RetailerMSP"), append([]byte{1}, make([]byte, 63)...)) {
		zero.Amount++
	}
	wantReason(t, "a signature that verifies for a key of zeros", zero.CheckAttestation(PublicKey{}, "RetailerMSP", Signature{1}), ReasonWrongAttestation)
	attestation[63] ^= 1
	wantReason(t, "another signature", good.CheckAttestation(institute, "RetailerMSP", attestation), ReasonWrongAttestation)
	wantReason(t, "no signature", good.CheckAttestation(institute, "RetailerMSP", Signature{}), ReasonWrongAttestation)
}
