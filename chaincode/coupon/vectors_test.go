// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The known-answer vectors are made by this package and checked against a
// second implementation, below, that uses nothing of it. They are made anew by
//
//	go test ./coupon -run TestVectors -update
var update = flag.Bool("update", false, "write testdata/vectors.json")

const vectorsFile = "testdata/vectors.json"

func TestVectorsAreUpToDate(t *testing.T) {
	made, err := json.MarshalIndent(makeVectors(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	made = append(made, '\n')
	if *update {
		if err := os.WriteFile(vectorsFile, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), string(made)); diff != "" {
		t.Errorf("%s is not what the package makes (-kept +made):\n%s", vectorsFile, diff)
	}
}

func TestVectorsAgreeWithTheDescription(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	kM, kIR := unhex(t, v.Keys.KM), unhex(t, v.Keys.KIR)
	for label, got := range map[string]string{
		"framework-key": v.Keys.KF, "beacon-key": v.Keys.KB, "spent-key": v.Keys.KS, "product-key": v.Keys.KP,
	} {
		same(t, label, got, hkdfOf(kM, encode("ecoupon/v1/"+label)))
	}
	frameworks := make(map[string]frameworkVector)
	for _, f := range v.Framework {
		frameworks[f.FrameworkID] = f
		mData := encode("ecoupon/v1/m_data", f.Issuer, f.Emitter, f.Product, f.Offer, f.Campaign, f.Version, f.Kind, f.Epoch, unhex(t, f.TermsSHA256))
		digest := sha256.Sum256(mData)
		same(t, "m_data", f.MData, mData)
		same(t, "framework_id", f.FrameworkID, digest[:16])
		same(t, "k_ME", f.KME, hkdfOf(kM, encode("ecoupon/v1/emitter-key", f.Campaign, f.Emitter, f.Epoch)))
		same(t, "mac_M", f.MacM, hmacOf(unhex(t, v.Keys.KF), encode("ecoupon/v1/framework", mData))[:16])
	}
	for _, c := range v.Coupons {
		f, ok := frameworks[c.FrameworkID]
		if !ok || c.Kind != f.Kind {
			t.Fatalf("coupon %d is of framework %s and kind %s", c.SN, c.FrameworkID, c.Kind)
		}
		if c.Kind == "proof" {
			sale := sha256.Sum256(encode("ecoupon/v1/sale", unhex(t, c.Salt), c.ProductID, c.Invoice))
			same(t, "sale", c.Sale, sale[:])
			same(t, "product tag", c.ProductTag, hmacOf(unhex(t, v.Keys.KP), encode("ecoupon/v1/product", c.ProductID))[:16])
		}
		want := couponBytes(t, f, c)
		same(t, "coupon", c.Bytes, want)
		same(t, "text of coupon", c.Text, "ec1."+base64.RawURLEncoding.EncodeToString(want))
		same(t, "spent tag", c.SpentTag, hmacOf(unhex(t, v.Keys.KS), encode("ecoupon/v1/spent", unhex(t, c.FrameworkID), c.Lane, c.SN))[:16])
	}
	for _, i := range v.Invoices {
		same(t, "invoice tag", i.Tag, hmacOf(kIR, encode("ecoupon/v1/invoice", i.Institute, i.Invoice))[:16])
	}
	for _, r := range v.Redemptions {
		digest := sha256.Sum256(encode("ecoupon/v1/redemption", r.Retailer, r.RequestID))
		same(t, "redemption id", r.ID, digest[:16])
	}
	for _, p := range v.Presentations {
		want := presentationBytes(t, p)
		same(t, "presentation", p.Bytes, want)
		same(t, "text of presentation", p.Text, "ep1."+base64.RawURLEncoding.EncodeToString(want))
	}
	framesAgree(t, v)
	for _, x := range v.Transfers {
		message := encode("ecoupon/v1/transfer", couponOf(t, x.Coupon), x.Step, unhex(t, x.NewOwner), x.At, unhex(t, x.Nonce))
		same(t, "transfer", x.Signature, ed25519.Sign(ed25519.NewKeyFromSeed(unhex(t, x.PrivateKey)), message))
		transferAgrees(t, unhex(t, v.Keys.KS), x)
	}
	if len(v.Framework) < 3 || len(v.Frames) < 5 || len(v.Chain) < 8 || len(v.Transfers) < 2 || len(v.Coupons) < 6 || len(v.Invoices) < 2 || len(v.Redemptions) < 2 || len(v.Presentations) < 3 {
		t.Error("vectors are missing")
	}
}

func TestVectorsParse(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	for _, c := range v.Coupons {
		got, err := ParseCoupon(c.Text)
		wantReason(t, c.Text, err, "")
		if got.Text() != c.Text || hex.EncodeToString(got.Bytes()) != c.Bytes {
			t.Errorf("%s becomes %s", c.Text, got.Text())
		}
		wantReason(t, c.Text, judge(v, c.Text), "")
	}
	for _, p := range v.Presentations {
		got, err := ParsePresentation(p.Text)
		wantReason(t, p.Text, err, "")
		if got.Text() != p.Text || hex.EncodeToString(got.Bytes()) != p.Bytes {
			t.Errorf("%s becomes %s", p.Text, got.Text())
		}
		if got.PresentedAt != p.PresentedAt || got.Retailer != p.Audience || got.Invoice != p.Invoice || got.Nonce.String() != p.Nonce {
			t.Errorf("%s becomes %+v", p.Text, got)
		}
		wantReason(t, p.Text, judge(v, p.Text), "")
	}
	for _, x := range v.Transfers {
		transfer := Transfer{Step: x.Step, At: x.At}
		var err error
		transfer.Coupon, err = ParseCoupon(x.Coupon)
		wantReason(t, x.Coupon, err, "")
		copy(transfer.NewOwner[:], unhex(t, x.NewOwner))
		copy(transfer.Nonce[:], unhex(t, x.Nonce))
		copy(transfer.Signature[:], unhex(t, x.Signature))
		parsed, err := ParseTransfer(x.Text)
		wantReason(t, x.Text, err, "")
		if parsed != transfer || parsed.Text() != x.Text {
			t.Errorf("%s becomes %+v", x.Text, parsed)
		}
		owner := publicOf(ed25519.NewKeyFromSeed(unhex(t, x.PrivateKey)))
		wantReason(t, "transfer of "+x.Coupon, transfer.VerifySignature(owner), "")
	}
}

func TestVectorsThatAreRefused(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	seen := make(map[string]string)
	for _, r := range v.Refused {
		t.Run(r.What, func(t *testing.T) {
			t.Logf("must be refused with %s", r.Reason)
			wantReason(t, r.What, judge(v, r.Text), r.Reason)
		})
		if twin, ok := seen[r.Text]; ok {
			t.Errorf("%q and %q are the same text", r.What, twin)
		}
		seen[r.Text] = r.What
	}
	if len(v.Refused) < 190 {
		t.Errorf("%d refused vectors", len(v.Refused))
	}
}

// judge is what the issuer's endorser does with what is handed in, as far as
// the vectors can tell: parse it, look up the framework and its kind, find the
// beacon of its frame, compare both MACs, verify the signature.
func judge(v vectors, text string) error {
	if strings.HasPrefix(text, receiptPrefix) {
		_, err := ParseReceipt(text)
		return err
	}
	var transfer *Transfer
	tender, err := ParseTender(text)
	if strings.HasPrefix(text, transferPrefix) {
		parsed, malformed := ParseTransfer(text)
		tender, transfer, err = Tender{Coupon: parsed.Coupon}, &parsed, malformed
	}
	if err != nil {
		return err
	}
	i := slices.IndexFunc(v.Framework, func(f frameworkVector) bool { return f.FrameworkID == tender.Coupon.Framework.String() })
	if i < 0 {
		return Refuse(ReasonUnknownFramework, "", "not in the vectors")
	}
	f := v.Framework[i]
	var kME Key
	var macM MAC
	if err := kME.UnmarshalText([]byte(f.KME)); err != nil {
		return err
	}
	if err := macM.UnmarshalText([]byte(f.MacM)); err != nil {
		return err
	}
	mData, err := hex.DecodeString(f.MData)
	if err != nil {
		return err
	}
	if string(tender.Coupon.Kind) != f.Kind {
		return Refuse(ReasonUnsupportedKind, "", "not the framework's")
	}
	beacon, err := beaconOf(v, tender.Coupon)
	if err != nil {
		return err
	}
	if err := tender.Coupon.CheckMACs(kME, mData, macM, beacon); err != nil {
		return err
	}
	switch {
	case tender.Presentation != nil:
		return tender.Presentation.VerifySignature(tender.Coupon.Owner)
	case transfer != nil:
		return transfer.VerifySignature(tender.Coupon.Owner)
	}
	return nil
}

// beaconOf is nothing for a static coupon.
func beaconOf(v vectors, c Coupon) (beacon Hash, err error) {
	if c.Kind == KindStatic {
		return beacon, nil
	}
	for _, f := range v.Frames {
		if f.FrameworkID == c.Framework.String() && f.Lane == int64(c.Lane) && f.N == int64(c.Release.Frame) {
			return beacon, beacon.UnmarshalText([]byte(f.Beacon))
		}
	}
	return beacon, Refuse(ReasonFrameNotOpen, "", "not in the vectors")
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	doc, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
