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
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"ecoupon/network/bench/load"
	"ecoupon/network/bench/report"
	"ecoupon/network/desk"
)

const (
	// growthRounds is how often two networks are measured in turn.
	growthRounds = 5
	// chunk is how many coupons are spent between two notes of how many were.
	chunk = 50_000
	// blindInFlight is how many blind writes are in flight while a ledger grows.
	blindInFlight = 8
	// growthFile says in the folder of a long run what is done.
	growthFile = "growth.json"
)

// growth measures whether spent coupons slow a network down: it has one grow, and
// at each level measures it in turn with one that has none. What is done is
// noted in a folder, where the network is too: a run that was interrupted goes on.
type growth struct {
	*bench
	dir    string
	levels []int
	state  report.Growth
}

// parseLevels reads numbers of spent coupons that ascend, separated by commas.
func parseLevels(text string) ([]int, error) {
	var levels []int
	for _, field := range strings.Split(text, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 0 || len(levels) > 0 && n <= levels[len(levels)-1] {
			return nil, fmt.Errorf("-levels %s: numbers that ascend, separated by commas", text)
		}
		levels = append(levels, n)
	}
	return levels, nil
}

// grow measures all levels that are not done yet.
func (b *bench) grow(ctx context.Context) error {
	levels, err := parseLevels(b.options.levels)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(b.options.growth)
	if err != nil {
		return err
	}
	g := &growth{bench: b, dir: dir, levels: levels, state: report.Growth{Began: b.report.Began}}
	if err := g.load(); err != nil {
		return err
	}
	g.state.Commit, g.state.Machine = b.report.Commit, b.report.Machine
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	grown, err := b.raise(ctx, dir)
	if grown.network != nil {
		defer func() { _ = grown.network.Down(context.WithoutCancel(ctx)) }()
	}
	defer func() { grown.close() }()
	if err != nil {
		return err
	}
	for _, level := range levels {
		if g.state.Done(level) {
			continue
		}
		if err := g.level(ctx, grown, level); err != nil {
			return err
		}
	}
	g.state.Print(b.out)
	if b.options.results != "" {
		path, err := g.state.Save(b.options.results)
		if err != nil {
			return err
		}
		fmt.Fprintf(b.out, "\nsaved %s\n", path)
	}
	fmt.Fprintf(b.out, "the network that has grown is in %s; to remove it: bin/network purge --state %s\n", dir, grown.network.StateDir())
	return nil
}

func (g *growth) load() error {
	text, err := os.ReadFile(filepath.Join(g.dir, growthFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &g.state)
}

func (g *growth) save() error {
	text, err := json.MarshalIndent(g.state, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(g.dir, growthFile), text, 0o600)
}

// raise brings up the network of a folder, with everybody's access to it.
func (b *bench) raise(ctx context.Context, dir string) (*bench, error) {
	one := &bench{out: b.out, options: b.options, times: b.times, report: b.report}
	var err error
	if one.network, err = start(ctx, dir, b.options.interval); err != nil {
		return one, err
	}
	return one, one.open(ctx)
}

// restart stops a network and returns how long it takes until it serves again.
func (b *bench) restart(ctx context.Context, dir string) (time.Duration, error) {
	b.close()
	if err := b.network.Down(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	var err error
	if b.network, err = start(ctx, dir, b.options.interval); err != nil {
		return 0, err
	}
	took := time.Since(began)
	return took, b.open(ctx)
}

// level has the network grow and compares it with a fresh one.
func (g *growth) level(ctx context.Context, grown *bench, level int) error {
	fmt.Fprintf(g.out, "\n%d spent coupons\n", level)
	if err := g.spend(ctx, grown, level); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ecoupon-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	fresh, err := g.raise(ctx, dir)
	if fresh.network != nil {
		defer func() { _ = fresh.network.Purge(context.WithoutCancel(ctx)) }()
	}
	defer func() { fresh.close() }()
	if err != nil {
		return err
	}
	one := report.Level{Asked: level, Spent: g.state.Spent(), Redeemed: g.state.Redeemed, Disk: make(map[string]int64)}
	if one.Fresh.Start, err = seconds(fresh.restart(ctx, dir)); err != nil {
		return err
	}
	if one.Grown.Start, err = seconds(grown.restart(ctx, g.dir)); err != nil {
		return err
	}
	if err := diskOf(grown.network.StateDir(), one.Disk); err != nil {
		return err
	}
	for range growthRounds {
		if err := fresh.sample(ctx, "fresh", &one.Fresh); err != nil {
			return err
		}
		if err := grown.sample(ctx, "grown", &one.Grown); err != nil {
			return err
		}
	}
	g.state.Redeemed += int(grown.spent.Swap(0))
	g.state.Levels = append(g.state.Levels, one)
	return g.save()
}

func seconds(d time.Duration, err error) (float64, error) { return d.Seconds(), err }

// spend has the network grow to a level: through the tills up to a number of
// coupons, and above it by blind writes of keys and values as long as
// redemptions write.
func (g *growth) spend(ctx context.Context, b *bench, level int) error {
	for missing := g.missing(level, g.options.redeemed); missing > 0 && ctx.Err() == nil; missing = g.missing(level, g.options.redeemed) {
		if err := b.spend(ctx, min(missing, chunk)); err != nil {
			return err
		}
		g.state.Redeemed += int(b.spent.Swap(0))
		if err := g.save(); err != nil {
			return err
		}
	}
	for ctx.Err() == nil && g.state.Spent() < level {
		written, err := b.spendBlindly(ctx, min(level-g.state.Spent(), chunk))
		if err != nil {
			return err
		}
		g.state.Blind += written
		if err := g.save(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// missing is how many coupons are still to be spent at the tills.
func (g *growth) missing(level, most int) int {
	return min(level-g.state.Spent(), most-g.state.Redeemed)
}

// spend redeems so many bearer coupons at the tills, a crowd at a time.
func (b *bench) spend(ctx context.Context, count int) error {
	if err := b.fill(ctx, bearer, count); err != nil {
		return err
	}
	began := time.Now()
	s := &selling{form: bearer}
	redeem := b.counted(s.work(b))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(crowd)
	for i := range count {
		group.Go(func() error {
			_, err := redeem(ctx, i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "%-12s %d redeemed, %.0f/s\n", "", count, float64(count)/time.Since(began).Seconds())
	return nil
}

// counted counts what work has spent.
func (b *bench) counted(work load.Work) load.Work {
	return func(ctx context.Context, i int) (int, error) {
		n, err := work(ctx, i)
		b.spent.Add(int64(n))
		return n, err
	}
}

// spendBlindly writes what at least so many redemptions write, and returns how many.
func (b *bench) spendBlindly(ctx context.Context, count int) (int, error) {
	shapes, err := b.shapes(ctx)
	if err != nil {
		return 0, err
	}
	argument, err := json.Marshal(shapes)
	if err != nil {
		return 0, err
	}
	writes := (count + batchSize - 1) / batchSize
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(blindInFlight)
	for range writes {
		group.Go(func() error {
			return b.submit(ctx, desk.Call{Function: "Blind", Arguments: []string{string(argument)}, Endorsers: []string{issuer, retailer}})
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	written := writes * batchSize
	fmt.Fprintf(b.out, "%-12s %d written blindly, %.0f/s\n", "", written, float64(written)/time.Since(began).Seconds())
	return written, nil
}

// sample measures a crowd with bound coupons and lone customers once.
func (b *bench) sample(ctx context.Context, name string, s *report.Sampled) error {
	plan := load.Plan{Lasts: b.times.rung, Limit: crowd}
	customers := &selling{form: bound}
	if err := b.fill(ctx, bound, int(plan.Lasts.Seconds()*b.ceiling)); err != nil {
		return err
	}
	l := b.measure(ctx, measurement{part: "growth", name: name, unit: "coupons", plan: plan, work: b.counted(customers.work(b))})
	alone := b.measure(ctx, measurement{
		part: "growth", name: name + ", one at a time", unit: "coupons", plan: load.Plan{Lasts: b.times.rung, Limit: 1},
		work: b.counted((&selling{form: bound}).work(b)),
	})
	s.PerSecond = append(s.PerSecond, l.PerSecond)
	s.Late = append(s.Late, l.Latency.P99)
	s.Lone = append(s.Lone, alone.Latency.Median)
	return ctx.Err()
}

// kinds are the folders of processes that keep something.
var kinds = []string{"orderer", "peer", "services"}

// diskOf adds up the bytes of files below a network's state by kind of process.
func diskOf(dir string, sizes map[string]int64) error {
	organisations := filepath.Join(dir, "organisations")
	return filepath.WalkDir(organisations, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // databases remove files while they run
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		below, err := filepath.Rel(organisations, path)
		if err != nil {
			return err
		}
		if parts := strings.Split(below, string(filepath.Separator)); len(parts) > 2 && slices.Contains(kinds, parts[1]) {
			sizes[parts[1]] += info.Size()
		}
		return nil
	})
}
