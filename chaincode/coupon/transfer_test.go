// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"strings"
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

func TestTransferForm(t *testing.T) {
	t.Parallel()
	good := goodTransfer(t)
	got, err := ParseTransfer(good.Text())
	wantReason(t, "a good transfer", err, "")
	if got != good || got.Text() != good.Text() || got.Digest() != good.Digest() {
		t.Errorf("read back as %+v, not %+v", got, good)
	}
	size := len(good.Bytes())
	if want := 1 + 2 + 92 + 8 + 32 + 8 + 16 + 64; size != want {
		t.Errorf("the transfer of a static coupon has %d bytes, not %d", size, want)
	}
	changed := func(change func(b []byte) []byte) string {
		return "et1." + base64.RawURLEncoding.EncodeToString(change(good.Bytes()))
	}
	spoilt := func(change func(x *Transfer)) string {
		x := good
		change(&x)
		return x.Text()
	}
	bearer := newVectorMaker(t).coupon(0, 1, 2, -1)
	for what, x := range map[string]struct {
		text string
		want Reason
	}{
		"nothing":             {"", ReasonMalformedTransfer},
		"prefix alone":        {"et1.", ReasonMalformedTransfer},
		"another prefix":      {"ep1." + good.Text()[4:], ReasonMalformedTransfer},
		"padding":             {good.Text() + "=", ReasonMalformedTransfer},
		"line break":          {good.Text()[:20] + "\n" + good.Text()[20:], ReasonMalformedTransfer},
		"too long":            {"et1." + strings.Repeat("A", 2000), ReasonMalformedTransfer},
		"version":             {changed(func(b []byte) []byte { b[0] = 2; return b }), ReasonUnsupportedVersion},
		"cut off":             {changed(func(b []byte) []byte { return b[:len(b)-1] }), ReasonMalformedTransfer},
		"bytes after it":      {changed(func(b []byte) []byte { return append(b, 0) }), ReasonMalformedTransfer},
		"length of no coupon": {changed(func(b []byte) []byte { b[1], b[2] = 0xff, 0xff; return b }), ReasonMalformedTransfer},
		"coupon's version":    {changed(func(b []byte) []byte { b[3] = 9; return b }), ReasonUnsupportedVersion},
		"coupon's kind":       {changed(func(b []byte) []byte { b[4] = 9; return b }), ReasonUnknownKind},
		"bearer coupon":       {spoilt(func(x *Transfer) { x.Coupon = bearer }), ReasonMalformedTransfer},
		"step 0":              {spoilt(func(x *Transfer) { x.Step = 0 }), ReasonMalformedTransfer},
		"step below 0":        {spoilt(func(x *Transfer) { x.Step = -1 }), ReasonMalformedTransfer},
		"step too high":       {spoilt(func(x *Transfer) { x.Step = MaxTransfers + 1 }), ReasonMalformedTransfer},
		"time below 0":        {spoilt(func(x *Transfer) { x.At = -1 }), ReasonMalformedTransfer},
		"new owner":           {spoilt(func(x *Transfer) { x.NewOwner = PublicKey{} }), ReasonBadOwnerKey},
	} {
		_, err := ParseTransfer(x.text)
		wantReason(t, what, err, x.want)
	}
	last := good
	last.Step, last.At = MaxTransfers, 0
	_, err = ParseTransfer(last.Text())
	wantReason(t, "the last step, at time 0", err, "")
}

// TestOwnershipsAreTheIssuers changes each thing that an ownership says.
func TestOwnershipsAreTheIssuers(t *testing.T) {
	t.Parallel()
	c, kS := newVectorMaker(t).coupon(0, 1, 2, 0), Key(secretOf("k_S"))
	good := c.OwnedBy(kS, 1, publicOf(wallet(1)), 1_900_000_000_000)
	wantReason(t, "a good ownership", c.CheckOwnership(kS, good), "")
	for what, spoil := range map[string]func(o *Ownership){
		"step": func(o *Ownership) { o.Step++ }, "owner": func(o *Ownership) { o.Owner[0] ^= 1 }, "since": func(o *Ownership) { o.Since++ },
		"tag": func(o *Ownership) { o.Tag[15] ^= 1 }, "MAC": func(o *Ownership) { o.MAC[0] ^= 1 },
	} {
		o := good
		spoil(&o)
		wantReason(t, "another "+what, c.CheckOwnership(kS, o), ReasonTagMismatch)
	}
	wantReason(t, "another key", c.CheckOwnership(Key(secretOf("other")), good), ReasonTagMismatch)
	for what, other := range map[string]Coupon{
		"framework": {Framework: FrameworkID{9}, Lane: c.Lane, SN: c.SN}, "lane": {Framework: c.Framework, Lane: c.Lane + 1, SN: c.SN},
		"serial number": {Framework: c.Framework, Lane: c.Lane, SN: c.SN + 1},
	} {
		wantReason(t, "a coupon of another "+what, other.CheckOwnership(kS, good), ReasonTagMismatch)
	}
}

func TestOwnerMarkerForm(t *testing.T) {
	t.Parallel()
	good := OwnerMarker{State: MarkerTransferred, Time: 1_900_000_000_000, Digest: Hash{1, 2, 3}}
	same(t, "owner's marker", hex.EncodeToString(good.Bytes()), append([]byte("\x01\x03\x00\x00\x01\xba\x60\xd3\x38\x00"), good.Digest[:]...))
	got, err := ParseOwnerMarker(good.Bytes())
	if err != nil || got != good {
		t.Errorf("read back as %+v: %v", got, err)
	}
	for what, spoil := range map[string]func(b []byte) []byte{
		"version": func(b []byte) []byte { b[0] = 2; return b }, "state 0": func(b []byte) []byte { b[1] = 0; return b },
		"state 4": func(b []byte) []byte { b[1] = 4; return b }, "shorter": func(b []byte) []byte { return b[1:] },
		"longer": func(b []byte) []byte { return append(b, 0) }, "nothing": func([]byte) []byte { return nil },
	} {
		if _, err := ParseOwnerMarker(spoil(good.Bytes())); err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
	for state, word := range map[MarkerState]string{MarkerSpent: "spent", MarkerVoid: "void", MarkerTransferred: "transferred"} {
		if state.String() != word {
			t.Errorf("state %d is %q", state, state)
		}
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
