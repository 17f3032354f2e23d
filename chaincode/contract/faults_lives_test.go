// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// then lets every request of a call fail, and then has it done.
func (c *consortium) then(k call) {
	c.t.Helper()
	c.survives(k)
	c.run(k)
}

// asked lets every request of an evaluation fail.
func (c *consortium) asked(function, by string, argument any) {
	c.t.Helper()
	c.survives(call{function: function, argument: argument, by: by, endorsers: []string{by}})
}

// TestNoFaultIsOverlookedInTheIssuersShop is the life of an issuer's own lane, from
// mandate to void, in its own shop.
func TestNoFaultIsOverlookedInTheIssuersShop(t *testing.T) {
	t.Parallel()
	c := founded(t)
	own := decaying.emittedByIssuer()
	c.run(enterKey(own))
	c.run(publish(own))
	c.then(authorise(own))
	c.then(c.admitShop(own))
	l := &lane{consortium: c, offer: own, frame: coupon.FrameRef{Framework: own.mandate().ID()}}
	c.then(l.opening())
	beacon := askBeacon(l.frame.Next())
	beacon.by = issuer
	c.survives(beacon)
	l.begin()
	c.clock.advance(time.Second)
	given := l.tendered(l.release(), nil)
	c.then(l.closing())
	c.survives(shop(check(checked(c.sale(given)))))
	sell := shop(redeem(c.batch(c.sale(given))))
	c.survives(sell)
	text := c.shopSold(given)
	c.then(shop(void(text, redemptionOf(c, text))))
	c.then(ownMandate(raise(own, 2*quota)))
	c.then(ownMandate(rotate(own, quota)))
	c.asked("HasRetailerKey", issuer, coupon.RetailerQuery{Retailer: issuer})
	c.asked("EmitterKey", issuer, coupon.FrameworkQuery{Framework: own.mandate().ID()})
	c.asked("GetFrameSummary", clearing, l.frame)
}

// TestNoFaultIsOverlookedInALane is that of an advertiser's lane, to its mandate's
// end.
func TestNoFaultIsOverlookedInALane(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.open(decaying)
	l := &lane{consortium: c, offer: decaying, frame: coupon.FrameRef{Framework: decaying.mandate().ID()}}
	c.then(l.opening())
	c.survives(askBeacon(l.frame.Next()))
	l.begin()
	c.clock.advance(time.Second)
	given := l.tendered(l.release(), nil)
	c.then(l.closing())
	c.survives(check(checked(c.sale(given))))
	c.then(redeem(c.batch(c.sale(given))))
	c.then(raise(decaying, 2*quota))
	c.asked("LaneEnds", issuer, coupon.FrameworkQuery{Framework: l.frame.Framework})
	c.asked("GetMandate", retailer, coupon.FrameworkQuery{Framework: l.frame.Framework})
	c.asked("GetFrame", retailer, l.frame)
	c.asked("GetFrameSummary", advertiser, l.frame)
	c.then(c.suspendNew(decaying))
	c.then(reinstate(decaying))
	c.then(c.revoke(decaying))
}

// TestNoFaultIsOverlookedWhenHandingOn transfers a coupon and a purchase proof.
func TestNoFaultIsOverlookedWhenHandingOn(t *testing.T) {
	t.Parallel()
	l, proof := newProof(t)
	for _, g := range []*gift{l.newGift(present), proof} {
		ask := findOwner(g.coupon)
		ask.by = g.emitter()
		c := g.consortium
		for _, to := range []int{2, 3} {
			signed := g.signed(to)
			c.survives(g.check(signed))
			c.survives(g.transfer(signed))
			given := g.give(to)
			c.survives(g.check(given)) // it is done
			c.survives(ask)
		}
		c.clock.advance(time.Second)
		sold := g.redemption(g.presentedBy(3))
		c.survives(check(checked(c.sale(g.presentedBy(3)))))
		c.survives(sold)
		text := c.record(c.run(sold))
		c.then(void(text, redemptionOf(c, text)))
	}
	l.survives(askProduct(coupon.ProductQuery{Framework: l.frame.Framework, Product: grinder}))
	own := shopsGift(t, present.emittedByIssuer())
	own.survives(own.check(own.signed(2)))
	own.then(own.transfer(own.signed(2)))
}

// TestNoFaultIsOverlookedInReports follows a report, its answer and its end, and a
// payment institute.
func TestNoFaultIsOverlookedInReports(t *testing.T) {
	t.Parallel()
	for name, d := range deeds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := founded(t)
			k := d.report(c)
			c.then(k)
			id := reportedID(k)
			c.then(c.answering(id))
			for _, by := range []string{clearing, advertiser} {
				c.asked("GetAnswer", by, coupon.MisconductQuery{ID: id})
			}
			c.asked("GetEvidence", clearing, coupon.MisconductQuery{ID: id})
			c.asked("GetMisconduct", retailer, coupon.MisconductQuery{ID: id})
			c.asked("ListMisconduct", retailer, coupon.PageQuery{Size: 1})
			c.then(resolving(id, coupon.MisconductWithdrawn))
		})
	}
	c := founded(t)
	c.open(attested)
	c.then(register(instituteKey(1)))
	c.asked("GetInstitute", retailer, coupon.InstituteQuery{Institute: institute})
	s := c.attestedSale(1)
	c.survives(check(checked(s)))
	c.then(redeem(c.batch(s)))
}
