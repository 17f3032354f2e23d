// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"crypto/sha256"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

func frameworkOf(c coupon.Campaign, emitter string, quotas []int64) coupon.Framework {
	f := coupon.Framework{
		Issuer: c.Issuer, Emitter: emitter, Product: c.Product, Offer: c.Offer, Campaign: c.ID, Version: c.Version,
		Kind: coupon.KindStatic, Epoch: 1, Terms: sha256.Sum256([]byte(c.Terms)), Quotas: quotas,
	}
	f.ID = f.Mandate().ID()
	return f
}

// TestAnOfferIsAllThatAWalletNeeds recomputes the framework id from what is
// shown and nothing else.
func TestAnOfferIsAllThatAWalletNeeds(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	framework := mandate(t, s.consortium, campaign{id: "tea", holder: coupon.HolderBound, quotas: []int64{10, 20}}, servetest.AdvertiserMSP)
	shown := s.offered(t, framework)[0]
	c, f := shown.GetCampaign(), shown.GetFramework()
	recomputed := coupon.Mandate{
		Issuer: c.GetIssuer(), Emitter: f.GetEmitter(), Product: c.GetProduct(), Offer: c.GetOffer(),
		Campaign: c.GetCampaign(), Version: c.GetVersion(), Kind: coupon.KindStatic, Epoch: f.GetEpoch(),
		TermsSHA256: sha256.Sum256([]byte(c.GetTerms())),
	}
	if got := recomputed.ID().String(); got != f.GetFrameworkId() {
		t.Errorf("recomputed %s of framework %s", got, f.GetFrameworkId())
	}
	if diff := cmp.Diff([]int64{10, 20}, f.GetQuotas()); diff != "" {
		t.Errorf("quotas (-want +got):\n%s", diff)
	}
}

func TestOffersAreWhatCanBeHadNow(t *testing.T) {
	t.Parallel()
	organisations := append(servetest.Default(), config.Organisation{MSPID: "Advertiser2MSP", Roles: []string{config.RoleAdvertiser}})
	c := ledgertest.New(t, ledgertest.Options{Organisations: organisations})
	c.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	s := runStand(t, c, filepath.Join(t.TempDir(), "advertiser.db"), advertiser.Limits{})
	tea := mandate(t, c, campaign{id: "tea", holder: coupon.HolderBearer, quotas: []int64{10}}, servetest.AdvertiserMSP)
	few := mandate(t, c, campaign{id: "few", holder: coupon.HolderBearer, quotas: []int64{1}}, servetest.AdvertiserMSP)
	soon := mandate(t, c, campaign{
		id: "soon over", holder: coupon.HolderBearer, quotas: []int64{10}, end: c.Clock.Now().Add(time.Hour),
	}, servetest.AdvertiserMSP)
	mandate(t, c, campaign{id: "another's", holder: coupon.HolderBearer, quotas: []int64{10}}, "Advertiser2MSP")
	s.offered(t, tea, few, soon)

	change(t, c, "PauseCampaign", "tea")
	s.offered(t, few, soon)
	change(t, c, "ResumeCampaign", "tea")
	s.offered(t, tea, few, soon)
	_, err := s.client.IssueCoupon(t.Context(), &advertiserv1.IssueCouponRequest{
		RequestId: uuid.NewString(), FrameworkId: few.ID.String(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.offered(t, tea, soon)
	c.Clock.Advance(2 * time.Hour)
	s.offered(t, tea)
	c.Tick(t, servetest.IssuerMSP, servetest.ClearingMSP)
	change(t, c, "CloseCampaign", "tea")
	s.offered(t)
}

func TestListOffers(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	want := make(map[string]bool)
	var all []coupon.Framework
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		f := mandate(t, s.consortium, campaign{id: id, holder: coupon.HolderBearer, quotas: []int64{1}}, servetest.AdvertiserMSP)
		all = append(all, f)
		want[f.ID.String()] = true
	}
	s.offered(t, all...)
	found := make(map[string]bool)
	request := &advertiserv1.ListOffersRequest{PageSize: 2}
	pages := 0
	for {
		page, err := s.client.ListOffers(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, o := range page.GetOffers() {
			found[o.GetFramework().GetFrameworkId()] = true
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			break
		}
	}
	if diff := cmp.Diff(want, found); diff != "" || pages != 3 {
		t.Errorf("%d pages, offers (-want +got):\n%s", pages, diff)
	}
	malformed := refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}
	for _, test := range []struct {
		name, mspID, role string
		request           *advertiserv1.ListOffersRequest
		want              refusal
	}{
		{"the auditor", servetest.AdvertiserMSP, serve.RoleAuditor, &advertiserv1.ListOffersRequest{}, refusal{}},
		{"a size above the limit", servetest.AdvertiserMSP, operator, &advertiserv1.ListOffersRequest{PageSize: 1_000_000}, refusal{}},
		{"a negative size", servetest.AdvertiserMSP, operator, &advertiserv1.ListOffersRequest{PageSize: -1}, malformed},
		{"a token that is none", servetest.AdvertiserMSP, operator, &advertiserv1.ListOffersRequest{PageToken: "next"}, malformed},
		{"an own till", servetest.AdvertiserMSP, serve.RoleTill, &advertiserv1.ListOffersRequest{}, refusal{codes.PermissionDenied, coupon.ReasonWrongRole}},
		{"the issuer", servetest.IssuerMSP, operator, &advertiserv1.ListOffersRequest{}, refusal{codes.PermissionDenied, coupon.ReasonWrongOrganisation}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := s.as(t, test.mspID, test.role).ListOffers(t.Context(), test.request)
			test.want.check(t, err)
		})
	}
}

// TestWhatIsMissingIsWaitedFor: the peer is still fetching what an event speaks
// of, or is away.
func TestWhatIsMissingIsWaitedFor(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	path := filepath.Join(t.TempDir(), "advertiser.db")
	s := runStand(t, c, path, advertiser.Limits{})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	framework := mandate(t, c, campaign{id: "tea", holder: coupon.HolderBearer, quotas: []int64{10}}, servetest.AdvertiserMSP)
	c.FailBefore(servetest.AdvertiserMSP, ledgertest.StepEvaluate, 3, ledgertest.ErrPeerAway)
	s = runStand(t, c, path, advertiser.Limits{})
	s.offered(t, framework)
}
