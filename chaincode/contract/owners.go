// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
)

// judgeOwners finds whose coupons are that may have been transferred, or checks
// what Redeem was told of it, and reads what their owners have done with them.
// An ownership comes with each coupon of such a campaign and with no other.
func (d *docket) judgeOwners() error {
	var unknown, given []*item
	d.items(func(_ *sale, it *item) {
		transferable := d.offers[refOf(it.framework)].Campaign.MaxTransfers > 0
		switch {
		case it.computed && transferable:
			unknown = append(unknown, it)
		case it.computed:
		case transferable != (it.ownership != nil):
			d.refuse(it, coupon.Refuse(coupon.ReasonTagMismatch, "ownership", "is missing, or for no coupon of this campaign"))
		case transferable:
			given = append(given, it)
			d.refuse(it, d.judgeOwnership(it))
		}
	})
	if _, err := d.ownerMarkers(given); err != nil {
		return err
	}
	return d.findOwners(unknown)
}

// judgeOwnership checks, on the issuer's peer, an ownership that was handed in.
func (d *docket) judgeOwnership(it *item) error {
	if it.ownership == nil || d.self != d.issuer {
		return nil
	}
	return it.tender.Coupon.CheckOwnership(d.keys[it.framework.ID].spent, *it.ownership)
}

// findOwners follows the transfers of coupons whose MACs are right, on the
// issuer's peer, from the owner in their bytes to the present one.
func (d *docket) findOwners(items []*item) error {
	for _, it := range items {
		cp := it.tender.Coupon
		owned := cp.OwnedBy(d.keys[it.framework.ID].spent, 0, cp.Owner, 0)
		it.ownership = &owned
	}
	for left := coupon.MaxTransfers; len(items) > 0; left-- {
		markers, err := d.ownerMarkers(items)
		if err != nil {
			return err
		}
		var onward []*item
		for _, it := range items {
			m := markers[it.ownership.Tag]
			if m.State != coupon.MarkerTransferred || left == 0 {
				continue
			}
			err := d.passOn(it, m)
			if _, refused := coupon.ReasonOf(err); err != nil && !refused {
				return err
			}
			d.refuse(it, err)
			if err == nil {
				onward = append(onward, it)
			}
		}
		items = onward
	}
	return nil
}

// passOn takes a coupon from one owner to the next, who stands in the issuer's
// copy of the transfer: the public marker has its digest.
func (d *docket) passOn(it *item, m coupon.OwnerMarker) error {
	record, found, err := d.world.TransferRecord(d.issuer, it.ownership.Tag)
	if err != nil {
		return err
	}
	if !found {
		return coupon.Refuse(coupon.ReasonKeyMissing, "", "the issuer's copy of a transfer is missing")
	}
	t, err := coupon.ParseTransfer(record.Text)
	if err != nil || t.Digest() != m.Digest {
		return coupon.Refuse(coupon.ReasonRecordMismatch, "", "the issuer's copy of a transfer is not what is on the ledger")
	}
	owned := it.tender.Coupon.OwnedBy(d.keys[it.framework.ID].spent, it.ownership.Step+1, t.NewOwner, m.Time)
	it.passed = append(it.passed, *it.ownership)
	it.ownership = &owned
	it.digests = append(it.digests, m.Digest)
	return nil
}

// ownerMarkers reads the markers of the items' ownerships, and keeps them.
func (d *docket) ownerMarkers(items []*item) (map[coupon.Tag]coupon.OwnerMarker, error) {
	tags := make([]coupon.Tag, len(items))
	for i, it := range items {
		tags[i] = it.ownership.Tag
	}
	markers, err := d.world.OwnerMarkers(tags)
	if err != nil {
		return nil, err
	}
	if d.owners == nil {
		d.owners = make(map[coupon.Tag]coupon.OwnerMarker)
	}
	for tag, m := range markers {
		d.owners[tag] = m
	}
	return markers, nil
}

// judgeOwner checks that a coupon's present owner has made the presentation, and
// made it as its owner.
func (d *docket) judgeOwner(it *item, p *coupon.Presentation) error {
	o := it.ownership
	if o == nil {
		return d.signatures.verify(p, it.tender.Coupon.Owner)
	}
	if err := d.signatures.verify(p, o.Owner); err != nil {
		for _, former := range it.passed {
			if p.VerifySignature(former.Owner) == nil {
				return coupon.Refuse(coupon.ReasonCouponTransferred, "", "the coupon was transferred, and a former owner presents it")
			}
		}
		return err
	}
	if d.owners[o.Tag].State == coupon.MarkerTransferred {
		return coupon.Refuse(coupon.ReasonCouponTransferred, "", "the coupon was transferred, and a former owner presents it")
	}
	if p.PresentedAt <= o.Since {
		return coupon.Refuse(coupon.ReasonPresentationReplayed, "", "the coupon was transferred after this presentation was made")
	}
	return nil
}
