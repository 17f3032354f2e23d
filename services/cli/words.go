// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"

	"ecoupon/chaincode/coupon"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
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
	return words
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

func (a *app) campaignText(c *typev1.Campaign) string {
	head := fmt.Sprintf("%s, version %d: %s\n", printable(c.GetCampaign()), c.GetVersion(), statusWord(c.GetStatus()))
	f := newFacts()
	f.add("issuer", c.GetIssuer())
	f.add("product", c.GetProduct())
	f.add("offer", c.GetOffer())
	f.add("gives", inWords(c.GetTerms()))
	f.add("articles", articles(c.GetTerms()))
	f.add("holder", holderWord(c.GetHolder()))
	f.add("begins", a.when(c.GetBeginTime()))
	f.add("ends", a.when(c.GetEndTime()))
	f.add("redeemed until", a.when(c.GetRedeemUntilTime()))
	return head + f.String()
}
