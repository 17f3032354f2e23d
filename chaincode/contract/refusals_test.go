// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ecoupon/chaincode/coupon"
)

// refusal is one thing that is refused.
type refusal struct {
	name string
	// prepare makes the ledger and the call in which just one thing is wrong.
	prepare func(c *consortium) call
	want    coupon.Reason
	field   string
	// seenBy is the one endorser that can see what is wrong; every endorser if
	// empty.
	seenBy string
}

// testRefusals runs each call on each of its endorsers' peers on its own.
func testRefusals(t *testing.T, refusals []refusal) {
	t.Helper()
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			t.Logf("must be refused with %s", r.want)
			c := founded(t)
			k := r.prepare(c)
			height := c.Height()
			for _, mspID := range k.endorsers {
				alone := k
				alone.endorsers = []string{mspID}
				if r.seenBy != "" && r.seenBy != mspID {
					c.endorse(alone)
					continue
				}
				got := c.refusal(alone)
				if got.Reason != r.want || got.Field != r.field {
					t.Errorf("on the peer of %s: %v, want %s: %s", mspID, got, r.want, r.field)
				}
			}
			if c.Height() != height {
				t.Error("something was written")
			}
		})
	}
}

// badBatch is a batch of which some coupons or sales are refused. It begins as
// one sale of bearer coupon 1 and bound coupon 2.
type badBatch struct {
	name  string
	spoil func(c *consortium, b *coupon.BatchInput)
	want  []coupon.Refusal // without details
	// seenBy is as in refusal.
	seenBy string
	// redeemOnly: Check is not given what is wrong.
	redeemOnly bool
}

// sale0 and its coupons are what most rows spoil.
func one(index int, reason coupon.Reason, field string) []coupon.Refusal {
	return []coupon.Refusal{{Redemption: 0, Coupon: index, Reason: reason, Field: field}}
}

func testBadBatches(t *testing.T, batches []badBatch) {
	t.Helper()
	for _, bad := range batches {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			t.Logf("must be refused with %v", bad.want)
			c := founded(t)
			b := c.batch(c.sale(bearer.tender(1), c.presented(bound, 2)))
			bad.spoil(c, &b)
			height := c.Height()
			for _, mspID := range []string{issuer, retailer} {
				k := redeem(b)
				k.endorsers = []string{mspID}
				if bad.seenBy != "" && bad.seenBy != mspID {
					c.endorse(k)
					continue
				}
				c.assertRefusals(t, mspID, c.refusal(k), bad.want)
			}
			if !bad.redeemOnly {
				c.assertCheck(t, b, bad.want)
			}
			if c.Height() != height {
				t.Error("something was written")
			}
		})
	}
}

func (c *consortium) assertRefusals(t testing.TB, mspID string, got *coupon.Error, want []coupon.Refusal) {
	t.Helper()
	var list []coupon.Refusal
	if got.Reason != coupon.ReasonBatchRefused {
		t.Fatalf("on the peer of %s: %v, want BATCH_REFUSED", mspID, got)
	}
	if err := json.Unmarshal([]byte(got.Detail), &list); err != nil {
		t.Fatalf("on the peer of %s: %v", mspID, err)
	}
	if diff := cmp.Diff(want, list, cmpopts.IgnoreFields(coupon.Refusal{}, "Detail")); diff != "" {
		t.Errorf("on the peer of %s (-want +got):\n%s", mspID, diff)
	}
}

// assertCheck expects Check to say what Redeem says, and to give no tag of a
// coupon that the emitter may not have made.
func (c *consortium) assertCheck(t testing.TB, b coupon.BatchInput, want []coupon.Refusal) {
	t.Helper()
	var sales []coupon.CheckedSale
	for _, s := range b.Sales {
		sales = append(sales, checked(s))
	}
	var result coupon.CheckResult
	c.evaluate(check(sales...), &result)
	var got []coupon.Refusal
	for i, v := range result.Sales {
		got = append(got, v.Refused...)
		for _, r := range v.Refused {
			if r.Coupon >= 0 && r.Reason == coupon.ReasonWrongMAC && result.Sales[i].Coupons[r.Coupon].Tag != nil {
				t.Error("Check gives the tag of a forged coupon")
			}
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(coupon.Refusal{}, "Detail")); diff != "" {
		t.Errorf("Check (-want +got):\n%s", diff)
	}
}
