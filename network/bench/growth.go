// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"ecoupon/network/bench/report"
)

const (
	// chunk is how many coupons are spent between two notes of how many were.
	chunk = 50_000
	// blindInFlight is how many blind writes are in flight while a ledger grows.
	blindInFlight = 8
)

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

// growth measures whether spent coupons slow a network down: it has one grow, and
// at each level measures it in turn with one that has none.
func (c *comparison) growth(ctx context.Context) error {
	levels, err := parseLevels(c.options.levels)
	if err != nil {
		return err
	}
	grown := c.another()
	defer func() {
		grown.close()
		if grown.network != nil {
			_ = grown.network.Down(context.WithoutCancel(ctx))
		}
	}()
	if err := grown.raise(ctx, c.dir, consortium(c.options.interval)); err != nil {
		return err
	}
	for _, level := range levels {
		if c.state.Done(level) {
			continue
		}
		if err := c.level(ctx, grown, level); err != nil {
			return err
		}
	}
	fmt.Fprintf(c.out, "the network that has grown is in %s; to remove it: bin/network purge --state %s\n", c.dir, grown.network.StateDir())
	return nil
}

// restart stops a network and returns how many seconds it takes until it serves
// again.
func (b *bench) restart(ctx context.Context, dir string) (float64, error) {
	b.close()
	if err := b.network.Down(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	var err error
	if b.network, err = start(ctx, dir, consortium(b.options.interval)); err != nil {
		return 0, err
	}
	took := time.Since(began).Seconds()
	return took, b.open(ctx)
}

// level has the network grow and compares it with a fresh one.
func (c *comparison) level(ctx context.Context, grown *bench, level int) error {
	fmt.Fprintf(c.out, "\n%d spent coupons\n", level)
	if err := c.spend(ctx, grown, level); err != nil {
		return err
	}
	one := report.Level{Asked: level, Spent: c.state.Spent(), Redeemed: c.state.Redeemed, Disk: make(map[string]int64)}
	err := c.onFresh(ctx, consortium(c.options.interval), func(fresh *bench, dir string) (err error) {
		if one.Fresh.Start, err = fresh.restart(ctx, dir); err != nil {
			return err
		}
		if one.Grown.Start, err = grown.restart(ctx, c.dir); err != nil {
			return err
		}
		if err := diskOf(grown.network.StateDir(), one.Disk); err != nil {
			return err
		}
		return inTurn(ctx, "growth", contender{fresh, "fresh", &one.Fresh}, contender{grown, "grown", &one.Grown})
	})
	if err != nil {
		return err
	}
	c.state.Redeemed += int(grown.spent.Swap(0))
	c.state.Levels = append(c.state.Levels, one)
	return c.save()
}

// spend has the network grow to a level: through the tills up to a number of
// coupons, and above it by blind writes of keys and values as long as
// redemptions write.
func (c *comparison) spend(ctx context.Context, b *bench, level int) error {
	for missing := c.missing(level, c.options.redeemed); missing > 0 && ctx.Err() == nil; missing = c.missing(level, c.options.redeemed) {
		if err := b.spend(ctx, min(missing, chunk)); err != nil {
			return err
		}
		c.state.Redeemed += int(b.spent.Swap(0))
		if err := c.save(); err != nil {
			return err
		}
	}
	for ctx.Err() == nil && c.state.Spent() < level {
		written, err := b.spendBlindly(ctx, min(level-c.state.Spent(), chunk))
		if err != nil {
			return err
		}
		c.state.Blind += written
		if err := c.save(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// missing is how many coupons are still to be spent at the tills.
func (c *comparison) missing(level, most int) int {
	return min(level-c.state.Spent(), most-c.state.Redeemed)
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

// spendBlindly writes what at least so many redemptions write, and returns how many.
func (b *bench) spendBlindly(ctx context.Context, count int) (int, error) {
	call, err := b.blind(ctx)
	if err != nil {
		return 0, err
	}
	writes := (count + batchSize - 1) / batchSize
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(blindInFlight)
	for range writes {
		group.Go(func() error { return b.submit(ctx, call) })
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	written := writes * batchSize
	fmt.Fprintf(b.out, "%-12s %d written blindly, %.0f/s\n", "", written, float64(written)/time.Since(began).Seconds())
	return written, nil
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
