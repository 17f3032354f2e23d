// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"maps"
	"slices"
	"strings"

	"ecoupon/chaincode/coupon"
)

// transferring is the emitter of the mandate of whose coupon a transfer is.
func (c *call) transferring() string {
	var e coupon.TransferredEvent
	if !c.announced(&e) {
		return ""
	}
	f, found := c.frameworkOf(e.Framework.String())
	if !found {
		c.broke("framework", "there is no mandate %s", e.Framework)
	}
	return f.Emitter
}

// transferRecords is what both parties keep of one transfer.
func transferRecords(c *call) []privateKey {
	tags := c.under("transfer/")
	if len(tags) != 1 {
		c.broke("transfer", "%d coupons are transferred at once", len(tags))
	}
	var out []privateKey
	for _, tag := range tags {
		out = append(out, c.both(c.creator.mspID, "transfer/"+tag)...)
	}
	return out
}

// checkOwnerMarker follows what one owner of a coupon does with it: redeems it,
// has that undone, or gives it on for good.
func checkOwnerMarker(c *call, w write) {
	c.id(w.key, w.rest)
	m, err := coupon.ParseOwnerMarker(w.value)
	if err != nil {
		c.broke("record", "%s: %s", w.key, err)
		return
	}
	var before coupon.OwnerMarker // State 0: nothing was done
	if w.old != nil {
		if before, err = coupon.ParseOwnerMarker(w.old); err != nil {
			c.broke("record", "%s: %s", w.key, err)
			return
		}
	}
	want := map[string]coupon.MarkerState{
		"Transfer": coupon.MarkerTransferred, "Redeem": coupon.MarkerSpent, "Void": coupon.MarkerVoid,
	}[c.function]
	undone := m.State == coupon.MarkerVoid
	switch {
	case m.State != want || undone != (before.State == coupon.MarkerSpent) || before.State == coupon.MarkerTransferred:
		c.broke("owner-state", "%s goes from state %d to %d", w.key, before.State, m.State)
	case (m.State == coupon.MarkerTransferred) != (m.Digest != coupon.Hash{}):
		c.broke("owner-state", "%s has a digest that is of no transfer", w.key)
	case undone && m.Time != max(c.now(), before.Time), m.State == coupon.MarkerTransferred && m.Time != c.now(),
		m.State == coupon.MarkerSpent && (m.Time < c.now() || m.Time > c.now()+maxClockAhead):
		c.broke("marker-time", "%s has a time that is not of this transaction", w.key)
	}
}

// checkTransferRecord compares the transfer that a party keeps with its public
// digest. That the owner signed it is in the record for whoever has the coupon.
func checkTransferRecord(c *call, rest string, value []byte) {
	var r coupon.TransferRecord
	if !c.record("transfer/"+rest, value, &r) {
		return
	}
	m, err := coupon.ParseOwnerMarker(c.newest("transfer/" + rest))
	t, unreadable := coupon.ParseTransfer(r.Text)
	if err != nil || unreadable != nil || t.Digest() != m.Digest || r.Transaction != c.transaction.id || r.Time != c.now() {
		c.broke("private-record", "the record of transfer %s is not of this transaction", rest)
	}
}

func checkInstitute(c *call, w write) {
	var i coupon.Institute
	if !c.record(w.key, w.value, &i) {
		return
	}
	if w.rest != hexText(i.Institute) {
		c.broke("institute", "%s has the keys of %s", w.key, i.Institute)
	}
	i.Format = 0
	if err := i.Check(); err != nil {
		c.broke("institute", "%s: %s", w.key, err)
	}
}

// checkOffers compares a batch with what is public of the mandates that it
// read: those of its coupons.
func (c *call) checkOffers() {
	found := 0
	for _, key := range slices.Sorted(maps.Keys(c.reads)) {
		id, ok := strings.CutPrefix(key, "framework/")
		if !ok {
			continue
		}
		found++
		f, there := c.frameworkOf(id)
		campaign, state, known := c.campaignOf(f.Campaign, f.Version)
		if !there || !known {
			c.broke("offer", "%s is no mandate of a campaign", key)
			continue
		}
		mandate := c.mandateState(id)
		switch now := c.now(); {
		case c.old("admitted/"+campaignPart(f.Campaign, f.Version)+"/"+hexText(c.creator.mspID)) == nil:
			c.broke("admission", "%s redeems coupons of %s and is not admitted", c.creator.mspID, f.Campaign)
		case state.Status == coupon.StatusPaused, state.Status == coupon.StatusClosed && now >= state.RedeemUntil:
			c.broke("offer", "coupons of %s are redeemed while it is %s", f.Campaign, state.Status)
		case now < campaign.Begin || now >= campaign.End:
			c.broke("offer", "coupons of %s are redeemed at %d, outside of its time", f.Campaign, now)
		case mandate.Status == coupon.MandateSuspended && !mandate.Ended():
			c.broke("offer", "coupons of mandate %s are redeemed while it is suspended", id)
		}
	}
	if found == 0 {
		c.broke("offer", "a batch that has looked at no mandate")
	}
}
