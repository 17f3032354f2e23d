// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// TestRivalsAreForgotten after a while, and the oldest when there are too many.
func TestRivalsAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := &rivals{now: func() time.Time { return now }}
	tag := func(n int) (tag coupon.Tag) {
		binary.BigEndian.PutUint64(tag[:], uint64(n)+1)
		return tag
	}
	first, second := coupon.RedemptionID{1}, coupon.RedemptionID{2}
	met := func(id coupon.RedemptionID, n int) bool {
		return len(r.meet(id, []coupon.Tag{tag(n)})) > 0
	}
	for n := range 5 * maxRivals / 2 {
		if met(first, n) {
			t.Fatalf("coupon %d has a rival", n)
		}
		if kept := len(r.recent) + len(r.before); kept > 2*maxRivals {
			t.Fatalf("%d are kept, at most %d should be", kept, 2*maxRivals)
		}
	}
	if met(second, 0) || !met(second, maxRivals) || !met(second, 5*maxRivals/2-1) {
		t.Error("not the latest are kept")
	}
	now = now.Add(rivalLife - 1)
	if met(first, 1_000_000) || !met(second, maxRivals) {
		t.Error("forgotten too soon")
	}
	now = now.Add(1)
	if met(second, 2*maxRivals) {
		t.Error("not forgotten")
	}
	for range 2 {
		now = now.Add(rivalLife)
		met(first, 2_000_000)
	}
	if kept := len(r.recent) + len(r.before); kept > 2 {
		t.Errorf("%d are kept that nobody asks for", kept)
	}
}

// TestRivalsHoldNothingWhileTheyWait: two redemptions of the same coupons do not wait
// for each other.
func TestRivalsHoldNothingWhileTheyWait(t *testing.T) {
	t.Parallel()
	r := &rivals{now: time.Now}
	one, other := coupon.Tag{1}, coupon.Tag{2}
	ids := []coupon.RedemptionID{{1}, {2}, {3}}
	r.meet(ids[0], []coupon.Tag{one})
	if got := r.meet(ids[1], []coupon.Tag{other, one}); !slices.Equal(got, ids[:1]) {
		t.Errorf("the rivals are %v", got)
	}
	if got := r.meet(ids[2], []coupon.Tag{other}); got != nil {
		t.Error("who waits for one coupon holds the other")
	}
}
