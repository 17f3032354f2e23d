// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"slices"
	"testing"
)

func TestInstitutesAreChecked(t *testing.T) {
	t.Parallel()
	key := func(n int) InstituteKey { return InstituteKey{Key: publicOf(wallet(n)), From: 10, Until: 20} }
	for _, test := range []struct {
		name   string
		change func(i *Institute)
		want   Reason
		field  string
	}{
		{"good", func(*Institute) {}, "", ""},
		{"no keys", func(i *Institute) { i.Keys = nil }, "", ""},
		{"open end", func(i *Institute) { i.Keys[1].Until = 0 }, "", ""},
		{"no name", func(i *Institute) { i.Institute = "" }, ReasonInvalidRequest, "institute"},
		{"17 keys", func(i *Institute) {
			for n := range 15 {
				i.Keys = append(i.Keys, key(200+n))
			}
		}, ReasonTooMany, "keys"},
		{"key of zeros", func(i *Institute) { i.Keys[0].Key = PublicKey{} }, ReasonBadInstituteKey, "keys[0].key"},
		{"key that is not canonical", func(i *Institute) { i.Keys[1].Key = littleEndian(0xff, 0xff, 0xff) }, ReasonBadInstituteKey, "keys[1].key"},
		{"key twice", func(i *Institute) { i.Keys[1].Key = i.Keys[0].Key }, ReasonBadInstituteKey, "keys[1].key"},
		{"from before 1970", func(i *Institute) { i.Keys[0].From = -1 }, ReasonInvalidRequest, "keys[0].from"},
		{"no duration", func(i *Institute) { i.Keys[0].Until = 10 }, ReasonInvalidRequest, "keys[0].until"},
		{"until before 1970", func(i *Institute) { i.Keys[0].Until = -1 }, ReasonInvalidRequest, "keys[0].until"},
	} {
		i := Institute{Institute: "Example Pay", Keys: []InstituteKey{key(100), key(101)}}
		test.change(&i)
		err := i.Check()
		wantReason(t, test.name, err, test.want)
		if err != nil && fieldOf(err) != test.field {
			t.Errorf("%s: field %q, want %q", test.name, fieldOf(err), test.field)
		}
	}
}

func TestKeysOfInstitutesAreGoodInTheirTime(t *testing.T) {
	t.Parallel()
	invoice := Invoice{Institute: "Example Pay", Number: "A-1", Amount: 1999, Currency: "EUR", PaidAt: 1_900_000_000_000}
	attestation := invoice.Attest(wallet(100), "RetailerMSP")
	other := InstituteKey{Key: publicOf(wallet(101))}
	for _, test := range []struct {
		name string
		keys []InstituteKey
		want Reason
	}{
		{"always", []InstituteKey{{Key: publicOf(wallet(100))}}, ""},
		{"second of two", []InstituteKey{other, {Key: publicOf(wallet(100))}}, ""},
		{"from the millisecond on", []InstituteKey{{Key: publicOf(wallet(100)), From: invoice.PaidAt}}, ""},
		{"to the millisecond before", []InstituteKey{{Key: publicOf(wallet(100)), Until: invoice.PaidAt + 1}}, ""},
		{"not yet", []InstituteKey{{Key: publicOf(wallet(100)), From: invoice.PaidAt + 1}}, ReasonWrongAttestation},
		{"no longer", []InstituteKey{{Key: publicOf(wallet(100)), Until: invoice.PaidAt}}, ReasonWrongAttestation},
		{"another key", []InstituteKey{other}, ReasonWrongAttestation},
		{"no key", nil, ReasonWrongAttestation},
	} {
		i := Institute{Institute: "Example Pay", Keys: test.keys}
		err := i.CheckAttestation(invoice, "RetailerMSP", attestation)
		wantReason(t, test.name, err, test.want)
		if err != nil && fieldOf(err) != "invoice.attestation" {
			t.Errorf("%s: field %q", test.name, fieldOf(err))
		}
	}
}

func TestPaymentsCoverTheGoods(t *testing.T) {
	t.Parallel()
	basket := Basket{Currency: "EUR", Total: 9999, Lines: []Line{
		{GTIN: "09521234543213", Quantity: 2, UnitPrice: 500}, {GTIN: "09521111111115", Quantity: 1, UnitPrice: 99},
	}}
	for _, test := range []struct {
		paid, discount int64
		want           Reason
	}{
		{1099, 0, ""},
		{1098, 0, ReasonPaymentTooSmall},
		{899, 200, ""},
		{898, 200, ReasonPaymentTooSmall},
		{0, 1099, ""},
		{0, 5000, ""}, // a gift may be worth more than the goods
		{1, 0, ReasonPaymentTooSmall},
	} {
		err := basket.CheckPaid(test.paid, test.discount)
		wantReason(t, "payment", err, test.want)
		if err != nil && fieldOf(err) != "invoice.amount" {
			t.Errorf("paid %d, discount %d: field %q", test.paid, test.discount, fieldOf(err))
		}
	}
	full := Basket{Lines: slices.Repeat([]Line{{Quantity: MaxQuantity, UnitPrice: MaxMinor}}, MaxLines)}
	wantReason(t, "the largest basket", full.CheckPaid(MaxTotal-1, 0), ReasonPaymentTooSmall)
	wantReason(t, "the largest basket, paid", full.CheckPaid(MaxTotal, 0), "")
}
