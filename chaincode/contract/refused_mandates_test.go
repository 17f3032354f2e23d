// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

func TestSuspensionsAreRefused(t *testing.T) {
	t.Parallel()
	testRefusals(t, []refusal{
		{name: "of nothing", want: coupon.ReasonUnknownFramework, field: "framework_id",
			prepare: func(*consortium) call { return suspend(fresh) }},
		{name: "twice", want: exists, field: "framework_id", prepare: func(c *consortium) call {
			c.run(suspend(bearer))
			return suspend(bearer)
		}},
		{name: "twice for new coupons", want: exists, field: "framework_id", prepare: func(c *consortium) call {
			c.run(c.suspendNew(bearer))
			return c.suspendNew(bearer)
		}},
		{name: "of what is revoked", want: coupon.ReasonEmitterRevoked, field: "framework_id", prepare: func(c *consortium) call {
			c.run(c.revoke(bearer))
			return suspend(bearer)
		}},
		{name: "for new coupons without ends", want: invalid, field: "input", prepare: func(*consortium) call {
			k := suspend(bearer)
			k.argument = coupon.SuspendRequest{Framework: bearer.mandate().ID(), Redeem: true}
			return k
		}},
		{name: "reinstating what is active", want: exists, field: "framework_id",
			prepare: func(*consortium) call { return reinstate(bearer) }},
		{name: "reinstating nothing", want: coupon.ReasonUnknownFramework, field: "framework_id",
			prepare: func(*consortium) call { return reinstate(fresh) }},
		{name: "reinstating what is revoked", want: coupon.ReasonEmitterRevoked, field: "framework_id", prepare: func(c *consortium) call {
			c.run(c.revoke(bearer))
			return reinstate(bearer)
		}},
	})
}

// revoking has lane 0 closed in two frames, and lane 1 not opened, and changes
// what the issuer says of that.
func revoking(change func(c *consortium, ends []coupon.LaneEnd) []coupon.LaneEnd) func(*consortium) call {
	return func(c *consortium) call {
		c.run(raise(bearer, quota, 10))
		l := c.newLane(bearer)
		c.closeStatic(l, 3)
		c.closeStatic(l, 5)
		k := c.revoke(bearer)
		in := k.input.(coupon.EndsInput)
		in.Ends = change(c, in.Ends)
		k.input = in
		return k
	}
}

func TestRevocationsAreRefused(t *testing.T) {
	t.Parallel()
	content := func(change func(*coupon.FrameContent)) func(*consortium) call {
		return revoking(func(_ *consortium, ends []coupon.LaneEnd) []coupon.LaneEnd {
			change(&ends[0].Content)
			return ends
		})
	}
	mismatch := coupon.ReasonRecordMismatch
	testRefusals(t, []refusal{
		{name: "of nothing", want: coupon.ReasonUnknownFramework, field: "framework_id", prepare: func(c *consortium) call {
			k := c.revoke(bearer)
			k.argument = coupon.MandateRequest{Framework: fresh.mandate().ID()}
			return k
		}},
		{name: "twice", want: coupon.ReasonEmitterRevoked, field: "framework_id", prepare: func(c *consortium) call {
			c.run(c.revoke(bearer))
			return c.revoke(bearer)
		}},
		{name: "a lane left out", want: invalid, field: "ends",
			prepare: revoking(func(_ *consortium, ends []coupon.LaneEnd) []coupon.LaneEnd { return ends[:1] })},
		{name: "an older frame", want: coupon.ReasonFrameConflict, field: "ends[0]",
			prepare: revoking(func(c *consortium, ends []coupon.LaneEnd) []coupon.LaneEnd {
				var summary coupon.FrameSummary
				ref := coupon.FrameRef{Framework: bearer.mandate().ID(), Frame: 1}
				c.evaluate(call{function: "GetFrameSummary", argument: ref, by: issuer, endorsers: []string{issuer}}, &summary)
				ends[0].Frame, ends[0].Content = 1, summary.FrameContent
				return ends
			})},
		{name: "a frame that is not closed", want: coupon.ReasonFrameConflict, field: "ends[0]",
			prepare: revoking(func(_ *consortium, ends []coupon.LaneEnd) []coupon.LaneEnd { ends[0].Frame++; return ends })},
		{name: "an open lane called unopened", want: coupon.ReasonFrameConflict, field: "ends[0]",
			prepare: revoking(func(_ *consortium, ends []coupon.LaneEnd) []coupon.LaneEnd { ends[0] = coupon.LaneEnd{}; return ends })},
		{name: "an unopened lane with coupons", want: coupon.ReasonFrameConflict, field: "ends[1]",
			prepare: revoking(func(_ *consortium, ends []coupon.LaneEnd) []coupon.LaneEnd { ends[1].Content.LastSN = 1; return ends })},
		{name: "an unopened lane called open", want: coupon.ReasonFrameConflict, field: "ends[1]",
			prepare: revoking(func(_ *consortium, ends []coupon.LaneEnd) []coupon.LaneEnd { ends[1].Open = true; return ends })},
		{name: "another last serial number", want: mismatch, field: "ends[0]", prepare: content(func(f *coupon.FrameContent) { f.LastSN-- })},
		{name: "another count", want: mismatch, field: "ends[0]", prepare: content(func(f *coupon.FrameContent) { f.Count-- })},
		{name: "another root", want: mismatch, field: "ends[0]", prepare: content(func(f *coupon.FrameContent) { f.Root[0] ^= 1 })},
		{name: "another chain", want: mismatch, field: "ends[0]", prepare: content(func(f *coupon.FrameContent) { f.Last[0] ^= 1 })},
		{name: "another salt", want: mismatch, field: "ends[0]", prepare: content(func(f *coupon.FrameContent) { f.Salt[0] ^= 1 })},
	})
}

// TestNobodyEndsAMandateAlone has the issuer try without any other organisation:
// the ledger takes it with any one, and does not ask for the emitter.
func TestNobodyEndsAMandateAlone(t *testing.T) {
	t.Parallel()
	c := founded(t)
	for _, k := range []call{suspend(bearer), c.suspendNew(bearer), c.revoke(bearer)} {
		k.endorsers = []string{issuer}
		c.commit([]*stubtest.Transaction{c.endorse(k)}, policy)
	}
	k := c.revoke(bearer)
	k.endorsers = []string{issuer, outsider}
	c.run(k)
}

// TestARevocationAndAClosingExclude has an emitter close a frame, and a retailer
// redeem a coupon, while the issuer revokes: the first in the block counts.
func TestARevocationAndAClosingExclude(t *testing.T) {
	t.Parallel()
	c := founded(t)
	l := c.newLane(bearer)
	c.clock.advance(time.Second)
	content := coupon.FrameContent{Salt: c.salt(), Last: l.q, LastSN: 5, Count: 5, Root: coupon.EmptyRoot}
	revoked := c.endorse(c.revoke(bearer))
	closed := c.endorse(closeFrame(l.frame, content))
	redeemed := c.endorse(redeem(c.batch(c.sale(bearer.tender(1)))))
	c.commit([]*stubtest.Transaction{revoked, closed, redeemed}, valid, conflict, conflict)

	d := founded(t)
	l = d.newLane(bearer)
	d.clock.advance(time.Second)
	revoked = d.endorse(d.revoke(bearer))
	closed = d.endorse(closeFrame(l.frame, content))
	d.commit([]*stubtest.Transaction{closed, revoked}, valid, conflict)
	d.run(suspend(bearer))
	d.run(d.revoke(bearer))
}

// TestLanesOfEndedMandatesStandStill has the emitter try to go on.
func TestLanesOfEndedMandatesStandStill(t *testing.T) {
	t.Parallel()
	for _, end := range []struct {
		name string
		run  func(*consortium)
		want coupon.Reason
	}{
		{"suspended", func(c *consortium) { c.run(suspend(decaying)) }, coupon.ReasonEmitterSuspended},
		{"suspended for new coupons", func(c *consortium) { c.run(c.suspendNew(decaying)) }, coupon.ReasonEmitterSuspended},
		{"revoked", func(c *consortium) { c.run(c.revoke(decaying)) }, coupon.ReasonEmitterRevoked},
		{"rotated, then suspended", func(c *consortium) { c.run(rotate(decaying, 1)); c.run(suspend(decaying)) }, coupon.ReasonEmitterSuspended},
	} {
		testRefusals(t, []refusal{
			{name: end.name + ": closing", want: end.want, field: "framework_id", prepare: func(c *consortium) call {
				c.open(decaying)
				l := c.newLane(decaying)
				l.release()
				c.clock.advance(time.Second)
				end.run(c)
				return closeFrame(l.frame, l.content())
			}},
			{name: end.name + ": opening", want: end.want, field: "framework_id", prepare: func(c *consortium) call {
				c.open(decaying)
				end.run(c)
				return (&lane{frame: coupon.FrameRef{Framework: decaying.mandate().ID()}}).opening()
			}},
			{name: end.name + ": beacon", want: end.want, field: "framework_id", prepare: func(c *consortium) call {
				c.open(decaying)
				l := c.newLane(decaying)
				end.run(c)
				return askBeacon(l.frame)
			}},
		})
	}
	testRefusals(t, []refusal{{
		name: "rotated: opening", want: coupon.ReasonSuperseded, field: "framework_id", prepare: func(c *consortium) call {
			c.run(rotate(bearer, 1))
			return (&lane{frame: coupon.FrameRef{Framework: bearer.mandate().ID()}}).opening()
		},
	}})
}

func TestRotationsAreRefused(t *testing.T) {
	t.Parallel()
	key := func(change func(*coupon.EmitterKeyInput)) func(*consortium) call {
		return func(*consortium) call {
			k := rotate(bearer, quota)
			in := k.input.(coupon.EmitterKeyInput)
			change(&in)
			k.input = in
			return k
		}
	}
	testRefusals(t, []refusal{
		{name: "of nothing", want: coupon.ReasonUnknownFramework, field: "framework_id",
			prepare: func(*consortium) call { return rotate(fresh, quota) }},
		{name: "twice", want: coupon.ReasonSuperseded, field: "framework_id", prepare: func(c *consortium) call {
			c.run(rotate(bearer, quota))
			return rotate(bearer, quota)
		}},
		{name: "suspended", want: coupon.ReasonEmitterSuspended, field: "framework_id", prepare: func(c *consortium) call {
			c.run(suspend(bearer))
			return rotate(bearer, quota)
		}},
		{name: "closed campaign", want: coupon.ReasonCampaignClosed, field: "campaign", prepare: func(c *consortium) call {
			c.run(closing(bearer, 0))
			return rotate(bearer, quota)
		}},
		{name: "no quotas", want: invalid, field: "quotas", prepare: func(*consortium) call { return rotate(bearer) }},
		{name: "no lanes", want: invalid, field: "quotas", prepare: func(*consortium) call { return rotate(bearer, []int64{}...) }},
		{name: "a lane of nothing", want: invalid, field: "quotas", prepare: func(*consortium) call { return rotate(bearer, quota, 0) }},
		{name: "more money than a number", want: coupon.ReasonAmountOverflow, prepare: func(*consortium) call { return rotate(bearer, 1<<60) }},
		{name: "no party's peer", want: coupon.ReasonWrongPeer, prepare: func(*consortium) call {
			k := rotate(bearer, quota)
			k.endorsers = []string{clearing}
			return k
		}},
		{name: "old tick", want: coupon.ReasonTickStale, prepare: func(c *consortium) call {
			c.clock.advance(11 * time.Minute)
			return rotate(bearer, quota)
		}},
		{name: "the key of before", want: coupon.ReasonKeyMismatch, field: "key", seenBy: issuer,
			prepare: key(func(in *coupon.EmitterKeyInput) { in.Key = bearer.emitterKey() })},
		{name: "another MAC", want: coupon.ReasonWrongMAC, field: "mac", seenBy: issuer,
			prepare: key(func(in *coupon.EmitterKeyInput) { in.MAC[0] ^= 1 })},
		{name: "the framework is there", want: exists, field: "emitter", prepare: func(c *consortium) call {
			c.overwrite("framework/"+bearer.next().ID().String(), `{"format":1}`)
			return rotate(bearer, quota)
		}},
		{name: "the key is there", want: exists, field: "key", prepare: func(c *consortium) call {
			c.overwritePrivate(advertiser, "emitter-key/"+bearer.next().ID().String(), `{"format":1}`)
			return rotate(bearer, quota)
		}},
	})
}

func TestLaneEndsAreTheOwnOnes(t *testing.T) {
	t.Parallel()
	c := founded(t)
	l := c.newLane(bearer)
	for last := range int64(9) {
		ends := c.ends(bearer).Ends
		if len(ends) != 1 || !ends[0].Open || ends[0].Frame != l.frame.Frame-1 || ends[0].Content.LastSN != last {
			t.Fatalf("before frame %d the lane ends at %+v", l.frame.Frame, ends)
		}
		c.closeStatic(l, last+1)
	}
	query := coupon.FrameworkQuery{Framework: l.frame.Framework}
	c.refused(call{function: "LaneEnds", argument: query, by: clearing, endorsers: []string{clearing}}, coupon.ReasonNotFound)
	query.Framework[0] ^= 1
	c.refused(call{function: "LaneEnds", argument: query, by: issuer, endorsers: []string{issuer}}, coupon.ReasonUnknownFramework)
	c.refused(call{function: "GetMandate", argument: query, by: issuer, endorsers: []string{issuer}}, coupon.ReasonUnknownFramework)
}

// TestTheIssuersOwnMandateChanges has the clearing house in the emitter's place.
func TestTheIssuersOwnMandateChanges(t *testing.T) {
	t.Parallel()
	c := withShop(t)
	alone := ownMandate(raise(handed, quota+1))
	alone.endorsers = []string{issuer}
	c.commit([]*stubtest.Transaction{c.endorse(alone)}, policy)
	c.run(ownMandate(raise(handed, quota+1)))
	c.shopSold(handed.tender(quota + 1))

	withKey := rotate(handed, quota)
	withKey.endorsers = []string{issuer}
	c.refused(withKey, invalid)
	withoutKey := rotate(bearer, quota)
	withoutKey.input = nil
	for _, mspID := range withoutKey.endorsers {
		alone := withoutKey
		alone.endorsers = []string{mspID}
		c.refused(alone, invalid)
	}
	c.run(ownMandate(rotate(handed, quota)))
	if state := c.state(handed.mandate().ID()); state.Next == nil {
		t.Errorf("the mandate before is %+v", state)
	}
	c.run(c.revoke(handed))
}
