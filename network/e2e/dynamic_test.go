// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/wallet"
)

// dynamic makes a launch one of dynamic coupons whose amount follows a schedule.
func dynamic(schedule string) func(*desk.Launch) {
	return func(l *desk.Launch) {
		l.Campaign.Kinds, l.Campaign.MaxFrameAge = []coupon.Kind{coupon.KindDynamic}, time.Minute.Milliseconds()
		l.Campaign.Terms = strings.Replace(terms, `"amount":50`, `"amount":50,"schedule":`+schedule, 1)
	}
}

func reason(err error, want coupon.Reason) bool {
	got, found := coupon.ReasonOf(err)
	return found && got == want
}

// A dynamic coupon is worth what its proven time of release says, at once and
// in a frame that is still open; it is spent once.
func TestDynamicCoupons(t *testing.T) {
	o := launch(t, coupon.HolderBound, dynamic(`{"type":"linear","from":"release","end":3600000,"to":20}`))
	shown := o.show(t, retailer)
	sale := request(shown)
	redemption := redeem(t, sale)
	if value := redemption.GetTotal().GetMinor(); value < 49 || value > 50 {
		t.Errorf("just released, it is worth %d", value)
	}
	_, err := retailerDesk(t, "retailer", retailer).Redeem(t.Context(), request(shown))
	if !slices.Contains(desk.Reasons(err), "ALREADY_REDEEMED") {
		t.Errorf("redeemed again: %v %v", err, desk.Reasons(err))
	}
}

// Where earlier coupons are worth more, the receipt of the closed frame is
// needed.
func TestEarlyCouponsNeedTheirReceipt(t *testing.T) {
	o := launch(t, coupon.HolderBearer, dynamic(`{"type":"early_bird","first":1,"to":120}`))
	early, late := o.get(t), o.get(t)
	till := retailerDesk(t, "retailer", retailer)
	if _, err := o.wallet.Present(early.ID, wallet.Audience{Retailer: retailer}); !reason(err, coupon.ReasonReceiptRequired) {
		t.Errorf("presented without a receipt: %v", err)
	}
	_, err := till.Redeem(t.Context(), request(early.Coupon))
	if !slices.Contains(desk.Reasons(err), "RECEIPT_REQUIRED") {
		t.Errorf("redeemed without a receipt: %v %v", err, desk.Reasons(err))
	}
	emitter := must[advertiserv1.AdvertiserServiceClient](t)(sit(t, "advertiser", "operator").Advertiser(advertiser))
	closed := must[*advertiserv1.CloseFramesResponse](t)(emitter.CloseFrames(t.Context(), &advertiserv1.CloseFramesRequest{
		FrameworkId: o.Framework.String(),
	}))
	if len(closed.GetFrames()) != 1 {
		t.Fatalf("closed %v", closed)
	}
	for _, r := range []struct {
		held wallet.Holding
		want int64
	}{{early, 120}, {late, 50}} {
		held := must[wallet.Holding](t)(o.wallet.FetchReceipt(t.Context(), r.held.ID, (*coupon.Hash)(closed.GetFrames()[0].GetLogSha256())))
		sale := request(must[string](t)(o.wallet.Present(held.ID, wallet.Audience{Retailer: retailer})))
		sale.Receipts = []*retailerv1.Receipt{{Index: 0, Text: held.Receipt.Text}}
		if value := redeem(t, sale).GetTotal().GetMinor(); value != r.want {
			t.Errorf("it is worth %d, want %d", value, r.want)
		}
	}
}
