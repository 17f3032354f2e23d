// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"slices"
	"sync"
	"time"

	"ecoupon/chaincode/coupon"
)

const (
	// rivalLife is for how long a redemption counts as under way once its coupons
	// were found good: longer than a batch takes from its check to its block, unless
	// something fails.
	rivalLife = 2 * time.Second
	// maxRivals is how many coupons each half of rivals holds.
	maxRivals = 32_768
)

// rivals remembers for which redemption a coupon, or the product of a proof, was
// found good moments ago. When a coupon is shown to two retailers at once, each
// would put it into a batch, and the batch that is ordered second would be invalid
// as a whole, with all that others have in it. The issuer's peer checks both
// before, so it can tell the second that a rival is under way: that one waits for
// the verdict of the ledger.
//
// It is a hint to those who make batches and no verdict: nothing is refused for
// it, nothing is written, and no verdict of Redeem depends on it. It is safe for
// concurrent use.
type rivals struct {
	now            func() time.Time
	mu             sync.Mutex
	recent, before map[coupon.Tag]candidate
	// began is when recent was empty.
	began time.Time
}

// candidate is a redemption that is under way.
type candidate struct {
	id    coupon.RedemptionID
	since time.Time
}

// meet returns the other redemptions with one of the coupons that were under way
// before; if there is none it notes this one.
func (r *rivals) meet(id coupon.RedemptionID, tags []coupon.Tag) []coupon.RedemptionID {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	var others []coupon.RedemptionID
	var free []coupon.Tag
	for _, tag := range tags {
		switch other, some := r.find(tag, now); {
		case !some:
			free = append(free, tag)
		case other != id && !slices.Contains(others, other):
			others = append(others, other)
		}
	}
	if len(others) > 0 {
		return others
	}
	for _, tag := range free {
		r.note(tag, candidate{id: id, since: now})
	}
	return nil
}

// leave forgets a redemption that is refused now: nobody has to wait for it.
func (r *rivals) leave(id coupon.RedemptionID, tags []coupon.Tag) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, half := range []map[coupon.Tag]candidate{r.recent, r.before} {
		for _, tag := range tags {
			if half[tag].id == id {
				delete(half, tag)
			}
		}
	}
}

func (r *rivals) find(tag coupon.Tag, now time.Time) (coupon.RedemptionID, bool) {
	c, some := r.recent[tag]
	if !some {
		c, some = r.before[tag]
	}
	age := now.Sub(c.since)
	return c.id, some && age >= 0 && age < rivalLife
}

// note forgets the older half when the newer is full, or began a life ago.
func (r *rivals) note(tag coupon.Tag, c candidate) {
	if len(r.recent) >= maxRivals || c.since.Sub(r.began) >= rivalLife {
		r.before, r.recent, r.began = r.recent, nil, c.since
	}
	if r.recent == nil {
		r.recent = make(map[coupon.Tag]candidate)
	}
	r.recent[tag] = c
}
