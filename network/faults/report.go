// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// observed is what an episode did to the tills.
type observed struct {
	episode
	// gap is the longest time without a redemption at one of the retailers,
	// recovery the time from the process being back to a redemption at each
	// that was asked for after, wait the longest that a till waited for any
	// answer.
	gap, recovery, wait time.Duration
}

// report prints a row for each kind of fault, and what was done in all.
func (p *play) report(out io.Writer) {
	rows := map[string][]observed{}
	for _, o := range p.observed {
		rows[o.fault()] = append(rows[o.fault()], o)
	}
	fmt.Fprintf(out, "\nseed %d, %d episodes in %s, %.0f calls a second; seconds\n\n", p.seed, len(p.observed), p.took.Round(time.Second),
		float64(p.book.done())/max(1, p.took.Seconds()))
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', tabwriter.Debug)
	fmt.Fprintln(w, "| fault\t episodes\t longest without a redemption at one retailer\t median recovery\t longest wait for any answer\t")
	fmt.Fprintln(w, "|---\t---:\t---:\t---:\t---:\t")
	for _, fault := range slices.Sorted(maps.Keys(rows)) {
		var gap, wait time.Duration
		var recoveries []time.Duration
		for _, o := range rows[fault] {
			gap, wait = max(gap, o.gap), max(wait, o.wait)
			recoveries = append(recoveries, o.recovery)
		}
		slices.Sort(recoveries)
		fmt.Fprintf(w, "| %s\t %d\t %.1f\t %.1f\t %.1f\t\n", fault, len(recoveries),
			gap.Seconds(), recoveries[(len(recoveries)-1)/2].Seconds(), wait.Seconds())
	}
	_ = w.Flush()
	b := p.book
	voids := b.former.voided
	for _, s := range b.sales {
		if s.voided {
			voids++
		}
	}
	fmt.Fprintf(out, "\n%d redemptions accepted, %d of them voided, %d refused; %d claims, %d settlements\n",
		b.former.sales+len(b.sales), voids, b.former.turned+len(b.turned), b.claims, b.former.settled+len(b.settled))
	fmt.Fprintln(out, p.verdict)
	if bytes, err := sizeOf(p.stage.network.StateDir()); err == nil {
		fmt.Fprintf(out, "%d MB on disk in all\n", bytes>>20)
	}
	fmt.Fprintf(out, "%d calls of tills, of which %d had to be sent again:\n", b.asked, b.again)
	for _, fault := range slices.Sorted(maps.Keys(b.faults)) {
		fmt.Fprintf(out, "  %6d %s\n", b.faults[fault], fault)
	}
	for _, d := range p.deaths {
		fmt.Fprintln(out, d)
	}
	for _, problem := range b.problems {
		fmt.Fprintf(out, "PROBLEM: %s\n", problem)
	}
	if len(b.problems) == 0 {
		fmt.Fprintln(out, "the books agree: what was acknowledged is on the ledger, once")
	}
}
