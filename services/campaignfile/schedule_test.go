// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package campaignfile_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/campaignfile"
)

// dynamicFile is a campaign of dynamic coupons with this benefit.
func dynamicFile(benefit string) string {
	return `campaign: coffee
version: 1
product: Coffee
offer: the sooner the better
holder: bearer
kinds: [dynamic]
max_frame_age: 10s
begin: today
end: +14d
terms:
  currency: EUR
  gtins: ["9521234544012"]
  quantity: 1
  benefit: ` + benefit + "\n"
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	number := func(n int64) *int64 { return &n }
	for benefit, want := range map[string]coupon.Benefit{
		`{type: amount_off, amount: 1.00, schedule: {type: linear, from: release, end: 2h, to: 0.20}}`: {
			Type: coupon.AmountOff, Amount: 100,
			Schedule: &coupon.Schedule{Type: coupon.Linear, From: coupon.FromRelease, End: 7_200_000, To: number(20)},
		},
		`{type: percent_off, percent: 50, cap: 3.00, schedule: {type: linear, from: begin, start: 30m, end: 1d, to: 0}}`: {
			Type: coupon.PercentOff, Percent: 50, Cap: 300,
			Schedule: &coupon.Schedule{Type: coupon.Linear, From: coupon.FromBegin, Start: 1_800_000, End: 86_400_000, To: number(0)},
		},
		`{type: gift, value: 2.50, schedule: {type: stepped, from: release, steps: [{after: 90s, to: 5.00}, {after: 7d, to: 0.00}]}}`: {
			Type: coupon.Gift, Value: 250,
			Schedule: &coupon.Schedule{Type: coupon.Stepped, From: coupon.FromRelease, Steps: []coupon.Step{{After: 90_000, To: 500}, {After: 604_800_000}}},
		},
		`{type: free_item, cap: 4.00, schedule: {type: early_bird, first: 100, to: 9.00}}`: {
			Type: coupon.FreeItem, Cap: 400,
			Schedule: &coupon.Schedule{Type: coupon.EarlyBird, First: 100, To: number(900)},
		},
		`{type: amount_off, amount: 0.10, schedule: {type: random, to: 5.00}}`: {
			Type: coupon.AmountOff, Amount: 10,
			Schedule: &coupon.Schedule{Type: coupon.Random, To: number(500)},
		},
	} {
		c, err := campaignfile.Parse("f.yaml", []byte(dynamicFile(benefit)), now)
		if err != nil {
			t.Errorf("%s: %v", benefit, err)
			continue
		}
		parsed, err := coupon.ParseTerms([]byte(c.Terms))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, parsed.Benefit); diff != "" {
			t.Errorf("%s (-want +got):\n%s", benefit, diff)
		}
		shown := campaignfile.Request(c, "id").GetCampaign()
		if c.MaxFrameAge != 10_000 || shown.GetMaxFrameAge().AsDuration() != 10*time.Second || shown.GetKinds()[0] != typev1.Kind_KIND_DYNAMIC {
			t.Errorf("%s: %v", benefit, shown)
		}
	}
}

func TestCalendarScheduleOfAStaticCoupon(t *testing.T) {
	t.Parallel()
	text := strings.Replace(good, "    cap: 3.00\n", "    cap: 3.00\n    schedule: {type: stepped, from: begin, steps: [{after: 7d, to: 10}]}\n", 1)
	c, err := campaignfile.Parse("f.yaml", []byte(text), now)
	if err != nil || c.MaxFrameAge != 0 || campaignfile.Request(c, "id").GetCampaign().GetMaxFrameAge() != nil {
		t.Fatalf("%+v, %v", c, err)
	}
	text = strings.Replace(text, "from: begin", "from: release", 1)
	_, err = campaignfile.Parse("f.yaml", []byte(text), now)
	if want := "f.yaml:20: terms.benefit.schedule: static coupons can vary only"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestMistakesOfDynamicCampaigns(t *testing.T) {
	t.Parallel()
	linear := dynamicFile("{type: amount_off, amount: 1.00, schedule: {type: linear, from: release, start: 1m, end: 2h, to: 0.20}}")
	stepped := dynamicFile("{type: amount_off, amount: 1.00, schedule: {type: stepped, from: release, steps: [{after: 1h, to: 2.00}]}}")
	early := dynamicFile("{type: amount_off, amount: 1.00, schedule: {type: early_bird, first: 10, to: 2.00}}")
	percent := dynamicFile("{type: percent_off, percent: 20, cap: 1.00, schedule: {type: random, to: 40}}")
	const at = "terms.benefit.schedule."
	for _, test := range []struct{ file, from, to, want string }{
		{linear, "max_frame_age: 10s\n", "", "f.yaml: max_frame_age: is missing"},
		{linear, "10s", "10", `f.yaml:7: max_frame_age: "10" is no duration`},
		{linear, "10s", "25h", `f.yaml:7: max_frame_age: is 1ms to 1d, not "25h"`},
		{linear, "10s", "0s", `f.yaml:7: max_frame_age: is 1ms to 1d, not "0s"`},
		{strings.Replace(linear, "release", "begin", 1), "[dynamic]", "[static]", "f.yaml:7: max_frame_age: only dynamic coupons and purchase proofs have a time of release"},
		{linear, "type: linear, ", "", "f.yaml: " + at + "type: is missing"},
		{linear, "linear", "quadratic", "f.yaml:14: " + at + "type: is one of [linear stepped early_bird random]"},
		{linear, "from: release, ", "", "f.yaml: " + at + "from: is missing"},
		{linear, "from: release", "from: today", "f.yaml:14: " + at + "from: is one of [release begin]"},
		{linear, "start: 1m", "start: -1m", "f.yaml:14: " + at + `start: "-1m" is no duration`},
		{linear, "end: 2h, ", "", "f.yaml: " + at + "end: is missing"},
		{linear, "end: 2h", "end: 2 h", "f.yaml:14: " + at + `end: "2 h" is no duration`},
		{linear, "end: 2h", "end: 30s", "f.yaml:11: terms: BAD_TERMS: benefit.schedule.end"},
		{linear, "to: 0.20", "to: 20", "f.yaml:14: " + at + `to: "20" is no amount of EUR`},
		{linear, ", to: 0.20", "", "f.yaml: " + at + "to: is missing"},
		{linear, "to: 0.20", "to: 0.20, first: 5", "f.yaml:14: " + at + "first: the schedule linear has no first"},
		{linear, "to: 0.20", "to: 0.20, steps: [{after: 1h, to: 0.10}]", "f.yaml:14: " + at + "steps: the schedule linear has no steps"},
		{linear, "to: 0.20", "too: 0.20", "f.yaml:14: too: there is no such field"},
		{stepped, ", steps: [{after: 1h, to: 2.00}]", "", "f.yaml: " + at + "steps: is missing"},
		{stepped, "after: 1h, ", "", "f.yaml: " + at + "steps[0].after: is missing"},
		{stepped, "after: 1h", "after: noon", "f.yaml:14: " + at + `steps[0].after: "noon" is no duration`},
		{stepped, ", to: 2.00", "", "f.yaml: " + at + "steps[0].to: is missing"},
		{stepped, "from: release", "from: release, to: 2.00", "f.yaml:14: " + at + "to: the schedule stepped has no to"},
		{early, "first: 10, ", "", "f.yaml: " + at + "first: is missing"},
		{early, "first: 10", "first: 0", "f.yaml:14: " + at + `first: is a count from 1, not "0"`},
		{early, "first: 10", "first: 10, from: begin", "f.yaml:14: " + at + "from: the schedule early_bird has no from"},
		{early, "first: 10", "first: 10, start: 1h", "f.yaml:14: " + at + "start: the schedule early_bird has no start"},
		{early, "first: 10", "first: 10, end: 1h", "f.yaml:14: " + at + "end: the schedule early_bird has no end"},
		{early, "to: 2.00", "to: 0.50", "f.yaml:11: terms: BAD_TERMS: benefit.schedule.to"},
		{percent, "to: 40", "to: 101", "f.yaml:14: " + at + `to: is a percentage from 0 to 100, not "101"`},
		{percent, "to: 40", "to: 0.40", "f.yaml:14: " + at + `to: is a percentage from 0 to 100, not "0.40"`},
	} {
		t.Run(test.want, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(test.file, test.from) {
				t.Fatalf("%q is not in the file", test.from)
			}
			_, err := campaignfile.Parse("f.yaml", []byte(strings.Replace(test.file, test.from, test.to, 1)), now)
			if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0s": 0, "1ms": 1, "999ms": 999, "10s": 10_000, "30m": 1_800_000, "2h": 7_200_000, "36h": 129_600_000, "7d": 604_800_000, "3660d": 316_224_000_000,
	} {
		got, err := campaignfile.ParseDuration(text)
		if err != nil || got != want || campaignfile.FormatDuration(got) != text {
			t.Errorf("%s: %d, %v, written %s", text, got, err, campaignfile.FormatDuration(got))
		}
	}
	if got := fmt.Sprint(campaignfile.FormatDuration(90_000), " ", campaignfile.FormatDuration(86_400_000)); got != "90s 1d" {
		t.Errorf("written %s", got)
	}
	for _, text := range []string{"", "s", "1", "01s", "+1s", "-1s", "1.5h", "1h30m", "1 h", "1H", "3661d", "9223372036854775807ms", "99999999999999999999s", "1mm", "1sm"} {
		if got, err := campaignfile.ParseDuration(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}
