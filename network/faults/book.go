// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"sync"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/faults/history"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// serial names a coupon among all.
type serial struct {
	framework coupon.FrameworkID
	lane      uint16
	sn        int64
}

// sold is a redemption that a till was told of.
type sold struct {
	shop      *shop
	requestID string
	answer    *retailerv1.Redemption
	coupons   []serial
	// number names the redemption in histories.
	number int
	voided bool
}

// turned is a sale that a till was told is refused.
type turned struct {
	shop      *shop
	requestID string
	coupons   []serial
}

// success is a redemption's time, from the first request to the answer.
type success struct {
	asked, answered time.Time
}

// book has everything that was acknowledged, by what customers and tills saw.
// What the ledger and the services have is compared with it in the end.
type book struct {
	mu sync.Mutex
	// issued are the coupons given out that are to be compared, given all.
	issued  map[serial]bool
	given   givenOut
	sales   []*sold
	turned  []turned
	claims  int
	settled []string
	// former is what was forgotten: it agreed.
	former former

	successes map[*shop][]success
	asked     int
	again     int
	faults    map[string]int
	slowest   time.Duration
	problems  []string

	// began is the time 0 of histories. Coupons that are first used are recorded
	// in the history that is open then; tracks says in which. Coupons and
	// redemptions have numbers from one row.
	began      time.Time
	history    *history.History
	tracks     map[serial]track
	numbers    int
	operations int
}

func newBook() *book {
	return &book{
		issued: map[serial]bool{}, given: givenOut{}, successes: map[*shop][]success{}, faults: map[string]int{},
		began: time.Now(), history: new(history.History), tracks: map[serial]track{},
	}
}

// problem notes what must not be.
func (b *book) problem(format string, a ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, fmt.Sprintf(format, a...))
}

// hold notes a coupon that a customer got.
func (b *book) hold(text string) (serial, error) {
	c, err := coupon.ParseCoupon(text)
	if err != nil {
		return serial{}, err
	}
	s := serial{c.Framework, c.Lane, c.SN}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.given.add(s) {
		b.problems = append(b.problems, fmt.Sprintf("serial number %d of lane %d was given out twice", s.sn, s.lane))
	}
	b.issued[s] = true
	return s, nil
}

// forgetSuccesses forgets when redemptions were answered.
func (b *book) forgetSuccesses() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.successes = map[*shop][]success{}
}

// accept notes a sale that was redeemed.
func (b *book) accept(s *sold, asked time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sales = append(b.sales, s)
	b.successes[s.shop] = append(b.successes[s.shop], success{asked, time.Now()})
}

// turnAway notes a sale that was refused.
func (b *book) turnAway(t turned) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turned = append(b.turned, t)
}

// void notes that a sale was undone.
func (b *book) void(s *sold) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.voided = true
}

// settle notes a settlement.
func (b *book) settle(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settled = append(b.settled, id)
}

// attempt notes one call: how long its caller waited for any answer, and what
// was wrong if it had to be made again.
func (b *book) attempt(took time.Duration, fault string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	b.slowest = max(b.slowest, took)
	if fault != "" {
		b.again++
		b.faults[fault]++
	}
}

// takeSlowest returns the longest wait since it was called last.
func (b *book) takeSlowest() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	took := b.slowest
	b.slowest = 0
	return took
}

// recovered says when a redemption that was asked for after that time was
// answered at each shop; false until there is one at each.
func (b *book) recovered(shops []*shop, after time.Time) (time.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var last time.Time
	for _, shop := range shops {
		var first time.Time
		for _, s := range b.successes[shop] {
			if s.asked.After(after) && (first.IsZero() || s.answered.Before(first)) {
				first = s.answered
			}
		}
		if first.IsZero() {
			return last, false
		}
		if first.After(last) {
			last = first
		}
	}
	return last, true
}

// longestGap is the longest time in which one of the shops had no success.
func (b *book) longestGap(shops []*shop, from, to time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	var longest time.Duration
	for _, shop := range shops {
		before := from
		for _, s := range b.successes[shop] { // in the order of their answers
			if s.answered.Before(from) || s.answered.After(to) {
				continue
			}
			longest = max(longest, s.answered.Sub(before))
			before = s.answered
		}
		longest = max(longest, to.Sub(before))
	}
	return longest
}
