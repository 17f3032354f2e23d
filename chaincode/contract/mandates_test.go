// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

func raise(o offer, quotas ...int64) call {
	return call{
		function: "RaiseQuota", by: issuer, endorsers: []string{issuer, advertiser},
		argument: coupon.RaiseRequest{Framework: o.mandate().ID(), Quotas: quotas},
	}
}

func suspend(o offer) call {
	return call{
		function: "SuspendEmitter", by: issuer, endorsers: []string{issuer, clearing},
		argument: coupon.SuspendRequest{Framework: o.mandate().ID()},
	}
}

// suspendNew leaves coupons of closed frames good.
func (c *consortium) suspendNew(o offer) call {
	k := suspend(o)
	k.argument = coupon.SuspendRequest{Framework: o.mandate().ID(), Redeem: true}
	k.input = c.ends(o)
	return k
}

func reinstate(o offer) call {
	return call{
		function: "ReinstateEmitter", by: issuer, endorsers: []string{issuer, clearing},
		argument: coupon.MandateRequest{Framework: o.mandate().ID()},
	}
}

func (c *consortium) revoke(o offer) call {
	return call{
		function: "RevokeEmitter", by: issuer, endorsers: []string{issuer, clearing},
		argument: coupon.MandateRequest{Framework: o.mandate().ID()}, input: c.ends(o),
	}
}

// ends is where the lanes stand, as the issuer's peer tells.
func (c *consortium) ends(o offer) coupon.EndsInput {
	c.t.Helper()
	var ends coupon.EndsInput
	c.evaluate(call{
		function: "LaneEnds", by: issuer, endorsers: []string{issuer},
		argument: coupon.FrameworkQuery{Framework: o.mandate().ID()},
	}, &ends)
	return ends
}

// next is the mandate of the epoch after that of o's.
func (o offer) next() coupon.Mandate {
	m := o.mandate()
	m.Epoch++
	return m
}

func rotate(o offer, quotas ...int64) call {
	m := o.next()
	return call{
		function: "RotateKey", by: issuer, endorsers: []string{issuer, advertiser},
		argument: coupon.RotateRequest{Framework: o.mandate().ID(), Quotas: quotas},
		input: coupon.EmitterKeyInput{
			Key: coupon.DeriveEmitterKey(o.key, o.campaign.ID, advertiser, m.Epoch),
			MAC: m.MAC(coupon.DeriveFrameworkKey(o.key)),
		},
	}
}

func (c *consortium) state(id coupon.FrameworkID) (s coupon.MandateState) {
	c.t.Helper()
	c.evaluate(call{
		function: "GetMandate", argument: coupon.FrameworkQuery{Framework: id},
		by: retailer, role: "auditor", endorsers: []string{retailer},
	}, &s)
	return s
}

// refusedAtTill expects a sale with the coupon to be refused by both endorsers,
// and by Check.
func (c *consortium) refusedAtTill(tendered coupon.Tendered, want coupon.Reason, field string) {
	c.t.Helper()
	b := c.batch(c.sale(tendered))
	for _, mspID := range []string{issuer, retailer} {
		k := redeem(b)
		k.endorsers = []string{mspID}
		c.assertRefusals(c.t, mspID, c.refusal(k), one(0, want, field))
	}
	c.assertCheck(c.t, b, one(0, want, field))
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

func TestARevokedLaneEndsAtItsLastClosedFrame(t *testing.T) {
	t.Parallel()
	c := founded(t)
	o := makeOffer("two-lanes", coupon.HolderBearer)
	c.open(o)
	c.run(raise(o, quota, 10))
	l := c.newLane(o)
	c.closeStatic(l, 7)
	c.closeStatic(l, 12)
	k := c.revoke(o)
	c.run(k)
	var event coupon.EmitterEvent
	if c.lastEvent("EmitterRevoked", &event); event.Framework != l.frame.Framework {
		t.Errorf("the event is %+v", event)
	}
	want := coupon.MandateState{
		Format: 1, Framework: l.frame.Framework, Status: coupon.MandateRevoked,
		Since: c.clock.ms.Load(), LastSNs: []int64{12, 0},
	}
	if diff := cmp.Diff(want, c.state(l.frame.Framework)); diff != "" {
		t.Errorf("the mandate's state (-want +got):\n%s", diff)
	}
	c.run(redeem(c.batch(c.sale(o.tender(12), o.tender(3)))))
	c.refusedAtTill(o.tender(13), coupon.ReasonLaneEnded, "")
	other := o.mint(1, func(cp *coupon.Coupon) { cp.Lane = 1 })
	c.refusedAtTill(coupon.Tendered{Text: other.Text(), Tag: o.tag(other)}, coupon.ReasonLaneEnded, "")
}

// closeStatic closes the lane's frame at a serial number: static coupons are
// counted only.
func (c *consortium) closeStatic(l *lane, last int64) {
	c.t.Helper()
	c.clock.advance(time.Second)
	content := coupon.FrameContent{Salt: c.salt(), Last: l.q, LastSN: last, Count: last - l.sn, Root: coupon.EmptyRoot}
	c.run(closeFrame(l.frame, content))
	l.sn = last
	l.begin()
}

func TestFramesOfStaticCouponsTellNothing(t *testing.T) {
	t.Parallel()
	c := founded(t)
	l := c.newLane(bearer)
	first := l.frame
	c.closeStatic(l, 5)
	var frame coupon.Frame
	c.evaluate(call{function: "GetFrame", argument: first, by: retailer, endorsers: []string{retailer}}, &frame)
	if frame.Log != coupon.LogDigest(coupon.EmptyRoot, 0) {
		t.Error("the public record of a frame depends on how many coupons it has")
	}
	for name, change := range map[string]func(*coupon.FrameContent){
		"root":   func(f *coupon.FrameContent) { f.Root[0] ^= 1 },
		"q_last": func(f *coupon.FrameContent) { f.Last[0] ^= 1 },
	} {
		c.clock.advance(time.Second)
		content := coupon.FrameContent{Salt: c.salt(), Last: l.q, LastSN: 6, Count: 1, Root: coupon.EmptyRoot}
		change(&content)
		k := closeFrame(l.frame, content)
		k.endorsers = []string{issuer}
		if got := c.refusal(k); got.Reason != coupon.ReasonFrameConflict || got.Field != name {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestCouponsOfEndedMandatesNeedTheirReceipt(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*consortium) call{
		"revoked":   func(c *consortium) call { return c.revoke(decaying) },
		"suspended": func(c *consortium) call { return c.suspendNew(decaying) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := founded(t)
			c.open(decaying)
			l := c.newLane(decaying)
			first := l.release()
			log := l.log
			c.clock.advance(time.Second)
			l.close()
			late := l.release()
			c.run(end(c))
			c.refusedAtTill(l.tendered(first, nil), coupon.ReasonReceiptRequired, "receipt")
			c.refusedAtTill(l.tendered(late, nil), coupon.ReasonLaneEnded, "")
			backdated := l.release(func(cp *coupon.Coupon) { cp.SN = 1 })
			c.refusedAtTill(l.tendered(backdated, log), coupon.ReasonFrameNotClosed, "")
			c.run(redeem(c.batch(c.sale(l.tendered(first, log)))))
		})
	}
}

func TestASuspendedMandateStandsStill(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.open(decaying)
	l := c.newLane(decaying)
	cp := l.release()
	c.clock.advance(time.Second)
	c.run(suspend(decaying))
	var event coupon.EmitterEvent
	if c.lastEvent("EmitterSuspended", &event); event.Framework != l.frame.Framework {
		t.Errorf("the event is %+v", event)
	}
	c.refusedAtTill(l.tendered(cp, nil), coupon.ReasonEmitterSuspended, "")
	c.run(reinstate(decaying))
	if c.lastEvent("EmitterReinstated", &event); event.Framework != l.frame.Framework {
		t.Errorf("the event is %+v", event)
	}
	if got := c.state(l.frame.Framework); got.Status != coupon.MandateActive || got.LastSNs != nil {
		t.Errorf("reinstated it is %+v", got)
	}
	c.run(redeem(c.batch(c.sale(l.tendered(cp, nil)))))
	l.close()
	c.run(c.suspendNew(decaying))
	c.run(suspend(decaying))
	if got := c.state(l.frame.Framework); got.LastSNs != nil {
		t.Errorf("suspended wholly it is %+v", got)
	}
	c.run(c.revoke(decaying))
}

func TestARotatedKeyIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	c := founded(t)
	old := c.run(redeem(c.batch(c.sale(bearer.tender(1)))))
	if old == nil {
		t.Fatal("no redemption")
	}
	c.run(rotate(bearer, 10))
	var event coupon.KeyRotatedEvent
	if c.lastEvent("KeyRotated", &event); event.Before != bearer.mandate().ID() || event.Framework != bearer.next().ID() {
		t.Errorf("the event is %+v", event)
	}
	state := c.state(bearer.mandate().ID())
	if state.Status != coupon.MandateActive || state.Next == nil || *state.Next != event.Framework || state.Rotated != c.clock.ms.Load() {
		t.Errorf("the mandate before is %+v", state)
	}
	c.run(redeem(c.batch(c.sale(bearer.tender(2)))))
	made := mintUnder(bearer, bearer.next(), 10)
	c.run(redeem(c.batch(c.sale(coupon.Tendered{Text: made.Text(), Tag: bearer.tag(made)}))))
	above := mintUnder(bearer, bearer.next(), 11)
	c.refusedAtTill(coupon.Tendered{Text: above.Text(), Tag: bearer.tag(above)}, coupon.ReasonQuotaExceeded, "")
	forged := mintUnder(bearer, bearer.next(), 9)
	forged.EmitterMAC = forged.MAC(bearer.emitterKey(), bearer.next().Data(), coupon.Hash{})
	c.assertRefusals(t, issuer, c.refusal(redeem(c.batch(c.sale(coupon.Tendered{Text: forged.Text(), Tag: bearer.tag(forged)})))),
		one(0, coupon.ReasonWrongMAC, ""))
	c.run(c.revoke(bearer))
	c.refusedAtTill(bearer.tender(3), coupon.ReasonLaneEnded, "")
	another := mintUnder(bearer, bearer.next(), 8)
	c.run(redeem(c.batch(c.sale(coupon.Tendered{Text: another.Text(), Tag: bearer.tag(another)}))))
}

// mintUnder is offer.mint under another of its mandates.
func mintUnder(o offer, m coupon.Mandate, sn int64) coupon.Coupon {
	made := coupon.Coupon{Kind: coupon.KindStatic, Framework: m.ID(), SN: sn, MandateMAC: m.MAC(coupon.DeriveFrameworkKey(o.key))}
	made.EmitterMAC = made.MAC(coupon.DeriveEmitterKey(o.key, m.Campaign, m.Emitter, m.Epoch), m.Data(), coupon.Hash{})
	return made
}

func TestARevokedMandateIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.run(c.revoke(bearer))
	c.run(rotate(bearer, 10))
	made := mintUnder(bearer, bearer.next(), 1)
	c.run(redeem(c.batch(c.sale(coupon.Tendered{Text: made.Text(), Tag: bearer.tag(made)}))))
	if got := c.state(bearer.mandate().ID()); got.Status != coupon.MandateRevoked {
		t.Errorf("the revoked mandate is %+v", got)
	}
}

func TestARotatedLaneServesOutItsFrame(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.open(decaying)
	l := c.newLane(decaying)
	l.release()
	c.clock.advance(time.Second)
	c.run(rotate(decaying, quota))
	l.release()
	c.clock.advance(time.Second)
	c.run(closeFrame(l.frame, l.content()))
	c.refused(askBeacon(l.frame.Next()), coupon.ReasonSuperseded)
	var result coupon.BeaconResult
	asIssuer := askBeacon(l.frame.Next())
	asIssuer.by = issuer
	c.evaluate(asIssuer, &result)
	c.clock.advance(time.Second)
	empty := coupon.FrameContent{
		Salt: c.salt(), Last: coupon.FirstLink(result.Before.Last, result.Beacon), LastSN: 2, Root: coupon.EmptyRoot,
	}
	for _, mspID := range []string{issuer, advertiser} {
		k := closeFrame(l.frame.Next(), empty)
		k.endorsers = []string{mspID}
		c.refused(k, coupon.ReasonSuperseded)
	}
}

func TestMandatesAreListedWithTheirState(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.run(rotate(bearer, 10))
	c.run(suspend(bearer))
	var page coupon.FrameworkPage
	c.evaluate(call{
		function: "ListFrameworks", argument: coupon.FrameworksQuery{Campaign: "spring", Version: 1}, by: retailer, endorsers: []string{retailer},
	}, &page)
	if len(page.Frameworks) != 2 || len(page.States) != 2 {
		t.Fatalf("the page is %+v", page)
	}
	for i, want := range []coupon.MandateStatus{coupon.MandateSuspended, coupon.MandateActive} {
		if got := page.States[i]; got.Status != want || got.Framework != page.Frameworks[i].ID {
			t.Errorf("framework %d is %+v", i, got)
		}
	}
}
