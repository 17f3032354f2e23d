// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"cmp"
	"slices"
)

// shelf is what is left of a basket: equal units together, dearest first, so
// that it takes as long for ten thousand units as for one.
type shelf struct {
	currency string
	total    int64
	units    []Line
}

func newShelf(b Basket) *shelf {
	s := &shelf{currency: b.Currency, total: b.Total, units: slices.Clone(b.Lines)}
	slices.SortFunc(s.units, func(a, b Line) int {
		return cmp.Or(cmp.Compare(b.UnitPrice, a.UnitPrice), cmp.Compare(a.GTIN, b.GTIN))
	})
	return s
}

// apply values a coupon and takes its units away, or refuses it and does not.
func (s *shelf) apply(t Terms) (int64, error) {
	if t.Currency != s.currency {
		return 0, Refuse(ReasonCurrencyMismatch, "", "the terms are in %s", t.Currency)
	}
	candidates, err := s.candidates(t)
	if err != nil {
		return 0, err
	}
	units, cheapest, err := s.take(candidates, t.Quantity)
	if err != nil {
		return 0, err
	}
	return t.Benefit.worth(units, cheapest)
}

// candidates returns the places of the unused units that qualify, dearest
// first, if the coupon's conditions hold for them.
func (s *shelf) candidates(t Terms) ([]int, error) {
	var places []int
	count, spend := int64(0), int64(0)
	for i, u := range s.units {
		if u.Quantity == 0 || !t.Qualifies(u.GTIN) {
			continue
		}
		places = append(places, i)
		count += u.Quantity
		price, err := MulMinor(u.Quantity, u.UnitPrice)
		if err != nil {
			return nil, err
		}
		if spend, err = AddMinor(spend, price); err != nil {
			return nil, err
		}
	}
	if count < t.Quantity || count == 0 {
		return nil, Refuse(ReasonNotInBasket, "", "the coupon needs %d units and %d are left for it", t.Quantity, count)
	}
	if m := t.MinimumSpend; m != nil && (m.Of == OfUnits && spend < m.Amount || m.Of == OfBasket && s.total < m.Amount) {
		return nil, Refuse(ReasonMinimumSpendNotReached, "", "the minimum spend is %d", m.Amount)
	}
	return places, nil
}

// take uses up that many units from the places, and returns their price and
// that of the cheapest.
func (s *shelf) take(places []int, quantity int64) (sum, cheapest int64, err error) {
	for _, i := range places {
		if quantity == 0 {
			break
		}
		u := &s.units[i]
		n := min(quantity, u.Quantity)
		price, err := MulMinor(n, u.UnitPrice)
		if err != nil {
			return 0, 0, err
		}
		if sum, err = AddMinor(sum, price); err != nil {
			return 0, 0, err
		}
		u.Quantity -= n
		quantity -= n
		cheapest = u.UnitPrice
	}
	return sum, cheapest, nil
}

// worth is the value of a benefit for units of this price.
func (b Benefit) worth(units, cheapest int64) (int64, error) {
	switch b.Type {
	case AmountOff:
		return min(b.Amount, units), nil
	case PercentOff:
		hundredths, err := MulMinor(units, b.Percent)
		return min(hundredths/100, b.Cap), err
	case FreeItem:
		return min(cheapest, b.Cap), nil
	case Gift:
		return b.Value, nil
	default:
		return 0, Refuse(ReasonBadTerms, "benefit.type", "the benefit is of no known type")
	}
}
