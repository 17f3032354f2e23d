// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package campaignfile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/money"
)

// reader turns scalars into values and notes every mistake.
type reader struct {
	name     string
	now      time.Time
	mistakes []error
}

func (r *reader) mistake(line int, field, format string, a ...any) {
	place := r.name
	if line > 0 {
		place += ":" + strconv.Itoa(line)
	}
	r.mistakes = append(r.mistakes, fmt.Errorf("%s: %s: %s", place, field, fmt.Sprintf(format, a...)))
}

// check notes err, if any, without repeating the field that a refusal names.
func (r *reader) check(s scalar, field string, err error) {
	var refused *coupon.Error
	switch {
	case err == nil:
	case errors.As(err, &refused):
		r.mistake(s.line, field, "%s", refused.Detail)
	default:
		r.mistake(s.line, field, "%s", err)
	}
}

// present notes a value that is missing.
func (r *reader) present(s scalar, field string) bool {
	if s.line == 0 {
		r.mistake(0, field, "is missing")
	}
	return s.line != 0
}

func (r *reader) campaign(d document) coupon.Campaign {
	c := coupon.Campaign{
		ID:              r.text(d.Campaign, "campaign", coupon.CheckID),
		Version:         r.integer(d.Version, "version"),
		Product:         r.text(d.Product, "product", coupon.CheckName),
		Offer:           r.text(d.Offer, "offer", coupon.CheckName),
		Kinds:           r.kinds(d.Kinds),
		Holder:          r.holder(d.Holder),
		Begin:           r.time(d.Begin, "begin"),
		End:             r.time(d.End, "end"),
		AudienceWaived:  r.truth(d.AudienceWaived, "audience_waived"),
		InvoiceRequired: r.truth(d.InvoiceRequired, "invoice_required"),

		AttestationRequired: r.truth(d.Attested, "attestation_required"),
	}
	c.MaxFrameAge = r.frameAge(d.MaxFrameAge, c.Kinds[0])
	c.MaxTransfers = r.transfers(d.MaxTransfers, c.Holder)
	if c.Begin != 0 && c.End != 0 && c.End <= c.Begin {
		r.mistake(d.End.line, "end", "the campaign ends before it begins")
	}
	before := len(r.mistakes)
	t := r.terms(d.Terms)
	if len(r.mistakes) > before {
		return c
	}
	terms, err := t.Document()
	if err != nil {
		r.mistake(d.Terms.Currency.line, "terms", "%s", err)
	} else if err := t.CheckKind(c.Kinds[0]); err != nil {
		r.check(d.Terms.Benefit.Schedule.Type, "terms.benefit.schedule", err)
	}
	c.Terms = string(terms)
	return c
}

// transfers reads how often a coupon may be handed on, which only what has an
// owner can be.
func (r *reader) transfers(s scalar, holder coupon.Holder) int64 {
	const field = "max_transfers"
	if s.line == 0 {
		return 0
	}
	n := r.integer(s, field)
	switch {
	case n > coupon.MaxTransfers:
		r.mistake(s.line, field, "is 1 to %d, not %d", coupon.MaxTransfers, n)
	case n > 0 && holder == coupon.HolderBearer:
		r.mistake(s.line, field, "bearer coupons are not transferred")
	}
	return n
}

func (r *reader) text(s scalar, field string, check func(field, s string) error) string {
	if r.present(s, field) {
		r.check(s, field, check(field, s.text))
	}
	return s.text
}

func (r *reader) kinds(list []scalar) []coupon.Kind {
	if len(list) == 0 {
		return []coupon.Kind{coupon.KindStatic}
	}
	kinds := make([]coupon.Kind, len(list))
	for i, s := range list {
		kinds[i] = coupon.Kind(s.text)
		field := fmt.Sprintf("kinds[%d]", i)
		if err := kinds[i].Check(""); err != nil {
			r.check(s, field, err)
		}
	}
	if len(kinds) > 1 {
		r.mistake(list[1].line, "kinds", "a campaign has exactly one kind")
	}
	return kinds
}

func (r *reader) holder(s scalar) coupon.Holder {
	holder := coupon.Holder(s.text)
	if r.present(s, "holder") && holder != coupon.HolderBearer && holder != coupon.HolderBound {
		r.mistake(s.line, "holder", "a holder is bearer or bound, not %q", s.text)
	}
	return holder
}

func (r *reader) time(s scalar, field string) int64 {
	if !r.present(s, field) {
		return 0
	}
	at, err := ParseTime(s.text, r.now)
	r.check(s, field, err)
	return at.UnixMilli()
}

// truth is false where nothing is written.
func (r *reader) truth(s scalar, field string) bool {
	if s.line != 0 && s.text != "true" && s.text != "false" {
		r.mistake(s.line, field, "is true or false, not %q", s.text)
	}
	return s.text == "true"
}

func (r *reader) integer(s scalar, field string) int64 {
	if !r.present(s, field) {
		return 0
	}
	n, err := strconv.ParseInt(s.text, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != s.text {
		r.mistake(s.line, field, "is a count from 1, not %q", s.text)
	}
	return n
}

func (r *reader) amount(currency string, s scalar, field string) int64 {
	if !r.present(s, field) {
		return 0
	}
	minor, err := money.Parse(currency, s.text)
	r.check(s, field, err)
	return minor
}

func (r *reader) terms(d terms) coupon.Terms {
	t := coupon.Terms{Currency: r.text(d.Currency, "terms.currency", coupon.CheckCurrency)}
	if len(r.mistakes) > 0 && coupon.CheckCurrency("", t.Currency) != nil {
		return t // without a currency no amount can be read
	}
	if len(d.GTINs) == 0 {
		r.mistake(0, "terms.gtins", "is missing")
	}
	for i, s := range d.GTINs {
		gtin, err := coupon.PadGTIN(s.text)
		r.check(s, fmt.Sprintf("terms.gtins[%d]", i), err)
		t.GTINs = append(t.GTINs, gtin)
	}
	t.Quantity = r.integer(d.Quantity, "terms.quantity")
	if d.MinimumSpend != nil {
		t.MinimumSpend = &coupon.MinimumSpend{
			Amount: r.amount(t.Currency, d.MinimumSpend.Amount, "terms.minimum_spend.amount"),
			Of:     coupon.SpendOf(r.text(d.MinimumSpend.Of, "terms.minimum_spend.of", oneOf(coupon.OfUnits, coupon.OfBasket))),
		}
	}
	t.Benefit = r.benefit(t.Currency, d.Benefit)
	return t
}

func (r *reader) benefit(currency string, d benefit) coupon.Benefit {
	b := coupon.Benefit{Type: coupon.BenefitType(d.Type.text)}
	if !r.present(d.Type, "terms.benefit.type") {
		return b
	}
	known := oneOf(coupon.AmountOff, coupon.PercentOff, coupon.FreeItem, coupon.Gift)
	if err := known("", d.Type.text); err != nil {
		r.check(d.Type, "terms.benefit.type", err)
		return b
	}
	if r.belongs(b.Type, d.Amount, "amount", coupon.AmountOff) {
		b.Amount = r.amount(currency, d.Amount, "terms.benefit.amount")
	}
	if r.belongs(b.Type, d.Percent, "percent", coupon.PercentOff) {
		b.Percent = r.integer(d.Percent, "terms.benefit.percent")
	}
	if r.belongs(b.Type, d.Cap, "cap", coupon.PercentOff, coupon.FreeItem) {
		b.Cap = r.amount(currency, d.Cap, "terms.benefit.cap")
	}
	if r.belongs(b.Type, d.Value, "value", coupon.Gift) {
		b.Value = r.amount(currency, d.Value, "terms.benefit.value")
	}
	if d.Schedule != nil {
		number := func(s scalar, field string) int64 { return r.amount(currency, s, field) }
		if b.Type == coupon.PercentOff {
			number = r.percent
		}
		b.Schedule = r.schedule(*d.Schedule, number)
	}
	return b
}

// belongs says whether a benefit of type t has the number, which those of some
// types have, and notes one that is there and does not belong.
func (r *reader) belongs(t coupon.BenefitType, s scalar, name string, types ...coupon.BenefitType) bool {
	belongs := slices.Contains(types, t)
	if !belongs && s.line != 0 {
		r.mistake(s.line, "terms.benefit."+name, "the benefit %s has no %s", t, name)
	}
	return belongs
}

func oneOf[T ~string](words ...T) func(field, s string) error {
	return func(_, s string) error {
		for _, word := range words {
			if s == string(word) {
				return nil
			}
		}
		return fmt.Errorf("is one of %v, not %q", words, s)
	}
}
