// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command mutate shows that every check of the rules is tested. It finds every
// place in chaincode/coupon and chaincode/contract that refuses, by syntax,
// removes each in turn and runs the tests that reach it: one of them must fail,
// and name the reason that is no longer given, in its output or its source. It does
// so, too, for the places that only pass on what another function refused, or could
// not find out; these have no reason of their own.
//
// The working tree is not touched: the tests are built once, from a copy in which
// every such place asks whether it is switched off. First each test runs alone,
// to learn what it reaches.
//
// A place that no test misses is a survivor. survivors.txt says of those that
// cannot matter why; a place that is not in it, and an entry that no place needs,
// are errors.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"ecoupon/network/internal/command"
)

// packages are those whose refusals are removed, below the repository's root.
var packages = []string{"chaincode/coupon", "chaincode/contract"}

func main() { command.Main("mutate", run) }

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	root := flags.String("root", ".", "the repository")
	only := flags.String("run", "", "places whose package, function and reason match this expression; entries of others are left alone")
	list := flags.Bool("list", false, "list the places and stop")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	all, err := find(*root)
	if err != nil {
		return err
	}
	excused, err := readSurvivors(filepath.Join(*root, "network", "mutate", "survivors.txt"))
	if err != nil {
		return err
	}
	chosen := all.choose(wanted)
	if *list {
		for _, p := range chosen {
			fmt.Fprintf(out, "%s  %s\n", p.where(), p)
		}
		return nil
	}
	scratch, err := os.MkdirTemp("", "ecoupon-mutate-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	began := time.Now()
	b, err := build(ctx, *root, scratch, all.rewritten, all.named)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d places; built in %.0f s\n", len(all.places), time.Since(began).Seconds())
	if err := b.learn(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d tests run alone after %.0f s\n", b.count(), time.Since(began).Seconds())
	tally, err := b.removeEach(ctx, chosen, excused, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d removed in %.0f s: %d caught, %d excused, %d survived\n",
		len(chosen), time.Since(began).Seconds(), tally.caught, tally.excused, tally.survived)
	return tally.verdict(excused, *only == "")
}
