// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
)

// Void undoes one whole redemption, by its retailer; issuer and retailer
// endorse it. It is refused once the batch is claimed, in either copy, or
// settled. Its coupons can be redeemed again; its invoice stays used.
//
// Input: coupon.VoidInput. Event: Voided.
func (c *Contract) Void(ctx *Context) error {
	if err := ctx.checkPeer(ctx.issuer, ctx.caller); err != nil {
		return err
	}
	var in coupon.VoidInput
	if err := ctx.input(&in); err != nil {
		return err
	}
	parties, err := ctx.parties()
	if err != nil {
		return err
	}
	records, err := ctx.show([]string{in.Record}, parties.Clearing)
	if err != nil {
		return err
	}
	record := records[0]
	if record.Retailer != ctx.caller {
		return coupon.Refuse(coupon.ReasonWrongOrganisation, "record", "the redemption is another retailer's")
	}
	if record.standing.Settled != nil {
		return coupon.Refuse(coupon.ReasonAlreadySettled, "record", "the batch is settled")
	}
	if record.standing.ClaimedByClearing || record.standing.ClaimedByRetailer {
		return coupon.Refuse(coupon.ReasonAlreadyClaimed, "record", "the batch is claimed")
	}
	if err := ctx.readTick(); err != nil {
		return err
	}
	if err := ctx.voidSale(record.BatchRecord, in.Redemption); err != nil {
		return err
	}
	event := coupon.VoidedEvent{Batch: record.ID, Redemption: in.Redemption, Retailer: record.Retailer}
	if err := ctx.world.PutVoid(in.Redemption, event, ctx.issuer, record.Retailer); err != nil {
		return err
	}
	return ctx.emit("Voided", event)
}

// voidSale turns the markers of a redemption from spent to void.
func (c *Context) voidSale(record coupon.BatchRecord, id coupon.RedemptionID) error {
	for _, sale := range record.Redemptions {
		if sale.ID != id {
			continue
		}
		tags := make([]coupon.Tag, len(sale.Coupons))
		for i, cp := range sale.Coupons {
			tags[i] = cp.Tag
		}
		markers, err := c.world.Markers(tags)
		if err != nil {
			return err
		}
		for i, tag := range tags {
			m, found := markers[tag]
			if !found || m.Batch != record.ID || m.Redemption != id || m.State != coupon.MarkerSpent {
				return coupon.Refuse(coupon.ReasonNotRedeemed, "redemption_id", "the redemption is undone already")
			}
			m.State, m.Time = coupon.MarkerVoid, max(c.now, m.Time)
			if err := c.world.PutMarker(tag, m); err != nil {
				return err
			}
			if err := c.voidOwner(sale.Coupons[i], m.Time); err != nil {
				return err
			}
		}
		return nil
	}
	return coupon.Refuse(coupon.ReasonNotFound, "redemption_id", "the batch has no such redemption")
}

// voidOwner lets whoever presented a coupon use it or transfer it again. While
// it was spent nothing else could happen at its transfer tag.
func (c *Context) voidOwner(cp coupon.RedeemedCoupon, at int64) error {
	if cp.TransferTag == nil {
		return nil
	}
	return c.world.PutOwnerMarker(*cp.TransferTag, coupon.OwnerMarker{State: coupon.MarkerVoid, Time: at})
}
