// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

func frameName(ref coupon.FrameRef) string {
	return fmt.Sprintf("frame/%s/%d/%d", ref.Framework, ref.Lane, ref.Frame)
}

func TestFramesFollowEachOther(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.open(decaying)
	l := c.newLane(decaying)
	l.clock.advance(time.Second)
	l.release()
	second := l.release()
	content := l.content()
	c.run(closeFrame(l.frame, content))

	var frame coupon.Frame
	c.evaluate(call{function: "GetFrame", argument: l.frame, by: retailer, role: "auditor", endorsers: []string{retailer}}, &frame)
	if frame.Time != c.clock.ms.Load() || frame.Last != second.Release.Q || frame.Log != coupon.LogDigest(content.Root, 2) {
		t.Errorf("the frame's record is %+v", frame)
	}
	for _, mspID := range []string{issuer, advertiser} {
		var summary coupon.FrameSummary
		c.evaluate(call{function: "GetFrameSummary", argument: l.frame, by: mspID, endorsers: []string{mspID}}, &summary)
		if summary.FrameContent != content {
			t.Errorf("%s keeps %+v", mspID, summary)
		}
	}
	var event coupon.FrameEvent
	if c.lastEvent("FrameClosed", &event); event.FrameRef != l.frame {
		t.Errorf("the event is %+v", event)
	}

	again := c.endorse(closeFrame(l.frame, content))
	c.commit([]*stubtest.Transaction{again}, valid)
	var same coupon.Frame
	c.evaluate(call{function: "GetFrame", argument: l.frame, by: retailer, endorsers: []string{retailer}}, &same)
	if same != frame {
		t.Errorf("closed again, the frame's record is %+v", same)
	}

	l.begin()
	if l.opened != frame.Time || l.last != frame.Last {
		t.Errorf("frame 2 opened at %d after %s", l.opened, l.last)
	}
	l.clock.advance(time.Second)
	l.close()
	l.clock.advance(time.Second)
	l.release()
	l.close()
	if l.frame.Frame != 4 {
		t.Errorf("the lane is in frame %d", l.frame.Frame)
	}
}

func TestOpeningLanesIsRefused(t *testing.T) {
	t.Parallel()
	opening := func(change func(*consortium, *call)) func(*consortium) call {
		return func(c *consortium) call {
			c.open(decaying)
			k := (&lane{frame: coupon.FrameRef{Framework: decaying.mandate().ID()}}).opening()
			change(c, &k)
			return k
		}
	}
	request := func(change func(*coupon.LaneRequest)) func(*consortium) call {
		return opening(func(_ *consortium, k *call) {
			req := k.argument.(coupon.LaneRequest)
			change(&req)
			k.argument = req
		})
	}
	testRefusals(t, []refusal{
		{name: "unknown framework", want: coupon.ReasonUnknownFramework, field: "framework_id",
			prepare: request(func(r *coupon.LaneRequest) { r.Framework[0] ^= 1 })},
		{name: "unknown lane", want: coupon.ReasonUnknownLane, field: "lane",
			prepare: request(func(r *coupon.LaneRequest) { r.Lane = 1 })},
		{name: "another emitter", want: coupon.ReasonWrongOrganisation, field: "framework_id",
			prepare: opening(func(_ *consortium, k *call) { k.by = retailer })},
		{name: "no party's peer", want: coupon.ReasonWrongPeer,
			prepare: opening(func(_ *consortium, k *call) { k.endorsers = []string{retailer} })},
		{name: "open already", want: coupon.ReasonAlreadyExists, field: "lane",
			prepare: opening(func(c *consortium, k *call) { c.run(*k) })},
		{name: "closed campaign", want: coupon.ReasonCampaignClosed, field: "campaign", prepare: opening(func(c *consortium, _ *call) {
			c.run(closing(decaying, 1798761600000))
		})},
		{name: "old tick", want: coupon.ReasonTickStale,
			prepare: opening(func(c *consortium, _ *call) { c.clock.advance(11 * time.Minute) })},
	})
}

// frame2 closes frame 2 of a lane, which has one coupon, after frame 1 with two.
func frame2(change func(l *lane, k *call, content *coupon.FrameContent)) func(*consortium) call {
	return func(c *consortium) call {
		c.open(decaying)
		l := c.newLane(decaying)
		l.release()
		l.release()
		l.clock.advance(time.Second)
		l.close()
		l.clock.advance(time.Second)
		l.release()
		k, content := closeFrame(l.frame, coupon.FrameContent{}), l.content()
		change(l, &k, &content)
		k.input = content
		return k
	}
}

func withContent(change func(*coupon.FrameContent)) func(*consortium) call {
	return frame2(func(_ *lane, _ *call, content *coupon.FrameContent) { change(content) })
}

func atFrame(change func(*coupon.FrameRef)) func(*consortium) call {
	return frame2(func(l *lane, k *call, _ *coupon.FrameContent) {
		ref := l.frame
		change(&ref)
		k.argument = ref
	})
}

// emptied says that frame 2 has no coupons.
func emptied(content *coupon.FrameContent) {
	content.Count, content.LastSN, content.Root = 0, 2, coupon.EmptyRoot
}

func TestClosingFramesIsRefused(t *testing.T) {
	t.Parallel()
	testRefusals(t, []refusal{
		{name: "frame 0", want: coupon.ReasonInvalidRequest, field: "frame", prepare: atFrame(func(r *coupon.FrameRef) { r.Frame = 0 })},
		{name: "unknown framework", want: coupon.ReasonUnknownFramework, field: "framework_id",
			prepare: atFrame(func(r *coupon.FrameRef) { r.Framework[0] ^= 1 })},
		{name: "unknown lane", want: coupon.ReasonUnknownLane, field: "lane", prepare: atFrame(func(r *coupon.FrameRef) { r.Lane = 1 })},
		{name: "left out a frame", want: coupon.ReasonFrameNotOpen, field: "frame", prepare: atFrame(func(r *coupon.FrameRef) { r.Frame++ })},
		{name: "closed with other content", want: coupon.ReasonFrameConflict, field: "frame",
			prepare: atFrame(func(r *coupon.FrameRef) { r.Frame = 1 })},
		{name: "another emitter", want: coupon.ReasonWrongOrganisation, field: "framework_id",
			prepare: frame2(func(_ *lane, k *call, _ *coupon.FrameContent) { k.by = retailer })},
		{name: "no party's peer", want: coupon.ReasonWrongPeer,
			prepare: frame2(func(_ *lane, k *call, _ *coupon.FrameContent) { k.endorsers = []string{clearing} })},
		{name: "old tick", want: coupon.ReasonTickStale,
			prepare: frame2(func(l *lane, _ *call, _ *coupon.FrameContent) { l.clock.advance(11 * time.Minute) })},
		{name: "not after the frame before", want: coupon.ReasonFrameConflict, field: "frame",
			prepare: frame2(func(l *lane, _ *call, _ *coupon.FrameContent) { l.clock.advance(-time.Second) })},
		{name: "the emitter's summary lost", want: coupon.ReasonFrameConflict, field: "frame",
			prepare: frame2(func(l *lane, _ *call, _ *coupon.FrameContent) {
				l.overwritePrivate(advertiser, frameName(l.frame.Before()), "")
			})},
		{name: "the campaign's key lost", want: coupon.ReasonKeyMissing,
			prepare: frame2(func(l *lane, _ *call, _ *coupon.FrameContent) {
				l.overwritePrivate(issuer, campaignKeyName(decaying), "")
			})},
	})
}

func TestContentOfFramesIsRefused(t *testing.T) {
	t.Parallel()
	testRefusals(t, []refusal{
		{name: "no salt", want: coupon.ReasonInvalidRequest, field: "salt",
			prepare: withContent(func(f *coupon.FrameContent) { f.Salt = coupon.Hash{} })},
		{name: "less than no coupons", want: coupon.ReasonInvalidRequest, field: "count",
			prepare: withContent(func(f *coupon.FrameContent) { f.Count, f.LastSN = -1, 1 })},
		{name: "too many coupons", want: coupon.ReasonInvalidRequest, field: "count",
			prepare: withContent(func(f *coupon.FrameContent) { f.Count = coupon.MaxFrameSize + 1 })},
		{name: "beyond the quota", want: coupon.ReasonQuotaExceeded, field: "last_sn",
			prepare: withContent(func(f *coupon.FrameContent) { f.Count, f.LastSN = quota-1, quota+1 })},
		{name: "a serial number left out", want: coupon.ReasonFrameConflict, field: "last_sn",
			prepare: withContent(func(f *coupon.FrameContent) { f.LastSN++ })},
		{name: "an empty frame with a root", want: coupon.ReasonFrameConflict, field: "root",
			prepare: withContent(func(f *coupon.FrameContent) { emptied(f); f.Root[0] ^= 1 })},
		{name: "an empty frame whose chain goes on", want: coupon.ReasonFrameConflict, field: "q_last", seenBy: issuer,
			prepare: withContent(emptied)},
	})
}

func TestBeaconsAreGivenLate(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.open(decaying)
	l := c.newLane(decaying)
	for _, r := range []struct {
		name string
		k    call
		want coupon.Reason
	}{
		{"frame 0", askBeacon(coupon.FrameRef{Framework: l.frame.Framework}), coupon.ReasonInvalidRequest},
		{"before the frame is open", askBeacon(l.frame.Next()), coupon.ReasonFrameNotOpen},
		{"of a lane that is not open", askBeacon(coupon.FrameRef{Framework: l.frame.Framework, Lane: 1, Frame: 1}), coupon.ReasonFrameNotOpen},
		{"of an unknown framework", askBeacon(coupon.FrameRef{Frame: 1}), coupon.ReasonUnknownFramework},
		{"to a retailer", call{function: "Beacon", argument: l.frame, by: retailer, endorsers: []string{issuer}}, coupon.ReasonWrongOrganisation},
		{"on the emitter's peer", call{function: "Beacon", argument: l.frame, by: advertiser, endorsers: []string{advertiser}}, coupon.ReasonWrongPeer},
	} {
		t.Log(r.name)
		c.refused(r.k, r.want)
	}
	var result coupon.BeaconResult
	c.evaluate(call{function: "Beacon", argument: l.frame, by: issuer, endorsers: []string{issuer}}, &result)
	if result.Beacon != l.beacon {
		t.Error("issuer and emitter are given different beacons")
	}
}
