// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var articles = []string{"09521234543213", "09521234543220", "09521234543336", soap}

func anyBasket(t *rapid.T) Basket {
	b := Basket{Currency: rapid.SampledFrom([]string{"EUR", "EUR", "EUR", "USD"}).Draw(t, "currency")}
	for range rapid.IntRange(0, 6).Draw(t, "lines") {
		l := Line{
			GTIN:      rapid.SampledFrom(articles).Draw(t, "gtin"),
			Quantity:  rapid.Int64Range(1, 5).Draw(t, "quantity"),
			UnitPrice: rapid.OneOf(rapid.Int64Range(0, 4), rapid.Int64Range(0, 1000), rapid.Int64Range(0, MaxMinor)).Draw(t, "price"),
		}
		b.Lines = append(b.Lines, l)
		b.Total += l.Quantity * l.UnitPrice
	}
	b.Total += rapid.SampledFrom([]int64{0, 0, 1, 500}).Draw(t, "other goods")
	return b
}

func anyTerms(t *rapid.T) Terms {
	terms := Terms{
		Format: 1, Currency: "EUR", Quantity: rapid.SampledFrom([]int64{1, 1, 2, 3, 7}).Draw(t, "units"),
		GTINs: slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.SampledFrom(articles[:3]), 1, 3, rapid.ID).Draw(t, "gtins"))),
	}
	amount := func(what string) int64 {
		return rapid.OneOf(rapid.Int64Range(1, 4), rapid.Int64Range(1, 1000), rapid.Int64Range(1, MaxMinor)).Draw(t, what)
	}
	switch terms.Benefit.Type = rapid.SampledFrom([]BenefitType{AmountOff, PercentOff, FreeItem, Gift}).Draw(t, "type"); terms.Benefit.Type {
	case AmountOff:
		terms.Benefit.Amount = amount("amount")
	case PercentOff:
		terms.Benefit.Percent, terms.Benefit.Cap = rapid.Int64Range(1, 100).Draw(t, "percent"), amount("cap")
	case FreeItem:
		terms.Benefit.Cap = amount("cap")
	case Gift:
		terms.Benefit.Value = amount("value")
	}
	if rapid.Bool().Draw(t, "minimum") {
		terms.MinimumSpend = &MinimumSpend{amount("least"), rapid.SampledFrom([]SpendOf{OfUnits, OfBasket}).Draw(t, "of")}
	}
	return terms
}

func anyCoupons(t *rapid.T) []Application {
	terms := []Terms{anyTerms(t), anyTerms(t), anyTerms(t)}
	var coupons []Application
	for range rapid.IntRange(0, 6).Draw(t, "coupons") {
		framework := rapid.IntRange(0, 2).Draw(t, "framework")
		coupons = append(coupons, Application{
			Framework: FrameworkID{byte(framework * 100), 15: byte(3 - framework)}, Terms: terms[framework],
			Lane: rapid.Uint16Range(0, 1).Draw(t, "lane"), SN: rapid.Int64Range(1, 12).Draw(t, "SN"),
		})
	}
	return coupons
}

// valueByUnits is Value for good baskets, written from its description with
// one entry per unit.
func valueByUnits(b Basket, coupons []Application) []wanted {
	var units []Line
	for _, l := range b.Lines {
		for range l.Quantity {
			units = append(units, Line{l.GTIN, 1, l.UnitPrice})
		}
	}
	slices.SortFunc(units, func(a, b Line) int {
		return cmp.Or(-cmp.Compare(a.UnitPrice, b.UnitPrice), strings.Compare(a.GTIN, b.GTIN))
	})
	out := make([]wanted, len(coupons))
	waiting := make([]int, len(coupons))
	for i := range waiting {
		waiting[i] = i
	}
	for len(waiting) > 0 {
		turn := slices.MinFunc(waiting, func(i, j int) int { return compareCoupons(coupons[i], coupons[j]) })
		waiting = slices.DeleteFunc(waiting, func(i int) bool { return i == turn })
		twins := 0
		for _, c := range coupons {
			if compareCoupons(c, coupons[turn]) == 0 {
				twins++
			}
		}
		if twins > 1 {
			out[turn].Reason = ReasonDuplicateInBatch
			continue
		}
		out[turn], units = applyByUnits(b, units, coupons[turn].Terms)
	}
	return out
}

func applyByUnits(b Basket, units []Line, t Terms) (wanted, []Line) {
	if t.Currency != b.Currency {
		return wanted{Reason: ReasonCurrencyMismatch}, units
	}
	var mine, others []Line
	spend := int64(0)
	for _, u := range units {
		if !slices.Contains(t.GTINs, u.GTIN) {
			others = append(others, u)
			continue
		}
		mine = append(mine, u)
		spend += u.UnitPrice
	}
	if int64(len(mine)) < t.Quantity {
		return wanted{Reason: ReasonNotInBasket}, units
	}
	if m := t.MinimumSpend; m != nil && (m.Of == OfUnits && spend < m.Amount || m.Of == OfBasket && b.Total < m.Amount) {
		return wanted{Reason: ReasonMinimumSpendNotReached}, units
	}
	price := int64(0)
	for _, u := range mine[:t.Quantity] {
		price += u.UnitPrice
	}
	left := slices.Concat(mine[t.Quantity:], others)
	slices.SortStableFunc(left, func(a, b Line) int {
		return cmp.Or(-cmp.Compare(a.UnitPrice, b.UnitPrice), strings.Compare(a.GTIN, b.GTIN))
	})
	switch t.Benefit.Type {
	case AmountOff:
		return wanted{Value: min(t.Benefit.Amount, price)}, left
	case PercentOff:
		return wanted{Value: min(t.Benefit.Cap, price*t.Benefit.Percent/100)}, left
	case FreeItem:
		return wanted{Value: min(t.Benefit.Cap, mine[t.Quantity-1].UnitPrice)}, left
	default:
		return wanted{Value: t.Benefit.Value}, left
	}
}

func TestValueAgreesWithItsDescription(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		basket, coupons := anyBasket(t), anyCoupons(t)
		if d := diff.Diff(valueByUnits(basket, coupons), results(Value(basket, coupons))); d != "" {
			t.Fatal(d)
		}
	})
}

func TestValueIsBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		basket, coupons := anyBasket(t), anyCoupons(t)
		lines, taken := int64(0), int64(0)
		for _, l := range basket.Lines {
			lines += l.Quantity * l.UnitPrice
		}
		for i, d := range Value(basket, coupons) {
			if d.Value < 0 || d.Value > coupons[i].Terms.HighestValue() || d.Err != nil && d.Value != 0 {
				t.Fatalf("coupon %d: %+v", i, d)
			}
			if coupons[i].Terms.Benefit.Type != Gift {
				taken += d.Value
			}
		}
		if taken > lines {
			t.Fatalf("%d off goods for %d", taken, lines)
		}
	})
}

func TestValueDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		basket, coupons := anyBasket(t), anyCoupons(t)
		want := results(Value(basket, coupons))
		order := rapid.Permutation(orders(len(coupons))[0]).Draw(t, "order")
		shuffled := Basket{basket.Currency, basket.Total, rapid.Permutation(basket.Lines).Draw(t, "shuffled")}
		got := results(Value(shuffled, permuted(coupons, order)))
		if d := diff.Diff(permuted(want, order), got); d != "" {
			t.Fatal(d)
		}
	})
}

func TestValueDoesNotDependOnHowUnitsAreSpread(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		basket, coupons := anyBasket(t), anyCoupons(t)
		split := Basket{Currency: basket.Currency, Total: basket.Total}
		for _, l := range basket.Lines {
			first := rapid.Int64Range(0, l.Quantity).Draw(t, "first")
			for _, n := range []int64{first, l.Quantity - first} {
				if n > 0 {
					split.Lines = append(split.Lines, Line{l.GTIN, n, l.UnitPrice})
				}
			}
		}
		if d := diff.Diff(results(Value(basket, coupons)), results(Value(split, coupons))); d != "" {
			t.Fatal(d)
		}
	})
}

func TestRefusedCouponsDoNotMatterToOthers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		basket, coupons := anyBasket(t), anyCoupons(t)
		var accepted []Application
		want := []wanted{}
		for i, d := range results(Value(basket, coupons)) {
			if d.Reason == "" {
				accepted, want = append(accepted, coupons[i]), append(want, d)
			}
		}
		if d := diff.Diff(want, results(Value(basket, accepted))); d != "" {
			t.Fatal(d)
		}
	})
}

func TestGoodsThatDoNotQualifyDoNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		basket, coupons := anyBasket(t), anyCoupons(t)
		var terms []Terms
		for _, c := range coupons {
			terms = append(terms, c.Terms)
		}
		if d := diff.Diff(results(Value(basket, coupons)), results(Value(basket.Strip(terms...), coupons))); d != "" {
			t.Fatal(d)
		}
	})
}

// TestBuyingMoreNeverTakesAway holds for one coupon; with several, a dearer
// unit can go to another of them.
func TestBuyingMoreNeverTakesAway(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		basket := anyBasket(t)
		coupon := []Application{{SN: 1, Terms: anyTerms(t)}}
		before := Value(basket, coupon)[0]
		richer := Basket{basket.Currency, basket.Total, slices.Clone(basket.Lines)}
		if len(richer.Lines) > 0 && rapid.Bool().Draw(t, "raise a price") {
			l := &richer.Lines[rapid.IntRange(0, len(richer.Lines)-1).Draw(t, "line")]
			raise := rapid.Int64Range(0, MaxMinor-l.UnitPrice).Draw(t, "raise")
			l.UnitPrice += raise
			richer.Total += raise * l.Quantity
		} else {
			l := Line{rapid.SampledFrom(articles).Draw(t, "gtin"), 1, rapid.Int64Range(0, 1000).Draw(t, "price")}
			richer.Lines = append(richer.Lines, l)
			richer.Total += l.UnitPrice
		}
		after := Value(richer, coupon)[0]
		if before.Err == nil && after.Err != nil || after.Value < before.Value {
			t.Fatalf("from %+v to %+v", before, after)
		}
	})
}

func TestValueLeavesItsArgumentsAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		basket, coupons := anyBasket(t), anyCoupons(t)
		lines, same := slices.Clone(basket.Lines), slices.Clone(coupons)
		Value(basket, coupons)
		if d := diff.Diff(lines, basket.Lines); d != "" {
			t.Fatal(d)
		}
		if d := diff.Diff(same, coupons); d != "" {
			t.Fatal(d)
		}
	})
}
