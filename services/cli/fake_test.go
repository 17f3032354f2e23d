// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/cli"
	"ecoupon/services/dial"
)

var (
	zone = time.FixedZone("", 2*3600)
	noon = time.Date(2030, 5, 1, 12, 0, 0, 0, zone)
)

// consortium is one fake service for all roles. It keeps the last request, and
// fails with refusal if that is set.
type consortium struct {
	issuerv1.UnimplementedIssuerServiceServer
	retailerv1.UnimplementedRetailerServiceServer
	clearingServer

	listener *bufconn.Listener
	members  map[string][]dial.Member
	// ledger leads to the peer, where there is one.
	ledger func(address string) (*dial.Ledger, error)
	// own is the organisation whose credentials are used.
	own string

	mu      sync.Mutex
	last    proto.Message
	called  string
	refusal error
	// proof is what IssueProof answers.
	proof string
}

// clearingServer is apart, as two services have a method ListClaims.
type clearingServer struct {
	clearingv1.UnimplementedClearingServiceServer
}

func newConsortium(t *testing.T) *consortium {
	t.Helper()
	c := &consortium{listener: bufconn.Listen(1 << 16), members: map[string][]dial.Member{}}
	for role, mspID := range map[string]string{
		"issuer": "IssuerMSP", "advertiser": "AdvertiserMSP", "retailer": "RetailerMSP", "clearing": "ClearingMSP",
	} {
		c.members[role] = []dial.Member{{Name: role, MSPID: mspID, Roles: []string{role}}}
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(c.intercept))
	issuerv1.RegisterIssuerServiceServer(server, c)
	retailerv1.RegisterRetailerServiceServer(server, c)
	clearingv1.RegisterClearingServiceServer(server, &c.clearingServer)
	advertiserv1.RegisterAdvertiserServiceServer(server, advertiserServer{})
	var group sync.WaitGroup
	group.Go(func() { _ = server.Serve(c.listener) })
	t.Cleanup(func() { server.Stop(); group.Wait() })
	return c
}

func (c *consortium) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	c.mu.Lock()
	c.called = info.FullMethod
	if message, ok := request.(proto.Message); ok {
		c.last = proto.Clone(message)
	}
	refusal := c.refusal
	c.mu.Unlock()
	if refusal != nil {
		return nil, refusal
	}
	return next(ctx, request)
}

// Service connects to the fake, whatever the role.
func (c *consortium) Service(string, string) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:fake", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return c.listener.DialContext(ctx) }))
}

// Organisation is of no role until a test gives it one.
func (c *consortium) Organisation() string { return c.own }

// Members returns the default consortium.
func (c *consortium) Members(role string) []dial.Member { return c.members[role] }

// Ledger leads to the peer that a test has, if any.
func (c *consortium) Ledger(address string) (*dial.Ledger, error) {
	if c.ledger == nil {
		return nil, errors.New("the directory has no peer")
	}
	return c.ledger(address)
}

// result is what a command left behind.
type result struct {
	exit     int
	out, err string
}

func (c *consortium) run(t *testing.T, in string, args ...string) result {
	t.Helper()
	var out, stderr bytes.Buffer
	exit := cli.Run(t.Context(), cli.Env{
		In: strings.NewReader(in), Out: &out, Err: &stderr, Version: "v1.2.3",
		Now:    func() time.Time { return noon },
		Getenv: func(string) string { return "" },
		Open:   func(string) (cli.Consortium, error) { return c, nil },
	}, args)
	return result{exit, out.String(), stderr.String()}
}

// refuse makes a status as the services do.
func refuse(code codes.Code, reason, field, text string, refused ...*typev1.RefusedCoupon) error {
	info := &errdetails.ErrorInfo{Reason: reason, Domain: "ecoupon"}
	if field != "" {
		info.Metadata = map[string]string{"field": field}
	}
	details := []protoadapt.MessageV1{info}
	if len(refused) > 0 {
		details = append(details, &typev1.RefusedCoupons{Refused: refused})
	}
	answer, err := status.New(code, text).WithDetails(details...)
	if err != nil {
		return err
	}
	return answer.Err()
}

func fakeCampaign(id string, s typev1.CampaignStatus) *typev1.Campaign {
	return &typev1.Campaign{
		Issuer: "IssuerMSP", Campaign: id, Version: 1, Product: "Tea", Offer: "20 % off two packs",
		Terms: `{"format":1,"currency":"EUR","gtins":["09521234544012","09521234544029"],"quantity":2,` +
			`"minimum_spend":{"amount":1000,"of":"basket"},"benefit":{"type":"percent_off","percent":20,"cap":300}}`,
		Kinds: []typev1.Kind{typev1.Kind_KIND_STATIC}, Holder: typev1.Holder_HOLDER_BOUND, Status: s,
		BeginTime: timestamppb.New(noon.Add(-12 * time.Hour)), EndTime: timestamppb.New(noon.AddDate(0, 0, 14)),
	}
}

func fakeFramework(emitter string) *typev1.Framework {
	return &typev1.Framework{
		FrameworkId: strings.Repeat("ab", 16), Issuer: "IssuerMSP", Emitter: emitter, Campaign: "tea", Version: 1,
		Kind: typev1.Kind_KIND_STATIC, Epoch: 1, Quotas: []int64{1000, 500},
		Status: typev1.MandateStatus_MANDATE_STATUS_ACTIVE,
	}
}

func (c *consortium) PublishCampaign(_ context.Context, r *issuerv1.PublishCampaignRequest) (*issuerv1.PublishCampaignResponse, error) {
	campaign := proto.CloneOf(r.GetCampaign())
	campaign.Issuer, campaign.Status = "IssuerMSP", typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE
	return &issuerv1.PublishCampaignResponse{Campaign: campaign}, nil
}

func (c *consortium) PauseCampaign(context.Context, *issuerv1.PauseCampaignRequest) (*issuerv1.PauseCampaignResponse, error) {
	return &issuerv1.PauseCampaignResponse{Campaign: fakeCampaign("tea", typev1.CampaignStatus_CAMPAIGN_STATUS_PAUSED)}, nil
}

func (c *consortium) ResumeCampaign(context.Context, *issuerv1.ResumeCampaignRequest) (*issuerv1.ResumeCampaignResponse, error) {
	return &issuerv1.ResumeCampaignResponse{Campaign: fakeCampaign("tea", typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE)}, nil
}

func (c *consortium) CloseCampaign(_ context.Context, r *issuerv1.CloseCampaignRequest) (*issuerv1.CloseCampaignResponse, error) {
	campaign := fakeCampaign("tea", typev1.CampaignStatus_CAMPAIGN_STATUS_CLOSED)
	campaign.RedeemUntilTime = r.GetRedeemUntilTime()
	return &issuerv1.CloseCampaignResponse{Campaign: campaign}, nil
}

// GetCampaign answers tea, or dynamic coffee.
func (c *consortium) GetCampaign(_ context.Context, r *issuerv1.GetCampaignRequest) (*issuerv1.GetCampaignResponse, error) {
	campaign := fakeCampaign("tea", typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE)
	if r.GetCampaign() == "coffee" {
		campaign.Campaign, campaign.Kinds = "coffee", []typev1.Kind{typev1.Kind_KIND_DYNAMIC}
		campaign.MaxFrameAge = durationpb.New(10 * time.Second)
		campaign.Terms = strings.Replace(campaign.GetTerms(), `"cap":300`, `"cap":300,"schedule":{"type":"linear","from":"release","end":5400000,"to":5}`, 1)
	}
	return &issuerv1.GetCampaignResponse{Campaign: campaign}, nil
}

// ListCampaigns answers two pages.
func (c *consortium) ListCampaigns(_ context.Context, r *issuerv1.ListCampaignsRequest) (*issuerv1.ListCampaignsResponse, error) {
	if r.GetPageToken() == "" {
		return &issuerv1.ListCampaignsResponse{
			Campaigns:     []*typev1.Campaign{fakeCampaign("cocoa-with-a-long-name", typev1.CampaignStatus_CAMPAIGN_STATUS_PAUSED)},
			NextPageToken: "more",
		}, nil
	}
	return &issuerv1.ListCampaignsResponse{
		Campaigns: []*typev1.Campaign{fakeCampaign("tea", typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE)},
	}, nil
}

func (c *consortium) AuthoriseEmitter(_ context.Context, r *issuerv1.AuthoriseEmitterRequest) (*issuerv1.AuthoriseEmitterResponse, error) {
	return &issuerv1.AuthoriseEmitterResponse{Framework: fakeFramework(r.GetEmitter())}, nil
}

func (c *consortium) AdmitRetailer(context.Context, *issuerv1.AdmitRetailerRequest) (*issuerv1.AdmitRetailerResponse, error) {
	return &issuerv1.AdmitRetailerResponse{}, nil
}

func (c *consortium) ListEmitters(context.Context, *issuerv1.ListEmittersRequest) (*issuerv1.ListEmittersResponse, error) {
	return &issuerv1.ListEmittersResponse{Frameworks: []*typev1.Framework{fakeFramework("AdvertiserMSP")}}, nil
}

func (c *consortium) GetStatistics(context.Context, *issuerv1.GetStatisticsRequest) (*issuerv1.GetStatisticsResponse, error) {
	return &issuerv1.GetStatisticsResponse{Block: 42, Frameworks: []*issuerv1.FrameworkStatistics{
		{Framework: fakeFramework("AdvertiserMSP"), Redeemed: 12, Voided: 1, Value: 123456},
	}}, nil
}
