// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sales_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/campaignfile"
	"ecoupon/services/money"
	"ecoupon/services/sales"
)

const examples = "../../examples/"

// outcome is what the example's day comes to.
type outcome struct {
	baskets, lines, turnover   int64
	trying, tried              int64
	redemptions, coupons, paid int64
	refused                    map[coupon.Reason]int64
}

// text is a part of examples/README.md.
func (o outcome) text() string {
	return fmt.Sprintf("| | |\n|---|---|\n| baskets | %d, with %d lines, for %s |\n| of them with coupons | %d, with %d coupons |\n"+
		"| accepted | %d redemptions of %d coupons, worth %s |\n| refused as goods are missing | %d |\n| refused as the minimum spend is not reached | %d |\n",
		o.baskets, o.lines, money.Format("EUR", o.turnover), o.trying, o.tried,
		o.redemptions, o.coupons, money.Format("EUR", o.paid),
		o.refused[coupon.ReasonNotInBasket], o.refused[coupon.ReasonMinimumSpendNotReached])
}

func TestExampleDayIsWhatItsReadmeSays(t *testing.T) {
	t.Parallel()
	campaigns := make(map[string]coupon.Terms)
	for _, name := range []string{"campaign-cocoa.yaml", "campaign-tea.yaml"} {
		c, err := campaignfile.Load(examples+name, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		terms, err := coupon.ParseTerms([]byte(c.Terms))
		if err != nil {
			t.Fatal(err)
		}
		campaigns[c.ID] = terms
	}
	day, err := sales.Load(examples + "sales.csv")
	if err != nil {
		t.Fatal(err)
	}
	o := outcome{refused: make(map[coupon.Reason]int64)}
	for _, sale := range day {
		o.add(sale, campaigns)
	}
	readme, err := os.ReadFile(examples + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), o.text()) {
		t.Errorf("examples/README.md does not say\n%s", o.text())
	}
}

func TestExampleInvoicesAreUsedOnce(t *testing.T) {
	t.Parallel()
	day, err := sales.Load(examples + "sales.csv")
	if err != nil {
		t.Fatal(err)
	}
	var invoices []string
	for _, sale := range day {
		invoices = append(invoices, sale.Institute+" "+sale.Invoice)
	}
	slices.Sort(invoices)
	if n := len(slices.Compact(invoices)); n != len(day) {
		t.Errorf("%d sales have %d invoices", len(day), n)
	}
}

func (o *outcome) add(sale sales.Sale, campaigns map[string]coupon.Terms) {
	o.baskets++
	o.lines += int64(len(sale.Basket.Lines))
	o.turnover += sale.Basket.Total
	applications := applicationsOf(sale, campaigns)
	if len(applications) == 0 {
		return
	}
	o.trying++
	o.tried += int64(len(applications))
	worth := int64(0)
	for _, d := range coupon.Value(sale.Basket, applications) {
		if d.Err != nil {
			o.refused[d.Err.Reason]++
			return
		}
		worth += d.Value
	}
	o.redemptions++
	o.coupons += int64(len(applications))
	o.paid += worth
}

func applicationsOf(sale sales.Sale, campaigns map[string]coupon.Terms) []coupon.Application {
	var applications []coupon.Application
	for i, wish := range sale.Coupons {
		for range wish.Count {
			applications = append(applications, coupon.Application{
				Framework: coupon.FrameworkID{byte(i)}, SN: int64(len(applications) + 1), Terms: campaigns[wish.Campaign],
			})
		}
	}
	return applications
}
