// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"strings"
	"testing"

	"ecoupon/network/bench/report"
)

func TestComparison(t *testing.T) {
	t.Parallel()
	c := &report.Comparison{Redeemed: 1500, Blind: 500, Levels: []report.Level{
		{Asked: 0, Disk: map[string]int64{"peer": 1 << 20}},
		{
			Asked: 1000, Spent: 1024, Redeemed: 524, Disk: map[string]int64{"peer": 3 << 20},
			Fresh: report.Sampled{PerSecond: []float64{400, 100, 200}, Late: []float64{10, 20}, Lone: []float64{40}, Start: 3},
			Grown: report.Sampled{PerSecond: []float64{100, 150, 300}, Late: []float64{30, 30}, Lone: []float64{50}, Start: 4},
		},
	}, Lanes: []report.Lanes{
		{Lanes: 1, PerSecond: []float64{100, 300, 200}, Late: []float64{50}},
		{Lanes: 4, PerSecond: []float64{500, 400, 100}, Late: []float64{60}},
	}, Sides: []report.Side{{
		Name:  "raft",
		Usual: report.Sampled{PerSecond: []float64{1000}, Late: []float64{800}, Lone: []float64{40}},
		Other: report.Sampled{PerSecond: []float64{1100}, Late: []float64{400}, Lone: []float64{30}},
	}}}
	if c.Side("raft") != &c.Sides[0] || c.Side("seven") != nil {
		t.Error("sides are not found by their names")
	}
	if c.Spent() != 2000 || !c.Done(1000) || c.Done(1024) {
		t.Errorf("%d spent, of the levels asked for 1000 is done: %t", c.Spent(), c.Done(1000))
	}
	var out strings.Builder
	c.Print(&out)
	var rows []string
	for line := range strings.Lines(out.String()) {
		rows = append(rows, strings.Join(strings.Fields(line), " "))
	}
	text := strings.Join(rows, "\n")
	for _, want := range []string{
		"4 200 400 2.00 50 60 1.20",
		"raft 1000 1100 1.10 800 400 0.50 40.0 30.0 0.75",
		"1024 524 200 150 0.75 15 30 2.00 40.0 50.0 1.25 3.0 4.0", // medians, and grown by fresh
		"1024 peer 3.0 2048",                                      // 2 MiB for 1024 coupons
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
