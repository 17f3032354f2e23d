// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
)

// OpenLane opens a lane of a framework: it is the closing of frame 0, from
// which on the beacon of frame 1 is given. The caller is the emitter; issuer
// and emitter endorse it, or issuer and clearing house where they are one.
//
// Argument: coupon.LaneRequest. Event: FrameClosed.
func (c *Contract) OpenLane(ctx *Context, request string) error {
	var req coupon.LaneRequest
	if err := ctx.argument(request, &req); err != nil {
		return err
	}
	framework, err := ctx.laneOf(req.Framework, req.Lane)
	if err != nil {
		return err
	}
	if _, err := ctx.openCampaign(refOf(framework)); err != nil {
		return err
	}
	if _, err := ctx.issuingMandate(framework.ID); err != nil {
		return err
	}
	ref := coupon.FrameRef{Framework: req.Framework, Lane: req.Lane}
	if _, found, err := ctx.world.Frame(ref); err != nil {
		return err
	} else if found {
		return coupon.Refuse(coupon.ReasonAlreadyExists, "lane", "the lane is open")
	}
	if err := ctx.readTick(); err != nil {
		return err
	}
	return ctx.closeFrame(framework, ref, coupon.FrameContent{Root: coupon.EmptyRoot})
}

// CloseFrame closes a lane's frame, and so opens the next. Frames are closed
// one after the other; to close one again with the same content is no error and
// changes nothing. Of a mandate whose key was rotated only the frame that was
// open then is closed, of one that is suspended or revoked none. The caller is
// the emitter; issuer and emitter endorse it, or issuer and clearing house where
// they are one.
//
// Argument: coupon.FrameRef. Input: coupon.FrameContent. Event: FrameClosed.
func (c *Contract) CloseFrame(ctx *Context, request string) error {
	var ref coupon.FrameRef
	if err := ctx.argument(request, &ref); err != nil {
		return err
	}
	var content coupon.FrameContent
	if err := ctx.input(&content); err != nil {
		return err
	}
	if ref.Frame < 1 {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "frame", "frames that are closed count from 1")
	}
	framework, err := ctx.laneOf(ref.Framework, ref.Lane)
	if err != nil {
		return err
	}
	before, known, err := ctx.frameBefore(ref, content)
	if err != nil || known {
		return err
	}
	if err := ctx.mayLead(framework.ID, before); err != nil {
		return err
	}
	if err := ctx.readTick(); err != nil {
		return err
	}
	if err := ctx.checkContent(framework, ref, before, content); err != nil {
		return err
	}
	return ctx.closeFrame(framework, ref, content)
}

func (c *Context) closeFrame(framework coupon.Framework, ref coupon.FrameRef, content coupon.FrameContent) error {
	frame := coupon.Frame{
		FrameRef: ref, Time: c.now, Last: content.Last, Content: content.Digest(),
		Log: coupon.LogDigest(content.Root, content.LogSize(framework.Kind)),
	}
	second, err := c.second(framework.Emitter)
	if err != nil {
		return err
	}
	if err := c.world.PutFrame(frame, content, c.issuer, second); err != nil {
		return err
	}
	return c.emit("FrameClosed", coupon.FrameEvent{FrameRef: ref})
}

// laneOf returns the framework that has the lane, for its emitter.
func (c *Context) laneOf(id coupon.FrameworkID, lane uint16) (coupon.Framework, error) {
	f, err := c.framework(id)
	if err != nil {
		return f, err
	}
	if f.Emitter != c.caller {
		return f, coupon.Refuse(coupon.ReasonWrongOrganisation, "framework_id", "the framework is another emitter's")
	}
	second, err := c.second(f.Emitter)
	if err != nil {
		return f, err
	}
	if err := c.checkPeer(c.issuer, second); err != nil {
		return f, err
	}
	if int(lane) >= len(f.Quotas) {
		return f, coupon.Refuse(coupon.ReasonUnknownLane, "lane", "the framework has %d lanes", len(f.Quotas))
	}
	return f, nil
}

// mayLead refuses to go on in a lane after the frame before under a mandate
// that has ended. A rotated key serves out the frame that was open.
func (c *Context) mayLead(id coupon.FrameworkID, before coupon.Frame) error {
	state, err := c.world.MandateState(id)
	if err != nil {
		return err
	}
	if state.Next != nil && before.Time < state.Rotated {
		return state.CheckStatus("framework_id")
	}
	return state.CheckIssuing("framework_id")
}

// frameBefore returns the record of the frame before, or says that the frame is
// closed already, with this content.
func (c *Context) frameBefore(ref coupon.FrameRef, content coupon.FrameContent) (before coupon.Frame, known bool, err error) {
	frames, err := c.world.Frames([]coupon.FrameRef{ref.Before(), ref})
	if err != nil {
		return before, false, err
	}
	before, found := frames[ref.Before()]
	if !found {
		return before, false, coupon.Refuse(coupon.ReasonFrameNotOpen, "frame", "the frame before is not closed")
	}
	closed, known := frames[ref]
	if known && closed.Content != content.Digest() {
		return before, false, coupon.Refuse(coupon.ReasonFrameConflict, "frame", "the frame is closed with other content")
	}
	return before, known, nil
}

// checkContent refuses content that cannot follow the frame before. Whether the
// log is as it must be is found by the issuer's audit; here it is seen that
// serial numbers go on, and that what is said to be empty is.
func (c *Context) checkContent(f coupon.Framework, ref coupon.FrameRef, before coupon.Frame, content coupon.FrameContent) error {
	if c.now <= before.Time {
		return coupon.Refuse(coupon.ReasonFrameConflict, "frame", "the frame before was closed at this time or later")
	}
	if content.Salt == (coupon.Hash{}) {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "salt", "the salt is all zero")
	}
	if content.Count < 0 || content.LogSize(f.Kind) > coupon.MaxFrameSize {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "count", "a frame has 0 to %d coupons", int64(coupon.MaxFrameSize))
	}
	if content.LastSN > f.Quotas[ref.Lane] {
		return coupon.Refuse(coupon.ReasonQuotaExceeded, "last_sn", "the lane's quota is %d", f.Quotas[ref.Lane])
	}
	if err := c.checkSerials(f, ref.Before(), content); err != nil {
		return err
	}
	return c.checkEmpty(f, ref, before, content)
}

// checkSerials compares with the party's own summary of the frame before.
func (c *Context) checkSerials(f coupon.Framework, before coupon.FrameRef, content coupon.FrameContent) error {
	second, err := c.second(f.Emitter)
	if err != nil {
		return err
	}
	for _, owner := range []string{c.issuer, second} {
		summary, present, err := c.world.FrameSummary(owner, before)
		if err != nil {
			return err
		}
		if !present {
			return coupon.Refuse(coupon.ReasonFrameConflict, "frame", "one party has lost its copy of the frame before")
		}
		if owner == c.self && content.LastSN != summary.LastSN+content.Count {
			return coupon.Refuse(coupon.ReasonFrameConflict, "last_sn", "serial numbers go on from the frame before")
		}
	}
	return nil
}

// checkEmpty sees to it that the chain of a frame whose log is empty stands
// still. The beacon that it takes is known to the issuer's peer only.
func (c *Context) checkEmpty(f coupon.Framework, ref coupon.FrameRef, before coupon.Frame, content coupon.FrameContent) error {
	kM, err := c.campaignKey(refOf(f))
	if err != nil {
		return err
	}
	if content.LogSize(f.Kind) > 0 {
		return nil
	}
	if content.Root != coupon.EmptyRoot {
		return coupon.Refuse(coupon.ReasonFrameConflict, "root", "an empty frame has the root of an empty tree")
	}
	if c.self != c.issuer {
		return nil
	}
	if content.Last != coupon.FirstLink(before.Last, ref.Beacon(coupon.DeriveBeaconKey(kM), before)) {
		return coupon.Refuse(coupon.ReasonFrameConflict, "q_last", "the chain of an empty frame ends where it begins")
	}
	return nil
}

// Beacon answers the emitter of a framework, or its issuer, with the beacon of
// a frame, a coupon.BeaconResult, once the frame before it is closed. It is
// evaluated on the issuer's peer. All that goes into a beacon is on the ledger:
// nobody gets a MAC over what it chooses.
//
// Argument: coupon.FrameRef.
func (c *Contract) Beacon(ctx *Context, request string) (string, error) {
	var ref coupon.FrameRef
	if err := ctx.argument(request, &ref); err != nil {
		return "", err
	}
	if ctx.self != ctx.issuer {
		return "", coupon.Refuse(coupon.ReasonWrongPeer, "", "only the issuer's peer has beacons")
	}
	framework, err := ctx.framework(ref.Framework)
	if err != nil {
		return "", err
	}
	if ctx.caller != framework.Emitter && ctx.caller != ctx.issuer {
		return "", coupon.Refuse(coupon.ReasonWrongOrganisation, "framework_id", "the framework is another emitter's")
	}
	if ref.Frame < 1 {
		return "", coupon.Refuse(coupon.ReasonInvalidRequest, "frame", "frames with a beacon count from 1")
	}
	before, found, err := ctx.world.Frame(ref.Before())
	if err != nil {
		return "", err
	}
	if !found {
		return "", coupon.Refuse(coupon.ReasonFrameNotOpen, "frame", "the frame before is not closed")
	}
	// The issuer audits frames of mandates that have ended, too.
	if ctx.caller != ctx.issuer {
		if err := ctx.mayLead(framework.ID, before); err != nil {
			return "", err
		}
	}
	kM, err := ctx.campaignKey(refOf(framework))
	if err != nil {
		return "", err
	}
	return answer(coupon.BeaconResult{Beacon: ref.Beacon(coupon.DeriveBeaconKey(kM), before), Before: before})
}

// GetFrame answers a coupon.FrameRef with coupon.Frame.
func (c *Contract) GetFrame(ctx *Context, request string) (string, error) {
	var ref coupon.FrameRef
	if err := ctx.argument(request, &ref); err != nil {
		return "", err
	}
	frame, found, err := ctx.world.Frame(ref)
	if err != nil {
		return "", err
	}
	if !found {
		return "", coupon.Refuse(coupon.ReasonNotFound, "frame", "the frame is not closed")
	}
	return answer(frame)
}

// GetFrameSummary answers an organisation, on its own peer, with its copy of a
// frame's summary, a coupon.FrameSummary.
func (c *Contract) GetFrameSummary(ctx *Context, request string) (string, error) {
	var ref coupon.FrameRef
	if err := ctx.argument(request, &ref); err != nil {
		return "", err
	}
	summary, found, err := ctx.world.FrameSummary(ctx.self, ref)
	if err != nil {
		return "", err
	}
	if !found {
		return "", coupon.Refuse(coupon.ReasonNotFound, "frame", "this organisation has no summary of the frame")
	}
	return answer(summary)
}
