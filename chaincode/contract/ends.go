// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"fmt"

	"ecoupon/chaincode/coupon"
)

// lastSNs returns the last serial number of each lane's last closed frame, from
// the issuer's input. Every endorser compares that with the frames' public
// records, which neither issuer nor emitter can change alone, and sees that no
// later frame is closed.
func (c *Context) lastSNs(f coupon.Framework, in coupon.EndsInput) ([]int64, error) {
	if len(in.Ends) != len(f.Quotas) {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "ends", "the framework has %d lanes", len(f.Quotas))
	}
	refs := make([]coupon.FrameRef, 0, 2*len(in.Ends))
	for lane, end := range in.Ends {
		ref := coupon.FrameRef{Framework: f.ID, Lane: uint16(lane), Frame: end.Frame}
		refs = append(refs, ref, ref.Next())
	}
	frames, err := c.world.Frames(refs)
	if err != nil {
		return nil, err
	}
	last := make([]int64, len(in.Ends))
	for lane, end := range in.Ends {
		field := fmt.Sprintf("ends[%d]", lane)
		if err := checkEnd(field, end, refs[2*lane], frames); err != nil {
			return nil, err
		}
		last[lane] = end.Content.LastSN
	}
	return last, nil
}

// checkEnd compares where a lane is said to end with the ledger.
func checkEnd(field string, end coupon.LaneEnd, ref coupon.FrameRef, frames map[coupon.FrameRef]coupon.Frame) error {
	closed, found := frames[ref]
	if !end.Open {
		if found || end != (coupon.LaneEnd{}) {
			return coupon.Refuse(coupon.ReasonFrameConflict, field, "the lane is open, or has no frames")
		}
		return nil
	}
	if !found {
		return coupon.Refuse(coupon.ReasonFrameConflict, field, "the frame is not closed")
	}
	if _, later := frames[ref.Next()]; later {
		return coupon.Refuse(coupon.ReasonFrameConflict, field, "a later frame is closed")
	}
	if closed.Content != end.Content.Digest() {
		return coupon.Refuse(coupon.ReasonRecordMismatch, field, "the frame was closed with other content")
	}
	return nil
}

// LaneEnds answers an organisation, on its own peer, a coupon.FrameworkQuery
// with coupon.EndsInput: where each lane stands by its copy of the lane's last
// closed frame.
func (c *Contract) LaneEnds(ctx *Context, request string) (string, error) {
	var q coupon.FrameworkQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	f, err := ctx.framework(q.Framework)
	if err != nil {
		return "", err
	}
	result := coupon.EndsInput{Ends: make([]coupon.LaneEnd, len(f.Quotas))}
	for lane := range f.Quotas {
		if result.Ends[lane], err = ctx.laneEnd(coupon.FrameRef{Framework: f.ID, Lane: uint16(lane)}); err != nil {
			return "", err
		}
	}
	return answer(result)
}

// laneEnd finds the last closed frame of a lane: frames follow each other, so
// it is looked for in steps that double, and then halve.
func (c *Context) laneEnd(first coupon.FrameRef) (coupon.LaneEnd, error) {
	closed := func(frame uint32) (bool, error) {
		ref := first
		ref.Frame = frame
		_, found, err := c.world.Frame(ref)
		return found, err
	}
	if found, err := closed(0); err != nil || !found {
		return coupon.LaneEnd{}, err
	}
	last, step := uint32(0), uint32(1)
	for growing := true; step > 0; {
		found, err := closed(last + step)
		if err != nil {
			return coupon.LaneEnd{}, err
		}
		if found {
			last += step
		} else {
			growing = false
		}
		if growing {
			step *= 2
		} else {
			step /= 2
		}
	}
	ref := first
	ref.Frame = last
	summary, present, err := c.world.FrameSummary(c.self, ref)
	if err != nil {
		return coupon.LaneEnd{}, err
	}
	if !present {
		return coupon.LaneEnd{}, coupon.Refuse(coupon.ReasonNotFound, "framework_id", "this organisation has no summary of lane %d's last frame", first.Lane)
	}
	return coupon.LaneEnd{Open: true, Frame: last, Content: summary.FrameContent}, nil
}
