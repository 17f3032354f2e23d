// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"

	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	"ecoupon/services/internal/message"
)

// Server serves the issuer's API. It returns plain errors; the interceptor
// makes statuses of them.
type Server struct {
	issuerv1.UnimplementedIssuerServiceServer
	issuer *Issuer
}

// NewServer serves the use cases of an issuer.
func NewServer(issuer *Issuer) *Server {
	return &Server{issuer: issuer}
}

// writeRequest is what every request that writes has.
type writeRequest interface {
	proto.Message
	GetRequestId() string
}

// once runs work unless the same request has had its effect before. The caller
// then reads the answer from the ledger, where the effect is.
func (s *Server) once(ctx context.Context, request writeRequest, work func() error) error {
	id := request.GetRequestId()
	if err := coupon.CheckUUID4("request_id", id); err != nil {
		return err
	}
	digest, err := message.Digest(request)
	if err != nil {
		return err
	}
	done, err := s.issuer.store.begin(ctx, id, digest)
	if err != nil || done {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	return s.issuer.store.finish(ctx, id)
}

// PublishCampaign makes a campaign version and its key.
func (s *Server) PublishCampaign(ctx context.Context, r *issuerv1.PublishCampaignRequest) (*issuerv1.PublishCampaignResponse, error) {
	campaign, err := message.CampaignToPublish(r.GetCampaign())
	if err != nil {
		return nil, err
	}
	err = s.once(ctx, r, func() error {
		_, err := s.issuer.Publish(ctx, campaign)
		return err
	})
	if err != nil {
		return nil, err
	}
	entry, err := s.issuer.Campaign(ctx, coupon.CampaignRef{Campaign: campaign.ID, Version: campaign.Version})
	if err != nil {
		return nil, err
	}
	return &issuerv1.PublishCampaignResponse{Campaign: message.Campaign(entry)}, nil
}

// PauseCampaign refuses issuing and redemption until resumed.
func (s *Server) PauseCampaign(ctx context.Context, r *issuerv1.PauseCampaignRequest) (*issuerv1.PauseCampaignResponse, error) {
	ref := refOf(r)
	entry, err := s.changed(ctx, r, ref, func() error {
		_, err := s.issuer.Pause(ctx, r.GetRequestId(), ref)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &issuerv1.PauseCampaignResponse{Campaign: message.Campaign(entry)}, nil
}

// ResumeCampaign ends a pause.
func (s *Server) ResumeCampaign(ctx context.Context, r *issuerv1.ResumeCampaignRequest) (*issuerv1.ResumeCampaignResponse, error) {
	ref := refOf(r)
	entry, err := s.changed(ctx, r, ref, func() error {
		_, err := s.issuer.Resume(ctx, r.GetRequestId(), ref)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &issuerv1.ResumeCampaignResponse{Campaign: message.Campaign(entry)}, nil
}

// CloseCampaign ends issuing at once and redemption from a stated time.
func (s *Server) CloseCampaign(ctx context.Context, r *issuerv1.CloseCampaignRequest) (*issuerv1.CloseCampaignResponse, error) {
	until, err := message.Milliseconds("redeem_until_time", r.GetRedeemUntilTime())
	if err != nil {
		return nil, err
	}
	ref := refOf(r)
	entry, err := s.changed(ctx, r, ref, func() error {
		_, err := s.issuer.Close(ctx, r.GetRequestId(), ref, until)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &issuerv1.CloseCampaignResponse{Campaign: message.Campaign(entry)}, nil
}

// changed runs work once and returns the campaign as it is then.
func (s *Server) changed(
	ctx context.Context, r writeRequest, ref coupon.CampaignRef, work func() error,
) (coupon.CampaignEntry, error) {
	if err := s.once(ctx, r, work); err != nil {
		return coupon.CampaignEntry{}, err
	}
	return s.issuer.Campaign(ctx, ref)
}

// GetCampaign returns one campaign version.
func (s *Server) GetCampaign(ctx context.Context, r *issuerv1.GetCampaignRequest) (*issuerv1.GetCampaignResponse, error) {
	entry, err := s.issuer.Campaign(ctx, refOf(r))
	if err != nil {
		return nil, err
	}
	return &issuerv1.GetCampaignResponse{Campaign: message.Campaign(entry)}, nil
}

// ListCampaigns lists the issuer's campaigns.
func (s *Server) ListCampaigns(ctx context.Context, r *issuerv1.ListCampaignsRequest) (*issuerv1.ListCampaignsResponse, error) {
	page, err := message.Page(r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	found, err := s.issuer.Campaigns(ctx, page)
	if err != nil {
		return nil, err
	}
	response := &issuerv1.ListCampaignsResponse{NextPageToken: found.Next}
	for _, entry := range found.Campaigns {
		response.Campaigns = append(response.Campaigns, message.Campaign(entry))
	}
	return response, nil
}

// AuthoriseEmitter gives an advertiser a framework.
func (s *Server) AuthoriseEmitter(ctx context.Context, r *issuerv1.AuthoriseEmitterRequest) (*issuerv1.AuthoriseEmitterResponse, error) {
	request, err := authoriseRequest(r)
	if err != nil {
		return nil, err
	}
	err = s.once(ctx, r, func() error {
		_, err := s.issuer.Authorise(ctx, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	m, err := s.issuer.Authorised(ctx, request)
	if err != nil {
		return nil, err
	}
	return &issuerv1.AuthoriseEmitterResponse{Framework: mandateMessage(m)}, nil
}

// AdmitRetailer lets a retailer redeem coupons of a campaign.
func (s *Server) AdmitRetailer(ctx context.Context, r *issuerv1.AdmitRetailerRequest) (*issuerv1.AdmitRetailerResponse, error) {
	request := coupon.AdmitRequest{Campaign: r.GetCampaign(), Version: r.GetVersion(), Retailer: r.GetRetailer()}
	err := s.once(ctx, r, func() error { return s.issuer.Admit(ctx, request) })
	if err != nil {
		return nil, err
	}
	return &issuerv1.AdmitRetailerResponse{}, nil
}

// ListEmitters lists the frameworks of a campaign.
func (s *Server) ListEmitters(ctx context.Context, r *issuerv1.ListEmittersRequest) (*issuerv1.ListEmittersResponse, error) {
	page, err := message.Page(r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	found, err := s.issuer.Emitters(ctx, coupon.FrameworksQuery{
		Campaign: r.GetCampaign(), Version: r.GetVersion(), PageQuery: page,
	})
	if err != nil {
		return nil, err
	}
	response := &issuerv1.ListEmittersResponse{NextPageToken: found.Next}
	for at, framework := range found.Frameworks {
		response.Frameworks = append(response.Frameworks, mandateMessage(Mandate{framework, found.States[at]}))
	}
	return response, nil
}

// GetStatistics counts what was redeemed, by framework.
func (s *Server) GetStatistics(ctx context.Context, r *issuerv1.GetStatisticsRequest) (*issuerv1.GetStatisticsResponse, error) {
	statistics, err := s.issuer.Statistics(ctx, refOf(r))
	if err != nil {
		return nil, err
	}
	return statisticsResponse(statistics), nil
}
