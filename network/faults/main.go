// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command faults plays against a network of its own: customers fetch coupons,
// the tills of two retailers redeem them, claims are made and settled, and
// meanwhile every kind of process is killed, halted and restarted at random
// moments. Tills do as real ones: without a definite answer most send the same
// request again. What each was told is recorded and checked for
// linearizability, and everything that was acknowledged is compared with every
// peer's ledger; what cannot be or differs is printed, and the command fails.
//
// The same seed makes the same faults in the same order, with the same times
// between; what the processes are about then is up to them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// soakEpisodes are more than a run of hours has, soakCalls how many calls
	// belong to each of them.
	soakEpisodes = 100_000
	soakCalls    = 2000
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	seed := flag.Uint64("seed", 0, "`number` that makes the schedule; 0 draws one")
	episodes := flag.Int("episodes", 200, "`number` of faults")
	operations := flag.Int("operations", 1_000_000, "`number` of calls of tills in all, at least")
	hours := flag.Float64("hours", 0, "`hours` after which no further fault begins, whatever number was asked for; with tables of how processes grow")
	crowd := flag.Int("crowd", 384, "`number` of customers served at a time")
	only := flag.String("only", "", "play only faults that have one of these comma-separated `texts` in their names, such as \"kill,disk\"")
	drawings := flag.String("drawings", filepath.Join(".cache", "histories"), "`directory` for pictures of histories that cannot be")
	keep := flag.String("keep-logs", "", "existing `directory` to copy the processes' logs into")
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64N(1_000_000) + 1 //nolint:gosec // it is printed anyway
	}
	p := newPlay(nil)
	p.seed, p.crowd, p.perEpisode = *seed, *crowd, *operations/max(1, *episodes)
	p.drawings, p.out = *drawings, os.Stdout
	if *hours > 0 {
		*episodes, p.perEpisode = soakEpisodes, soakCalls
		p.lasts = time.Duration(*hours * float64(time.Hour))
	}
	list := schedule(*seed, *episodes, split(*only)...)
	if err := run(ctx, p, list, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		fmt.Fprintf(os.Stderr, "faults: to replay: bin/faults -seed %d -episodes %d -operations %d -crowd %d -only %q\n",
			*seed, *episodes, *operations, *crowd, *only)
		os.Exit(1)
	}
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func run(ctx context.Context, p *play, list []episode, keep string) (err error) {
	if len(list) == 0 {
		return errors.New("there is no such fault")
	}
	fmt.Fprintf(p.out, "seed %d, at most %d episodes of %d calls\n", p.seed, len(list), p.perEpisode)
	dir, err := os.MkdirTemp("", "ecoupon-faults-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := build(ctx, dir, os.Stderr)
	if s != nil {
		defer func() { err = errors.Join(err, s.strike(context.WithoutCancel(ctx))) }()
		if keep != "" {
			defer func() { err = errors.Join(err, s.keepLogs(keep)) }()
		}
	}
	if err != nil {
		return err
	}
	p.stage = s
	failed := p.run(ctx, list)
	p.report(p.out)
	if n := len(p.book.problems); n > 0 {
		failed = errors.Join(failed, fmt.Errorf("the books differ: %d problems", n))
	}
	return errors.Join(failed, p.verdict.err())
}
