// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// tills at each shop, and groups of customers who fetch coupons.
	tills     = 2
	customers = 2
	// recoverLimit bounds the wait for redemptions after a fault, fillLimit that
	// for an episode's operations.
	recoverLimit = 2 * time.Minute
	fillLimit    = 20 * time.Minute
	// roundEpisodes is after how many episodes the books are compared, and what
	// agrees is forgotten.
	roundEpisodes = 50
	// copyEvery is after how many episodes stores are copied anew.
	copyEvery = 10
)

// play is a run: faults while people go on with their business.
type play struct {
	stage *stage
	book  *book
	// stock is what wallets of customers have, goods what the crowd has.
	stock, goods chan held
	seed         uint64
	// crowd is how many are served at a time, perEpisode how many calls of tills
	// belong to an episode.
	crowd, perEpisode int
	// drawings is the folder for pictures of histories that cannot be.
	drawings string
	// lasts is after which time no further episode begins, zero for never; until
	// is when that is. A run with it prints how its processes grow.
	lasts    time.Duration
	until    time.Time
	observed []observed
	records  []recorded
	verdict  verdict
	took     time.Duration
	out      io.Writer

	mu   sync.Mutex
	left []leftover // what tills have left to the clerk, oldest first

	// hands keep the network's processes to one at a time: whoever makes them
	// fail, or starts them again.
	hands  sync.Mutex
	full   map[string]bool   // processes whose disk is full
	copies map[string]string // of stores, by service
	copied int
	deaths []death
}

func newPlay(s *stage) *play {
	return &play{
		stage: s, book: newBook(), out: os.Stderr, drawings: "histories",
		full: map[string]bool{}, copies: map[string]string{},
	}
}

// run plays the schedule and compares the books after every round.
func (p *play) run(ctx context.Context, episodes []episode) error {
	if p.lasts > 0 {
		p.until = time.Now().Add(p.lasts)
		open, closing := context.WithCancel(ctx)
		var watching errgroup.Group
		watching.Go(func() error { return p.growth(open) })
		defer func() { closing(); _ = watching.Wait() }()
	}
	for first := 0; first < len(episodes) && !p.over(); first += roundEpisodes {
		if err := p.round(ctx, first, episodes[first:min(first+roundEpisodes, len(episodes))]); err != nil {
			return err
		}
	}
	return nil
}

// over reports that no further episode is to begin.
func (p *play) over() bool { return !p.until.IsZero() && time.Now().After(p.until) }

// round plays episodes, of which the first has that number, and compares the
// books.
func (p *play) round(ctx context.Context, first int, episodes []episode) error {
	began := time.Now()
	p.record("the opening")
	finish := p.trade(ctx)
	failed := p.await(ctx, time.Now(), "the first redemptions")
	for i, e := range episodes {
		if i%copyEvery == 0 && failed == nil {
			failed = p.keepCopies(ctx)
		}
		if failed != nil || p.over() {
			break
		}
		failed = p.suffer(ctx, first+i, e)
	}
	failed = errors.Join(failed, finish())
	if ctx.Err() != nil {
		return errors.Join(failed, ctx.Err())
	}
	p.took += time.Since(began)
	return errors.Join(failed, p.close(ctx))
}

// close settles everything, compares the books and checks the histories.
func (p *play) close(ctx context.Context) error {
	fmt.Fprintln(p.out, "comparing the books")
	began := time.Now()
	failed := p.settleUp(ctx)
	settled := time.Since(began).Round(time.Second)
	failed = errors.Join(failed, p.compare(ctx), p.judge())
	fmt.Fprintf(p.out, "%d redemptions settled in %s, compared in %s\n", len(p.book.sales), settled, time.Since(began).Round(time.Second)-settled)
	p.book.forget()
	return failed
}

// trade has people begin their business. The function returned waits until they
// have finished what they are at.
func (p *play) trade(ctx context.Context) (finish func() error) {
	fetching, full := context.WithCancel(ctx)
	open, closing := context.WithCancel(ctx)
	if p.stock == nil {
		p.stock, p.goods = make(chan held, stockSize), make(chan held, supplySize)
	}
	var fetchers errgroup.Group
	for i := range customers {
		fetchers.Go(func() error { return p.customers(fetching, i) })
	}
	if p.crowd > 0 {
		for range suppliers {
			fetchers.Go(func() error { return p.supply(fetching) })
		}
	}
	var staff errgroup.Group
	for range p.crowd {
		staff.Go(func() error { return p.attend(ctx, open) })
	}
	staff.Go(func() error { return p.clerk(ctx, open) })
	for _, at := range p.stage.shops {
		for range tills {
			staff.Go(func() error { return p.serve(ctx, open, at) })
		}
	}
	staff.Go(func() error { return p.office(ctx, open) })
	staff.Go(func() error { return p.nurse(ctx, open) })
	return func() error {
		closing()
		failed := staff.Wait()
		p.review(ctx, 0)
		full()
		return errors.Join(failed, fetchers.Wait())
	}
}

// suffer plays one episode: calm, fault, recovery, and then as much more
// business as belongs to it.
func (p *play) suffer(ctx context.Context, number int, e episode) error {
	p.record(fmt.Sprintf("episode %d, %s", number+1, e))
	before := p.book.done()
	p.book.forgetSuccesses()
	if !rest(ctx, e.calm) {
		return ctx.Err()
	}
	if err := p.settleOn(ctx, &e); err != nil {
		return err
	}
	p.book.takeSlowest()
	o := observed{episode: e}
	began := time.Now()
	if err := p.fail(ctx, e); err != nil {
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
	return p.fill(ctx, before+p.perEpisode)
}

// fill waits until so many calls were made.
func (p *play) fill(ctx context.Context, calls int) error {
	ctx, cancel := context.WithTimeout(ctx, fillLimit)
	defer cancel()
	for p.book.done() < calls {
		if !rest(ctx, 50*time.Millisecond) {
			return fmt.Errorf("waiting for %d calls: %w", calls, ctx.Err())
		}
	}
	return nil
}

// settleOn finds out who leads, where the leader is to fail.
func (p *play) settleOn(ctx context.Context, e *episode) error {
	if e.also != nil {
		other := *e.also
		e.also = &other
		if err := p.settleOn(ctx, e.also); err != nil {
			return err
		}
	}
	if e.target != leading {
		return nil
	}
	leader, err := p.stage.network.Leader(ctx)
	e.target = leader
	return err
}

// fail has the episode's faults happen, and undoes them.
func (p *play) fail(ctx context.Context, e episode) error {
	heal, err := p.hit(ctx, e)
	if err != nil {
		return err
	}
	heals := []func() error{heal}
	if e.also != nil {
		if heal, err = p.hit(ctx, *e.also); err == nil {
			heals = append(heals, heal)
		}
		// What starts may need what is still away.
		if e.also.rank() < e.rank() {
			slices.Reverse(heals)
		}
	}
	if err == nil && !rest(ctx, e.down) {
		err = ctx.Err()
	}
	p.hands.Lock()
	defer p.hands.Unlock()
	for _, heal := range heals {
		err = errors.Join(err, heal())
	}
	return err
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
