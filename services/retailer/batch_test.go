// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
)

func newQueue() *queue {
	cfg := BatchConfig{Window: config.Duration(10 * time.Millisecond), Coupons: 4, InFlight: 2}
	return &queue{cfg: cfg.withDefaults(), held: make(map[string]bool)}
}

// waits adds a sale that holds these locks, one coupon each.
func (q *queue) waits(since time.Time, locks ...string) *pending {
	p := newPending(coupon.RedemptionID{}, coupon.Hash{})
	p.since, p.locks, p.sale.Coupons = since, locks, make([]coupon.Tendered, len(locks))
	q.waiting = append(q.waiting, p)
	return p
}

func wantBatch(t *testing.T, q *queue, now time.Time, want ...*pending) []*pending {
	t.Helper()
	batch, wait := q.next(now)
	if len(batch) != len(want) {
		t.Fatalf("a batch of %d sales (wait %s), want %d", len(batch), wait, len(want))
	}
	for i := range want {
		if batch[i] != want[i] {
			t.Errorf("sale %d of the batch is another", i)
		}
	}
	return batch
}

func TestQueue(t *testing.T) {
	t.Parallel()
	now := time.Now()
	t.Run("a lone sale goes at once", func(t *testing.T) {
		t.Parallel()
		q := newQueue()
		wantBatch(t, q, now, q.waits(now, "a"))
	})
	t.Run("others gather while it is in flight", func(t *testing.T) {
		t.Parallel()
		q := newQueue()
		wantBatch(t, q, now, q.waits(now, "a"))
		b, c := q.waits(now, "b"), q.waits(now.Add(3*time.Millisecond), "c")
		if batch, wait := q.next(now.Add(4 * time.Millisecond)); batch != nil || wait != 6*time.Millisecond {
			t.Errorf("after 4 of 10 ms: %d sales, wait %s", len(batch), wait)
		}
		wantBatch(t, q, now.Add(10*time.Millisecond), b, c)
	})
	t.Run("a full batch does not wait", func(t *testing.T) {
		t.Parallel()
		q := newQueue()
		wantBatch(t, q, now, q.waits(now, "a"))
		b, c := q.waits(now, "b", "c"), q.waits(now, "d", "e")
		q.waits(now, "f")
		wantBatch(t, q, now, b, c)
	})
	t.Run("one sale may be larger than a batch", func(t *testing.T) {
		t.Parallel()
		q := newQueue()
		large := q.waits(now, "a", "b", "c", "d", "e", "f")
		q.waits(now, "g")
		wantBatch(t, q, now, large)
	})
	t.Run("not more batches than allowed", func(t *testing.T) {
		t.Parallel()
		q := newQueue()
		first := wantBatch(t, q, now, q.waits(now, "a"))
		later := now.Add(time.Second)
		wantBatch(t, q, later, q.waits(now, "b"))
		c := q.waits(now, "c")
		wantBatch(t, q, later)
		q.release(first, nil)
		wantBatch(t, q, later, c)
	})
	t.Run("what shares a lock goes apart, in order", func(t *testing.T) {
		t.Parallel()
		q := newQueue()
		a1, b, a2 := q.waits(now, "a", "x"), q.waits(now, "b"), q.waits(now, "a")
		first := wantBatch(t, q, now, a1, b)
		later := now.Add(time.Second)
		wantBatch(t, q, later)
		q.release(first, nil)
		wantBatch(t, q, later, a2)
	})
	t.Run("what failed is tried again apart from others", func(t *testing.T) {
		t.Parallel()
		q := newQueue()
		a, b, c := q.waits(now, "a"), q.waits(now, "b"), q.waits(now, "c")
		batch := wantBatch(t, q, now, a, b, c)
		q.waits(now, "d")
		q.release(batch, halves(batch))
		wantBatch(t, q, now, a)
		wantBatch(t, q, now, b, c)
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
