// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command scale says what a year's coupons take: it fits a model to what the
// benchmark has measured, and prints processors, disk and channels.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"ecoupon/network/bench/report"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("scale", flag.ContinueOnError)
	results := flags.String("results", filepath.Join("network", "bench", "results"), "directory with the benchmark's results, of which the newest counts")
	volumes := flags.String("volumes", "1.7e9,300e9", "coupons redeemed in a year, separated by commas")
	d := demand{}
	flags.Float64Var(&d.Peak, "peak", 10, "the busiest time, as a multiple of the average")
	flags.Float64Var(&d.Channel, "channel", 2500, "redemptions a second in one channel at most")
	flags.Float64Var(&d.Retailers, "retailers", 20, "retailers that redeem in each channel")
	flags.Float64Var(&d.Gather, "gather", 0.25, "seconds that a retailer's service gathers sales for a batch")
	flags.Float64Var(&d.Busy, "busy", 0.5, "share of its processors that a process is to use at most")
	var size bytes
	flags.Float64Var(&size.Peer, "peer-bytes", 900, "bytes on a peer's disk for each coupon")
	flags.Float64Var(&size.Orderer, "orderer-bytes", 850, "bytes on an orderer's disk for each coupon")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if err := d.check(); err != nil {
		return err
	}
	r, err := newest(*results)
	if err != nil {
		return err
	}
	costs, err := model(r, out)
	if err != nil {
		return err
	}
	for _, field := range strings.Split(*volumes, ",") {
		if d.PerYear, err = strconv.ParseFloat(field, 64); err != nil || d.PerYear <= 0 {
			return fmt.Errorf("-volumes %s: numbers above 0, separated by commas", *volumes)
		}
		plan(d, costs, size).print(out, d)
	}
	return nil
}

// newest reads the newest report in a directory.
func newest(dir string) (report.Report, error) {
	var r report.Report
	names, err := filepath.Glob(filepath.Join(dir, "????-??-??-??????.json"))
	if err != nil {
		return r, err
	}
	if len(names) == 0 {
		return r, fmt.Errorf("there is no result of the benchmark in %s: make bench", dir)
	}
	name := names[len(names)-1] // names are times, and sorted
	text, err := os.ReadFile(name)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("reading %s: %w", name, err)
	}
	return r, nil
}

// model fits and prints the costs of all groups.
func model(r report.Report, out io.Writer) (map[string]cost, error) {
	seen := observations(r)
	fmt.Fprintf(out, "fitted to %d loads of %s, commit %s, %s\n\n", len(seen), r.Began.Format("2 January 2006"), r.Commit, r.Machine)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "all processes of a group\tidle, processors\tms for a block\tfor a transaction\tfor a coupon\toff by\t")
	costs := make(map[string]cost)
	for _, group := range groups {
		c, err := fit(seen, group)
		if err != nil {
			return nil, err
		}
		costs[group] = c
		fmt.Fprintf(w, "%s\t%.3f\t%.2f\t%.2f\t%.3f\t%.0f %%\t\n", group, c.Idle, 1000*c.Block, 1000*c.Transaction, 1000*c.Coupon, 100*c.deviation(seen, group))
	}
	return costs, w.Flush()
}

func (d demand) check() error {
	for name, value := range map[string]float64{"peak": d.Peak, "channel": d.Channel, "retailers": d.Retailers, "gather": d.Gather, "busy": d.Busy} {
		if value <= 0 {
			return fmt.Errorf("-%s is to be above 0", name)
		}
	}
	return nil
}
