// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"slices"
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

func raise(o offer, quotas ...int64) call {
	return call{
		function: "RaiseQuota", by: issuer, endorsers: []string{issuer, advertiser},
		argument: coupon.RaiseRequest{Framework: o.mandate().ID(), Quotas: quotas},
	}
}

func TestQuotasGrow(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.refusedAtTill(bearer.tender(quota+1), coupon.ReasonQuotaExceeded, "")
	c.run(raise(bearer, quota+1, 5))
	var event coupon.EmitterEvent
	if c.lastEvent("QuotaRaised", &event); event.Framework != bearer.mandate().ID() || event.Emitter != advertiser {
		t.Errorf("the event is %+v", event)
	}
	c.run(redeem(c.batch(c.sale(bearer.tender(quota + 1)))))
	added := bearer.mint(5, func(cp *coupon.Coupon) { cp.Lane = 1 })
	c.run(redeem(c.batch(c.sale(coupon.Tendered{Text: added.Text(), Tag: bearer.tag(added)}))))
	c.refusedAtTill(bearer.tender(quota+2), coupon.ReasonQuotaExceeded, "")
	var f coupon.Framework
	c.evaluate(call{
		function: "GetFramework", argument: coupon.FrameworkQuery{Framework: bearer.mandate().ID()},
		by: retailer, endorsers: []string{retailer},
	}, &f)
	if !slices.Equal(f.Quotas, []int64{quota + 1, 5}) {
		t.Errorf("the quotas are %d", f.Quotas)
	}
}

func TestRaisingQuotasNeedsTheEmitter(t *testing.T) {
	t.Parallel()
	c := founded(t)
	k := raise(bearer, quota+1)
	k.endorsers = []string{issuer}
	c.commit([]*stubtest.Transaction{c.endorse(k)}, policy)
}

func TestQuotasAreRefused(t *testing.T) {
	t.Parallel()
	to := func(quotas ...int64) func(*consortium) call {
		return func(c *consortium) call {
			c.run(raise(bearer, quota, 10))
			return raise(bearer, quotas...)
		}
	}
	testRefusals(t, []refusal{
		{name: "as they are", want: coupon.ReasonQuotaNotRaised, field: "quotas", prepare: to(quota, 10)},
		{name: "one lower, one higher", want: coupon.ReasonQuotaNotRaised, field: "quotas", prepare: to(quota+1, 9)},
		{name: "a lane less", want: coupon.ReasonQuotaNotRaised, field: "quotas", prepare: to(quota + 1)},
		{name: "none", want: invalid, field: "quotas", prepare: to()},
		{name: "a lane of none", want: invalid, field: "quotas", prepare: to(quota, 10, 0)},
		{name: "too many lanes", want: invalid, field: "quotas", prepare: to(slices.Repeat([]int64{quota}, coupon.MaxLanes+1)...)},
		{name: "more than money can be", want: coupon.ReasonAmountOverflow, field: "", prepare: to(1<<62, 10)},
		{name: "unknown mandate", want: coupon.ReasonUnknownFramework, field: "framework_id",
			prepare: func(*consortium) call { return raise(fresh, quota) }},
		{name: "closed campaign", want: coupon.ReasonCampaignClosed, field: "campaign", prepare: func(c *consortium) call {
			c.run(closing(bearer, 0))
			return raise(bearer, quota+1)
		}},
		{name: "no party's peer", want: coupon.ReasonWrongPeer, prepare: func(*consortium) call {
			k := raise(bearer, quota+1)
			k.endorsers = []string{clearing}
			return k
		}},
		{name: "suspended", want: coupon.ReasonEmitterSuspended, field: "framework_id", prepare: func(c *consortium) call {
			c.run(suspend(bearer))
			return raise(bearer, quota+1)
		}},
		{name: "revoked", want: coupon.ReasonEmitterRevoked, field: "framework_id", prepare: func(c *consortium) call {
			c.run(c.revoke(bearer))
			return raise(bearer, quota+1)
		}},
		{name: "rotated", want: coupon.ReasonSuperseded, field: "framework_id", prepare: func(c *consortium) call {
			c.run(rotate(bearer, quota))
			return raise(bearer, quota+1)
		}},
	})
}
