// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package load_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ecoupon/network/bench/load"
)

// A server that does one thing at a time, in 1 ms, and stands still for a second
// from its 500th piece on.
func stalls() load.Work {
	door := make(chan struct{}, 1)
	return func(_ context.Context, i int) (int, error) {
		door <- struct{}{}
		defer func() { <-door }()
		if i == 500 {
			time.Sleep(time.Second)
		}
		time.Sleep(time.Millisecond)
		return 1, nil
	}
}

func TestOpenCountsWaiting(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{10_000, 4} { // also of what cannot even be begun
		synctest.Test(t, func(t *testing.T) {
			r := load.Open(t.Context(), load.Plan{Rate: 100, Lasts: 20 * time.Second, Limit: limit}, stalls())
			took := r.Latencies()
			if len(took) != 2000 || r.Units() != 2000 || r.Offered != 2000 {
				t.Fatalf("%d samples, %d units, %d offered", len(took), r.Units(), r.Offered)
			}
			// About a hundred pieces fell due while nothing was done: 5 % of all.
			if got := load.Quantile(took, 0.5); got > 2*time.Millisecond {
				t.Errorf("median %s", got)
			}
			if got := load.Quantile(took, 0.99); got < 700*time.Millisecond {
				t.Errorf("99 %% %s: the waiting is missing", got)
			}
			if got := load.Quantile(took, 1); got < time.Second {
				t.Errorf("longest %s", got)
			}
			if r.KeptUp(500*time.Millisecond) || !r.KeptUp(1100*time.Millisecond) {
				t.Error("KeptUp is wrong")
			}
		})
	}
}

func TestClosedDoesNotCountIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := load.Closed(t.Context(), load.Plan{Lasts: 20 * time.Second, Limit: 1}, stalls())
		if got := load.Quantile(r.Latencies(), 0.99); got > 2*time.Millisecond {
			t.Errorf("99 %% %s", got)
		}
	})
}

func TestClosedLeavesOutItsEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// All ten take two seconds, so in the first of them nothing is done.
		r := load.Closed(t.Context(), load.Plan{Lasts: 8 * time.Second, Limit: 10}, func(context.Context, int) (int, error) {
			time.Sleep(2 * time.Second)
			return 3, nil
		})
		if got := r.PerSecond(); got < 14.9 || got > 15.1 {
			t.Errorf("%.2f units a second", got)
		}
	})
}

func TestAQueueThatGrowsIsSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		door := make(chan struct{}, 1)
		r := load.Open(t.Context(), load.Plan{Rate: 110, Lasts: 10 * time.Second, Limit: 10_000}, func(context.Context, int) (int, error) {
			door <- struct{}{}
			time.Sleep(10 * time.Millisecond)
			<-door
			return 2, nil
		})
		if r.KeptUp(500 * time.Millisecond) {
			t.Error("100 a second kept up with 110")
		}
		if got := r.PerSecond(); got < 199 || got > 201 {
			t.Errorf("%.1f units a second", got)
		}
		if got := r.Elapsed(); got < 10_900*time.Millisecond {
			t.Errorf("all was done after %s", got)
		}
		seconds := r.Seconds()
		if len(seconds) != 12 || seconds[5].Done < 199 || seconds[5].Done > 201 || seconds[9].Took < 800*time.Millisecond {
			t.Errorf("seconds %+v", seconds)
		}
	})
}

func TestAPlanIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := load.Open(t.Context(), load.Plan{Rate: 100, Lasts: time.Hour, Limit: 10_000, GiveUp: 900 * time.Millisecond}, stalls())
		if !r.GaveUp || r.KeptUp(time.Hour) || r.Offered < 590 || r.Offered > 610 || r.Plan.Lasts > 7*time.Second {
			t.Errorf("gave up: %t, %d offered in %s", r.GaveUp, r.Offered, r.Plan.Lasts)
		}
	})
}

func TestFailuresAreCountedApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int64
		r := load.Open(t.Context(), load.Plan{Rate: 100, Lasts: time.Second, Limit: 10}, func(_ context.Context, i int) (int, error) {
			if i%10 == 0 {
				return 0, errors.New("refused")
			}
			done.Add(1)
			return 1, nil
		})
		if r.Failed["refused"] != 10 || r.Failures() != 10 || len(r.Samples) != 90 || r.KeptUp(time.Hour) {
			t.Errorf("failed %v, %d samples", r.Failed, len(r.Samples))
		}
	})
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		r := load.Open(ctx, load.Plan{Rate: 100, Lasts: time.Hour, Limit: 10}, func(context.Context, int) (int, error) { return 1, nil })
		if r.Offered < 49 || r.Offered > 51 {
			t.Errorf("%d offered", r.Offered)
		}
	})
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	tests := []struct {
		sorted []time.Duration
		q      float64
		want   time.Duration
	}{
		{nil, 0.5, 0},
		{[]time.Duration{7}, 0, 7},
		{[]time.Duration{7}, 1, 7},
		{[]time.Duration{1, 2}, 0.5, 1},
		{[]time.Duration{1, 2, 3}, 0.5, 2},
		{hundred, 0, 1},
		{hundred, 0.5, 50},
		{hundred, 0.9, 90},
		{hundred, 0.99, 99},
		{hundred, 0.999, 100},
		{hundred, 1, 100},
	}
	for _, test := range tests {
		if got := load.Quantile(test.sorted, test.q); got != test.want {
			t.Errorf("of %d, %v: got %d, want %d", len(test.sorted), test.q, got, test.want)
		}
	}
}
