// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
)

// Void undoes one whole redemption, by its retailer; issuer and retailer
// endorse it, or issuer and clearing house where the issuer is the retailer. It
// is refused once the batch is claimed, in either copy, or settled. Its coupons
// can be redeemed again, and the products of its purchase proofs are free again;
// its invoice stays used.
//
// Input: coupon.VoidInput. Event: Voided.
func (c *Contract) Void(ctx *Context) error {
	second, err := ctx.second(ctx.caller)
	if err != nil {
		return err
	}
	if err := ctx.checkPeer(ctx.issuer, second); err != nil {
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
	if err := ctx.world.PutVoid(in.Redemption, event, ctx.issuer, second); err != nil {
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
		var tags, products []coupon.Tag
		for _, cp := range sale.Coupons {
			tags = append(tags, cp.Tag)
			if cp.Product != nil {
				products = append(products, cp.Product.Tag)
			}
		}
		own := coupon.Marker{State: coupon.MarkerSpent, Redemption: id, Batch: record.ID}
		if err := c.voidMarkers(tags, own, c.world.Markers, c.world.PutMarker); err != nil {
			return err
		}
		if err := c.voidMarkers(products, own, c.world.ProductMarkers, c.world.PutProductMarker); err != nil {
			return err
		}
		return c.voidOwners(sale)
	}
	return coupon.Refuse(coupon.ReasonNotFound, "redemption_id", "the batch has no such redemption")
}

// voidMarkers makes markers void that are as they were written, but for their
// time.
func (c *Context) voidMarkers(tags []coupon.Tag, own coupon.Marker,
	read func([]coupon.Tag) (map[coupon.Tag]coupon.Marker, error), put func(coupon.Tag, coupon.Marker) error,
) error {
	markers, err := read(tags)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		m, found := markers[tag]
		own.Time = m.Time
		if !found || m != own {
			return coupon.Refuse(coupon.ReasonNotRedeemed, "redemption_id", "the redemption is undone already")
		}
		m.State, m.Time = coupon.MarkerVoid, max(c.now, m.Time)
		if err := put(tag, m); err != nil {
			return err
		}
	}
	return nil
}

// voidOwners lets those who presented coupons that can be transferred use or
// transfer them again. While a coupon was spent nothing else could happen at its
// transfer tag.
func (c *Context) voidOwners(sale coupon.RedeemedSale) error {
	var tags []coupon.Tag
	for _, cp := range sale.Coupons {
		if cp.TransferTag != nil {
			tags = append(tags, *cp.TransferTag)
		}
	}
	markers, err := c.world.OwnerMarkers(tags)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		m := coupon.OwnerMarker{State: coupon.MarkerVoid, Time: max(c.now, markers[tag].Time)}
		if err := c.world.PutOwnerMarker(tag, m); err != nil {
			return err
		}
	}
	return nil
}
