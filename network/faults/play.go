// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// tills at each shop, and groups of customers who fetch coupons.
	tills     = 2
	customers = 2
	// recoverLimit bounds the wait for redemptions after a fault.
	recoverLimit = 60 * time.Second
)

// play is a run: faults while people go on with their business.
type play struct {
	stage    *stage
	book     *book
	stock    chan held
	seed     uint64
	observed []observed
	took     time.Duration
	out      io.Writer
}

// run plays the schedule and compares the books.
func (p *play) run(ctx context.Context, episodes []episode) error {
	began := time.Now()
	finish := p.trade(ctx)
	failed := p.await(ctx, time.Now(), "the first redemptions")
	for i, e := range episodes {
		if failed != nil {
			break
		}
		failed = p.suffer(ctx, i, e)
	}
	failed = errors.Join(failed, finish())
	if ctx.Err() != nil {
		return errors.Join(failed, ctx.Err())
	}
	p.took = time.Since(began)
	fmt.Fprintln(p.out, "comparing the books")
	// The second round settles what a store that was lost has found since.
	for range 2 {
		failed = errors.Join(failed, p.settleAll(ctx), p.stage.network.AwaitPeers(ctx))
	}
	return errors.Join(failed, p.compare(ctx))
}

// trade has people begin their business. The function returned waits until they
// have finished what they are at.
func (p *play) trade(ctx context.Context) (finish func() error) {
	fetching, full := context.WithCancel(ctx)
	open, closing := context.WithCancel(ctx)
	p.stock = make(chan held, stockSize)
	var fetchers errgroup.Group
	for i := range customers {
		fetchers.Go(func() error { return p.customers(fetching, i) })
	}
	var staff errgroup.Group
	for _, at := range p.stage.shops {
		for range tills {
			staff.Go(func() error { return p.serve(ctx, open, at) })
		}
	}
	staff.Go(func() error { return p.office(ctx, open) })
	return func() error {
		closing()
		failed := staff.Wait()
		full()
		return errors.Join(failed, fetchers.Wait())
	}
}

// suffer plays one episode: calm, fault, recovery.
func (p *play) suffer(ctx context.Context, number int, e episode) error {
	if !rest(ctx, e.calm) {
		return ctx.Err()
	}
	if e.target == leading {
		leader, err := p.stage.network.Leader(ctx)
		if err != nil {
			return err
		}
		e.target = leader
	}
	p.book.takeSlowest()
	o := observed{episode: e}
	began := time.Now()
	if err := p.strike(ctx, e); err != nil {
		return fmt.Errorf("episode %d, %s: %w", number+1, e, err)
	}
	back := time.Now()
	if err := p.await(ctx, back, e.String()); err != nil {
		return fmt.Errorf("episode %d: %w", number+1, err)
	}
	end, _ := p.book.recovered(p.stage.shops, back)
	o.gap, o.recovery, o.wait = p.book.longestGap(p.stage.shops, began, end), end.Sub(back), p.book.takeSlowest()
	p.observed = append(p.observed, o)
	fmt.Fprintf(p.out, "%4d %-70s %5.1f s without, %4.1f s to recover, %4.1f s longest wait\n",
		number+1, e, o.gap.Seconds(), o.recovery.Seconds(), o.wait.Seconds())
	return nil
}

// strike makes a process fail and brings it back.
func (p *play) strike(ctx context.Context, e episode) error {
	n := p.stage.network
	var err error
	switch e.action {
	case pause:
		err = n.Pause(ctx, e.target)
	case restart:
		err = n.Stop(ctx, e.target)
	default:
		err = n.Kill(ctx, e.target)
	}
	if err != nil {
		return err
	}
	if e.action == loseStore {
		if err := p.stage.empty(e.target); err != nil {
			return err
		}
	}
	if !rest(ctx, e.down) {
		return ctx.Err()
	}
	if e.action == pause {
		return n.Resume(ctx, e.target)
	}
	return n.Start(ctx, e.target)
}

// empty removes the store of a retailer's service that does not run.
func (s *stage) empty(target string) error {
	for _, shop := range s.shops {
		if target == "retailer."+shop.name {
			return os.RemoveAll(s.network.Folder(shop.name, "services", "retailer", "data"))
		}
	}
	return fmt.Errorf("%s is no retailer's service", target)
}

// await waits until both shops redeem again.
func (p *play) await(ctx context.Context, after time.Time, what string) error {
	ctx, cancel := context.WithTimeout(ctx, recoverLimit)
	defer cancel()
	for {
		if _, ok := p.book.recovered(p.stage.shops, after); ok {
			return nil
		}
		if !rest(ctx, 10*time.Millisecond) {
			return fmt.Errorf("no redemption at both retailers within %s of %s: %w", recoverLimit, what, ctx.Err())
		}
	}
}
