// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import "ecoupon/chaincode/coupon"

// checkFrame sees to it that the frames of a lane follow each other, and only
// while the mandate goes on.
func checkFrame(c *call, w write) {
	var frame coupon.Frame
	if !c.record(w.key, w.value, &frame) {
		return
	}
	if w.key != frameKey(frame.FrameRef) {
		c.broke("frame", "%s has the record of another frame", w.key)
	}
	f, found := c.frameworkOf(frame.Framework.String())
	if !found || int(frame.Lane) >= len(f.Quotas) {
		c.broke("frame", "%s is of no lane of a mandate", w.key)
	}
	if frame.Time != c.now() {
		c.broke("frame-time", "%s says it was closed at %d, the transaction's time is %d", w.key, frame.Time, c.now())
	}
	if (frame.Frame == 0) != (c.function == "OpenLane") {
		c.broke("frame", "%s is written by %q", w.key, c.function)
	}
	if frame.Frame > 0 {
		c.checkClosed(w, frame)
		return
	}
	empty := coupon.FrameContent{Root: coupon.EmptyRoot}
	if frame.Last != (coupon.Hash{}) || frame.Log != coupon.LogDigest(coupon.EmptyRoot, 0) || frame.Content != empty.Digest() {
		c.broke("frame", "%s opens a lane that is not empty", w.key)
	}
	if found {
		c.openCampaign(f.Campaign, f.Version)
	}
	if err := c.mandateState(frame.Framework.String()).CheckIssuing(""); err != nil {
		c.broke("mandate-state", "%s: %s", w.key, err)
	}
}

// checkClosed compares a closed frame with the one before.
func (c *call) checkClosed(w write, frame coupon.Frame) {
	var before coupon.Frame
	text := c.old(frameKey(frame.Before()))
	if text == nil {
		c.broke("frame-order", "%s is closed and the frame before is not", w.key)
		return
	}
	if !c.record(w.key, text, &before) {
		return
	}
	if frame.Time <= before.Time {
		c.broke("frame-order", "%s is closed at %d, the frame before at %d", w.key, frame.Time, before.Time)
	}
	state := c.mandateState(frame.Framework.String())
	err := state.CheckIssuing("")
	if state.Next != nil && before.Time < state.Rotated {
		err = state.CheckStatus("") // a rotated key serves out the frame that was open
	}
	if err != nil {
		c.broke("mandate-state", "%s: %s", w.key, err)
	}
}

func frameKey(ref coupon.FrameRef) string {
	return "frame/" + ref.Framework.String() + slashed(int64(ref.Lane)) + slashed(int64(ref.Frame))
}

// frameSummaries is the same key in the collections of issuer and emitter.
func frameSummaries(c *call) []privateKey {
	var out []privateKey
	for _, rest := range c.under("frame/") {
		out = append(out, c.both(c.emitter(), "frame/"+rest)...)
	}
	return out
}

// checkFrameSummary compares what a party keeps of a frame with its public
// record and with the frame before.
func checkFrameSummary(c *call, rest string, value []byte) {
	var summary, before coupon.FrameSummary
	var frame coupon.Frame
	key := "frame/" + rest
	if !c.record(key, value, &summary) {
		return
	}
	if text := c.newest(key); text == nil || !c.record(key, text, &frame) {
		c.broke("private-record", "%s is no frame", key)
		return
	}
	f, found := c.frameworkOf(summary.Framework.String())
	if !found || summary.FrameRef != frame.FrameRef || summary.Last != frame.Last || summary.Digest() != frame.Content ||
		coupon.LogDigest(summary.Root, summary.LogSize(f.Kind)) != frame.Log {
		c.broke("private-record", "the summary of %s is not of the public record", key)
	}
	if int(summary.Lane) < len(f.Quotas) && summary.LastSN > f.Quotas[summary.Lane] {
		c.broke("private-record", "%s ends beyond the lane's quota", key)
	}
	if text := c.noted("summary", frameKey(summary.Before())); text != "" && c.record(key, []byte(text), &before) &&
		summary.LastSN != before.LastSN+summary.Count {
		c.broke("private-record", "the serial numbers of %s do not go on from the frame before", key)
	}
	c.note("summary", key, string(value))
}
