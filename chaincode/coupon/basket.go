// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strconv"
)

// Limits of one redemption.
const (
	// MaxLines bounds a basket, which must fit a request of 64 kB.
	MaxLines = 200
	// MaxCoupons bounds the coupons of one redemption.
	MaxCoupons = 50
	// MaxQuantity bounds the units of one line; MaxLines full lines at the
	// highest price stay below 2⁶³.
	MaxQuantity = 10_000
	// MaxTotal is what MaxLines full lines at the highest price come to.
	MaxTotal = MaxLines * MaxQuantity * MaxMinor
)

// Basket is what is bought, as far as it matters for coupons: Lines may leave
// out what qualifies for none of them, Total is the whole sale's.
type Basket struct {
	Currency string `json:"currency"`
	Total    int64  `json:"total"`
	Lines    []Line `json:"lines"`
}

// Line is a number of units of one article at one price. UnitPrice is what the
// customer would pay without coupons, in minor units, tax included and after
// the retailer's own discounts. Goods sold by weight are one unit.
type Line struct {
	GTIN      string `json:"gtin"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
}

// Application is a coupon as Value sees it. Coupons of one framework have the
// same terms.
type Application struct {
	Framework FrameworkID
	Lane      uint16
	SN        int64
	Terms     Terms
}

// Discount is what one coupon is worth in a basket, or why it is refused; then
// Value is 0.
type Discount struct {
	Value int64
	Err   *Error
}

// Check refuses a basket that is not well formed. What is wrong first decides
// the reason, whatever the order of the lines:
//
//  1. currency not of the form of a code: INVALID_REQUEST;
//  2. more than MaxLines lines: TOO_MANY;
//  3. an article number that is not a GTIN of 14 digits: BAD_GTIN;
//  4. a quantity that is not 1 to MaxQuantity, or a price that is not 0 to
//     MaxMinor: BAD_BASKET;
//  5. a total above MaxTotal or below the sum of the lines: BAD_BASKET.
//
// A basket without lines is well formed: nothing in it qualifies.
func (b Basket) Check() error {
	if err := CheckCurrency("currency", b.Currency); err != nil {
		return err
	}
	if len(b.Lines) > MaxLines {
		return Refuse(ReasonTooMany, "lines", "a basket has at most %d lines", MaxLines)
	}
	for i, l := range b.Lines {
		if err := CheckGTIN(index("lines", i)+".gtin", l.GTIN); err != nil {
			return err
		}
	}
	sum := int64(0)
	for i, l := range b.Lines {
		price, err := l.price(i)
		if err != nil {
			return err
		}
		if sum, err = AddMinor(sum, price); err != nil {
			return err
		}
	}
	if b.Total < sum || b.Total > MaxTotal {
		return Refuse(ReasonBadBasket, "total", "the total is at least the sum of the lines and at most %d", int64(MaxTotal))
	}
	return nil
}

func (l Line) price(i int) (int64, error) {
	if l.Quantity < 1 || l.Quantity > MaxQuantity {
		return 0, Refuse(ReasonBadBasket, index("lines", i)+".quantity", "a line has 1 to %d units", MaxQuantity)
	}
	if l.UnitPrice < 0 || l.UnitPrice > MaxMinor {
		return 0, Refuse(ReasonBadBasket, index("lines", i)+".unit_price", "a price is 0 to %d", int64(MaxMinor))
	}
	return MulMinor(l.Quantity, l.UnitPrice)
}

// Strip returns the basket with only the lines that qualify for one of the
// terms at least: what a retailer shows to others of a sale. Value gives the
// same for it.
func (b Basket) Strip(terms ...Terms) Basket {
	lines := []Line{}
	for _, l := range b.Lines {
		if slices.ContainsFunc(terms, func(t Terms) bool { return t.Qualifies(l.GTIN) }) {
			lines = append(lines, l)
		}
	}
	return Basket{Currency: b.Currency, Total: b.Total, Lines: lines}
}

// Value returns what each coupon is worth in the basket, in the order given. It
// depends on nothing but its arguments, and not on the order of lines or
// coupons, nor on how equal units are spread over lines.
//
// The coupons have their turn in ascending order of framework id, lane and SN.
// Each looks at the units that no coupon before it has used:
//
//   - It qualifies if at least Terms.Quantity unused units are of its articles.
//   - A minimum spend of units is met if all unused units of its articles
//     together, not only those that it would use, cost that much. A minimum
//     spend of the basket is met if the sale's total is that much; the discounts
//     of other coupons do not lower it.
//   - If it qualifies it uses up exactly Terms.Quantity of those units, the
//     dearest first; where the price is equal, those of the lowest GTIN first.
//     No other coupon can use them. The price of its units is their sum.
//
// It is then worth:
//
//   - amount off: the amount, at most the price of its units;
//   - percent off: that part of the price of its units, rounded down once, at
//     most the cap;
//   - free item: the price of the cheapest of its units, at most the cap;
//   - gift: its fixed value, which is not taken off a price and so is not
//     bounded by one.
//
// A value may be 0, never less. Without gifts all values together are at most
// the price of all lines.
//
// A coupon that is refused uses nothing, and the others are valued as if it
// were not there. The reasons, in this order: those of Check, or TOO_MANY above
// MaxCoupons coupons, for all of them; DUPLICATE_IN_BATCH for each of several
// with the same framework, lane and SN; CURRENCY_MISMATCH; NOT_IN_BASKET;
// MINIMUM_SPEND_NOT_REACHED.
func Value(b Basket, coupons []Application) []Discount {
	discounts := make([]Discount, len(coupons))
	if err := checkRedemption(b, coupons); err != nil {
		for i := range discounts {
			discounts[i] = discountOf(0, err)
		}
		return discounts
	}
	shelf := newShelf(b)
	order := turns(coupons)
	for n, i := range order {
		twin := n > 0 && compareCoupons(coupons[order[n-1]], coupons[i]) == 0 ||
			n+1 < len(order) && compareCoupons(coupons[order[n+1]], coupons[i]) == 0
		if twin {
			discounts[i] = discountOf(0, Refuse(ReasonDuplicateInBatch, "", "the same coupon is there more than once"))
			continue
		}
		discounts[i] = discountOf(shelf.apply(coupons[i].Terms))
	}
	return discounts
}

func checkRedemption(b Basket, coupons []Application) error {
	if err := b.Check(); err != nil {
		return err
	}
	if len(coupons) > MaxCoupons {
		return Refuse(ReasonTooMany, "coupons", "a redemption has at most %d coupons", MaxCoupons)
	}
	return nil
}

func discountOf(value int64, err error) Discount {
	if err == nil {
		return Discount{Value: value}
	}
	var refused *Error
	if !errors.As(err, &refused) {
		refused = Refuse(ReasonInternal, "", "%v", err)
	}
	return Discount{Err: refused}
}

// turns returns the indices of the coupons in the order of their turns.
func turns(coupons []Application) []int {
	order := make([]int, len(coupons))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return compareCoupons(coupons[i], coupons[j]) })
	return order
}

func compareCoupons(a, b Application) int {
	return cmp.Or(
		bytes.Compare(a.Framework[:], b.Framework[:]),
		cmp.Compare(a.Lane, b.Lane),
		cmp.Compare(a.SN, b.SN),
	)
}

func index(list string, i int) string {
	return list + "[" + strconv.Itoa(i) + "]"
}
