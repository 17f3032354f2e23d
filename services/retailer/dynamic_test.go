// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
)

// Schedules of one euro off.
const (
	decay   = `{"type":"linear","from":"release","end":7200000,"to":20}`
	growing = `{"type":"stepped","from":"release","steps":[{"after":3600000,"to":200}]}`
	early   = `{"type":"early_bird","first":1,"to":250}`
	lottery = `{"type":"random","to":290}`
)

func dynamic(schedule string) campaigntest.Options {
	return campaigntest.Options{
		ID: "dynamic", Kind: coupon.KindDynamic, MaxFrameAge: 10 * time.Second,
		Terms: strings.Replace(campaigntest.Terms, `"amount":100`, `"amount":100,"schedule":`+schedule, 1),
	}
}

// openLane is a desk and a lane of a dynamic campaign.
func openLane(t *testing.T, o campaigntest.Options) (*desk, *campaigntest.Lane) {
	t.Helper()
	c := newConsortium(t, ledger.Config{})
	lane := campaigntest.Publish(t, c, o).OpenLane(t, 0)
	return start(t, c, filepath.Join(t.TempDir(), "retailer.db"), nil), lane
}

// with adds a receipt for the request's coupon of this index.
func with(index int32, receipt string) *retailerv1.Receipt {
	return &retailerv1.Receipt{Index: index, Text: receipt}
}

// verdicts asks what the coupons of a sale are worth.
func (d *desk) verdicts(t *testing.T, sale *retailerv1.RedeemRequest) []*retailerv1.Verdict {
	t.Helper()
	answer, err := d.till.Verify(t.Context(), &retailerv1.VerifyRequest{
		Coupons: sale.GetCoupons(), Basket: sale.GetBasket(), Receipts: sale.GetReceipts(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetVerdicts()
}

func TestValuesAreThoseOfTheLedgersTime(t *testing.T) {
	t.Parallel()
	d, lane := openLane(t, dynamic(decay))
	now, later := d.sale(lane.Release(coupon.PublicKey{1}).Text()), d.sale(lane.Release(coupon.PublicKey{2}).Text())
	// 100 falls by 80 in two hours: a whole cent every 90 s.
	for _, step := range []struct {
		after                time.Duration
		worth, worthInAnHour int64
	}{{0, 100, 60}, {30 * time.Minute, 80, 40}, {time.Hour, 40, 20}} {
		d.consortium.Clock.Advance(step.after + time.Second)
		v := d.verdicts(t, later)[0]
		if v.GetReason() != 0 || v.GetDiscount().GetMinor() != step.worth || v.GetDiscountInOneHour().GetMinor() != step.worthInAnHour {
			t.Errorf("after another %v: %v, want %d and %d", step.after, v, step.worth, step.worthInAnHour)
		}
		if step.after == 0 {
			if got := d.redeem(t, now); got.GetTotal().GetMinor() != 100 {
				t.Errorf("redeemed at once: %v", got)
			}
		}
	}
	if got := d.redeem(t, later); got.GetTotal().GetMinor() != 40 {
		t.Errorf("redeemed after an hour and a half: %v", got)
	}
}

func TestReceiptsReachTheLedger(t *testing.T) {
	t.Parallel()
	for schedule, want := range map[string]func([]int64) bool{
		early:   func(v []int64) bool { return slices.Equal(v, []int64{250, 100}) },
		growing: func(v []int64) bool { return slices.Equal(v, []int64{100, 100}) },
		lottery: func(v []int64) bool { return v[0] >= 100 && v[0] <= 290 && v[1] >= 100 && v[1] <= 290 },
	} {
		d, lane := openLane(t, dynamic(schedule))
		first, second := lane.Release(coupon.PublicKey{1}), lane.Release(coupon.PublicKey{2})
		lane.Close(t)
		sale := d.sale(first.Text(), second.Text())
		sale.Receipts = []*retailerv1.Receipt{with(1, lane.Receipt(t, second)), with(0, lane.Receipt(t, first))}
		var said, got []int64
		for _, v := range d.verdicts(t, sale) {
			said = append(said, v.GetDiscount().GetMinor())
		}
		for _, discount := range d.redeem(t, sale).GetDiscounts() {
			got = append(got, discount.GetMinor())
		}
		if !slices.Equal(said, got) || !want(got) {
			t.Errorf("%s: redeemed for %v, said to be worth %v", schedule, got, said)
		}
	}
}

func TestDynamicCouponsAreRefused(t *testing.T) {
	t.Parallel()
	d, lane := openLane(t, dynamic(early))
	c, foreign := lane.Release(coupon.PublicKey{1}), lane.Release(coupon.PublicKey{2})
	ahead := lane.Seal(func() coupon.Coupon {
		ahead := c
		ahead.SN, ahead.Release.Frame = 3, 3
		return ahead
	}())
	late := lane.Seal(func() coupon.Coupon {
		late := c
		late.SN, late.Release.Time = 4, lane.Opened+10_001
		return late
	}())
	lane.Close(t)
	receipt := lane.Receipt(t, c)
	young := lane.Release(coupon.PublicKey{4})
	for _, test := range []struct {
		name          string
		coupon        coupon.Coupon
		receipt       string
		reason, class typev1.ErrorReason
	}{
		{"frame that is not open", ahead, receipt, typev1.ErrorReason_ERROR_REASON_FRAME_NOT_OPEN, typev1.ErrorReason_ERROR_REASON_NOT_VALID},
		{"time outside its frame", late, receipt, typev1.ErrorReason_ERROR_REASON_WRONG_RELEASE_TIME, typev1.ErrorReason_ERROR_REASON_NOT_VALID},
		{"no receipt", c, "", typev1.ErrorReason_ERROR_REASON_RECEIPT_REQUIRED, typev1.ErrorReason_ERROR_REASON_RECEIPT_REQUIRED},
		{"receipt that is none", c, "er1.!", typev1.ErrorReason_ERROR_REASON_MALFORMED_RECEIPT, typev1.ErrorReason_ERROR_REASON_MALFORMED_RECEIPT},
		{"another coupon's receipt", foreign, receipt, typev1.ErrorReason_ERROR_REASON_WRONG_RECEIPT, typev1.ErrorReason_ERROR_REASON_NOT_VALID},
		{"frame that is open", young, receipt, typev1.ErrorReason_ERROR_REASON_FRAME_NOT_CLOSED, typev1.ErrorReason_ERROR_REASON_NOT_NOW},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sale := d.sale(test.coupon.Text())
			if test.receipt != "" {
				sale.Receipts = []*retailerv1.Receipt{with(0, test.receipt)}
			}
			for _, caller := range []struct {
				who    string
				client retailerv1.RetailerServiceClient
				want   typev1.ErrorReason
			}{{"till", d.till, test.class}, {"operator", d.operator, test.reason}} {
				v, err := caller.client.Verify(t.Context(), &retailerv1.VerifyRequest{Coupons: sale.GetCoupons(), Receipts: sale.GetReceipts()})
				if err != nil || v.GetVerdicts()[0].GetReason() != caller.want {
					t.Errorf("verified by %s: %v, %v, want %s", caller.who, v, err, caller.want)
				}
			}
			_, err := d.till.Redeem(t.Context(), sale)
			if want := strings.TrimPrefix(test.class.String(), "ERROR_REASON_"); reasonOf(err) != want || !slices.Equal(refusedAt(err), []int32{0}) {
				t.Errorf("redeemed: %v, refused %v, want %s", err, refusedAt(err), want)
			}
		})
	}
}

func TestReceiptsThatBelongToNoCoupon(t *testing.T) {
	t.Parallel()
	d, lane := openLane(t, dynamic(early))
	sale := d.sale(lane.Release(coupon.PublicKey{1}).Text())
	for want, receipts := range map[string][]*retailerv1.Receipt{
		"receipts[0].index: the request has no coupon 1":  {with(1, "er1.x")},
		"receipts[0].index: the request has no coupon -1": {with(-1, "er1.x")},
		"receipts[1].index: coupon 0 has two receipts":    {with(0, "er1.x"), with(0, "er1.x")},
		"receipts[0].text: is missing":                    {with(0, "")},
	} {
		sale.Receipts = receipts
		_, err := d.till.Redeem(t.Context(), sale)
		wantRefusal(t, err, codes.InvalidArgument, "INVALID_REQUEST")
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		_, err = d.till.Verify(t.Context(), &retailerv1.VerifyRequest{Coupons: sale.GetCoupons(), Receipts: receipts})
		wantRefusal(t, err, codes.InvalidArgument, "INVALID_REQUEST")
	}
}

// The same request id with another receipt is another request.
func TestARequestIsItsReceiptsToo(t *testing.T) {
	t.Parallel()
	d, lane := openLane(t, dynamic(early))
	first, second := lane.Release(coupon.PublicKey{1}), lane.Release(coupon.PublicKey{2})
	lane.Close(t)
	sale := d.sale(first.Text())
	sale.Receipts = []*retailerv1.Receipt{with(0, lane.Receipt(t, first))}
	redeemed := d.redeem(t, sale)
	if again := d.redeem(t, sale); !proto.Equal(redeemed, again) {
		t.Errorf("again: %v, first %v", again, redeemed)
	}
	sale.Receipts = []*retailerv1.Receipt{with(0, lane.Receipt(t, second))}
	_, err := d.till.Redeem(t.Context(), sale)
	wantRefusal(t, err, codes.AlreadyExists, "REQUEST_CONFLICT")
}

// The own peer that has not seen a frame close yet does not make the coupon a
// bad one.
func TestFramesThatTheOwnPeerHasNotSeen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		schedule string
		sale     func(*desk, *campaigntest.Lane, coupon.Coupon) *retailerv1.RedeemRequest
		want     int64
	}{
		"closed": {early, func(d *desk, l *campaigntest.Lane, first coupon.Coupon) *retailerv1.RedeemRequest {
			sale := d.sale(first.Text())
			sale.Receipts = []*retailerv1.Receipt{with(0, l.Receipt(t, first))}
			return sale
		}, 250},
		"open": {decay, func(d *desk, l *campaigntest.Lane, _ coupon.Coupon) *retailerv1.RedeemRequest {
			return d.sale(l.Release(coupon.PublicKey{2}).Text())
		}, 100},
	} {
		d, lane := openLane(t, dynamic(test.schedule))
		first := lane.Release(coupon.PublicKey{1})
		d.verdicts(t, d.sale(first.Text())) // all that is read once is read
		d.consortium.Network.Lag(shop)
		lane.Close(t)
		sale := test.sale(d, lane, first)
		_, err := d.till.Redeem(t.Context(), sale)
		wantRefusal(t, err, codes.Unavailable, "TRY_AGAIN")
		d.consortium.Network.CatchUp(shop)
		if got := d.redeem(t, sale); got.GetTotal().GetMinor() != test.want {
			t.Errorf("%s: the same request again: %v", name, got)
		}
	}
}
