// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/servetest"
)

// TestDynamicCouponsAreRedeemed lets the issuer's contract judge coupons of two
// frames, while their frame is open and after.
func TestDynamicCouponsAreRedeemed(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t, 10)
	request := dynamicRequest(offer)
	first := s.issue(t, request)
	if first.Kind != coupon.KindDynamic || first.SN != 1 || first.Release.Frame != 1 || first.Owner != coupon.PublicKey(request.GetUData()) {
		t.Errorf("issued %+v", first)
	}
	second := s.issue(t, dynamicRequest(offer))
	if worth, refused := redeem(t, s.consortium, first, ""); worth != 100 || refused != nil {
		t.Errorf("while the frame is open: %d, %v", worth, refused)
	}
	closed := s.closeFrames(t)
	if len(closed) != 1 || closed[0].GetFrame() != 1 || closed[0].GetFrameworkId() != offer.Framework.ID.String() {
		t.Errorf("closed %v", closed)
	}
	third := s.issue(t, dynamicRequest(offer))
	if third.SN != 3 || third.Release.Frame != 2 {
		t.Errorf("the next frame begins with %+v", third)
	}
	s.consortium.Clock.Advance(30 * time.Minute)
	s.consortium.Tick(t, servetest.IssuerMSP, servetest.ClearingMSP)
	for _, made := range []coupon.Coupon{second, third} {
		if worth, refused := redeem(t, s.consortium, made, ""); worth < 59 || worth > 60 || refused != nil {
			t.Errorf("number %d after half an hour: %d, %v", made.SN, worth, refused)
		}
	}
}

func TestABoundDynamicCouponHasItsOwner(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	offer := campaigntest.Publish(t, s.consortium, campaigntest.Options{
		ID: "bound", Kind: coupon.KindDynamic, Terms: scheduled(decay), MaxFrameAge: frameAge, Holder: coupon.HolderBound,
	})
	s.offered(t, offer.Framework)
	request := boundRequest(t, offer.Framework)
	made := s.issue(t, request)
	if made.Owner != coupon.PublicKey(request.GetOwner()) {
		t.Errorf("issued %+v", made)
	}
	if got := verdict(t, s.consortium, made); len(got.Refused) > 0 || got.Coupons[0].Tag == nil {
		t.Errorf("the ledger says %+v", got)
	}
}

func TestWhatARequestForADynamicCouponHas(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t, 10)
	bound := campaigntest.Publish(t, s.consortium, campaigntest.Options{
		ID: "bound", Kind: coupon.KindDynamic, Terms: scheduled(decay), MaxFrameAge: frameAge, Holder: coupon.HolderBound,
	})
	static := campaigntest.Publish(t, s.consortium, campaigntest.Options{ID: "static"})
	s.offered(t, offer.Framework, bound.Framework, static.Framework)
	malformed := refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}
	for _, test := range []struct {
		name         string
		of           *campaigntest.Campaign
		owner, uData []byte
		want         refusal
	}{
		{"bearer", offer, nil, newUData(), refusal{}},
		{"bearer, any bytes", offer, nil, make([]byte, 32), refusal{}},
		{"bearer without u_data", offer, nil, nil, malformed},
		{"bearer, u_data cut off", offer, nil, newUData()[:31], malformed},
		{"bearer, u_data too long", offer, nil, append(newUData(), 1), malformed},
		{"bearer with an owner", offer, newOwner(t), nil, malformed},
		{"bearer with both", offer, newOwner(t), newUData(), malformed},
		{"bound", bound, newOwner(t), nil, refusal{}},
		{"bound with u_data", bound, newOwner(t), newUData(), malformed},
		{"bound without owner", bound, nil, newUData(), malformed},
		{"bound, a key of small order", bound, make([]byte, 32), nil, refusal{codes.InvalidArgument, coupon.ReasonBadOwnerKey}},
		{"static with u_data", static, nil, newUData(), malformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := s.client.IssueCoupon(t.Context(), &advertiserv1.IssueCouponRequest{
				RequestId: uuid.NewString(), FrameworkId: test.of.Framework.ID.String(), Owner: test.owner, UData: test.uData,
			})
			test.want.check(t, err)
		})
	}
}

func TestARepeatGetsTheSameDynamicCoupon(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t, 2)
	static := campaigntest.Publish(t, s.consortium, campaigntest.Options{ID: "static"})
	s.offered(t, offer.Framework, static.Framework)
	request := dynamicRequest(offer)
	made := s.issue(t, request)
	conflict := refusal{codes.AlreadyExists, coupon.ReasonRequestConflict}
	same := func(when string) {
		t.Helper()
		if got := s.issue(t, request); got != made {
			t.Errorf("%s a repeat got %+v, want %+v", when, got, made)
		}
		other := dynamicRequest(offer)
		other.RequestId = request.GetRequestId()
		if _, err := s.client.IssueCoupon(t.Context(), other); refusalOf(err) != conflict {
			t.Errorf("%s with other u_data: %v", when, err)
		}
		plain := bearerRequest(static.Framework)
		plain.RequestId = request.GetRequestId()
		if _, err := s.client.IssueCoupon(t.Context(), plain); refusalOf(err) != conflict {
			t.Errorf("%s for a static coupon: %v", when, err)
		}
	}
	same("at once")
	s.closeFrames(t)
	same("when its frame is closed")
	s.issue(t, dynamicRequest(offer))
	_, err := s.client.IssueCoupon(t.Context(), dynamicRequest(offer))
	refusal{codes.FailedPrecondition, coupon.ReasonSoldOut}.check(t, err)
	same("when all are given out")
	offer.Change(t, "PauseCampaign")
	eventually(t, func() error {
		_, err := s.client.IssueCoupon(t.Context(), dynamicRequest(offer))
		if got := refusalOf(err).reason; got != coupon.ReasonCampaignPaused {
			return err
		}
		return nil
	})
	same("when the campaign is paused")
}

func TestLanesAreUsedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t, 1, 2)
	type place struct {
		lane  uint16
		frame uint32
		sn    int64
	}
	for _, want := range []place{{0, 1, 1}, {1, 1, 1}, {1, 1, 2}} {
		made := s.issue(t, dynamicRequest(offer))
		if got := (place{made.Lane, made.Release.Frame, made.SN}); got != want {
			t.Errorf("issued %v, want %v", got, want)
		}
		if _, refused := redeem(t, s.consortium, made, ""); refused != nil {
			t.Errorf("%v is refused: %v", want, refused)
		}
	}
	_, err := s.client.IssueCoupon(t.Context(), dynamicRequest(offer))
	refusal{codes.FailedPrecondition, coupon.ReasonSoldOut}.check(t, err)
	// Nothing more comes, so the last frames are closed at once.
	for lane, count := range []int64{1, 2} {
		ref := coupon.FrameRef{Framework: offer.Framework.ID, Lane: uint16(lane), Frame: 1}
		eventually(t, func() error {
			_, err := s.client.GetReceipt(t.Context(), &advertiserv1.GetReceiptRequest{
				FrameworkId: offer.Framework.ID.String(), Lane: int32(lane), Sn: 1,
			})
			return err
		})
		log := readLog(t, s.client, ref, 0)
		if err := audit(t, s.consortium, offer, ref, 1, log); err != nil || int64(len(log)) != count {
			t.Errorf("lane %d has %d coupons: %v", lane, len(log), err)
		}
	}
}

func TestOffersOfDynamicCoupons(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t, 10)
	shown := s.offered(t, offer.Framework)[0]
	if shown.GetFramework().GetKind() != typev1.Kind_KIND_DYNAMIC || shown.GetCampaign().GetTerms() != scheduled(decay) ||
		shown.GetCampaign().GetMaxFrameAge().AsDuration() != frameAge {
		t.Errorf("the offer is shown as %v", shown)
	}
}
