// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/servetest"
)

// TestMadeUpEventsAreNotBelieved: any member can, alone, have any event in a
// transaction of its own. It voids no sale, hides none from a claim, and does
// not stop the service from learning what is so.
func TestMadeUpEventsAreNotBelieved(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	sale := d.sale(campaign.Text(1))
	first := d.redeem(t, sale)
	var batch coupon.BatchID
	var redemption coupon.RedemptionID
	for text, into := range map[string]interface{ UnmarshalText([]byte) error }{
		first.GetBatchId(): &batch, first.GetRedemptionId(): &redemption,
	} {
		if err := into.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, made := range []struct {
		event   string
		payload any
	}{
		{"Voided", coupon.VoidedEvent{Batch: batch, Redemption: redemption, Retailer: shop}},
		{"Redeemed", coupon.RedeemedEvent{Batch: coupon.BatchID{1}, Retailer: shop, Redemptions: 1, Coupons: 1}},
		{"Claimed", coupon.ClaimedEvent{ClaimID: "5b1b3f0e-6d0c-4a9e-8a53-0a1f9d4f6a11", Retailer: shop, Batches: []coupon.BatchID{batch}}},
		{"Claimed", coupon.ClaimedEvent{ClaimID: "not an id", Retailer: shop}},
		{"Redeemed", []byte("not JSON")},
		{"Voided", []byte(`{"batch_id":7}`)},
	} {
		d.consortium.Announce(t, servetest.AdvertiserMSP, "coupon-"+issuer, made.event, made.payload)
	}
	// Sold past the service, so that it learns of it from an event after those.
	campaign.Redeem(t, shop, "sold elsewhere", 2)
	var claims []*retailerv1.Claim
	eventually(t, "the sale elsewhere is claimed", func(context.Context) bool {
		claims = append(claims, d.claim(t, issuer)...)
		coupons := int64(0)
		for _, c := range claims {
			coupons += c.GetCoupons()
		}
		return coupons == 2
	})
	if again := d.redeem(t, sale); !proto.Equal(first, again) {
		t.Errorf("answered with %v, and to the repeat with %v", first, again)
	}
}
