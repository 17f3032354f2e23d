// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
)

// readFrames reads what the ledger knows of the frames of dynamic coupons: the
// closing of the frame before, which never changes, and the frame's own where
// value depends on it.
func (d *docket) readFrames() error {
	var refs []coupon.FrameRef
	seen := map[coupon.FrameRef]bool{}
	want := func(ref coupon.FrameRef) {
		if !seen[ref] {
			seen[ref] = true
			refs = append(refs, ref)
		}
	}
	d.items(func(_ *sale, it *item) {
		if it.framework.Kind == coupon.KindStatic {
			return
		}
		ref := coupon.FrameOf(it.tender.Coupon)
		want(ref.Before())
		if d.needsReceipt(it) {
			want(ref)
		}
	})
	var err error
	d.frames, err = d.world.Frames(refs)
	return err
}

// judgeRelease checks that the coupon's time of release is in its frame: after
// the frame before was closed, which the beacon under its MAC proves, and not
// longer after than the campaign allows.
func (d *docket) judgeRelease(it *item) error {
	c := it.tender.Coupon
	if c.Kind == coupon.KindStatic {
		return nil
	}
	ref := coupon.FrameOf(c)
	before, found := d.frames[ref.Before()]
	if !found {
		return coupon.Refuse(coupon.ReasonFrameNotOpen, "", "the coupon's frame is not open")
	}
	campaign := d.offers[refOf(it.framework)].Campaign
	if c.Release.Time < before.Time || c.Release.Time > before.Time+campaign.MaxFrameAge || c.Release.Time > d.now {
		return coupon.Refuse(coupon.ReasonWrongReleaseTime, "", "the time of release is not in the coupon's frame, or ahead")
	}
	return nil
}

// judgeReceipt checks that the coupon is in its closed frame, where it must be.
func (d *docket) judgeReceipt(it *item) error {
	if it.framework.Kind == coupon.KindStatic || !d.needsReceipt(it) {
		return nil
	}
	c := it.tender.Coupon
	if it.receipt == nil {
		return coupon.Refuse(coupon.ReasonReceiptRequired, "receipt", "the coupon needs the receipt of its closed frame")
	}
	frame, found := d.frames[coupon.FrameOf(c)]
	if !found {
		return coupon.Refuse(coupon.ReasonFrameNotClosed, "", "the coupon's frame is not closed")
	}
	if err := c.CheckReceipt(*it.receipt, frame.Log); err != nil {
		return err
	}
	terms := d.terms[refOf(it.framework)]
	if redeeming := it.tag != (coupon.Tag{}); redeeming && terms.NeedsDraw() && it.draw == nil {
		return coupon.Refuse(coupon.ReasonTagMismatch, "draw", "is missing")
	}
	return nil
}

// needsReceipt says whether the coupon must be shown to be in its closed frame:
// where earlier is worth more, and where the mandate has ended.
func (d *docket) needsReceipt(it *item) bool {
	return d.terms[refOf(it.framework)].NeedsReceipt() || d.state.Mandates[it.framework.ID].Ended()
}

// judgeDraw compares the random value with the one that the issuer's key gives.
func (d *docket) judgeDraw(it *item, kB coupon.Key) error {
	if !d.terms[refOf(it.framework)].NeedsDraw() {
		return nil
	}
	ref := coupon.FrameOf(it.tender.Coupon)
	draw := it.tender.Coupon.Draw(ref.Next().Beacon(kB, d.frames[ref]))
	if it.computed {
		it.draw = &draw
	}
	if *it.draw != draw {
		return coupon.Refuse(coupon.ReasonTagMismatch, "draw", "not the coupon's random value")
	}
	return nil
}

// moment is what the coupon's value depends on at a time.
func (d *docket) moment(it *item, at int64) coupon.Moment {
	c := it.tender.Coupon
	m := coupon.Moment{
		Now: at, Begin: d.offers[refOf(it.framework)].Campaign.Begin,
		Released: c.Release.Time, Lane: c.Lane, SN: c.SN,
	}
	if it.draw != nil {
		m.Draw = *it.draw
	}
	return m
}
