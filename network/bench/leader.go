// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/bench/usage"
	"ecoupon/network/internal/timing"
	"ecoupon/network/runner"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

const (
	// before and after the leader is killed, customers come for so long.
	before, after = 15 * time.Second, 20 * time.Second
	// settling is left out of the latencies after the kill: customers who come
	// then may wait for the next leader.
	settling = 5 * time.Second
	// trial is full load that is not counted: it shows how many coupons the rest
	// needs.
	trial        = 10 * time.Second
	trialCoupons = 15_000
	// spare is how much faster than the trial the rest may be, and least how many
	// redemptions a second there are coupons for in any case.
	spare, least = 1.5, 600.0
	// doors is how many connections the tills share.
	doors = 4
	// watchEvery is between two looks at the orderers.
	watchEvery = 500 * time.Millisecond
	// gapLimit is what the project promises.
	gapLimit = 3 * time.Second
)

// storm says what is asked of the network.
type storm struct {
	rate  int
	full  time.Duration
	tills int
}

// run kills the leader at a steady rate of customers, then measures full load,
// and looks up every acknowledged redemption at every peer.
func (l storm) run(ctx context.Context, b *bench) error {
	tills := b.tills[:doors]
	steady := newBook()
	if err := l.killLeader(ctx, b, steady, tills); err != nil {
		return err
	}
	full := newBook()
	if l.full > 0 {
		if err := l.fullLoad(ctx, b, full, tills); err != nil {
			return err
		}
	}
	all, err := soldBy(steady, full)
	if err != nil {
		return err
	}
	lost, err := b.lost(ctx, bearer, all)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "\nacknowledged: %d; of these not on the ledger of every peer: %d\n", len(steady.sales)+len(full.sales), lost)
	if lost > 0 {
		return fmt.Errorf("%d acknowledged redemptions are lost", lost)
	}
	return nil
}

// soldBy lists what tills were told.
func soldBy(books ...*book) ([]sold, error) {
	var all []sold
	for _, told := range books {
		for _, s := range told.sales {
			c, err := coupon.ParseCoupon(s.coupon)
			if err != nil {
				return nil, err
			}
			all = append(all, sold{c, s.redemption})
		}
	}
	return all, nil
}

// killLeader kills the leader while customers come, and reports what they saw.
func (l storm) killLeader(ctx context.Context, b *bench, told *book, tills []retailerv1.RetailerServiceClient) error {
	coupons, err := b.stock(ctx, l.rate*int((before+after)/time.Second))
	if err != nil {
		return err
	}
	leader, err := b.network.Leader(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		told.open(ctx, tills, coupons, l.rate)
	}()
	select {
	case <-time.After(before):
	case <-ctx.Done():
	}
	if err := b.network.Kill(ctx, leader); err != nil {
		return err
	}
	killed := time.Now()
	<-done
	if err := ctx.Err(); err != nil {
		return err
	}
	next, err := b.network.Leader(ctx)
	if err != nil {
		return err
	}
	gap, since := told.gap()
	fmt.Fprintf(b.out, "%d customers a second for %s; the leader, %s, is killed after %s; then %s leads\n",
		l.rate, before+after, leader, before, next)
	fmt.Fprintf(b.out, "acknowledged %d of %d; answers that asked for a repetition: %s; refused: %s; never answered: %d\n",
		len(told.sales), len(coupons), list(told.told), list(told.refused), told.unserved)
	fmt.Fprintf(b.out, "longest time without an acknowledgement: %s, from %s after the kill (limit %s)\n",
		gap.Round(time.Millisecond), since.Sub(killed).Round(time.Millisecond), gapLimit)
	b.table([]row{
		{"before the kill", told.latencies(began, killed.Add(-time.Second))},
		{"in the first " + settling.String() + " after it", told.latencies(killed, killed.Add(settling))},
		{"later", told.latencies(killed.Add(settling), time.Now())},
	})
	if len(told.refused) > 0 || told.unserved > 0 {
		return errors.New("customers with good coupons were not served")
	}
	if err := b.network.Start(ctx, leader); err != nil {
		return err
	}
	return b.network.AwaitPeers(ctx)
}

// fullLoad has all tills at work and watches the orderers.
func (l storm) fullLoad(ctx context.Context, b *bench, told *book, tills []retailerv1.RetailerServiceClient) error {
	coupons, err := b.stock(ctx, trialCoupons)
	if err != nil {
		return err
	}
	left := told.closed(ctx, tills, coupons, l.tills, trial)
	perSecond := float64(len(told.sales)) / trial.Seconds()
	coupons, err = b.stock(ctx, max(0, int(max(perSecond*spare, least)*l.full.Seconds())-len(left)))
	if err != nil {
		return err
	}
	watched, stop := b.watch(ctx)
	began, worked := time.Now(), usage.Machine()
	left = told.closed(ctx, tills, append(left, coupons...), l.tills, l.full)
	took, worked := time.Since(began), usage.Machine()-worked
	stop()
	views := <-watched
	if err := ctx.Err(); err != nil {
		return err
	}
	served := told.latencies(began, time.Now())
	fmt.Fprintf(b.out, "\nfull load: %d tills, each with one customer after the other, for %s; block interval %s\n",
		l.tills, took.Round(time.Second), b.network.Consortium().BlockInterval)
	fmt.Fprintf(b.out, "%.0f redemptions a second; processors %.2f of %d busy; answers that asked for a repetition: %s; refused: %s; never answered: %d\n",
		float64(len(served))/took.Seconds(), worked/took.Seconds(), runtime.NumCPU(), list(told.told), list(told.refused), told.unserved)
	fmt.Fprintf(b.out, "changes of leader: %d; orderers that gave up their leader meanwhile: %s\n", views.changes, list(views.gaveUp))
	b.table([]row{{"full load", served}})
	if len(left) == 0 {
		return errors.New("the coupons were used up before the time was over")
	}
	return nil
}

// watched is what the orderers said of their consensus.
type watched struct {
	// changes is by how much the greatest view number grew.
	changes int
	// gaveUp counts, by orderer, the views that it voted for.
	gaveUp map[string]int
}

// watch looks at the orderers until stop is called, and then sends what it saw.
func (b *bench) watch(ctx context.Context) (seen <-chan watched, stop func()) {
	ctx, stop = context.WithCancel(ctx)
	result := make(chan watched, 1)
	highest := func(views map[string]runner.View) int {
		number := 0
		for _, v := range views {
			number = max(number, v.Number)
		}
		return number
	}
	views := b.network.Views(ctx)
	first := highest(views)
	go func() {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		saw := watched{gaveUp: make(map[string]int)}
		for {
			select {
			case <-ctx.Done():
				saw.changes = highest(b.network.Views(context.WithoutCancel(ctx))) - first
				result <- saw
				return
			case <-ticker.C:
			}
			for name, v := range b.network.Views(ctx) {
				if before, found := views[name]; found && v.Next > before.Next {
					saw.gaveUp[name] += v.Next - before.Next
				}
				views[name] = v
			}
		}
	}()
	return result, stop
}

type row struct {
	name string
	took []time.Duration
}

// table prints latencies.
func (b *bench) table(rows []row) {
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "milliseconds\tcustomers\tmedian\t90 %\t99 %\tmax\t")
	for _, r := range rows {
		if len(r.took) == 0 {
			fmt.Fprintf(w, "%s\t0\t\t\t\t\t\n", r.name)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t\n", r.name, len(r.took),
			timing.Percentile(r.took, 50), timing.Percentile(r.took, 90), timing.Percentile(r.took, 99), timing.Percentile(r.took, 100))
	}
	_ = w.Flush()
}

// list names counts in a fixed order; "none" if there are none.
func list(counts map[string]int) string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%s %d times", name, counts[name])
	}
	if text == "" {
		return "none"
	}
	return text
}
