// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sales_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/sales"
)

const (
	head = "till,time,basket,customer,coupons,institute,invoice,currency,gtin,quantity,unit_price_minor\n"
	good = head +
		"till-1,08:03:12,b1,c1,tea*1 cocoa*2,Girohaus,7F,EUR,9521234543213,2,249\n" +
		"till-1,08:03:12,b1,,,,,,9521234544012,1,199\n" +
		"till-2,09:00:00,b2,,,Girohaus,80,EUR,09521234545019,1,329\n"
)

func TestRead(t *testing.T) {
	t.Parallel()
	got, err := sales.Read("day.csv", strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	want := []sales.Sale{{
		Till: "till-1", At: 8*time.Hour + 3*time.Minute + 12*time.Second, ID: "b1", Customer: "c1",
		Coupons:   []sales.Wish{{Campaign: "tea", Count: 1}, {Campaign: "cocoa", Count: 2}},
		Institute: "Girohaus", Invoice: "7F",
		Basket: coupon.Basket{Currency: "EUR", Total: 697, Lines: []coupon.Line{
			{GTIN: "09521234543213", Quantity: 2, UnitPrice: 249}, {GTIN: "09521234544012", Quantity: 1, UnitPrice: 199},
		}},
	}, {
		Till: "till-2", At: 9 * time.Hour, ID: "b2", Institute: "Girohaus", Invoice: "80",
		Basket: coupon.Basket{Currency: "EUR", Total: 329, Lines: []coupon.Line{
			{GTIN: "09521234545019", Quantity: 1, UnitPrice: 329},
		}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got[0].CouponCount() != 3 {
		t.Errorf("%d coupons", got[0].CouponCount())
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	read, err := sales.Read("day.csv", strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2030, 5, 1, 0, 0, 0, 0, time.UTC)
	want := &retailerv1.RedeemRequest{
		RequestId: "id",
		Invoice: &typev1.Invoice{
			Number: "80", Institute: "Girohaus", Amount: &typev1.Money{Currency: "EUR", Minor: 329},
			PaidTime: timestamppb.New(day.Add(9 * time.Hour)),
		},
		Basket: &typev1.Basket{Currency: "EUR", Lines: []*typev1.Line{
			{Gtin: "09521234545019", Quantity: 1, UnitPrice: 329},
		}},
		Coupons: []string{"ec1.a"},
	}
	if diff := cmp.Diff(want, read[1].Request("id", day, "ec1.a"), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestMistakesAreNamedWithColumnAndLine(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, from, to, want string }{
		{"columns", "till,time", "time,till", "f.csv:1: the columns are till,time,basket"},
		{"fields", "9521234544012,1,199", "9521234544012,1", "f.csv: record on line 3: wrong number of fields"},
		{"till", "till-2", "", "f.csv:4: till: is 1 to 64 printable"},
		{"time", "08:03:12,b1,c1", "8 o'clock,b1,c1", `f.csv:2: time: "8 o'clock" is no time`},
		{"order", "09:00:00", "08:00:00", "f.csv:4: time: sales are in the order of time"},
		{"coupons", "tea*1", "tea", `f.csv:2: coupons: "tea" is not campaign*number`},
		{"no coupons", "tea*1", "tea*0", "f.csv:2: coupons"},
		{"invoice", "Girohaus,80", "Girohaus,", "f.csv:4: invoice: is"},
		{"currency", "80,EUR", "80,eur", "f.csv:4: currency: a currency"},
		{"gtin", "9521234544012", "9521234544013", `f.csv:3: gtin: "9521234544013" is no GTIN`},
		{"quantity", "13,2,249", "13,0,249", "f.csv:2: quantity: is a count"},
		{"price", "13,2,249", "13,2,2.49", "f.csv:2: unit_price_minor: is an amount"},
		{"differs", "b1,,,,,,", "b1,c2,,,,,", `f.csv:3: customer: "c2" differs from the basket's first row`},
		{"apart", "till-2,09:00:00,b2", "till-2,09:00:00,b3,,,Girohaus,81,EUR,09521234545019,1,1\ntill-2,09:00:00,b1", "f.csv:5: basket: a basket's rows follow"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := sales.Read("f.csv", strings.NewReader(strings.Replace(good, test.from, test.to, 1)))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
	if _, err := sales.Read("f.csv", strings.NewReader("")); err == nil {
		t.Error("an empty file was accepted")
	}
}

func TestReadBasket(t *testing.T) {
	t.Parallel()
	got, err := sales.ReadBasket("b.csv", strings.NewReader("gtin,quantity,unit_price_minor\n9521234543213,3,100\n"), "EUR")
	want := coupon.Basket{Currency: "EUR", Total: 300, Lines: []coupon.Line{{GTIN: "09521234543213", Quantity: 3, UnitPrice: 100}}}
	if err != nil || !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got), err)
	}
	if _, err := sales.ReadBasket("b.csv", strings.NewReader("gtin,quantity,unit_price_minor\n1,3,100\n"), "EUR"); err == nil {
		t.Error("a bad GTIN was accepted")
	}
	if _, err := sales.ReadBasket("b.csv", strings.NewReader("gtin,quantity,unit_price_minor\n"), "euro"); err == nil {
		t.Error("a bad currency was accepted")
	}
}
