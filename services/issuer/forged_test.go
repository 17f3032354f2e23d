// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/servetest"
)

// TestMadeUpEventsAreNotCounted: any member can, alone, have any event in a
// transaction of its own. Only what the ledger bears out is counted, and once.
func TestMadeUpEventsAreNotCounted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(t, "tea", bearer)
	framework := d.authorise(t, "tea", 100)
	d.admit(t, "tea")
	n := newCounter(t, d.consortium, framework)
	stands, _ := n.redeem(t, 1)
	undone, text := n.redeem(t, 2)
	n.void(t, undone.Redemptions[0].ID, text)
	again := func(r coupon.BatchRecord) coupon.VoidedEvent {
		return coupon.VoidedEvent{Batch: r.ID, Redemption: r.Redemptions[0].ID, Retailer: servetest.RetailerMSP}
	}
	for _, made := range []struct {
		event   string
		payload any
	}{
		{"Redeemed", coupon.RedeemedEvent{Batch: stands.ID, Retailer: servetest.RetailerMSP, Redemptions: 1, Coupons: 1}},
		{"Redeemed", coupon.RedeemedEvent{Batch: coupon.BatchID{1}, Retailer: servetest.RetailerMSP}},
		{"Redeemed", []byte("not JSON")},
		{"Voided", again(stands)},
		{"Voided", again(undone)},
		{"Voided", coupon.VoidedEvent{Batch: stands.ID, Redemption: coupon.RedemptionID{1}}},
		{"Voided", coupon.VoidedEvent{Batch: coupon.BatchID{1}}},
		{"Voided", []byte("{")},
	} {
		d.consortium.Announce(t, servetest.AdvertiserMSP, namespace, made.event, made.payload)
	}
	n.redeem(t, 3)
	got := d.counted(t).GetFrameworks()[0]
	if got.GetRedeemed() != 2 || got.GetVoided() != 1 || got.GetValue() != 200 {
		t.Errorf("redeemed %d, voided %d, value %d; want 2, 1, 200", got.GetRedeemed(), got.GetVoided(), got.GetValue())
	}
}
