// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// basketCase is one entry of testdata/baskets.json, whose values were worked
// out by hand.
type basketCase struct {
	What    string `json:"what"`
	Basket  Basket `json:"basket"`
	Coupons []struct {
		Framework FrameworkID     `json:"framework_id"`
		Lane      uint16          `json:"lane"`
		SN        int64           `json:"sn"`
		Terms     json.RawMessage `json:"terms"`
	} `json:"coupons"`
	Want []wanted `json:"want"`
}

// wanted is a value or a reason.
type wanted struct {
	Value  int64  `json:"value"`
	Reason Reason `json:"reason"`
}

func (c basketCase) applications(t *testing.T) []Application {
	t.Helper()
	var coupons []Application
	for _, one := range c.Coupons {
		terms, err := ParseTerms(one.Terms)
		if err != nil {
			t.Fatalf("%s: %v", c.What, err)
		}
		coupons = append(coupons, Application{one.Framework, one.Lane, one.SN, terms})
	}
	return coupons
}

func readBaskets(t *testing.T) []basketCase {
	t.Helper()
	doc, err := os.ReadFile("testdata/baskets.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []basketCase
	if err := DecodeStrict(doc, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func results(discounts []Discount) []wanted {
	got := make([]wanted, len(discounts))
	for i, d := range discounts {
		got[i].Value = d.Value
		if d.Err != nil {
			got[i].Reason = d.Err.Reason
		}
	}
	return got
}

func TestBasketsInAllOrders(t *testing.T) {
	t.Parallel()
	cases := readBaskets(t)
	if len(cases) < 60 {
		t.Errorf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.What, func(t *testing.T) {
			t.Parallel()
			coupons := c.applications(t)
			if len(c.Want) != len(coupons) {
				t.Fatalf("%d coupons and %d results", len(coupons), len(c.Want))
			}
			for _, lineOrder := range orders(len(c.Basket.Lines)) {
				basket := Basket{c.Basket.Currency, c.Basket.Total, permuted(c.Basket.Lines, lineOrder)}
				for _, couponOrder := range orders(len(coupons)) {
					got := results(Value(basket, permuted(coupons, couponOrder)))
					if diff := cmp.Diff(permuted(c.Want, couponOrder), got); diff != "" {
						t.Fatalf("lines %v, coupons %v (-want +got):\n%s", lineOrder, couponOrder, diff)
					}
				}
			}
		})
	}
}

func TestBasketsUnitByUnit(t *testing.T) {
	t.Parallel()
	for _, c := range readBaskets(t) {
		basket := Basket{Currency: c.Basket.Currency, Total: c.Basket.Total}
		for _, l := range c.Basket.Lines {
			for range max(l.Quantity, 0) {
				basket.Lines = append(basket.Lines, Line{l.GTIN, 1, l.UnitPrice})
			}
		}
		if c.Basket.Check() != nil || len(basket.Lines) > MaxLines {
			continue
		}
		if diff := cmp.Diff(c.Want, results(Value(basket, c.applications(t)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.What, diff)
		}
	}
}

// orders returns all permutations of up to five places, and some of more.
func orders(n int) [][]int {
	first := make([]int, n)
	for i := range first {
		first[i] = i
	}
	if n <= 5 {
		return permutations(first)
	}
	random := rand.New(rand.NewPCG(1, 2))
	sample := [][]int{first}
	for range 200 {
		sample = append(sample, random.Perm(n))
	}
	return sample
}

func permutations(places []int) [][]int {
	if len(places) == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for i, p := range places {
		rest := slices.Concat(places[:i], places[i+1:])
		for _, tail := range permutations(rest) {
			all = append(all, append([]int{p}, tail...))
		}
	}
	return all
}

func permuted[T any](list []T, order []int) []T {
	out := make([]T, len(list))
	for i, from := range order {
		out[i] = list[from]
	}
	return out
}

func TestBasketLimits(t *testing.T) {
	t.Parallel()
	terms := mustTerms(t, `{"format":1,"currency":"EUR","gtins":["09521234543213"],"quantity":1,"benefit":{"type":"amount_off","amount":1}}`)
	basket := Basket{Currency: "EUR", Total: MaxLines * 2}
	for range MaxLines {
		basket.Lines = append(basket.Lines, Line{"09521234543213", 1, 2})
	}
	var coupons []Application
	for n := range MaxCoupons {
		coupons = append(coupons, Application{SN: int64(n + 1), Terms: terms})
	}
	for _, r := range results(Value(basket, coupons)) {
		if r != (wanted{Value: 1}) {
			t.Fatalf("a full basket with all coupons gives %v", r)
		}
	}
	for _, r := range results(Value(basket, append(coupons, Application{SN: MaxCoupons + 1, Terms: terms}))) {
		if r != (wanted{Reason: ReasonTooMany}) {
			t.Fatalf("a coupon too many gives %v, want %s", r, ReasonTooMany)
		}
	}
	basket.Lines = append(basket.Lines, Line{"09521234543213", 1, 0})
	for _, r := range results(Value(basket, coupons)) {
		if r != (wanted{Reason: ReasonTooMany}) {
			t.Fatalf("a line too many gives %v, want %s", r, ReasonTooMany)
		}
	}
}

func TestLargestBasketDoesNotOverflow(t *testing.T) {
	t.Parallel()
	terms := mustTerms(t, `{"format":1,"currency":"EUR","gtins":["09521234543213"],"quantity":10000,
		"minimum_spend":{"amount":1000000000000,"of":"units"},"benefit":{"type":"percent_off","percent":100,"cap":1000000000000}}`)
	basket := Basket{Currency: "EUR", Total: MaxTotal}
	for range MaxLines {
		basket.Lines = append(basket.Lines, Line{"09521234543213", MaxQuantity, MaxMinor})
	}
	got := results(Value(basket, []Application{{SN: 1, Terms: terms}, {SN: 2, Terms: terms}}))
	if diff := cmp.Diff([]wanted{{Value: MaxMinor}, {Value: MaxMinor}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestBasketErrorsNameTheField(t *testing.T) {
	t.Parallel()
	good := Line{"09521234543213", 1, 250}
	for want, basket := range map[string]Basket{
		"currency":            {"", 500, []Line{good}},
		"total":               {"EUR", 249, []Line{good}},
		"lines[1].gtin":       {"EUR", 500, []Line{good, {"1", 1, 250}}},
		"lines[1].quantity":   {"EUR", 500, []Line{good, {good.GTIN, 0, 250}}},
		"lines[1].unit_price": {"EUR", 500, []Line{good, {good.GTIN, 1, -1}}},
		"lines":               {"EUR", 0, make([]Line, MaxLines+1)},
	} {
		if err := basket.Check(); fieldOf(err) != want {
			t.Errorf("%v, want field %s", err, want)
		}
	}
}

// soap is in the baskets of baskets.json and in no terms.
const soap = "09521234543992"

func TestStripLeavesTheValue(t *testing.T) {
	t.Parallel()
	for _, c := range readBaskets(t) {
		if c.Basket.Check() != nil {
			continue
		}
		coupons := c.applications(t)
		var terms []Terms
		for _, a := range coupons {
			terms = append(terms, a.Terms)
		}
		stripped := c.Basket.Strip(terms...)
		for _, l := range stripped.Lines {
			if l.GTIN == soap {
				t.Errorf("%s: goods that no coupon is for are left", c.What)
			}
		}
		if diff := cmp.Diff(c.Want, results(Value(stripped, coupons))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.What, diff)
		}
	}
}

func mustTerms(t rapidTB, doc string) Terms {
	t.Helper()
	terms, err := ParseTerms([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return terms
}

// rapidTB is what testing.T and rapid.T share.
type rapidTB interface {
	Helper()
	Fatal(args ...any)
}

func BenchmarkValue(b *testing.B) {
	terms := Terms{
		Currency: "EUR", GTINs: []string{"09521234543213"}, Quantity: 2, Benefit: Benefit{Type: AmountOff, Amount: 100},
	}
	basket := Basket{Currency: "EUR", Total: 5000}
	for range 5 {
		basket.Lines = append(basket.Lines, Line{"09521234543213", 4, 250})
	}
	coupons := []Application{{SN: 1, Terms: terms}, {SN: 2, Terms: terms}}
	b.ReportAllocs()
	for b.Loop() {
		if Value(basket, coupons)[1].Err != nil {
			b.Fatal("refused")
		}
	}
}

// A fault of the rules themselves is a refusal too, and never a value.
func TestFaultsAreRefused(t *testing.T) {
	t.Parallel()
	terms := mustTerms(t, goodTerms)
	terms.Benefit.Type = "mystery"
	basket := Basket{Currency: "EUR", Total: 1_000_000, Lines: []Line{{terms.GTINs[0], MaxQuantity, 1}}}
	got := Value(basket, []Application{{SN: 1, Terms: terms}})[0]
	if got.Err == nil || got.Err.Reason != ReasonBadTerms || got.Value != 0 {
		t.Errorf("a benefit of no known type gives %+v, want %s", got, ReasonBadTerms)
	}
	if got := discountOf(5, io.ErrUnexpectedEOF); got.Err == nil || got.Err.Reason != ReasonInternal || got.Value != 0 {
		t.Errorf("an error that is no refusal gives %+v, want %s", got, ReasonInternal)
	}
}
