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
	"slices"
	"strings"
	"time"

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

func stepNames() []string {
	var names []string
	for _, s := range steps() {
		names = append(names, s.name)
	}
	return names
}

// chooseSteps returns those that a list names.
func chooseSteps(list string) ([]step, error) {
	names := strings.Split(list, ",")
	chosen := slices.DeleteFunc(steps(), func(s step) bool { return !slices.Contains(names, s.name) })
	if len(chosen) != len(names) {
		return nil, fmt.Errorf("-steps %s: they are %s", list, strings.Join(stepNames(), ","))
	}
	return chosen, nil
}

// compare measures the chosen steps as far as they are not done yet.
func (b *bench) compare(ctx context.Context) error {
	chosen, err := chooseSteps(b.options.steps)
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

// raise brings up the network of a folder, with everybody's access to it.
func (b *bench) raise(ctx context.Context, dir string, c runner.Consortium) (*bench, error) {
	one := &bench{out: b.out, options: b.options, times: b.times, report: b.report}
	var err error
	if one.network, err = start(ctx, dir, c); err != nil {
		return one, err
	}
	return one, one.open(ctx)
}

// onFresh raises a network, does something on it, and removes it.
func (b *bench) onFresh(ctx context.Context, c runner.Consortium, do func(fresh *bench, dir string) error) error {
	dir, err := os.MkdirTemp("", "ecoupon-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	fresh, err := b.raise(ctx, dir, c)
	defer func() {
		fresh.close()
		if fresh.network != nil {
			_ = fresh.network.Purge(context.WithoutCancel(ctx))
		}
	}()
	if err != nil {
		return err
	}
	return do(fresh, dir)
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

// seconds of a duration, if there is one.
func seconds(d time.Duration, err error) (float64, error) { return d.Seconds(), err }
