// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const goodTerms = `{"format":1,"currency":"EUR","gtins":["09521234543220","09521234543213"],"quantity":2,` +
	`"minimum_spend":{"amount":500,"of":"units"},"benefit":{"type":"percent_off","percent":20,"cap":300}}`

func TestParseTerms(t *testing.T) {
	t.Parallel()
	got, err := ParseTerms([]byte(goodTerms))
	if err != nil {
		t.Fatal(err)
	}
	want := Terms{
		Format: 1, Currency: "EUR", GTINs: []string{"09521234543213", "09521234543220"}, Quantity: 2,
		MinimumSpend: &MinimumSpend{Amount: 500, Of: OfUnits},
		Benefit:      Benefit{Type: PercentOff, Percent: 20, Cap: 300},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for gtin, want := range map[string]bool{"09521234543213": true, "09521234543220": true, soap: false, "": false} {
		if got.Qualifies(gtin) != want {
			t.Errorf("Qualifies(%q) is %v", gtin, !want)
		}
	}
}

func TestHighestValue(t *testing.T) {
	t.Parallel()
	for benefit, want := range map[string]int64{
		`{"type":"amount_off","amount":100}`:             100,
		`{"type":"percent_off","percent":100,"cap":300}`: 300,
		`{"type":"free_item","cap":400}`:                 400,
		`{"type":"gift","value":250}`:                    250,
	} {
		terms := mustTerms(t, termsWith("benefit", benefit))
		if got := terms.HighestValue(); got != want {
			t.Errorf("%s: %d, want %d", benefit, got, want)
		}
		doc, err := terms.Document()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(terms, mustTerms(t, string(doc))); diff != "" {
			t.Errorf("%s written and read again:\n%s", benefit, diff)
		}
	}
	if got := (Terms{}).HighestValue(); got != 0 {
		t.Errorf("no terms are worth %d", got)
	}
}

// termsWith returns good terms with one member replaced, or left out where the
// value is empty.
func termsWith(member, value string) string {
	members := []struct{ name, value string }{
		{"format", "1"}, {"currency", `"EUR"`}, {"gtins", `["09521234543213"]`}, {"quantity", "1"},
		{"minimum_spend", `{"amount":500,"of":"basket"}`}, {"benefit", `{"type":"amount_off","amount":100}`},
	}
	var parts []string
	for _, m := range members {
		if m.name == member {
			m.value = value
		}
		if m.value != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", m.name, m.value))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestTermsAtTheirLimits(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		termsWith("minimum_spend", ""),
		termsWith("quantity", "10000"),
		termsWith("minimum_spend", `{"amount":1,"of":"units"}`),
		termsWith("minimum_spend", `{"amount":1000000000000,"of":"units"}`),
		termsWith("benefit", `{"type":"amount_off","amount":1000000000000}`),
		termsWith("benefit", `{"type":"percent_off","percent":1,"cap":1}`),
		" \n" + termsWith("", "") + "\t\r\n",
		termsWith("", "") + strings.Repeat(" ", MaxTermsBytes-len(termsWith("", ""))),
	} {
		_, err := ParseTerms([]byte(good))
		wantReason(t, good, err, "")
	}
}

func TestTermsRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []struct {
		doc    string
		reason Reason
		field  string
	}{
		{"", ReasonBadTerms, ""},
		{"{}", ReasonBadTerms, "benefit.type"},
		{"[]", ReasonBadTerms, ""},
		{termsWith("", "") + strings.Repeat(" ", MaxTermsBytes+1-len(termsWith("", ""))), ReasonBadTerms, ""},
		{termsWith("", "") + "{}", ReasonBadTerms, ""},
		{termsWith("format", ""), ReasonBadTerms, "format"},
		{termsWith("format", "2"), ReasonBadTerms, "format"},
		{termsWith("format", `"1"`), ReasonBadTerms, "format"},
		{termsWith("format", "1.0"), ReasonBadTerms, "format"},
		{termsWith("currency", ""), ReasonBadTerms, "currency"},
		{termsWith("currency", `"eur"`), ReasonBadTerms, "currency"},
		{termsWith("currency", `null`), ReasonBadTerms, "currency"},
		{termsWith("gtins", ""), ReasonBadTerms, "gtins"},
		{termsWith("gtins", "[]"), ReasonBadTerms, "gtins"},
		{termsWith("gtins", `"09521234543213"`), ReasonBadTerms, "gtins"},
		{termsWith("gtins", `["09521234543213","09521234543213"]`), ReasonBadTerms, "gtins"},
		{termsWith("gtins", `["09521234543213","09521234543214"]`), ReasonBadGTIN, "gtins[1]"},
		{termsWith("gtins", `["9521234543213"]`), ReasonBadGTIN, "gtins[0]"},
		{termsWith("quantity", ""), ReasonBadTerms, "quantity"},
		{termsWith("quantity", "0"), ReasonBadTerms, "quantity"},
		{termsWith("quantity", "-1"), ReasonBadTerms, "quantity"},
		{termsWith("quantity", "10001"), ReasonBadTerms, "quantity"},
		{termsWith("quantity", "1e3"), ReasonBadTerms, "quantity"},
		{termsWith("quantity", "9223372036854775808"), ReasonBadTerms, "quantity"},
		{termsWith("minimum_spend", "null"), ReasonBadTerms, "minimum_spend"},
		{termsWith("minimum_spend", "500"), ReasonBadTerms, "minimum_spend"},
		{termsWith("minimum_spend", "{}"), ReasonBadTerms, "minimum_spend.amount"},
		{termsWith("minimum_spend", `{"amount":0,"of":"units"}`), ReasonBadTerms, "minimum_spend.amount"},
		{termsWith("minimum_spend", `{"amount":1000000000001,"of":"units"}`), ReasonBadTerms, "minimum_spend.amount"},
		{termsWith("minimum_spend", `{"amount":500}`), ReasonBadTerms, "minimum_spend.of"},
		{termsWith("minimum_spend", `{"amount":500,"of":"Units"}`), ReasonBadTerms, "minimum_spend.of"},
		{termsWith("minimum_spend", `{"amount":500,"of":"units","amount":1}`), ReasonBadTerms, "minimum_spend"},
		{termsWith("benefit", ""), ReasonBadTerms, "benefit.type"},
		{termsWith("benefit", `{"type":"amount"}`), ReasonBadTerms, "benefit.type"},
		{termsWith("benefit", `{"type":"amount_off"}`), ReasonBadTerms, "benefit.amount"},
		{termsWith("benefit", `{"type":"amount_off","amount":0}`), ReasonBadTerms, "benefit.amount"},
		{termsWith("benefit", `{"type":"amount_off","amount":-100}`), ReasonBadTerms, "benefit.amount"},
		{termsWith("benefit", `{"type":"amount_off","amount":1000000000001}`), ReasonBadTerms, "benefit.amount"},
		{termsWith("benefit", `{"type":"amount_off","amount":100,"cap":0}`), ReasonBadTerms, "benefit.cap"},
		{termsWith("benefit", `{"type":"amount_off","amount":100,"value":100}`), ReasonBadTerms, "benefit.value"},
		{termsWith("benefit", `{"type":"percent_off","percent":20}`), ReasonBadTerms, "benefit.cap"},
		{termsWith("benefit", `{"type":"percent_off","percent":101,"cap":300}`), ReasonBadTerms, "benefit.percent"},
		{termsWith("benefit", `{"type":"percent_off","percent":0,"cap":300}`), ReasonBadTerms, "benefit.percent"},
		{termsWith("benefit", `{"type":"free_item"}`), ReasonBadTerms, "benefit.cap"},
		{termsWith("benefit", `{"type":"free_item","cap":400,"percent":100}`), ReasonBadTerms, "benefit.percent"},
		{termsWith("benefit", `{"type":"gift","amount":250}`), ReasonBadTerms, "benefit.amount"},
		{termsWith("benefit", `{"type":"gift"}`), ReasonBadTerms, "benefit.value"},
		{strings.Replace(termsWith("", ""), "quantity", "Quantity", 1), ReasonBadTerms, ""},
		{strings.Replace(termsWith("", ""), `"quantity":1`, `"quantity":1,"Quantity":2`, 1), ReasonBadTerms, ""},
		{strings.Replace(termsWith("", ""), `"quantity":1`, `"quantity":1,"quantity":2`, 1), ReasonBadTerms, ""},
		{strings.Replace(termsWith("", ""), `"quantity":1`, `"quantity":1,"valid_until":2`, 1), ReasonBadTerms, ""},
	} {
		terms, err := ParseTerms([]byte(bad.doc))
		wantReason(t, bad.doc, err, bad.reason)
		if fieldOf(err) != bad.field {
			t.Errorf("%.200s: %v, want field %q", bad.doc, err, bad.field)
		}
		if !slices.Equal(terms.GTINs, nil) {
			t.Errorf("%s: refused and returned", bad.doc)
		}
	}
}

func TestBadTermsMakeNoDocument(t *testing.T) {
	t.Parallel()
	doc, err := Terms{Currency: "EUR", Quantity: 1, Benefit: Benefit{Type: Gift, Value: 1}}.Document()
	wantReason(t, "terms without goods", err, ReasonBadTerms)
	if doc != nil {
		t.Errorf("the document is %s", doc)
	}
}
