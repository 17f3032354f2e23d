// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import "ecoupon/network/bench/report"

// targets compares what was measured with what the project promises, as far as it
// was measured.
func targets(r *report.Report) []report.Target {
	var all []report.Target
	add := func(name string, value float64, unit string, bound float64, atMost bool) {
		all = append(all, report.Target{Name: name, Value: value, Unit: unit, Bound: bound, AtMost: atMost})
	}
	ratio := func(of report.Load, part, name string, bound float64) {
		best, found := r.Find(part, sustained)
		if !found {
			best, found = r.Best(part)
		}
		if found && best.PerSecond > 0 {
			add(name, of.PerSecond/best.PerSecond, "", bound, false)
		}
	}
	if l, found := r.Find("lone", loneRedemption); found {
		add("a lone customer: median", l.Latency.Median, "ms", 50, true)
	}
	if l, found := r.Find("steady", one); found {
		add("540 customers a second: median", l.Latency.Median, "ms", 100, true)
		add("540 customers a second: 99 %", l.Latency.P99, "ms", 300, true)
	}
	if l, found := r.Find("bound", sustained); found {
		add("bound coupons sustained", l.PerSecond, "/s", 2500, false)
		add("bound coupons sustained: 99 %", l.Latency.P99, "ms", 1000, true)
		ratio(l, "single", "bound coupons, times one per transaction", 20)
		ratio(l, "blind", "bound coupons, of a blind batched write", 0.35)
		ratio(l, "central", "bound coupons, of the central service", 0.3)
	}
	if l, found := r.Find("bearer", sustained); found {
		add("bearer coupons sustained", l.PerSecond, "/s", 4000, false)
		ratio(l, "blind", "bearer coupons, of a blind batched write", 0.6)
	}
	if l, found := r.Find("lane", laneByItself); found {
		add("issuing in process, one lane", l.PerSecond, "/s", 20_000, false)
	}
	if l, found := r.Find("public", sustained); found {
		add("issuing through the public side", l.PerSecond, "/s", 5000, false)
	}
	if l, found := r.Find("central", sustained); found {
		ratio(l, "pgbench", "the central service, of pgbench", 0.5)
	}
	return all
}
