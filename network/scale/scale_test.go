// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ecoupon/network/bench/report"
)

// flows are such as the benchmark makes: few and many coupons in a transaction, few
// and many transactions in a block, and none of these.
var flows = []flow{
	{18, 38, 38}, {20, 70, 70}, {25, 120, 0}, {30, 220, 0}, {6, 6, 700}, {5, 5, 1300}, {8, 9, 540}, {7, 7, 800},
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

func TestFitFindsTheCosts(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]cost{
		"all":             {0.1, 0.012, 0.004, 0.0006},
		"nothing idle":    {0, 0.012, 0.004, 0.0006},
		"by coupons only": {0, 0, 0, 0.0005},
	} {
		var seen []observation
		for _, f := range flows {
			seen = append(seen, observation{f, map[string]float64{"x": want.at(f)}})
		}
		got, err := fit(seen, "x")
		if err != nil {
			t.Fatal(err)
		}
		if !near(got.Idle, want.Idle) || !near(got.Block, want.Block) || !near(got.Transaction, want.Transaction) || !near(got.Coupon, want.Coupon) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
		if off := got.deviation(seen, "x"); off > 1e-6 {
			t.Errorf("%s: off by %f", name, off)
		}
	}
}

func TestNoCostIsBelowZero(t *testing.T) {
	t.Parallel()
	var seen []observation
	for _, f := range flows {
		seen = append(seen, observation{f, map[string]float64{"x": 0.2 - 0.001*f.Blocks + 0.0005*f.Coupons}})
	}
	got, err := fit(seen, "x")
	if err != nil {
		t.Fatal(err)
	}
	if got.Idle < 0 || got.Block < 0 || got.Transaction < 0 || got.Coupon < 0 || got.Coupon == 0 {
		t.Errorf("got %+v", got)
	}
	if _, err := fit(seen[:3], "x"); err == nil {
		t.Error("four costs are fitted to three loads")
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	d := demand{PerYear: 100 * year, Peak: 10, Channel: 400, Retailers: 5, Gather: 0.2, Busy: 0.5}
	costs := map[string]cost{report.EndorsingPeers: {Idle: 0.2, Block: 0.01, Transaction: 0.02, Coupon: 0.001}, report.RetailerService: {Coupon: 0.0005}}
	n := plan(d, costs, bytes{Peer: 1000, Orderer: 500})
	// 1,000 a second need three channels of 333.3, of which each retailer redeems
	// 66.7: 13.3 in a batch, so 25 batches, each a block.
	if n.Channels != 3 || !near(n.Each.Coupons, 1000./3) || !near(n.Each.Transactions, 25) || !near(n.Each.Blocks, 25) {
		t.Errorf("got %+v", n)
	}
	want := (0.1 + 0.005*25 + 0.01*25 + 0.0005*1000/3) / 0.5
	if got := n.Cores[report.EndorsingPeers]; !near(got, want) {
		t.Errorf("an endorsing peer takes %f, want %f", got, want)
	}
	if got := n.Cores[report.RetailerService]; !near(got, 0.0005*1000/3/5/0.5) {
		t.Errorf("a retailer's service takes %f", got)
	}
	if stored := 100. * year / 3; !near(n.Peer, stored*1000) || !near(n.Orderer, stored*500) {
		t.Errorf("disk: %+v", n)
	}
	// More retailers with fewer sales each have less in their batches, down to one.
	d.Retailers = 1000
	if n = plan(d, costs, bytes{}); !near(n.Each.Transactions, 1000./3) || !near(n.Each.Blocks, mostBlocks) {
		t.Errorf("with 1000 retailers: %+v", n.Each)
	}
}

func TestTheNewestResultCounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, commit := range map[string]string{
		"2026-01-02-030405.json": "old", "2026-02-01-000000.json": "new", "2026-03-01-000000-comparison.json": "none",
	} {
		r := report.Report{Commit: commit}
		for _, f := range flows {
			r.Loads = append(r.Loads, report.Load{
				Part: "bound", Unit: "coupons", Seconds: 10, PerSecond: f.Coupons,
				Blocks: int(10 * f.Blocks), Transactions: int(10 * f.Transactions), Cores: map[string]float64{report.Orderers: 0.01 * f.Blocks},
			})
		}
		r.Loads = append(r.Loads, report.Load{Part: "central", Blocks: 1, Seconds: 1}, report.Load{Part: "bound", Seconds: 1})
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if err := run([]string{"-results", dir, "-volumes", "1.7e9"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"commit new", "fitted to 8 loads", "539/s at the peak", "10.00"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	for _, bad := range [][]string{{"-results", t.TempDir()}, {"-results", dir, "-volumes", "x"}, {"-results", dir, "-peak", "0"}, {"-results", dir, "y"}} {
		if err := run(bad, &out); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
