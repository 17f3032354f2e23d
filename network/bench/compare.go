// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ecoupon/network/bench/load"
	"ecoupon/network/bench/report"
	"ecoupon/network/runner"
)

const (
	// comparisonRounds is how often what is compared is measured in turn.
	comparisonRounds = 5
	// comparisonFile says in the folder of a long run what is done.
	comparisonFile = "comparison.json"
)

// comparison measures networks that differ in one thing, side by side and in
// turn. What is done is noted in a folder: a run that was interrupted goes on.
type comparison struct {
	*bench
	dir   string
	state report.Comparison
}

// step is one thing that is compared.
type step struct {
	name, about string
	measure     func(*comparison, context.Context) error
}

// steps are all of them, in their order.
func steps() []step {
	all := []step{{"lanes", "issuing through the advertiser's page, by the number of lanes", (*comparison).lanes}}
	for _, s := range sides() {
		all = append(all, step{s.name, s.about, func(c *comparison, ctx context.Context) error { return c.side(ctx, s) }})
	}
	return append(all, step{"growth", "a ledger that grows, beside an empty one", (*comparison).growth})
}

func stepNames() []string { return namesOf(steps(), func(s step) string { return s.name }) }

// compare measures the chosen steps as far as they are not done yet.
func (b *bench) compare(ctx context.Context) error {
	chosen, err := pick("-steps", b.options.steps, steps(), func(s step) string { return s.name })
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(b.options.compare)
	if err != nil {
		return err
	}
	c := &comparison{bench: b, dir: dir, state: report.Comparison{Began: b.report.Began}}
	if err := c.load(); err != nil {
		return err
	}
	c.state.Commit, c.state.Machine = b.report.Commit, b.report.Machine
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, s := range chosen {
		fmt.Fprintf(b.out, "\n%s: %s\n", s.name, s.about)
		if err := s.measure(c, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	c.state.Print(b.out)
	if b.options.results == "" {
		return nil
	}
	path, err := c.state.Save(b.options.results)
	if err == nil {
		fmt.Fprintf(b.out, "\nsaved %s\n", path)
	}
	return err
}

func (c *comparison) load() error {
	text, err := os.ReadFile(filepath.Join(c.dir, comparisonFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &c.state)
}

func (c *comparison) save() error {
	text, err := json.MarshalIndent(c.state, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, comparisonFile), text, 0o600)
}

// another is for a network of its own.
func (c *comparison) another() *bench {
	options := c.options
	options.logs = "" // one folder does not hold those of several networks
	return &bench{out: c.out, options: options, times: c.times, report: c.report}
}

// onFresh does something on a network that is new, in a folder, and removed then.
func (c *comparison) onFresh(ctx context.Context, of runner.Consortium, do func(fresh *bench, dir string) error) error {
	fresh := c.another()
	return fresh.onNetwork(ctx, of, func(dir string) error { return do(fresh, dir) })
}

// contender is a network that is measured in turn with another.
type contender struct {
	*bench
	name string
	into *report.Sampled
}

// inTurn measures two networks, each several times.
func inTurn(ctx context.Context, part string, one, other contender) error {
	for range comparisonRounds {
		for _, c := range []contender{one, other} {
			if err := c.sample(ctx, part, c.name, c.into); err != nil {
				return err
			}
		}
	}
	return nil
}

// sample measures a crowd with bound coupons and lone customers once.
func (b *bench) sample(ctx context.Context, part, name string, s *report.Sampled) error {
	plan := load.Plan{Lasts: b.times.rung, Limit: crowd}
	customers := &selling{form: bound}
	if err := b.fill(ctx, bound, int(plan.Lasts.Seconds()*b.ceiling)); err != nil {
		return err
	}
	l := b.measure(ctx, measurement{part: part, name: name, unit: "coupons", plan: plan, work: b.counted(customers.work(b))})
	alone := b.measure(ctx, measurement{
		part: part, name: name + ", one at a time", unit: "coupons", plan: load.Plan{Lasts: b.times.rung, Limit: 1},
		work: b.counted((&selling{form: bound}).work(b)),
	})
	s.PerSecond = append(s.PerSecond, l.PerSecond)
	s.Late = append(s.Late, l.Latency.P99)
	s.Lone = append(s.Lone, alone.Latency.Median)
	return ctx.Err()
}

// counted counts what work has spent.
func (b *bench) counted(work load.Work) load.Work {
	return func(ctx context.Context, i int) (int, error) {
		n, err := work(ctx, i)
		b.spent.Add(int64(n))
		return n, err
	}
}
