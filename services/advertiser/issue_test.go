// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// issue returns the coupon of a request that must succeed.
func (s stand) issue(t *testing.T, r *advertiserv1.IssueCouponRequest) coupon.Coupon {
	t.Helper()
	response, err := s.client.IssueCoupon(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	made, err := coupon.ParseCoupon(response.GetCoupon())
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func bearerRequest(f coupon.Framework) *advertiserv1.IssueCouponRequest {
	return &advertiserv1.IssueCouponRequest{RequestId: uuid.NewString(), FrameworkId: f.ID.String()}
}

func boundRequest(t *testing.T, f coupon.Framework) *advertiserv1.IssueCouponRequest {
	t.Helper()
	r := bearerRequest(f)
	r.Owner = newOwner(t)
	return r
}

// verdict asks the issuer's peer what a coupon without presentation is worth.
func verdict(t *testing.T, c *ledgertest.Consortium, made coupon.Coupon) coupon.SaleVerdict {
	t.Helper()
	var result coupon.CheckResult
	err := c.For(t, servetest.RetailerMSP).Evaluate(t.Context(), ledger.Call{
		Namespace: namespace, Function: "Check",
		Input:     coupon.CheckInput{Sales: []coupon.CheckedSale{{Coupons: coupon.Untagged(made.Text())}}},
		Endorsers: []string{servetest.IssuerMSP},
	}, &result)
	if err != nil || len(result.Sales) != 1 {
		t.Fatalf("checked: %+v, %v", result, err)
	}
	return result.Sales[0]
}

func admit(t *testing.T, c *ledgertest.Consortium, id string, input any) {
	t.Helper()
	_, err := c.For(t, servetest.IssuerMSP).Submit(t.Context(), ledger.Call{
		Namespace: namespace, Function: "AdmitRetailer", Input: input,
		Argument:  coupon.AdmitRequest{Campaign: id, Version: 1, Retailer: servetest.RetailerMSP},
		Endorsers: []string{servetest.IssuerMSP, servetest.RetailerMSP},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTheLedgerAcceptsWhatIsIssued lets the issuer's contract judge.
func TestTheLedgerAcceptsWhatIsIssued(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	bearer := mandate(t, s.consortium, campaign{id: "bearer", holder: coupon.HolderBearer, quotas: []int64{1, 5}}, servetest.AdvertiserMSP)
	bound := mandate(t, s.consortium, campaign{id: "bound", holder: coupon.HolderBound, quotas: []int64{5}}, servetest.AdvertiserMSP)
	admit(t, s.consortium, "bearer", coupon.RetailerKeyInput{Key: coupon.Key{1}})
	admit(t, s.consortium, "bound", nil)
	s.offered(t, bearer, bound)
	for lane := range uint16(2) {
		made := s.issue(t, bearerRequest(bearer))
		if made.Bound || made.Lane != lane || made.SN != 1 {
			t.Errorf("issued %+v, want the first of lane %d", made, lane)
		}
		if got := verdict(t, s.consortium, made); len(got.Refused) > 0 || got.Coupons[0].Tag == nil {
			t.Errorf("the ledger says %+v", got)
		}
	}
	request := boundRequest(t, bound)
	made := s.issue(t, request)
	if !made.Bound || made.Owner != coupon.PublicKey(request.GetOwner()) {
		t.Errorf("issued %+v", made)
	}
	got := verdict(t, s.consortium, made)
	if len(got.Refused) > 0 || got.Coupons[0].Tag == nil {
		t.Errorf("the ledger says %+v", got)
	}
}

func TestIssueCoupon(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	bearer := mandate(t, s.consortium, campaign{id: "bearer", holder: coupon.HolderBearer, quotas: []int64{100}}, servetest.AdvertiserMSP)
	bound := mandate(t, s.consortium, campaign{id: "bound", holder: coupon.HolderBound, quotas: []int64{100}}, servetest.AdvertiserMSP)
	s.offered(t, bearer, bound)
	malformed := refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}
	badKey := refusal{codes.InvalidArgument, coupon.ReasonBadOwnerKey}
	for _, test := range []struct {
		name          string
		mspID, role   string
		id, framework string
		owner         []byte
		want          refusal
	}{
		{"bearer", servetest.AdvertiserMSP, operator, uuid.NewString(), bearer.ID.String(), nil, refusal{}},
		{"bound", servetest.AdvertiserMSP, operator, uuid.NewString(), bound.ID.String(), newOwner(t), refusal{}},
		{"the own service", servetest.AdvertiserMSP, serve.RoleService, uuid.NewString(), bearer.ID.String(), nil, refusal{}},
		{"no id", servetest.AdvertiserMSP, operator, "", bearer.ID.String(), nil, malformed},
		{"an id that can be guessed", servetest.AdvertiserMSP, operator, "1", bearer.ID.String(), nil, malformed},
		{"no framework", servetest.AdvertiserMSP, operator, uuid.NewString(), "", nil, malformed},
		{"a framework in capitals", servetest.AdvertiserMSP, operator, uuid.NewString(), "ABCDEF00112233445566778899AABBCC", nil, malformed},
		{"an unknown framework", servetest.AdvertiserMSP, operator, uuid.NewString(), "abcdef00112233445566778899aabbcc", nil, refusal{codes.NotFound, coupon.ReasonUnknownFramework}},
		{"bearer with an owner", servetest.AdvertiserMSP, operator, uuid.NewString(), bearer.ID.String(), newOwner(t), malformed},
		{"bound without owner", servetest.AdvertiserMSP, operator, uuid.NewString(), bound.ID.String(), nil, malformed},
		{"a key cut off", servetest.AdvertiserMSP, operator, uuid.NewString(), bound.ID.String(), newOwner(t)[:31], malformed},
		{"a key of small order", servetest.AdvertiserMSP, operator, uuid.NewString(), bound.ID.String(), make([]byte, 32), badKey},
		{"the own auditor", servetest.AdvertiserMSP, serve.RoleAuditor, uuid.NewString(), bearer.ID.String(), nil, refusal{codes.PermissionDenied, coupon.ReasonWrongRole}},
		{"an own till", servetest.AdvertiserMSP, serve.RoleTill, uuid.NewString(), bearer.ID.String(), nil, refusal{codes.PermissionDenied, coupon.ReasonWrongRole}},
		{"the issuer", servetest.IssuerMSP, operator, uuid.NewString(), bearer.ID.String(), nil, refusal{codes.PermissionDenied, coupon.ReasonWrongOrganisation}},
		{"a retailer's till", servetest.RetailerMSP, serve.RoleTill, uuid.NewString(), bearer.ID.String(), nil, refusal{codes.PermissionDenied, coupon.ReasonWrongOrganisation}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := s.as(t, test.mspID, test.role).IssueCoupon(t.Context(), &advertiserv1.IssueCouponRequest{
				RequestId: test.id, FrameworkId: test.framework, Owner: test.owner,
			})
			test.want.check(t, err)
		})
	}
}

func TestARepeatGetsTheSameCoupon(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	f := mandate(t, s.consortium, campaign{id: "bound", holder: coupon.HolderBound, quotas: []int64{2}}, servetest.AdvertiserMSP)
	other := mandate(t, s.consortium, campaign{id: "other", holder: coupon.HolderBound, quotas: []int64{2}}, servetest.AdvertiserMSP)
	s.offered(t, f, other)
	request := boundRequest(t, f)
	first := s.issue(t, request)
	conflict := refusal{codes.AlreadyExists, coupon.ReasonRequestConflict}
	same := func(when string) {
		t.Helper()
		if got := s.issue(t, request); got != first {
			t.Errorf("%s a repeat got %+v, want %+v", when, got, first)
		}
		for name, changed := range map[string]*advertiserv1.IssueCouponRequest{
			"owner":     {RequestId: request.GetRequestId(), FrameworkId: request.GetFrameworkId(), Owner: newOwner(t)},
			"framework": {RequestId: request.GetRequestId(), FrameworkId: other.ID.String(), Owner: request.GetOwner()},
		} {
			if _, err := s.client.IssueCoupon(t.Context(), changed); refusalOf(err) != conflict {
				t.Errorf("%s with another %s: %v", when, name, err)
			}
		}
	}
	same("at once")
	s.issue(t, boundRequest(t, f))
	_, err := s.client.IssueCoupon(t.Context(), boundRequest(t, f))
	refusal{codes.FailedPrecondition, coupon.ReasonSoldOut}.check(t, err)
	same("when all are given out")
	change(t, s.consortium, "PauseCampaign", "bound")
	s.offered(t, other)
	same("when the campaign is paused")
	change(t, s.consortium, "CloseCampaign", "bound")
	s.consortium.Clock.Advance(48 * time.Hour)
	same("when the campaign is over")
}

func TestNothingIsIssuedWhenTheCampaignDoesNotAllowIt(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	tea := mandate(t, s.consortium, campaign{id: "tea", holder: coupon.HolderBearer, quotas: []int64{10}}, servetest.AdvertiserMSP)
	soon := mandate(t, s.consortium, campaign{
		id: "soon over", holder: coupon.HolderBearer, quotas: []int64{10}, end: s.consortium.Clock.Now().Add(time.Hour),
	}, servetest.AdvertiserMSP)
	s.offered(t, tea, soon)
	expect := func(f coupon.Framework, reason coupon.Reason) {
		t.Helper()
		_, err := s.client.IssueCoupon(t.Context(), bearerRequest(f))
		refusal{codes.FailedPrecondition, reason}.check(t, err)
	}
	change(t, s.consortium, "PauseCampaign", "tea")
	s.offered(t, soon)
	expect(tea, coupon.ReasonCampaignPaused)
	s.consortium.Clock.Advance(time.Hour)
	s.consortium.Tick(t, servetest.IssuerMSP, servetest.ClearingMSP)
	expect(soon, coupon.ReasonCampaignOver)
	change(t, s.consortium, "ResumeCampaign", "tea")
	s.offered(t, tea)
	if made := s.issue(t, bearerRequest(tea)); made.SN != 1 {
		t.Errorf("the pause used up numbers: the first is %d", made.SN)
	}
	change(t, s.consortium, "CloseCampaign", "tea")
	s.offered(t)
	expect(tea, coupon.ReasonCampaignClosed)
}

func TestAnOfferHasItsLimit(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	s := runStand(t, c, filepath.Join(t.TempDir(), "advertiser.db"), advertiser.Limits{OfferRate: 0.001, OfferBurst: 2})
	tea := mandate(t, c, campaign{id: "tea", holder: coupon.HolderBearer, quotas: []int64{10}}, servetest.AdvertiserMSP)
	coffee := mandate(t, c, campaign{id: "coffee", holder: coupon.HolderBearer, quotas: []int64{10}}, servetest.AdvertiserMSP)
	s.offered(t, tea, coffee)
	s.issue(t, bearerRequest(tea))
	// A change of the campaign does not begin anew.
	change(t, c, "PauseCampaign", "tea")
	s.offered(t, coffee)
	change(t, c, "ResumeCampaign", "tea")
	s.offered(t, tea, coffee)
	s.issue(t, bearerRequest(tea))
	_, err := s.client.IssueCoupon(t.Context(), bearerRequest(tea))
	refusal{codes.ResourceExhausted, coupon.ReasonRateLimited}.check(t, err)
	s.issue(t, bearerRequest(coffee))
}
