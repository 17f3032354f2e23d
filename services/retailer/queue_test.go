// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
)

// bench is a queue of at most four coupons in a batch and two batches in flight,
// where sales gather for 10 ms.
type bench struct {
	*queue
	t *testing.T
}

func newBench(t *testing.T) *bench {
	t.Helper()
	cfg := BatchConfig{Window: config.Duration(10 * time.Millisecond), Coupons: 4, InFlight: 2}
	return &bench{newQueue(cfg.withDefaults()), t}
}

// comes is a sale with a coupon for each lock; it must be let in.
func (b *bench) comes(till string, at time.Time, locks ...string) *pending {
	b.t.Helper()
	p := newPending(coupon.RedemptionID{}, coupon.Hash{})
	p.till, p.locks, p.sale.Coupons = till, locks, make([]coupon.Tendered, len(locks))
	if !b.enter(p, at) {
		b.t.Fatalf("%v is not let in", locks)
	}
	return p
}

// crowd are a few sales that go at once, together.
func (b *bench) crowd(at time.Time) *round {
	b.t.Helper()
	var sales []*pending
	for i := range few {
		sales = append(sales, b.comes("till", at, fmt.Sprint(i)))
	}
	return b.want(at, sales...)
}

// want takes the next batch, which must be this.
func (b *bench) want(now time.Time, want ...*pending) *round {
	b.t.Helper()
	r, wait := b.next(now)
	if r == nil {
		if len(want) > 0 {
			b.t.Fatalf("no batch (wait %s), want %d sales", wait, len(want))
		}
		return nil
	}
	var got []string
	for _, p := range r.sales {
		got = append(got, fmt.Sprint(p.till, p.locks))
	}
	if len(r.sales) != len(want) {
		b.t.Fatalf("a batch of %v, want %d sales", got, len(want))
	}
	for i := range want {
		if r.sales[i] != want[i] {
			b.t.Errorf("sale %d of %v is another", i, got)
		}
	}
	return r
}

// waits expects no batch before so long.
func (b *bench) waits(now time.Time, want time.Duration) {
	b.t.Helper()
	if r, wait := b.next(now); r != nil || wait != want {
		b.t.Errorf("batch %v, wait %s, want %s", r, wait, want)
	}
}

func TestALoneSaleGoesAtOnce(t *testing.T) {
	t.Parallel()
	b, now := newBench(t), time.Now()
	b.want(now, b.comes("till", now, "a"))
}

func TestSalesGather(t *testing.T) {
	t.Parallel()
	now := time.Now()
	t.Run("while others are in flight", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.want(now, b.comes("till", now, "a"))
		first, second := b.comes("till", now, "b"), b.comes("till", now.Add(3*time.Millisecond), "c")
		b.waits(now.Add(4*time.Millisecond), 6*time.Millisecond)
		b.want(now.Add(10*time.Millisecond), first, second)
	})
	t.Run("not once they are a full batch", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.want(now, b.comes("till", now, "a"))
		first, second := b.comes("till", now, "b", "c"), b.comes("till", now, "d", "e")
		b.comes("till", now, "f")
		b.want(now, first, second)
	})
	t.Run("one sale may be larger than a batch", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		large := b.comes("till", now, "a", "b", "c", "d", "e", "f")
		b.comes("till", now, "g")
		b.want(now, large)
	})
}

// TestBatchesLeaveApart by how long they take.
func TestBatchesLeaveApart(t *testing.T) {
	t.Parallel()
	now := time.Now()
	t.Run("longer when batches take long", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		at := now
		for range 20 {
			r := b.want(at, b.comes("till", at, "a"))
			at = at.Add(160 * time.Millisecond)
			b.end(finished{round: r}, at)
		}
		if b.pace < 155*time.Millisecond || b.pace > 160*time.Millisecond {
			t.Errorf("batches of 160 ms are %s apart", b.pace)
		}
		b.want(at, b.comes("till", at, "a"))
		second := b.comes("till", at, "b")
		b.waits(at.Add(10*time.Millisecond), b.pace-10*time.Millisecond)
		b.want(at.Add(160*time.Millisecond), second)
	})
	t.Run("after a crowd, though none is in flight", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		r := b.crowd(now)
		b.end(finished{round: r}, now.Add(4*time.Millisecond))
		next := b.comes("till", now.Add(5*time.Millisecond), "a")
		b.waits(now.Add(5*time.Millisecond), 5*time.Millisecond)
		r = b.want(now.Add(10*time.Millisecond), next)
		b.end(finished{round: r}, now.Add(12*time.Millisecond))
		b.want(now.Add(13*time.Millisecond), b.comes("till", now.Add(13*time.Millisecond), "b"))
	})
	t.Run("not long after a crowd", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.end(finished{round: b.crowd(now)}, now.Add(time.Millisecond))
		b.want(now.Add(time.Minute), b.comes("till", now.Add(time.Minute), "a"))
	})
}

// TestRivalsRest and are then in a batch with others, whether or not the one that
// they were in has ended; meanwhile nobody else gets in with what they hold.
func TestRivalsRest(t *testing.T) {
	t.Parallel()
	b, now := newBench(t), time.Now()
	resting := b.comes("till", now, "a")
	r := b.want(now, resting)
	b.rest(r, []*pending{resting}, now)
	b.waits(now, restFor)
	b.comes("till", now, "a")
	b.waits(now.Add(restFor-1), 1)
	b.end(finished{round: r}, now.Add(restFor-1))
	at := now.Add(restFor)
	other := b.comes("till", at, "b")
	b.want(at, other, resting)
	if b.waiting != 1 {
		t.Errorf("%d wait, not the one that is held", b.waiting)
	}
}

// TestSizeOfBatches follows from how long verdicts take, within what is configured.
func TestSizeOfBatches(t *testing.T) {
	t.Parallel()
	soon, long, late := 10*time.Millisecond, slow+1, verdictLimit
	for _, test := range []struct {
		name     string
		size     int
		full     bool
		verdicts []time.Duration
		want     []int
	}{
		{"grow when full", 80, true, []time.Duration{soon, slow, soon}, []int{91, 103, 116}},
		{"to the configured size", 480, true, []time.Duration{soon, soon}, []int{500, 500}},
		{"stay when not", 80, false, []time.Duration{soon, soon}, []int{80, 80}},
		{"stay when slow", 80, true, []time.Duration{long, late - 1, soon}, []int{80, 80, 91}},
		{"halve when there is none", 400, false, []time.Duration{late, late, 2 * late, late}, []int{200, 100, 64, 64}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q := newQueue(BatchConfig{Coupons: 500, InFlight: 1})
			if q.size != initial {
				t.Errorf("begins with %d", q.size)
			}
			q.size = test.size
			var sizes []int
			for _, verdict := range test.verdicts {
				q.end(finished{round: q.begin(round{full: test.full}), verdict: verdict}, time.Now())
				sizes = append(sizes, q.size)
			}
			if diff := cmp.Diff(test.want, sizes); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("full is what left no room", func(t *testing.T) {
		t.Parallel()
		b, now := newBench(t), time.Now()
		r := b.want(now, b.comes("till", now, "a", "b", "c"))
		if r.full {
			t.Error("3 of 4 are full")
		}
		b.end(finished{round: r, verdict: soon}, now)
		if r = b.want(now, b.comes("till", now, "a", "b", "c", "d")); !r.full {
			t.Error("4 of 4 are not full")
		}
	})
}

func TestNotMoreBatchesThanAllowed(t *testing.T) {
	t.Parallel()
	b, now := newBench(t), time.Now()
	first := b.want(now, b.comes("till", now, "a"))
	later := now.Add(time.Second)
	b.want(later, b.comes("till", now, "b"))
	third := b.comes("till", now, "c")
	b.want(later)
	b.end(finished{round: first}, later)
	b.want(later.Add(time.Second), third)
}

func TestWhatSharesALockIsHeld(t *testing.T) {
	t.Parallel()
	b, now := newBench(t), time.Now()
	first, other := b.comes("till", now, "a", "x"), b.comes("till", now, "b")
	second, third := b.comes("till", now, "a"), b.comes("another", now, "a")
	r := b.want(now, first, other)
	later := now.Add(time.Second)
	b.want(later)
	b.end(finished{round: r, again: [][]*pending{{first}}}, later)
	r = b.want(later, first)
	b.want(later)
	b.end(finished{round: r}, later)
	r = b.want(later, second)
	b.want(later)
	b.end(finished{round: r}, later)
	b.want(later, third)
}

func TestTillsTakeTurns(t *testing.T) {
	t.Parallel()
	b, now := newBench(t), time.Now()
	var busy []*pending
	for i := range 6 {
		busy = append(busy, b.comes("busy", now, fmt.Sprint(i)))
	}
	lone, pair := b.comes("lone", now, "l"), b.comes("pair", now, "p")
	pair2 := b.comes("pair", now, "q")
	b.want(now, busy[0], lone, pair, busy[1])
	b.want(now, pair2, busy[2], busy[3], busy[4])
}

func TestWhatFailedIsTriedAgainApart(t *testing.T) {
	t.Parallel()
	b, now := newBench(t), time.Now()
	first, second, third := b.comes("till", now, "a"), b.comes("till", now, "b"), b.comes("till", now, "c")
	r := b.want(now, first, second, third)
	b.comes("till", now, "d")
	b.end(finished{round: r, again: halves(r.sales)}, now)
	b.want(now, first)
	b.want(now, second, third)
}

// TestATillThatSpoiltABatchGoesApart until as many good sales have followed.
func TestATillThatSpoiltABatchGoesApart(t *testing.T) {
	t.Parallel()
	b, now := newBench(t), time.Now()
	bad := b.comes("bad", now, "a")
	r := b.want(now, bad)
	waiting := b.comes("bad", now, "b")
	bad.spoilt, bad.err = true, errors.New("refused")
	b.end(finished{round: r}, now)
	honest := b.comes("honest", now, "c")
	suspect := b.want(now, waiting)
	b.want(now.Add(time.Second), honest)
	if !suspect.suspects {
		t.Error("a till that spoilt a batch is not suspect")
	}
	second := b.comes("bad", now, "d")
	later := now.Add(time.Second)
	b.want(later) // one batch of suspects at a time
	b.end(finished{round: suspect}, now)
	r = b.want(later, second)
	second.err = errors.New("refused for itself")
	b.end(finished{round: r}, now)
	for i := 1; i < probation; i++ {
		later = later.Add(10 * time.Millisecond)
		r := b.want(later, b.comes("bad", now, "a"))
		if !r.suspects {
			t.Fatalf("not suspect after %d good sales", i)
		}
		b.end(finished{round: r}, now)
	}
	both := []*pending{b.comes("bad", now, "a"), b.comes("honest", now, "b")}
	b.want(later.Add(10*time.Millisecond), both...)
}

func TestTooManyAreToldSo(t *testing.T) {
	t.Parallel()
	now := time.Now()
	enter := func(b *bench, till string, at time.Time, lock string) bool {
		p := newPending(coupon.RedemptionID{}, coupon.Hash{})
		p.till, p.locks, p.sale.Coupons = till, []string{lock}, make([]coupon.Tendered, 1)
		return b.enter(p, at)
	}
	t.Run("of one till, and another is still served", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		entered := 0
		for enter(b, "flood", now, fmt.Sprint(entered)) {
			entered++
		}
		if entered != maxWaiting/2 {
			t.Errorf("%d of one till wait, want half of %d", entered, maxWaiting)
		}
		if !enter(b, "other", now, "other") {
			t.Error("another till is turned away")
		}
	})
	t.Run("in all, held ones too", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		entered := 0
		for enter(b, fmt.Sprint("till ", entered), now, "the same") {
			entered++
		}
		if entered != maxWaiting {
			t.Errorf("%d wait, want %d", entered, maxWaiting)
		}
		if left := b.empty(); len(left) != maxWaiting || !enter(b, "till", now, "the same") {
			t.Errorf("%d were taken out", len(left))
		}
	})
	t.Run("if the oldest waits for too long", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.comes("till", now, "a")
		if !enter(b, "till", now.Add(maxAge), "b") || enter(b, "till", now.Add(maxAge+1), "c") {
			t.Errorf("not after %s", maxAge)
		}
	})
	t.Run("and nothing is kept of tills that are gone", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		for i := range 5 {
			r := b.want(now, b.comes(fmt.Sprint("till ", i), now, "a"))
			b.end(finished{round: r}, now)
		}
		if len(b.lines)+len(b.locks)+b.waiting != 0 {
			t.Errorf("%d lines, %d locks, %d waiting", len(b.lines), len(b.locks), b.waiting)
		}
	})
}

func TestHalves(t *testing.T) {
	t.Parallel()
	for size := range 10 {
		batch := make([]*pending, size)
		sum := 0
		for _, half := range halves(batch) {
			if len(half) == 0 || size > 1 && len(half) == size {
				t.Errorf("%d sales: a half of %d", size, len(half))
			}
			sum += len(half)
		}
		if sum != size {
			t.Errorf("halves of %d hold %d", size, sum)
		}
	}
}
