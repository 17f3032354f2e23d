// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"errors"
	"testing"
	"time"

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

// TestSalesWithRivals rest, but for those whose tills have waited and those that have
// failed with others. None counts as tried.
func TestSalesWithRivals(t *testing.T) {
	t.Parallel()
	now := time.Now()
	fresh, old, failed := &pending{since: now, attempts: 1}, &pending{since: now.Add(-tellWithin), attempts: 1}, &pending{since: now, attempts: 2}
	rest, alone := part([]*pending{fresh, old, failed})
	if len(rest) != 1 || rest[0] != fresh {
		t.Errorf("%d rest", len(rest))
	}
	if len(alone) != 2 || len(alone[0]) != 1 || alone[0][0] != old || len(alone[1]) != 1 || alone[1][0] != failed {
		t.Errorf("%v go by themselves", alone)
	}
	if fresh.attempts != 0 || old.attempts != 0 || failed.attempts != 1 {
		t.Errorf("tried %d, %d and %d times", fresh.attempts, old.attempts, failed.attempts)
	}
}
