// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
)

const (
	// frameAge is the longest that the campaign lets a frame release coupons, and
	// maxGain that and how far a clock may be ahead.
	frameAge = 10 * time.Second
	maxGain  = frameAge + 5*time.Second
	// ahead is as far as the advertiser dares to put its clock: endorsers refuse
	// what is more than 5 s ahead of theirs.
	ahead = 4900 * time.Millisecond
	// pause is the longest time between two trials of a lane.
	pause = 2 * time.Second
	// atOnce is how many transactions are under way: with more, it would be the
	// machine's load that is measured.
	atOnce = 12
)

// slots are for what is under way.
type slots chan struct{}

// in does something once there is a slot.
func (s slots) in(do func()) {
	s <- struct{}{}
	defer func() { <-s }()
	do()
}

// trial is one coupon that was dated later than it was made.
type trial struct {
	coupon.Coupon
	owner
	made time.Time
	*lane
}

// gain is by how much it was dated later.
func (t trial) gain() time.Duration { return time.UnixMilli(t.Release.Time).Sub(t.made) }

// postDating is what came of the trials.
type postDating struct {
	gains []time.Duration // of the coupons redeemed
	lanes int
	// tooLate counts the coupons dated a millisecond later than the latest, all of
	// which were refused.
	tooLate int
	took    time.Duration
}

// postDate has an advertiser that rules its clock, service and log make coupons
// at random times, each dated as late as will be accepted: M after its frame
// opened, the frame being opened with a clock that is ahead. Nobody else asks
// for coupons. Every one is then redeemed; dated a millisecond later it must be
// refused.
func postDate(ctx context.Context, a *arena, trials, lanes int) (p postDating, err error) {
	began := time.Now()
	var o offer
	err = guard(func() {
		o = a.launch(ctx, func(l *desk.Launch) {
			dynamic(frameAge, `{"type":"linear","from":"release","end":3600000,"to":0}`)(l)
			l.Quotas = slices.Repeat([]int64{int64(2 * trials)}, lanes)
		})
	})
	if err != nil {
		return p, err
	}
	p.lanes = lanes
	made := make(chan trial, trials)
	closing, redeeming := make(slots, atOnce), make(slots, atOnce)
	errs := make(chan error, lanes+trials)
	var making sync.WaitGroup
	for number := range lanes {
		making.Go(func() {
			errs <- guard(func() { a.lie(ctx, closing, o, uint16(number), share(trials, lanes, number), made) })
		})
	}
	go func() { making.Wait(); close(made) }()
	var spending sync.WaitGroup
	var mu sync.Mutex
	for t := range made {
		spending.Go(func() {
			errs <- guard(func() {
				tooLate := t.spend(ctx, redeeming)
				mu.Lock()
				defer mu.Unlock()
				p.gains = append(p.gains, t.gain())
				p.tooLate += tooLate
			})
		})
	}
	spending.Wait()
	close(errs)
	for failed := range errs {
		err = errors.Join(err, failed)
	}
	slices.Sort(p.gains)
	p.took = time.Since(began)
	if err == nil && (len(p.gains) != trials || p.tooLate != trials) {
		err = fmt.Errorf("%d of %d coupons redeemed, %d refused a millisecond later", len(p.gains), trials, p.tooLate)
	}
	return p, err
}

// share is how many of n things the i-th of several takes.
func share(n, of, i int) int {
	if i < n%of {
		return n/of + 1
	}
	return n / of
}

// lie makes coupons in one lane at random times. It closes the frame, with its
// clock as far ahead as it may be, where that lets it date later, or because the
// frame is too old; or it keeps it open, and dates by what is left of it.
func (a *arena) lie(ctx context.Context, closing slots, o offer, number uint16, count int, made chan<- trial) {
	var l *lane
	closing.in(func() { l = a.openLane(ctx, o, number, ahead) })
	for range count {
		select {
		case <-ctx.Done():
			check(ctx.Err())
		case <-time.After(time.Duration(below(int64(pause)))):
		}
		latest := l.opened + frameAge.Milliseconds()
		if below(2) == 0 || latest <= time.Now().UnixMilli() {
			closing.in(func() { l.next(ctx, ahead) })
			latest = l.opened + frameAge.Milliseconds()
		}
		t := trial{owner: newOwner(), made: time.Now(), lane: l}
		t.Coupon = l.release(t.owner, latest)
		later := *l
		t.lane = &later
		made <- t
	}
}

// below is a random number from 0 up to, and without, n.
func below(n int64) int64 {
	h := random()
	return int64(binary.BigEndian.Uint64(h[:])>>1) % n
}

// spend redeems the coupon when its time has come, after another that is dated a
// millisecond later was refused; it returns how many were.
func (t trial) spend(ctx context.Context, redeeming slots) int {
	until(ctx, t.Release.Time)
	redeeming <- struct{}{}
	defer func() { <-redeeming }()
	worse := t.lane.made(t.owner, t.SN, t.Release.Time+1, t.Release.Q)
	if o := t.soldAt(ctx, worse); o.with != string(coupon.ReasonWrongReleaseTime) {
		check(fmt.Errorf("dated 1 ms later the coupon is %s by %s", o.with, o.by))
	}
	if o := t.soldAt(ctx, t.Coupon); o.with != accepted {
		check(fmt.Errorf("a coupon dated %s after it was made is refused with %s", t.gain(), o.with))
	}
	return 1
}

func (p postDating) largest() time.Duration {
	if len(p.gains) == 0 {
		return 0
	}
	return p.gains[len(p.gains)-1]
}

func (p postDating) print(out io.Writer) {
	at := func(percent int) float64 { return p.gains[min(len(p.gains)-1, len(p.gains)*percent/100)].Seconds() }
	fmt.Fprintf(out, "post-dating: %d coupons in %d lanes in %.0f s, frames of at most %s, no honest customer\n",
		len(p.gains), p.lanes, p.took.Seconds(), frameAge)
	fmt.Fprintf(out, "dated later than made, seconds: least %.3f, 25 %% %.3f, median %.3f, 75 %% %.3f, 99 %% %.3f, most %.3f (at most %.0f)\n",
		at(0), at(25), at(50), at(75), at(99), p.largest().Seconds(), maxGain.Seconds())
	fmt.Fprintf(out, "dated a millisecond later still: %d of %d refused with WRONG_RELEASE_TIME\n", p.tooLate, len(p.gains))
}
