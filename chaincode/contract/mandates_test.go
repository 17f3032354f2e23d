// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
)

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
