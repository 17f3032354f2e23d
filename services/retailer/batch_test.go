// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"errors"
	"slices"
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

// Sales rest, but for those whose tills have waited and those that have failed with
// others. Those that rest have not been tried.
func TestWhoMayRest(t *testing.T) {
	t.Parallel()
	d := &desk{resting: make(chan resting, 1)}
	now := time.Now()
	fresh, old, failed := &pending{since: now, attempts: 1}, &pending{since: now.Add(-tellWithin), attempts: 1}, &pending{since: now, attempts: 2}
	left := d.rest(nil, []*pending{fresh, old, failed})
	if rest := <-d.resting; !slices.Equal(rest.sales, []*pending{fresh}) || !slices.Equal(left, []*pending{old, failed}) {
		t.Errorf("%d rest, %d are left", len(rest.sales), len(left))
	}
	if fresh.attempts != 0 || old.attempts != 1 || failed.attempts != 2 {
		t.Errorf("tried %d, %d and %d times", fresh.attempts, old.attempts, failed.attempts)
	}
}
