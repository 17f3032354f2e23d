// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"

	"ecoupon/chaincode/coupon"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/campaignfile"
	"ecoupon/services/money"
)

// inWords says what a terms document gives and asks for; the document itself if
// it is not understood.
func inWords(document string) string {
	t, err := coupon.ParseTerms([]byte(document))
	if err != nil {
		return document
	}
	words := benefitInWords(t) + " for " + plural(t.Quantity, "unit")
	if m := t.MinimumSpend; m != nil {
		condition := map[coupon.SpendOf]string{coupon.OfUnits: "such goods cost", coupon.OfBasket: "the basket costs"}[m.Of]
		words += fmt.Sprintf(", if %s at least %s", condition, money.Format(t.Currency, m.Amount))
	}
	return words + scheduleInWords(t)
}

func plural(n int64, thing string) string {
	if n == 1 {
		return "one " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func benefitInWords(t coupon.Terms) string {
	switch b := t.Benefit; b.Type {
	case coupon.AmountOff:
		return money.Format(t.Currency, b.Amount) + " off"
	case coupon.PercentOff:
		return fmt.Sprintf("%d %% off, at most %s,", b.Percent, money.Format(t.Currency, b.Cap))
	case coupon.FreeItem:
		return "the cheapest free, up to " + money.Format(t.Currency, b.Cap) + ","
	default:
		return "a gift worth " + money.Format(t.Currency, b.Value)
	}
}

// scheduleInWords says how the benefit's number changes; nothing if it does not.
func scheduleInWords(t coupon.Terms) string {
	s := t.Benefit.Schedule
	if s == nil {
		return ""
	}
	number := func(n int64) string {
		if t.Benefit.Type == coupon.PercentOff {
			return fmt.Sprintf("%d %%", n)
		}
		return money.Format(t.Currency, n)
	}
	origin := "the campaign's beginning"
	if s.From == coupon.FromRelease {
		origin = "the coupon's release"
	}
	after := func(milliseconds int64) string { return campaignfile.FormatDuration(milliseconds) + " after " + origin }
	switch s.Type {
	case coupon.Linear:
		return fmt.Sprintf("; evenly to %s from %s to %s", number(*s.To), campaignfile.FormatDuration(s.Start), after(s.End))
	case coupon.Stepped:
		words := ""
		for _, step := range s.Steps {
			words += fmt.Sprintf("; %s from %s", number(step.To), after(step.After))
		}
		return words
	case coupon.EarlyBird:
		return fmt.Sprintf("; %s for the first %d of the first lane", number(*s.To), s.First)
	default:
		return "; or more by chance, up to " + number(*s.To)
	}
}

// articles lists the goods of a terms document.
func articles(document string) string {
	t, err := coupon.ParseTerms([]byte(document))
	if err != nil {
		return ""
	}
	return strings.Join(t.GTINs, ", ")
}

func statusWord(s typev1.CampaignStatus) string { return word(s, "CAMPAIGN_STATUS_") }

func holderWord(h typev1.Holder) string { return word(h, "HOLDER_") }

func kindsInWords(kinds []typev1.Kind) string {
	words := make([]string, len(kinds))
	for i, kind := range kinds {
		words[i] = word(kind, "KIND_")
	}
	return strings.Join(words, ", ")
}

func (a *app) campaignText(c *typev1.Campaign) string {
	head := fmt.Sprintf("%s, version %d: %s\n", printable(c.GetCampaign()), c.GetVersion(), statusWord(c.GetStatus()))
	f := newFacts()
	f.add("issuer", c.GetIssuer())
	f.add("product", c.GetProduct())
	f.add("offer", c.GetOffer())
	f.add("gives", inWords(c.GetTerms()))
	f.add("articles", articles(c.GetTerms()))
	f.add("holder", holderWord(c.GetHolder()))
	if age := c.GetMaxFrameAge(); age != nil {
		f.add("kind", kindsInWords(c.GetKinds()))
		f.add("frames", "at most "+campaignfile.FormatDuration(age.AsDuration().Milliseconds())+" old when a coupon is released")
	}
	if n := c.GetMaxTransfers(); n > 0 {
		f.add("handed on", fmt.Sprintf("at most %d times", n))
	}
	if c.GetAttestationRequired() {
		f.add("payment", "attested by its institute")
	}
	f.add("begins", a.when(c.GetBeginTime()))
	f.add("ends", a.when(c.GetEndTime()))
	f.add("redeemed until", a.when(c.GetRedeemUntilTime()))
	return head + f.String()
}
