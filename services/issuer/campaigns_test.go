// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// strangers are callers of the wrong organisation or role, for every method
// that writes.
var strangers = []struct {
	name, mspID, role string
	want              refusal
}{
	{"another organisation's operator", servetest.AdvertiserMSP, operator, refusal{codes.PermissionDenied, coupon.ReasonWrongOrganisation}},
	{"another organisation's service", servetest.RetailerMSP, serve.RoleService, refusal{codes.PermissionDenied, coupon.ReasonWrongOrganisation}},
	{"the own auditor", servetest.IssuerMSP, serve.RoleAuditor, refusal{codes.PermissionDenied, coupon.ReasonWrongRole}},
	{"an own till", servetest.IssuerMSP, serve.RoleTill, refusal{codes.PermissionDenied, coupon.ReasonWrongRole}},
	{"another organisation's till", servetest.RetailerMSP, serve.RoleTill, refusal{codes.PermissionDenied, coupon.ReasonWrongOrganisation}},
}

func TestPublishCampaign(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	want := d.campaign("summer", nil)
	want.AttestationRequired = true
	same := func(c *typev1.Campaign) {
		c.Campaign, c.BeginTime, c.EndTime, c.AttestationRequired = "summer", want.GetBeginTime(), want.GetEndTime(), true
	}
	got := d.publish(t, "summer", func(c *typev1.Campaign) {
		same(c)
		c.Issuer, c.Status = "SomebodyMSP", typev1.CampaignStatus_CAMPAIGN_STATUS_CLOSED // both ignored
	})
	want.Issuer, want.Status = servetest.IssuerMSP, typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	malformed := refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}
	for _, test := range []struct {
		name   string
		id     string
		change func(*typev1.Campaign)
		want   refusal
	}{
		{"no id of the request", "", nil, malformed},
		{"an id that can be guessed", "request-1", nil, malformed},
		{"an id in capitals", "0F8FAD5B-D9CB-469F-A165-70867728950E", nil, malformed},
		{"no campaign id", uuid.NewString(), func(c *typev1.Campaign) { c.Campaign = "" }, malformed},
		{"version 0", uuid.NewString(), func(c *typev1.Campaign) { c.Version = 0 }, malformed},
		{"no product", uuid.NewString(), func(c *typev1.Campaign) { c.Product = "" }, malformed},
		{"no terms", uuid.NewString(), func(c *typev1.Campaign) { c.Terms = "" }, refusal{codes.InvalidArgument, coupon.ReasonBadTerms}},
		{"no kind", uuid.NewString(), func(c *typev1.Campaign) { c.Kinds = nil }, malformed},
		{"a kind that is none", uuid.NewString(), func(c *typev1.Campaign) { c.Kinds[0] = 7 }, refusal{codes.InvalidArgument, coupon.ReasonUnknownKind}},
		{"no holder", uuid.NewString(), func(c *typev1.Campaign) { c.Holder = 0 }, malformed},
		{"no end", uuid.NewString(), func(c *typev1.Campaign) { c.EndTime = nil }, malformed},
		{"an end before the beginning", uuid.NewString(), func(c *typev1.Campaign) { c.EndTime = c.GetBeginTime() }, malformed},
		{"a beginning before 1970", uuid.NewString(), func(c *typev1.Campaign) { c.BeginTime = &timestamppb.Timestamp{Seconds: -1} }, malformed},
		{"static from release", uuid.NewString(), func(c *typev1.Campaign) { c.Terms = decaying }, refusal{codes.InvalidArgument, coupon.ReasonBadTerms}},
		{"a version that is published otherwise", uuid.NewString(), func(c *typev1.Campaign) { c.Campaign = "summer" }, refusal{codes.AlreadyExists, coupon.ReasonAlreadyExists}},
		{"the same without attestations", uuid.NewString(), func(c *typev1.Campaign) {
			same(c)
			c.AttestationRequired = false
		}, refusal{codes.AlreadyExists, coupon.ReasonAlreadyExists}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := d.client.PublishCampaign(t.Context(), &issuerv1.PublishCampaignRequest{
				RequestId: test.id, Campaign: d.campaign("refused "+test.name, test.change),
			})
			test.want.check(t, err)
		})
	}
	t.Run("no campaign", func(t *testing.T) {
		t.Parallel()
		_, err := d.client.PublishCampaign(t.Context(), &issuerv1.PublishCampaignRequest{RequestId: uuid.NewString()})
		malformed.check(t, err)
	})
	for _, stranger := range strangers {
		t.Run(stranger.name, func(t *testing.T) {
			t.Parallel()
			_, err := d.as(t, stranger.mspID, stranger.role).PublishCampaign(t.Context(), &issuerv1.PublishCampaignRequest{
				RequestId: uuid.NewString(), Campaign: d.campaign("stranger", nil),
			})
			stranger.want.check(t, err)
		})
	}
}

func TestPublishingAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	request := &issuerv1.PublishCampaignRequest{RequestId: uuid.NewString(), Campaign: d.campaign("spring", nil)}
	first, err := d.client.PublishCampaign(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	other := &issuerv1.PublishCampaignRequest{RequestId: uuid.NewString(), Campaign: request.GetCampaign()}
	for name, repeat := range map[string]*issuerv1.PublishCampaignRequest{"same id": request, "same content": other} {
		again, err := d.client.PublishCampaign(t.Context(), repeat)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-first +again):\n%s", name, diff)
		}
	}
	_, err = d.client.PublishCampaign(t.Context(), &issuerv1.PublishCampaignRequest{
		RequestId: request.GetRequestId(), Campaign: d.campaign("autumn", nil),
	})
	refusal{codes.AlreadyExists, coupon.ReasonRequestConflict}.check(t, err)
	_, err = d.client.PauseCampaign(t.Context(), &issuerv1.PauseCampaignRequest{
		RequestId: request.GetRequestId(), Campaign: "spring", Version: 1,
	})
	refusal{codes.AlreadyExists, coupon.ReasonRequestConflict}.check(t, err)
	second := d.publish(t, "spring", func(c *typev1.Campaign) { c.Version, c.Offer = 2, "Two euros off" })
	if second.GetVersion() != 2 {
		t.Errorf("a new version was published as %d", second.GetVersion())
	}
}

func TestPauseResumeClose(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(t, "tea", nil)
	pause := func(id string) (*typev1.Campaign, error) {
		r, err := d.client.PauseCampaign(t.Context(), &issuerv1.PauseCampaignRequest{RequestId: id, Campaign: "tea", Version: 1})
		return r.GetCampaign(), err
	}
	resume := func(id string) (*typev1.Campaign, error) {
		r, err := d.client.ResumeCampaign(t.Context(), &issuerv1.ResumeCampaignRequest{RequestId: id, Campaign: "tea", Version: 1})
		return r.GetCampaign(), err
	}
	until := timestamppb.New(d.consortium.Clock.Now().Add(time.Hour).Truncate(time.Millisecond))
	closing := func(id string) (*typev1.Campaign, error) {
		r, err := d.client.CloseCampaign(t.Context(), &issuerv1.CloseCampaignRequest{
			RequestId: id, Campaign: "tea", Version: 1, RedeemUntilTime: until,
		})
		return r.GetCampaign(), err
	}
	first := uuid.NewString()
	for _, step := range []struct {
		name string
		do   func(string) (*typev1.Campaign, error)
		id   string
		want typev1.CampaignStatus
	}{
		{"resume one that is not paused", resume, uuid.NewString(), typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE},
		{"pause", pause, first, typev1.CampaignStatus_CAMPAIGN_STATUS_PAUSED},
		{"pause with the same id", pause, first, typev1.CampaignStatus_CAMPAIGN_STATUS_PAUSED},
		{"pause with another id", pause, uuid.NewString(), typev1.CampaignStatus_CAMPAIGN_STATUS_PAUSED},
		{"resume", resume, uuid.NewString(), typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE},
		{"a repeat that comes late pauses nothing", pause, first, typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE},
		{"close", closing, uuid.NewString(), typev1.CampaignStatus_CAMPAIGN_STATUS_CLOSED},
		{"close again", closing, uuid.NewString(), typev1.CampaignStatus_CAMPAIGN_STATUS_CLOSED},
	} {
		got, err := step.do(step.id)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got.GetStatus() != step.want {
			t.Errorf("%s: the campaign is %s, want %s", step.name, got.GetStatus(), step.want)
		}
		if got.GetStatus() == typev1.CampaignStatus_CAMPAIGN_STATUS_CLOSED && !got.GetRedeemUntilTime().AsTime().Equal(until.AsTime()) {
			t.Errorf("%s: redemption ends at %s, want %s", step.name, got.GetRedeemUntilTime().AsTime(), until.AsTime())
		}
	}
	_, err := pause(uuid.NewString())
	refusal{codes.FailedPrecondition, coupon.ReasonCampaignClosed}.check(t, err)
	_, err = resume(uuid.NewString())
	refusal{codes.FailedPrecondition, coupon.ReasonCampaignClosed}.check(t, err)
}

func TestChangesAreRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(t, "tea", nil)
	type request struct {
		id, campaign string
		version      int64
	}
	calls := map[string]func(client issuerv1.IssuerServiceClient, r request) error{
		"PauseCampaign": func(client issuerv1.IssuerServiceClient, r request) error {
			_, err := client.PauseCampaign(t.Context(), &issuerv1.PauseCampaignRequest{RequestId: r.id, Campaign: r.campaign, Version: r.version})
			return err
		},
		"ResumeCampaign": func(client issuerv1.IssuerServiceClient, r request) error {
			_, err := client.ResumeCampaign(t.Context(), &issuerv1.ResumeCampaignRequest{RequestId: r.id, Campaign: r.campaign, Version: r.version})
			return err
		},
		"CloseCampaign": func(client issuerv1.IssuerServiceClient, r request) error {
			_, err := client.CloseCampaign(t.Context(), &issuerv1.CloseCampaignRequest{RequestId: r.id, Campaign: r.campaign, Version: r.version})
			return err
		},
	}
	for method, call := range calls {
		for _, test := range []struct {
			name string
			request
			want refusal
		}{
			{"no id", request{"", "tea", 1}, refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}},
			{"no campaign", request{uuid.NewString(), "", 1}, refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}},
			{"unknown campaign", request{uuid.NewString(), "coffee", 1}, refusal{codes.NotFound, coupon.ReasonUnknownCampaign}},
			{"unknown version", request{uuid.NewString(), "tea", 2}, refusal{codes.NotFound, coupon.ReasonUnknownCampaign}},
		} {
			t.Run(method+" "+test.name, func(t *testing.T) {
				test.want.check(t, call(d.client, test.request))
			})
		}
		for _, stranger := range strangers {
			t.Run(method+" "+stranger.name, func(t *testing.T) {
				stranger.want.check(t, call(d.as(t, stranger.mspID, stranger.role), request{uuid.NewString(), "tea", 1}))
			})
		}
	}
	response, err := d.client.GetCampaign(t.Context(), &issuerv1.GetCampaignRequest{Campaign: "tea", Version: 1})
	if err != nil || response.GetCampaign().GetStatus() != typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE {
		t.Errorf("after all refusals the campaign is %s, %v", response.GetCampaign().GetStatus(), err)
	}
}

func TestGetCampaign(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	published := d.publish(t, "tea", nil)
	for _, test := range []struct {
		name, mspID, role string
		request           *issuerv1.GetCampaignRequest
		want              refusal
	}{
		{"the operator", servetest.IssuerMSP, operator, &issuerv1.GetCampaignRequest{Campaign: "tea", Version: 1}, refusal{}},
		{"the auditor", servetest.IssuerMSP, serve.RoleAuditor, &issuerv1.GetCampaignRequest{Campaign: "tea", Version: 1}, refusal{}},
		{"an advertiser", servetest.AdvertiserMSP, operator, &issuerv1.GetCampaignRequest{Campaign: "tea", Version: 1}, refusal{}},
		{"a till", servetest.RetailerMSP, serve.RoleTill, &issuerv1.GetCampaignRequest{Campaign: "tea", Version: 1}, refusal{codes.PermissionDenied, coupon.ReasonWrongRole}},
		{"unknown", servetest.IssuerMSP, operator, &issuerv1.GetCampaignRequest{Campaign: "coffee", Version: 1}, refusal{codes.NotFound, coupon.ReasonUnknownCampaign}},
		{"no version", servetest.IssuerMSP, operator, &issuerv1.GetCampaignRequest{Campaign: "tea"}, refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			response, err := d.as(t, test.mspID, test.role).GetCampaign(t.Context(), test.request)
			test.want.check(t, err)
			if err != nil {
				return
			}
			if diff := cmp.Diff(published, response.GetCampaign(), protocmp.Transform()); diff != "" {
				t.Errorf("(-published +got):\n%s", diff)
			}
		})
	}
}

func TestListCampaigns(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, id := range []string{"a", "b", "c"} {
		d.publish(t, id, nil)
	}
	var found []string
	request := &issuerv1.ListCampaignsRequest{PageSize: 2}
	for {
		page, err := d.client.ListCampaigns(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.GetCampaigns() {
			found = append(found, c.GetCampaign())
		}
		if page.GetNextPageToken() == "" {
			break
		}
		request.PageToken = page.GetNextPageToken()
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, found); diff != "" {
		t.Errorf("campaigns (-want +got):\n%s", diff)
	}
	for name, request := range map[string]*issuerv1.ListCampaignsRequest{
		"a negative size": {PageSize: -1},
		"a strange token": {PageToken: "\n"},
	} {
		_, err := d.client.ListCampaigns(t.Context(), request)
		if got := refusalOf(err); got != (refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := d.as(t, servetest.RetailerMSP, serve.RoleTill).ListCampaigns(t.Context(), &issuerv1.ListCampaignsRequest{})
	refusal{codes.PermissionDenied, coupon.ReasonWrongRole}.check(t, err)
}
