// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/network/desk"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

const (
	// patience bounds how long a till asks for one sale: longer than any change
	// of leader takes.
	patience = time.Minute
	// askAgain is the pause before a request is repeated.
	askAgain = 100 * time.Millisecond
)

// answered is a sale that was acknowledged.
type answered struct {
	coupon     string
	redemption string
	asked, at  time.Time
}

// book is what the tills were told.
type book struct {
	mu       sync.Mutex
	sales    []answered
	told     map[string]int // answers that asked for a repetition, by reason
	refused  map[string]int // answers that should not have been
	unserved int            // never answered
}

func newBook() *book {
	return &book{told: make(map[string]int), refused: make(map[string]int)}
}

// stock issues coupons.
func (b *bench) stock(ctx context.Context, count int) ([]string, error) {
	if err := b.fill(ctx, bearer, count); err != nil {
		return nil, err
	}
	held, err := b.purses[bearer].take(count)
	if err != nil {
		return nil, err
	}
	coupons := make([]string, count)
	for i, h := range held {
		coupons[i] = h.coupon.Text()
	}
	return coupons, nil
}

// serve is one customer at a till: the same request is repeated until it is
// decided.
func (b *book) serve(ctx context.Context, till retailerv1.RetailerServiceClient, coupon string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request := desk.Purchase(gtin, coupon)
	asked := time.Now()
	for {
		answer, err := till.Redeem(ctx, request)
		if err == nil {
			b.accept(answered{coupon, answer.GetRedemption().GetRedemptionId(), asked, time.Now()})
			return
		}
		if ctx.Err() != nil {
			b.count(func() { b.unserved++ })
			return
		}
		reason := fmt.Sprint(status.Code(err), " ", desk.Reasons(err))
		if !undecided(err) {
			b.count(func() { b.refused[reason]++ })
			return
		}
		b.count(func() { b.told[reason]++ })
		rest(ctx)
	}
}

// rest pauses before a repetition; false if ctx has ended.
func rest(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(askAgain):
		return true
	}
}

// undecided reports whether the till is to ask again.
func undecided(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.ResourceExhausted:
		return true
	default:
		return false
	}
}

func (b *book) count(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

func (b *book) accept(a answered) {
	b.count(func() { b.sales = append(b.sales, a) })
}

// open has customers come at a steady rate, whether or not those before them
// are served, until the coupons are gone; then it waits for the last.
func (b *book) open(ctx context.Context, tills []retailerv1.RetailerServiceClient, coupons []string, rate int) {
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	var customers sync.WaitGroup
	defer customers.Wait()
	for i, c := range coupons {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		customers.Go(func() { b.serve(ctx, tills[i%len(tills)], c) })
	}
}

// closed has each of count tills serve one customer after the other for a time;
// it returns the coupons that are left.
func (b *book) closed(ctx context.Context, tills []retailerv1.RetailerServiceClient, coupons []string, count int, lasts time.Duration) []string {
	over := time.Now().Add(lasts)
	next := make(chan string)
	var working sync.WaitGroup
	for i := range count {
		working.Go(func() {
			for c := range next {
				b.serve(ctx, tills[i%len(tills)], c)
			}
		})
	}
	for len(coupons) > 0 && time.Now().Before(over) && ctx.Err() == nil {
		next <- coupons[0]
		coupons = coupons[1:]
	}
	close(next)
	working.Wait()
	return coupons
}

// gap returns the longest time between two acknowledgements that follow each
// other, and when it began.
func (b *book) gap() (time.Duration, time.Time) {
	slices.SortFunc(b.sales, func(x, y answered) int { return x.at.Compare(y.at) })
	var longest time.Duration
	var began time.Time
	for i := 1; i < len(b.sales); i++ {
		if between := b.sales[i].at.Sub(b.sales[i-1].at); between > longest {
			longest, began = between, b.sales[i-1].at
		}
	}
	return longest, began
}

// latencies lists, sorted, how long the customers were served who came between
// two moments.
func (b *book) latencies(from, until time.Time) []time.Duration {
	var took []time.Duration
	for _, s := range b.sales {
		if !s.asked.Before(from) && s.asked.Before(until) {
			took = append(took, s.at.Sub(s.asked))
		}
	}
	slices.Sort(took)
	return took
}
