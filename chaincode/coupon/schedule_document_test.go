// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSchedules(t *testing.T) {
	t.Parallel()
	number := func(n int64) *int64 { return &n }
	for doc, want := range map[string]Schedule{
		decay:   {Type: Linear, From: FromRelease, Start: hour, End: 4 * hour, To: number(20)},
		growth:  {Type: Linear, From: FromRelease, End: day, To: number(1000)},
		byDay:   {Type: Linear, From: FromBegin, Start: day, End: 2 * day, To: number(0)},
		stepped: {Type: Stepped, From: FromRelease, Steps: []Step{{60_000, 80}, {hour, 0}, {2 * hour, 90}}},
		early:   {Type: EarlyBird, First: 100, To: number(300)},
		lottery: {Type: Random, To: number(104)},
	} {
		terms := scheduled(t, 100, doc)
		if diff := cmp.Diff(&want, terms.Benefit.Schedule); diff != "" {
			t.Errorf("%s:\n%s", doc, diff)
		}
		again, err := terms.Document()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(terms, mustTerms(t, string(again))); diff != "" {
			t.Errorf("%s written and read again:\n%s", doc, diff)
		}
	}
}

// steppedBy is a schedule of these steps.
func steppedBy(list ...string) string {
	return `{"type":"stepped","from":"begin","steps":[` + strings.Join(list, ",") + `]}`
}

// manySteps is one more than a schedule may have.
func manySteps() []string {
	var list []string
	for i := range MaxSteps + 1 {
		list = append(list, fmt.Sprintf(`{"after":%d,"to":1}`, i+1))
	}
	return list
}

// badSchedules have each one mistake, in the field named.
var badSchedules = []struct{ schedule, field string }{
	{`null`, ""},
	{`[]`, ""},
	{`{}`, "type"},
	{`{"type":"Linear"}`, "type"},
	{`{"type":"linear","from":"begin","end":1,"to":1,"of":3}`, ""},
	{`{"type":"linear","from":"begin","end":1,"to":null}`, "to"},
	{`{"type":"linear","from":"begin","end":1,"to":1,"To":1}`, ""},
	{`{"type":"linear","from":"begin","end":1,"to":1.5}`, "to"},
	{`{"type":"linear","end":1,"to":1}`, "from"},
	{`{"type":"linear","from":"","end":1,"to":1}`, "from"},
	{`{"type":"linear","from":"Begin","end":1,"to":1}`, "from"},
	{`{"type":"linear","from":"begin","to":1}`, "end"},
	{`{"type":"linear","from":"begin","end":0,"to":1}`, "end"},
	{`{"type":"linear","from":"begin","start":5,"end":5,"to":1}`, "end"},
	{`{"type":"linear","from":"begin","start":-1,"end":5,"to":1}`, "end"},
	{`{"type":"linear","from":"begin","end":316224000001,"to":1}`, "end"},
	{`{"type":"linear","from":"begin","end":1}`, "to"},
	{`{"type":"linear","from":"begin","end":1,"to":-1}`, "to"},
	{`{"type":"linear","from":"begin","end":1,"to":1000000000001}`, "to"},
	{`{"type":"linear","from":"begin","end":1,"to":100}`, "to"},
	{`{"type":"linear","from":"begin","end":1,"to":1,"first":0}`, "first"},
	{`{"type":"linear","from":"begin","end":1,"to":1,"steps":[]}`, "steps"},
	{`{"type":"stepped","from":"begin"}`, "steps"},
	{steppedBy(), "steps"},
	{steppedBy(manySteps()...), "steps"},
	{`{"type":"stepped","steps":[{"after":1,"to":1}]}`, "from"},
	{`{"type":"stepped","from":"now","steps":[{"after":1,"to":1}]}`, "from"},
	{`{"type":"stepped","from":"begin","start":0,"steps":[{"after":1,"to":1}]}`, "start"},
	{`{"type":"stepped","from":"begin","end":0,"steps":[{"after":1,"to":1}]}`, "end"},
	{`{"type":"stepped","from":"begin","to":1,"steps":[{"after":1,"to":1}]}`, "to"},
	{`{"type":"stepped","from":"begin","first":1,"steps":[{"after":1,"to":1}]}`, "first"},
	{steppedBy(`{"to":1}`), "steps[0].after"},
	{steppedBy(`{"after":1}`), "steps[0].to"},
	{steppedBy(`{"after":1,"to":1,"by":1}`), "steps[0]"},
	{steppedBy(`null`), "steps[0]"},
	{steppedBy(`{"after":0,"to":1}`), "steps[0].after"},
	{steppedBy(`{"after":316224000001,"to":1}`), "steps[0].after"},
	{steppedBy(`{"after":2,"to":1}`, `{"after":2,"to":2}`), "steps[1].after"},
	{steppedBy(`{"after":2,"to":1}`, `{"after":1,"to":2}`), "steps[1].after"},
	{steppedBy(`{"after":1,"to":-1}`), "steps[0].to"},
	{steppedBy(`{"after":1,"to":1}`, `{"after":2,"to":1000000000001}`), "steps[1].to"},
	{`{"type":"early_bird","to":101}`, "first"},
	{`{"type":"early_bird","first":0,"to":101}`, "first"},
	{`{"type":"early_bird","first":-1,"to":101}`, "first"},
	{`{"type":"early_bird","first":1}`, "to"},
	{`{"type":"early_bird","first":1,"to":100}`, "to"},
	{`{"type":"early_bird","first":1,"to":1000000000001}`, "to"},
	{`{"type":"early_bird","first":1,"to":101,"from":"begin"}`, "from"},
	{`{"type":"early_bird","first":1,"to":101,"from":""}`, "from"},
	{`{"type":"early_bird","first":1,"to":101,"end":1}`, "end"},
	{`{"type":"early_bird","first":1,"to":101,"steps":[{"after":1,"to":1}]}`, "steps"},
	{`{"type":"random"}`, "to"},
	{`{"type":"random","to":100}`, "to"},
	{`{"type":"random","to":99}`, "to"},
	{`{"type":"random","to":101,"from":"release"}`, "from"},
	{`{"type":"random","to":101,"start":1}`, "start"},
	{`{"type":"random","to":101,"first":1}`, "first"},
}

func TestSchedulesRefused(t *testing.T) {
	t.Parallel()
	t.Logf("must be refused with %s", ReasonBadTerms)
	scheduled(t, 100, steppedBy(manySteps()[:MaxSteps]...))
	for _, bad := range badSchedules {
		doc := termsWith("benefit", `{"type":"amount_off","amount":100,"schedule":`+bad.schedule+`}`)
		_, err := ParseTerms([]byte(doc))
		wantReason(t, bad.schedule, err, ReasonBadTerms)
		want := strings.TrimSuffix("benefit.schedule."+bad.field, ".")
		if fieldOf(err) != want {
			t.Errorf("%s: %v, want field %q", bad.schedule, err, want)
		}
	}
}

// TestSchedulesOfPercentages have 100 as their limit, whatever the cap.
func TestSchedulesOfPercentages(t *testing.T) {
	t.Parallel()
	const benefit = `{"type":"percent_off","percent":10,"cap":500,"schedule":{"type":"early_bird","first":1,"to":%d}}`
	terms := mustTerms(t, termsWith("benefit", fmt.Sprintf(benefit, 100)))
	if got := terms.HighestValue(); got != 500 {
		t.Errorf("worth %d at most, want the cap", got)
	}
	_, err := ParseTerms([]byte(termsWith("benefit", fmt.Sprintf(benefit, 101))))
	wantReason(t, "101 percent", err, ReasonBadTerms)
	if fieldOf(err) != "benefit.schedule.to" {
		t.Errorf("field %q", fieldOf(err))
	}
}
