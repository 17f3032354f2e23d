// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
	"unicode/utf8"
)

// seedVectors adds every text of the vectors to a fuzz corpus.
func seedVectors(f *testing.F) {
	f.Helper()
	doc, err := os.ReadFile(vectorsFile)
	if err != nil {
		f.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(doc, &v); err != nil {
		f.Fatal(err)
	}
	for _, c := range v.Coupons {
		f.Add(c.Text)
	}
	for _, p := range v.Presentations {
		f.Add(p.Text)
	}
	for _, index := range []int64{0, 3, 4} {
		f.Add(receiptOf(straightTree(5), 5, index).Text())
	}
	for _, r := range v.Receipts {
		f.Add(r.Text)
	}
	for _, r := range v.Refused {
		f.Add(r.Text)
	}
}

// refusedProperly fails the test unless a refusal has one of the reasons that
// parsing documents.
func refusedProperly(t *testing.T, err error, reasons ...Reason) {
	t.Helper()
	got, ok := ReasonOf(err)
	if !ok {
		t.Fatalf("%v has no reason", err)
	}
	for _, r := range reasons {
		if got == r {
			return
		}
	}
	t.Fatalf("%v is not a reason of parsing", err)
}

func FuzzParseCoupon(f *testing.F) {
	seedVectors(f)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCoupon(text)
		if err != nil {
			refusedProperly(t, err, ReasonMalformedCoupon, ReasonUnsupportedVersion, ReasonUnknownKind, ReasonBadOwnerKey)
			return
		}
		if c.Text() != text {
			t.Fatalf("%q becomes %q", text, c.Text())
		}
		again, err := ParseCouponBytes(c.Bytes())
		if err != nil || again != c {
			t.Fatalf("%+v becomes %+v, %v", c, again, err)
		}
		if c.SN < 1 || c.Bound && (c.Kind != KindStatic || CheckOwner(c.Owner) != nil) ||
			c.Kind == KindStatic && (!c.Bound && c.Owner != (PublicKey{}) || c.Release != (Release{})) ||
			c.Kind != KindStatic && (c.Release.Frame == 0 || c.Release.Time < 0) ||
			c.Kind != KindProof && c.Product != (Product{}) {
			t.Fatalf("%+v is no coupon", c)
		}
	})
}

func FuzzParsePresentation(f *testing.F) {
	seedVectors(f)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePresentation(text)
		if err != nil {
			refusedProperly(t, err, ReasonMalformedPresentation, ReasonMalformedCoupon, ReasonUnsupportedVersion,
				ReasonUnknownKind, ReasonBadOwnerKey)
			return
		}
		if p.Text() != text {
			t.Fatalf("%q becomes %q", text, p.Text())
		}
		if !p.Coupon.Presentable() || p.PresentedAt < 0 || len(p.Retailer) > MaxIDLength || len(p.Invoice) > MaxIDLength {
			t.Fatalf("%+v is no presentation", p)
		}
		if err := p.VerifySignature(p.Coupon.Owner); err != nil {
			refusedProperly(t, err, ReasonWrongSignature, ReasonBadOwnerKey)
		}
	})
}

func FuzzParseReceipt(f *testing.F) {
	seedVectors(f)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseReceipt(text)
		if err != nil {
			refusedProperly(t, err, ReasonMalformedReceipt, ReasonUnsupportedVersion)
			return
		}
		if r.Text() != text {
			t.Fatalf("%q becomes %q", text, r.Text())
		}
		if r.Index < 0 || r.Index >= r.Size || r.Size > MaxFrameSize {
			t.Fatalf("%+v is no receipt", r)
		}
		coupon := Coupon{Kind: KindDynamic, SN: 1}
		digest := LogDigest(r.Root(coupon.Entry().Leaf()), r.Size)
		if err := coupon.CheckReceipt(r, digest); err != nil {
			t.Fatal(err)
		}
		coupon.SN = 2
		refusedProperly(t, coupon.CheckReceipt(r, digest), ReasonWrongReceipt)
	})
}

func FuzzParseTerms(f *testing.F) {
	f.Add([]byte(goodTerms))
	for _, member := range []string{"", "format", "currency", "gtins", "quantity", "minimum_spend", "benefit"} {
		f.Add([]byte(termsWith(member, "")))
		f.Add([]byte(termsWith(member, "null")))
	}
	f.Add([]byte(termsWith("benefit", `{"type":"gift","value":250}`)))
	f.Add([]byte(termsWith("benefit", `{"type":"free_item","cap":400}`)))
	for _, schedule := range []string{decay, growth, byDay, stepped, early, lottery} {
		f.Add([]byte(termsWith("benefit", `{"type":"amount_off","amount":100,"schedule":`+schedule+`}`)))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		terms, err := ParseTerms(doc)
		if err != nil {
			refusedProperly(t, err, ReasonBadTerms, ReasonBadGTIN)
			return
		}
		if v := terms.HighestValue(); v < 1 || v > MaxMinor {
			t.Fatalf("worth %d at most", v)
		}
		if _, err := terms.Document(); err != nil {
			t.Fatalf("%+v makes no document: %v", terms, err)
		}
		for _, gtin := range terms.GTINs {
			if !terms.Qualifies(gtin) {
				t.Fatalf("%s does not qualify", gtin)
			}
		}
		highest := terms.HighestValue()
		for _, at := range []int64{0, 1, MaxScheduleSpan / 2, MaxScheduleSpan} {
			if number := terms.At(Moment{Now: at, SN: at}).HighestValue(); number < 0 || number > highest {
				t.Fatalf("worth %d at %d, %d at most", number, at, highest)
			}
		}
		terms.Benefit.Schedule = nil
		line := Line{terms.GTINs[0], terms.Quantity, MaxMinor}
		got := Value(Basket{terms.Currency, MaxTotal, []Line{line}}, []Application{{SN: 1, Terms: terms}})
		if got[0].Err != nil || got[0].Value != terms.HighestValue() && terms.Benefit.Type != PercentOff {
			t.Fatalf("%+v for the dearest basket of %+v", got[0], terms)
		}
	})
}

func FuzzDecodeStrict(f *testing.F) {
	f.Add([]byte(`{"name":"a","count":1,"parts":[{"tag":"000102030405060708090a0b0c0d0e0f"}],"by_name":{"a":1},"raw":[],"any":{},"size":3}`))
	f.Add([]byte(`{"name":"\ud83d\ude00","any":{"a":1,"A":2}}`))
	f.Add([]byte(`[[[{"":null}]]]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var thing strictThing
		if err := DecodeStrict(data, &thing); err != nil {
			refusedProperly(t, err, ReasonInvalidRequest)
		} else {
			sameAgain(t, thing)
		}
		var anything any
		if err := DecodeStrict(data, &anything); err != nil {
			refusedProperly(t, err, ReasonInvalidRequest)
			return
		}
		if !utf8.Valid(data) || !json.Valid(data) || hasNull(anything) {
			t.Fatalf("%q is taken", data)
		}
	})
}

func hasNull(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, hasNull)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), hasNull)
	default:
		return v == nil
	}
}

// sameAgain writes what was decoded and decodes that with the standard decoder,
// which must then agree with itself.
func sameAgain(t *testing.T, thing strictThing) {
	t.Helper()
	first, err := json.Marshal(thing)
	if err != nil {
		t.Fatal(err)
	}
	var again strictThing
	if err := json.Unmarshal(first, &again); err != nil {
		t.Fatal(err)
	}
	second, err := json.Marshal(again)
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("%s becomes %s, %v", first, second, err)
	}
}
