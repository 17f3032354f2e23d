// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/wallet"
)

// kindsOfLaunches are the two kinds of coupons that a campaign has.
var kindsOfLaunches = map[string]func(*desk.Launch){
	"static":  nil,
	"dynamic": dynamic(`{"type":"linear","from":"release","end":3600000,"to":20}`),
}

// closeFrames has the advertiser close the frames of an offer.
func (o offer) closeFrames(t *testing.T) []*advertiserv1.Frame {
	t.Helper()
	emitter := must[advertiserv1.AdvertiserServiceClient](t)(sit(t, "advertiser", "operator").Advertiser(advertiser))
	closed := must[*advertiserv1.CloseFramesResponse](t)(emitter.CloseFrames(t.Context(), &advertiserv1.CloseFramesRequest{
		FrameworkId: o.Framework.String(),
	}))
	return closed.GetFrames()
}

// refused expects the advertiser to give out no new coupon of the offer, once it
// knows what the ledger has.
func (o offer) refused(t *testing.T, want coupon.Reason) {
	t.Helper()
	eventually(t, "no coupon is given out: "+string(want), func() bool {
		_, err := o.wallet.Get(t.Context(), o.url, o.Offer)
		return reason(err, want)
	})
}

// refusedAtTill expects a redemption of the coupon to be refused.
func refusedAtTill(t *testing.T, want coupon.Reason, r *retailerv1.RedeemRequest) {
	t.Helper()
	_, err := retailerDesk(t, "retailer", retailer).Redeem(t.Context(), r)
	if !slices.Contains(desk.Reasons(err), string(want)) {
		t.Errorf("redeemed: %v %v, want %s", err, desk.Reasons(err), want)
	}
}

// An emitter that is sold out goes on as soon as its quota is raised, in its lane
// and in one that is added.
func TestARaisedQuotaIsUsed(t *testing.T) {
	for name, change := range kindsOfLaunches {
		t.Run(name, func(t *testing.T) {
			o := launch(t, coupon.HolderBearer, func(l *desk.Launch) {
				if change != nil {
					change(l)
				}
				l.Quotas = []int64{1}
			})
			redeem(t, request(o.get(t).Coupon))
			o.refused(t, coupon.ReasonSoldOut)
			must[*issuerv1.RaiseQuotaResponse](t)(issuerDesk(t).RaiseQuota(t.Context(), &issuerv1.RaiseQuotaRequest{
				RequestId: uuid.NewString(), FrameworkId: o.Framework.String(), Quotas: []int64{2, 1},
			}))
			eventually(t, "the advertiser offers it again", func() bool {
				offers := must[[]wallet.Offer](t)(o.wallet.Offers(t.Context(), o.url))
				return slices.ContainsFunc(offers, func(found wallet.Offer) bool { return found.Framework == o.Framework })
			})
			redeem(t, request(o.get(t).Coupon))
			redeem(t, request(o.get(t).Coupon))
			o.refused(t, coupon.ReasonSoldOut)
		})
	}
}

// A revoked mandate's lanes end with their last closed frames, whatever its
// emitter says.
func TestARevokedLaneEnds(t *testing.T) {
	for name, change := range kindsOfLaunches {
		t.Run(name, func(t *testing.T) {
			o := launch(t, coupon.HolderBearer, change)
			early, spare := o.get(t), o.get(t)
			frame := o.closeFrames(t)[0]
			late := o.get(t)
			answer := must[*issuerv1.RevokeEmitterResponse](t)(issuerDesk(t).RevokeEmitter(t.Context(), &issuerv1.RevokeEmitterRequest{
				RequestId: uuid.NewString(), FrameworkId: o.Framework.String(),
			}))
			if f := answer.GetFramework(); f.GetStatus() != typev1.MandateStatus_MANDATE_STATUS_REVOKED || !slices.Equal(f.GetLastSns(), []int64{2}) {
				t.Errorf("the mandate is %v", f)
			}
			sale := request(early.Coupon)
			if change != nil {
				refusedAtTill(t, coupon.ReasonReceiptRequired, request(spare.Coupon))
				held := must[wallet.Holding](t)(o.wallet.FetchReceipt(t.Context(), early.ID, (*coupon.Hash)(frame.GetLogSha256())))
				sale.Receipts = []*retailerv1.Receipt{{Index: 0, Text: held.Receipt.Text}}
			}
			redeem(t, sale)
			refusedAtTill(t, coupon.ReasonLaneEnded, request(late.Coupon))
			o.refused(t, coupon.ReasonEmitterRevoked)
		})
	}
}

// Of a suspended mandate no coupon is given out, and none redeemed unless the
// issuer says so.
func TestASuspendedMandateIsReinstated(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	early := o.get(t)
	o.closeFrames(t)
	late := o.get(t)
	suspend := func(redeem bool) {
		must[*issuerv1.SuspendEmitterResponse](t)(issuerDesk(t).SuspendEmitter(t.Context(), &issuerv1.SuspendEmitterRequest{
			RequestId: uuid.NewString(), FrameworkId: o.Framework.String(), RedeemClosedFrames: redeem,
		}))
	}
	suspend(false)
	refusedAtTill(t, coupon.ReasonEmitterSuspended, request(early.Coupon))
	o.refused(t, coupon.ReasonEmitterSuspended)
	suspend(true)
	redeem(t, request(early.Coupon))
	refusedAtTill(t, coupon.ReasonLaneEnded, request(late.Coupon))
	must[*issuerv1.ReinstateEmitterResponse](t)(issuerDesk(t).ReinstateEmitter(t.Context(), &issuerv1.ReinstateEmitterRequest{
		RequestId: uuid.NewString(), FrameworkId: o.Framework.String(),
	}))
	redeem(t, request(late.Coupon))
	find(t, advertiser, o.Framework.String())
}

// A new key is taken up at once; coupons of both are good.
func TestARotatedKeyIsTakenUp(t *testing.T) {
	for name, change := range kindsOfLaunches {
		t.Run(name, func(t *testing.T) {
			o := launch(t, coupon.HolderBearer, change)
			before := o.get(t)
			answer := must[*issuerv1.RotateKeyResponse](t)(issuerDesk(t).RotateKey(t.Context(), &issuerv1.RotateKeyRequest{
				RequestId: uuid.NewString(), FrameworkId: o.Framework.String(),
			}))
			next := find(t, advertiser, answer.GetFramework().GetFrameworkId())
			o.refused(t, coupon.ReasonSuperseded)
			redeem(t, request(before.Coupon))
			redeem(t, request(next.get(t).Coupon))
			if epoch := answer.GetFramework().GetEpoch(); epoch != 2 {
				t.Errorf("the new key is of epoch %d", epoch)
			}
		})
	}
}

// The advertiser offers the newest version of a campaign; coupons of the version
// before keep what they give.
func TestANewVersionIsOffered(t *testing.T) {
	var first desk.Launch
	o := launch(t, coupon.HolderBearer, func(l *desk.Launch) { first = *l })
	before := o.get(t)
	second := first
	second.Campaign.Version, second.Campaign.Offer = 2, "80 cents off"
	second.Campaign.Terms = strings.Replace(terms, `"amount":50`, `"amount":80`, 1)
	framework := must[*typev1.Framework](t)(second.Do(t.Context(), issuerDesk(t)))
	newer := find(t, advertiser, framework.GetFrameworkId())
	o.refused(t, coupon.ReasonSuperseded)
	for held, want := range map[string]int64{before.Coupon: 50, newer.get(t).Coupon: 80} {
		if value := redeem(t, request(held)).GetTotal().GetMinor(); value != want {
			t.Errorf("it is worth %d, want %d", value, want)
		}
	}
}
