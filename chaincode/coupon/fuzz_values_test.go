// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"bytes"
	"encoding"
	"encoding/json"
	"os"
	"reflect"
	"testing"
)

func FuzzParseTender(f *testing.F) {
	seedVectors(f)
	f.Fuzz(func(t *testing.T, text string) {
		tender, err := ParseTender(text)
		if err != nil {
			refusedProperly(t, err, ReasonMalformedPresentation, ReasonMalformedCoupon, ReasonUnsupportedVersion,
				ReasonUnknownKind, ReasonBadOwnerKey)
			return
		}
		again := tender.Coupon.Text()
		if tender.Presentation != nil {
			again = tender.Presentation.Text()
		}
		if again != text {
			t.Fatalf("%q becomes %q", text, again)
		}
	})
}

func FuzzParseMarker(f *testing.F) {
	f.Add(Marker{State: MarkerSpent, Redemption: RedemptionID{1}, Batch: BatchID{2}, Time: 3}.Bytes())
	f.Add(Marker{State: MarkerVoid, Time: -1}.Bytes())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, stored []byte) {
		m, err := ParseMarker(stored)
		if err == nil && !bytes.Equal(m.Bytes(), stored) {
			t.Fatalf("%x becomes %x", stored, m.Bytes())
		}
	})
}

func FuzzParseOwnerMarker(f *testing.F) {
	f.Add(OwnerMarker{State: MarkerTransferred, Time: 3, Digest: Hash{4}}.Bytes())
	f.Add(OwnerMarker{State: MarkerSpent, Time: -1}.Bytes())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, stored []byte) {
		m, err := ParseOwnerMarker(stored)
		if err == nil && !bytes.Equal(m.Bytes(), stored) {
			t.Fatalf("%x becomes %x", stored, m.Bytes())
		}
	})
}

func FuzzParseTransfer(f *testing.F) {
	seedVectors(f)
	bound := Coupon{Kind: KindStatic, Bound: true, SN: 1, Owner: PublicKey(wallet(0)[32:])}
	f.Add(Transfer{Coupon: bound, Step: 1, NewOwner: PublicKey(wallet(1)[32:]), At: 1}.Text())
	f.Fuzz(func(t *testing.T, text string) {
		transfer, err := ParseTransfer(text)
		if err != nil {
			refusedProperly(t, err, ReasonMalformedTransfer, ReasonMalformedCoupon, ReasonUnsupportedVersion,
				ReasonUnknownKind, ReasonBadOwnerKey)
			return
		}
		if transfer.Text() != text {
			t.Fatalf("%q becomes %q", text, transfer.Text())
		}
		if !transfer.Coupon.Presentable() || transfer.Step < 1 || transfer.Step > MaxTransfers || transfer.At < 0 {
			t.Fatalf("%+v is no transfer", transfer)
		}
		if err := transfer.VerifySignature(transfer.Coupon.Owner); err != nil {
			refusedProperly(t, err, ReasonWrongSignature, ReasonBadOwnerKey)
		}
	})
}

// FuzzIdentifiers reads every type of identifier from text, and checks the forms
// of names.
func FuzzIdentifiers(f *testing.F) {
	for _, text := range []string{
		"", "spring", "000102030405060708090a0b0c0d0e0f", "a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d", "9521234543213", "EUR",
		"000102030405060708090a0b0c0d0e0f000102030405060708090A0b0c0d0e0f", "\x00", "naïve",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, id := range []interface {
			encoding.TextMarshaler
			encoding.TextUnmarshaler
		}{
			new(Key), new(Hash), new(MAC), new(Tag), new(FrameworkID), new(RedemptionID), new(BatchID),
			new(PublicKey), new(Nonce), new(Signature), new(MisconductID),
		} {
			if err := id.UnmarshalText([]byte(text)); err != nil {
				refusedProperly(t, err, ReasonInvalidRequest)
				continue
			}
			if again, err := id.MarshalText(); err != nil || string(again) != text {
				t.Fatalf("%T: %q becomes %q, %v", id, text, again, err)
			}
		}
		for _, check := range []func(field, s string) error{CheckID, CheckName, CheckUUID4, CheckCurrency} {
			if err := check("field", text); err != nil {
				refusedProperly(t, err, ReasonInvalidRequest)
			} else if len(text) == 0 || len(text) > MaxNameLength {
				t.Fatalf("a name of %d bytes is taken", len(text))
			}
		}
		padded, err := PadGTIN(text)
		if err != nil {
			refusedProperly(t, err, ReasonBadGTIN)
		} else if CheckGTIN("gtin", padded) != nil {
			t.Fatalf("%q is padded to %q, which is refused", text, padded)
		}
	})
}

// FuzzValue values what is read from the outside: a basket, and coupons of terms
// in two documents.
func FuzzValue(f *testing.F) {
	f.Add([]byte(`{"currency":"EUR","total":500,"lines":[{"gtin":"09521234543213","quantity":2,"unit_price":249}]}`),
		[]byte(goodTerms), []byte(termsWith("benefit", `{"type":"free_item","cap":400}`)), uint8(3))
	f.Add([]byte(`{"currency":"EUR","total":1000000000000,"lines":[]}`),
		[]byte(termsWith("benefit", `{"type":"gift","value":250}`)), []byte(goodTerms), uint8(60))
	f.Fuzz(func(t *testing.T, document, first, second []byte, count uint8) {
		var basket Basket
		if err := DecodeStrict(document, &basket); err != nil {
			refusedProperly(t, err, ReasonInvalidRequest)
			return
		}
		one, err := ParseTerms(first)
		if err != nil {
			return
		}
		two, err := ParseTerms(second)
		if err != nil {
			return
		}
		coupons := make([]Application, count)
		for i := range coupons {
			coupons[i] = Application{Framework: FrameworkID{byte(i % 2)}, SN: int64(i/2 + 1), Terms: []Terms{one, two}[i%2]}
		}
		gifts, sum := int64(0), int64(0)
		for i, d := range Value(basket, coupons) {
			if d.Err != nil && d.Value != 0 || d.Value < 0 || d.Value > coupons[i].Terms.HighestValue() {
				t.Fatalf("%+v of coupons worth %d at most", d, coupons[i].Terms.HighestValue())
			}
			if sum += d.Value; coupons[i].Terms.Benefit.Type == Gift {
				gifts += d.Value
			}
		}
		if basket.Check() == nil && sum-gifts > basket.Total {
			t.Fatalf("%d are taken off %d", sum-gifts, basket.Total)
		}
	})
}

// FuzzRequests reads every request that a transaction or another organisation
// brings; what is taken is written and read as the same.
func FuzzRequests(f *testing.F) {
	requests := []any{
		PartiesRequest{}, CampaignRef{}, CampaignKeyInput{}, CloseRequest{}, AuthoriseRequest{}, EmitterKeyInput{},
		AdmitRequest{}, RetailerKeyInput{}, BatchInput{}, CheckInput{}, VoidInput{}, ClaimInput{}, SettleInput{},
		TransferInput{}, CheckTransferInput{}, OwnerInput{}, RaiseRequest{}, SuspendRequest{}, EndsInput{}, ProductQuery{},
		FrameContent{}, FrameRef{}, MarkersQuery{}, StandingQuery{}, BatchRecord{}, Campaign{}, Framework{}, CheckResult{},
	}
	if doc, err := os.ReadFile(vectorsFile); err == nil {
		f.Add(uint8(0), doc[:min(len(doc), 4096)])
	}
	for i, request := range requests {
		doc, err := json.Marshal(request)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), bytes.ReplaceAll(doc, []byte("null"), []byte("[]")))
	}
	f.Fuzz(func(t *testing.T, which uint8, doc []byte) {
		kind := reflect.TypeOf(requests[int(which)%len(requests)])
		read := reflect.New(kind).Interface()
		if err := DecodeStrict(doc, read); err != nil {
			if _, ok := ReasonOf(err); !ok {
				t.Fatalf("%v has no reason", err)
			}
			return
		}
		written, err := json.Marshal(read)
		if err != nil {
			t.Fatal(err)
		}
		again := reflect.New(kind).Interface()
		if err := json.Unmarshal(written, again); err != nil {
			t.Fatal(err)
		}
		if second, err := json.Marshal(again); err != nil || !bytes.Equal(written, second) {
			t.Fatalf("%s becomes %s, %v", written, second, err)
		}
	})
}
