// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"errors"
	"slices"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
)

// Who waits while the ledger is away is told so with those whose batch found out,
// and all are before anybody's repeat can wait: that is asked anew.
func TestAllAreToldThatTheLedgerIsAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := &desk{service: &Service{}, queue: b.queue}
	now := time.Now()
	asked := b.comes("till", now, "a")
	r := b.want(now, asked)
	waits, held := b.comes("till", now, "b"), b.comes("other", now, "a")

	d.end(finished{round: r, unmet: r.sales, away: ledger.ErrUnavailable})
	for _, p := range []*pending{asked, waits, held} {
		select {
		case <-p.answered:
			if !errors.Is(p.err, ledger.ErrUnavailable) {
				t.Errorf("%v is told %v", p.locks, p.err)
			}
		default:
			t.Errorf("%v is not answered", p.locks)
		}
	}
	b.want(now, b.comes("till", now, "a"))
}

// Sales with rivals rest, but for those whose tills have waited and those that have
// failed with others. None counts as tried.
func TestSalesWithRivals(t *testing.T) {
	t.Parallel()
	now := time.Now()
	fresh, old, failed := &pending{since: now, attempts: 1}, &pending{since: now.Add(-tellWithin), attempts: 1}, &pending{since: now, attempts: 2}
	rest, alone := part([]*pending{fresh, old, failed})
	if !slices.Equal(rest, []*pending{fresh}) {
		t.Errorf("%d rest", len(rest))
	}
	if len(alone) != 2 || !slices.Equal(slices.Concat(alone...), []*pending{old, failed}) {
		t.Errorf("%v go by themselves", alone)
	}
	if fresh.attempts != 0 || old.attempts != 0 || failed.attempts != 1 {
		t.Errorf("tried %d, %d and %d times", fresh.attempts, old.attempts, failed.attempts)
	}
}

// What an endorser alone refuses is checked again, up to a bound: then its till is told to
// ask again.
func TestWhatAnEndorserRefusesForLong(t *testing.T) {
	t.Parallel()
	d := &desk{service: &Service{}}
	again, often := newPending(coupon.RedemptionID{1}, coupon.Hash{}), newPending(coupon.RedemptionID{2}, coupon.Hash{})
	again.attempts, often.attempts = maxAttempts-1, maxAttempts
	if left := d.undecided([]*pending{again, often}); !slices.Equal(left, []*pending{again}) {
		t.Errorf("%d are checked again", len(left))
	}
	if <-often.answered; !errors.Is(often.err, errDoubted) {
		t.Errorf("it is told %v", often.err)
	}
}
