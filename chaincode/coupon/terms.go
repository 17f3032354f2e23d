// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"encoding/json"
	"errors"
	"slices"
)

// Limits of a terms document.
const (
	// MaxTermsBytes bounds the document: it is stored on every ledger and read
	// with every redemption.
	MaxTermsBytes = 16 << 10
	// MaxTermsQuantity bounds the units that one coupon asks for, as
	// MaxQuantity bounds those of a line.
	MaxTermsQuantity = MaxQuantity

	termsFormat = 1
	maxPercent  = 100
)

// BenefitType says how a coupon's value is computed; see Value.
type BenefitType string

const (
	// AmountOff takes Amount off the price of the coupon's units.
	AmountOff BenefitType = "amount_off"
	// PercentOff takes Percent hundredths of the price of the coupon's units
	// off it, at most Cap.
	PercentOff BenefitType = "percent_off"
	// FreeItem gives the cheapest of the coupon's units, at most Cap.
	FreeItem BenefitType = "free_item"
	// Gift hands out something that is not in the basket; Value is what the
	// retailer gets for it.
	Gift BenefitType = "gift"
)

// Benefit is what a coupon gives. Only the fields of its type are set.
type Benefit struct {
	Type    BenefitType `json:"type"`
	Amount  int64       `json:"amount,omitempty"`
	Percent int64       `json:"percent,omitempty"`
	Cap     int64       `json:"cap,omitempty"`
	Value   int64       `json:"value,omitempty"`
	// Schedule varies the benefit's number; nil if it stays the same.
	Schedule *Schedule `json:"schedule,omitempty"`
}

// number is the one that a schedule varies.
func (b *Benefit) number() *int64 {
	switch b.Type {
	case PercentOff:
		return &b.Percent
	case FreeItem:
		return &b.Cap
	case Gift:
		return &b.Value
	default:
		return &b.Amount
	}
}

// SpendOf says what counts towards a minimum spend.
type SpendOf string

const (
	// OfUnits counts the qualifying units that no coupon has used yet.
	OfUnits SpendOf = "units"
	// OfBasket counts the whole sale.
	OfBasket SpendOf = "basket"
)

// MinimumSpend is the least that must be bought for a coupon to count.
type MinimumSpend struct {
	Amount int64   `json:"amount"`
	Of     SpendOf `json:"of"`
}

// Terms are what a coupon gives and on which conditions.
type Terms struct {
	Format   int    `json:"format"`
	Currency string `json:"currency"`
	// GTINs are the goods that qualify, in ascending order after ParseTerms.
	GTINs []string `json:"gtins"`
	// Quantity is how many of their units one coupon needs and uses up.
	Quantity     int64         `json:"quantity"`
	MinimumSpend *MinimumSpend `json:"minimum_spend,omitempty"`
	Benefit      Benefit       `json:"benefit"`
}

// termsDocument tells a number that is not there from one that is 0.
type termsDocument struct {
	Format       int           `json:"format"`
	Currency     string        `json:"currency"`
	GTINs        []string      `json:"gtins"`
	Quantity     int64         `json:"quantity"`
	MinimumSpend *MinimumSpend `json:"minimum_spend"`
	Benefit      struct {
		Type    BenefitType `json:"type"`
		Amount  *int64      `json:"amount"`
		Percent *int64      `json:"percent"`
		Cap     *int64      `json:"cap"`
		Value   *int64      `json:"value"`

		Schedule *scheduleDocument `json:"schedule"`
	} `json:"benefit"`
}

// ParseTerms reads a terms document. It is refused with BAD_TERMS unless it is
// JSON as DecodeStrict takes it, of format 1 and at most MaxTermsBytes, with
// all that its benefit needs and nothing else; with BAD_GTIN where an article
// number is wrong. What is hashed and stored are the bytes given, so documents
// that mean the same are still different terms.
func ParseTerms(doc []byte) (Terms, error) {
	if len(doc) > MaxTermsBytes {
		return Terms{}, Refuse(ReasonBadTerms, "", "a terms document has at most %d bytes", MaxTermsBytes)
	}
	var d termsDocument
	if err := DecodeStrict(doc, &d); err != nil {
		return Terms{}, badTerms(err)
	}
	benefit, err := d.benefit()
	if err != nil {
		return Terms{}, err
	}
	t := Terms{
		Format: d.Format, Currency: d.Currency, GTINs: slices.Sorted(slices.Values(d.GTINs)),
		Quantity: d.Quantity, MinimumSpend: d.MinimumSpend, Benefit: benefit,
	}
	if err := t.check(d.GTINs); err != nil {
		return Terms{}, err
	}
	return t, nil
}

// Document returns a terms document that ParseTerms reads as t, or its refusal.
// Format may be left 0.
func (t Terms) Document() ([]byte, error) {
	t.Format = termsFormat
	doc, err := json.Marshal(t)
	if err != nil {
		return nil, badTerms(err)
	}
	if _, err := ParseTerms(doc); err != nil {
		return nil, err
	}
	return doc, nil
}

// HighestValue returns the most that one coupon of these terms can be worth;
// with the quotas it makes a campaign's budget.
func (t Terms) HighestValue() int64 {
	if t.Benefit.Type == PercentOff {
		return t.Benefit.Cap
	}
	number := *t.Benefit.number()
	if t.Benefit.Schedule == nil {
		return number
	}
	return t.Benefit.Schedule.highest(number)
}

// Qualifies says whether units of this article count for the terms.
func (t Terms) Qualifies(gtin string) bool {
	_, found := slices.BinarySearch(t.GTINs, gtin)
	return found
}

// benefit takes the numbers that the type needs, and refuses any other.
func (d *termsDocument) benefit() (Benefit, error) {
	b := Benefit{Type: d.Benefit.Type}
	numbers := []struct {
		name  string
		given *int64
		to    *int64
		limit int64
		of    []BenefitType
	}{
		{"amount", d.Benefit.Amount, &b.Amount, MaxMinor, []BenefitType{AmountOff}},
		{"percent", d.Benefit.Percent, &b.Percent, maxPercent, []BenefitType{PercentOff}},
		{"cap", d.Benefit.Cap, &b.Cap, MaxMinor, []BenefitType{PercentOff, FreeItem}},
		{"value", d.Benefit.Value, &b.Value, MaxMinor, []BenefitType{Gift}},
	}
	if !slices.Contains([]BenefitType{AmountOff, PercentOff, FreeItem, Gift}, b.Type) {
		return b, Refuse(ReasonBadTerms, "benefit.type", "a benefit is amount_off, percent_off, free_item or gift")
	}
	for _, n := range numbers {
		field := "benefit." + n.name
		switch needed := slices.Contains(n.of, b.Type); {
		case !needed && n.given != nil:
			return b, Refuse(ReasonBadTerms, field, "this benefit has no %s", n.name)
		case needed && (n.given == nil || *n.given < 1 || *n.given > n.limit):
			return b, Refuse(ReasonBadTerms, field, "this benefit needs a %s from 1 to %d", n.name, n.limit)
		case needed:
			*n.to = *n.given
		}
	}
	if d.Benefit.Schedule == nil {
		return b, nil
	}
	limit := int64(MaxMinor)
	if b.Type == PercentOff {
		limit = maxPercent
	}
	var err error
	b.Schedule, err = d.Benefit.Schedule.schedule(*b.number(), limit)
	return b, err
}

// check looks at all but the benefit; given are the article numbers in the
// document's order.
func (t Terms) check(given []string) error {
	if t.Format != termsFormat {
		return Refuse(ReasonBadTerms, "format", "the format of a terms document is %d", termsFormat)
	}
	if err := CheckCurrency("currency", t.Currency); err != nil {
		return badTerms(err)
	}
	if len(given) == 0 {
		return Refuse(ReasonBadTerms, "gtins", "at least one article qualifies")
	}
	for i, gtin := range given {
		if err := CheckGTIN(index("gtins", i), gtin); err != nil {
			return err
		}
	}
	if len(slices.Compact(slices.Clone(t.GTINs))) != len(given) {
		return Refuse(ReasonBadTerms, "gtins", "an article is named twice")
	}
	if t.Quantity < 1 || t.Quantity > MaxTermsQuantity {
		return Refuse(ReasonBadTerms, "quantity", "a coupon asks for 1 to %d units", MaxTermsQuantity)
	}
	return t.MinimumSpend.check()
}

func (m *MinimumSpend) check() error {
	switch {
	case m == nil:
		return nil
	case m.Amount < 1 || m.Amount > MaxMinor:
		return Refuse(ReasonBadTerms, "minimum_spend.amount", "a minimum spend is 1 to %d", MaxMinor)
	case m.Of != OfUnits && m.Of != OfBasket:
		return Refuse(ReasonBadTerms, "minimum_spend.of", "a minimum spend is of units or of the basket")
	default:
		return nil
	}
}

// badTerms keeps what is wrong and where, and says that it is the terms.
func badTerms(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return Refuse(ReasonBadTerms, e.Field, "%s", e.Detail)
	}
	return Refuse(ReasonBadTerms, "", "%v", err)
}
