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
