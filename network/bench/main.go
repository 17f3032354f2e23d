// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command bench measures the whole on a network of its own, and what it is to be
// compared with in the same run: see the parts in parts.go. It prints tables
// and writes JSON and charts into a directory.
//
// With -compare it compares networks that differ in one thing: see the steps in
// compare.go. That takes hours, and goes on where it was.
//
// With -leader it kills the leader of the orderers while customers come at a
// steady rate, starts it again, and then serves as many as the machine can. It
// fails if an acknowledged redemption is not on the ledger.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"ecoupon/network/bench/central"
	"ecoupon/network/bench/report"
)

// gcPercent makes the load generator, which shares the machine with what it
// measures, and the central service collect garbage less often.
const gcPercent = 400

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	interval, logs, results string
	only                    string
	short, leader           bool
	// central is the file of the central service, as which the process runs then.
	central string
	// bound and bearer are rates of requests; 0 finds them out.
	bound, bearer float64
	limit         time.Duration
	storm         storm
	// compare is the folder of a long run; the others say how it goes.
	compare, steps, levels string
	redeemed               int
}

func (o *options) parse(args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.interval, "interval", "", "block interval of the network, such as 20ms (default: the runner's)")
	flags.StringVar(&o.logs, "logs", "", "a new directory to keep the logs of all processes in")
	flags.StringVar(&o.results, "results", "", "a directory for JSON and charts (default: none are kept)")
	flags.StringVar(&o.only, "only", "", "parts to measure, separated by commas: "+strings.Join(partNames(), ", "))
	flags.BoolVar(&o.short, "short", false, "a few seconds for each part: the figures do not count")
	flags.Float64Var(&o.bound, "bound", 0, "requests a second with bound coupons (default: what can be sustained is searched for)")
	flags.Float64Var(&o.bearer, "bearer", 0, "requests a second with bearer coupons (default: likewise)")
	flags.DurationVar(&o.limit, "limit", 30*time.Minute, "after this time what is not measured is left out, and the run fails")
	flags.StringVar(&o.central, "central", "", "a file: be the central service that it describes, and nothing else")
	flags.BoolVar(&o.leader, "leader", false, "kill the leader of the orderers under load, then measure full load; nothing else")
	flags.IntVar(&o.storm.rate, "rate", 100, "with -leader: customers a second while the leader is killed")
	flags.DurationVar(&o.storm.full, "full", 2*time.Minute, "with -leader: how long full load lasts; 0 for none")
	flags.StringVar(&o.compare, "compare", "", "a directory: compare networks; a run that was interrupted goes on there")
	flags.StringVar(&o.steps, "steps", strings.Join(stepNames(), ","), "with -compare: what to compare")
	flags.StringVar(&o.levels, "levels", "0,1000000,10000000", "with -compare: at how many spent coupons a ledger that grows is compared")
	flags.IntVar(&o.redeemed, "redeemed", 1_000_000, "with -compare: how many of them are redeemed at the tills; what they write is written for more")
	flags.IntVar(&o.storm.tills, "tills", 400, "with -leader: tills that serve one customer after the other at full load")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	return nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	if err := o.parse(args); err != nil {
		return err
	}
	debug.SetGCPercent(gcPercent)
	if o.central != "" {
		return central.Run(ctx, o.central)
	}
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	began := time.Now()
	b := &bench{out: out, options: o, times: timesOf(o.short), report: &report.Report{
		Began: began, Commit: report.Commit(ctx), Machine: report.ThisMachine(), Short: o.short, Options: args,
	}}
	if o.leader {
		return b.onNetwork(ctx, consortium(o.interval), func(string) error { return o.storm.run(ctx, b) })
	}
	if o.compare != "" {
		return b.compare(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	err = b.measureAll(limited, chosen)
	b.report.Seconds = time.Since(began).Seconds()
	b.report.Targets = targets(b.report)
	b.report.Print(out)
	if o.results != "" && len(b.report.Loads) > 0 {
		path, failed := b.report.Save(o.results)
		charts, undrawn := b.report.Draw(o.results)
		err = errors.Join(err, failed, undrawn)
		fmt.Fprintf(out, "\nsaved %s\n", strings.Join(append([]string{path}, charts...), "\n      "))
	}
	return err
}

// measureAll measures the chosen parts in turn. A part that fails does not keep
// others from being measured.
func (b *bench) measureAll(ctx context.Context, chosen []part) error {
	var failed []error
	measure := func(ctx context.Context, needsNetwork bool) {
		for _, p := range chosen {
			if p.network != needsNetwork || ctx.Err() != nil {
				continue
			}
			fmt.Fprintf(b.out, "\n%s: %s\n", p.name, p.about)
			if err := p.measure(b, ctx); err != nil {
				fmt.Fprintf(b.out, "%s: %v\n", p.name, err)
				failed = append(failed, fmt.Errorf("%s: %w", p.name, err))
			}
		}
	}
	measure(ctx, false)
	for _, p := range chosen {
		if p.network {
			failed = append(failed, b.onNetwork(ctx, consortium(b.options.interval), func(string) error { measure(ctx, true); return nil }))
			break
		}
	}
	return errors.Join(append(failed, ctx.Err())...)
}
