// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"time"

	"ecoupon/network/bench/load"
	"ecoupon/network/bench/report"
	"ecoupon/network/bench/usage"
	"ecoupon/network/runner"
)

const (
	// lateLimit is the 99th percentile at which a rate is not sustained any more;
	// while the rate is searched for, in a shorter time, less is asked for.
	lateLimit, trialLimit = time.Second, 900 * time.Millisecond
	// most is how many customers are served at a time, and crowd how many when
	// it is asked how many can be.
	most, crowd = 20_000, 800
	// lower is to what share a rate is lowered that was not sustained, muchLower if it
	// is that of other customers, and tries how often.
	lower, muchLower = 0.92, 0.8
	tries            = 4
	// warming is how long customers come before those that are counted, warmCrowd at
	// a time.
	warming, warmCrowd = 3 * time.Second, 200
	// hopeless is how long a request takes where a rate is given up early.
	hopeless = 4 * time.Second
)

// Names of loads that find a rate out.
const aCrowd, tried = "a crowd", "a rate that is tried"

// Rates, as shares of what a crowd has got, that are tried in turn: from the first
// on upwards until one is too much; if already that is, downwards until one is not.
var upwards, downwards = []float64{0.7, 0.8, 0.9, 1, 1.1}, []float64{0.55, 0.4}

// strangersKey signs for coupons that are not its owner's.
var strangersKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

// times are how long the parts take.
type times struct {
	// rung is for each rate that is tried, long for that which is sustained, side
	// for variations of it, steady for a rate that is given.
	rung, long, side, steady time.Duration
	// rounds are made one after the other.
	rounds int
}

func timesOf(short bool) times {
	if short {
		return times{rung: 3 * time.Second, long: 6 * time.Second, side: 4 * time.Second, steady: 5 * time.Second, rounds: 30}
	}
	return times{rung: 8 * time.Second, long: 2 * time.Minute, side: 20 * time.Second, steady: time.Minute, rounds: 200}
}

// measurement is something that is to be measured.
type measurement struct {
	part, name, unit string
	plan             load.Plan
	// limit is for the 99th percentile.
	limit time.Duration
	work  load.Work
	// repeated and refused are taken over if they are there.
	repeated, refused *counts
}

// measure does it, notes it in the report, and prints it. Without a rate the loop
// is a closed one.
func (b *bench) measure(ctx context.Context, t measurement) report.Load {
	before := usage.Take(b.groups())
	ordered, counted := b.ordered(ctx)
	var r load.Result
	if t.plan.Rate > 0 {
		r = load.Open(ctx, t.plan, t.work)
	} else {
		r = load.Closed(ctx, t.plan, t.work)
	}
	l := report.Load{
		Part: t.part, Name: t.name, Unit: t.unit, Offered: t.plan.Rate, KeptUp: r.KeptUp(t.limit),
		Trial: t.name == aCrowd || t.name == tried,
		Cores: usage.Take(b.groups()).Cores(before),
	}
	if t.plan.Rate == 0 {
		l.InFlight = t.plan.Limit
	}
	if now, still := b.ordered(ctx); counted && still {
		l.Blocks, l.Transactions = now.Blocks-ordered.Blocks, now.Transactions-ordered.Transactions
	}
	l.Sum(r)
	if t.repeated != nil {
		l.Repeated = maps.Clone(t.repeated.byName)
	}
	if t.refused != nil {
		l.Refused = maps.Clone(t.refused.byName)
	}
	if ctx.Err() == nil { // else it is not all of it
		b.note(l)
	}
	return l
}

// ordered is what the orderers have agreed on; false where that cannot be learnt:
// there are none, or they do not count, as with Raft.
func (b *bench) ordered(ctx context.Context) (runner.Ordered, bool) {
	if b.network == nil {
		return runner.Ordered{}, false
	}
	o, err := b.network.Ordered(ctx)
	return o, err == nil
}

func (b *bench) note(l report.Load) {
	l.Line(b.out)
	b.report.Loads = append(b.report.Loads, l)
}

// warm has customers served that nobody counts: after a pause, and with coupons
// being issued before, the first second would be of nobody's usual day.
func (b *bench) warm(ctx context.Context, f form) {
	load.Closed(ctx, load.Plan{Lasts: warming, Limit: warmCrowd}, (&selling{form: f}).work(b))
}

// sell measures customers in an open loop; how they come is told by s.
func (b *bench) sell(ctx context.Context, part, name string, s *selling, plan load.Plan, limit time.Duration) (report.Load, error) {
	customers := float64(plan.Pieces())
	if plan.Rate == 0 {
		customers = plan.Lasts.Seconds() * b.ceiling
	}
	customers += warming.Seconds() * b.ceiling
	if err := b.fill(ctx, s.form, int(customers*s.perCustomer()*1.01)+crowd); err != nil {
		return report.Load{}, err
	}
	b.warm(ctx, s.form)
	l := b.measure(ctx, measurement{
		part: part, name: name, unit: "coupons", plan: plan, limit: limit, work: s.work(b), repeated: &s.repeated, refused: &s.refused,
	})
	if wrong := l.Failed["a bad coupon was redeemed"] + l.Failed["a coupon was spent at both retailers"]; wrong > 0 {
		return l, fmt.Errorf("%d coupons were redeemed that should not have been", wrong)
	}
	return l, ctx.Err()
}

// offering offers work at the rate of a plan, notes it under a name, and says
// whether that kept up with a limit of the 99th percentile.
type offering func(ctx context.Context, name string, plan load.Plan, limit time.Duration) (report.Load, error)

// customers returns the offering of customers at tills, of whom each call of s makes
// new ones.
func (b *bench) customers(part string, s func() *selling) offering {
	return func(ctx context.Context, name string, plan load.Plan, limit time.Duration) (report.Load, error) {
		return b.sell(ctx, part, name, s(), plan, limit)
	}
}

// alike are customers with one good coupon of a form each.
func alike(f form) func() *selling {
	return func() *selling { return &selling{form: f} }
}

// search returns the rate that can be sustained, as far as short runs tell: first
// what a crowd gets whose pieces of work each come when another is done, then, in
// open loops, rates near that.
func (b *bench) search(ctx context.Context, offer offering, crowd int) (float64, error) {
	got, err := offer(ctx, aCrowd, load.Plan{Lasts: b.times.rung, Limit: crowd}, lateLimit)
	if err != nil {
		return 0, err
	}
	if got.PerSecond == 0 {
		return 0, errors.New("a crowd got nothing at all")
	}
	best := 0.0
	try := func(shares []float64, until bool) error {
		for _, share := range shares {
			plan := load.Plan{Rate: round(got.PerSecond * share), Lasts: b.times.rung, Limit: most, GiveUp: hopeless}
			l, err := offer(ctx, tried, plan, trialLimit)
			if err != nil {
				return err
			}
			if l.KeptUp {
				best = plan.Rate
			}
			if l.KeptUp == until {
				return nil
			}
		}
		return nil
	}
	if err := try(upwards, false); err != nil {
		return 0, err
	}
	if best == 0 {
		if err := try(downwards, true); err != nil {
			return 0, err
		}
	}
	if best == 0 {
		best = got.PerSecond * downwards[len(downwards)-1] / 2
	}
	return round(best), nil
}

// hold offers a rate for a time, and a share of it until one is sustained.
func (b *bench) hold(ctx context.Context, name string, offer offering, plan load.Plan, share float64) (report.Load, error) {
	plan.Limit, plan.GiveUp = most, hopeless
	for try := 1; ; try++ {
		l, err := offer(ctx, name, plan, lateLimit)
		if err != nil || l.KeptUp || try == tries {
			return l, err
		}
		plan.Rate = round(plan.Rate * share)
	}
}

// round makes rates that are easy to read.
func round(rate float64) float64 { return max(1, float64(int(rate/10))*10) }
