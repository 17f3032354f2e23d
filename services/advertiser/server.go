// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/internal/message"
	"ecoupon/services/internal/serve"
)

// Server serves the advertiser's API. It returns plain errors; the interceptor
// makes statuses of them.
type Server struct {
	advertiserv1.UnimplementedAdvertiserServiceServer
	advertiser *Advertiser
}

// NewServer serves the use cases of an advertiser.
func NewServer(advertiser *Advertiser) *Server {
	return &Server{advertiser: advertiser}
}

// ListOffers lists what can be had now.
func (s *Server) ListOffers(ctx context.Context, r *advertiserv1.ListOffersRequest) (*advertiserv1.ListOffersResponse, error) {
	page, err := message.Page(r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	found, err := s.advertiser.Offers(ctx, page)
	if err != nil {
		return nil, err
	}
	return offersResponse(found), nil
}

// IssueCoupon makes one coupon.
func (s *Server) IssueCoupon(ctx context.Context, r *advertiserv1.IssueCouponRequest) (*advertiserv1.IssueCouponResponse, error) {
	request, err := issueRequest(r)
	if err != nil {
		return nil, err
	}
	made, err := s.advertiser.Issue(ctx, request)
	if err != nil {
		return nil, err
	}
	return &advertiserv1.IssueCouponResponse{Coupon: made.Text()}, nil
}

// GetReceipt shows that a dynamic coupon is in its closed frame.
func (s *Server) GetReceipt(ctx context.Context, r *advertiserv1.GetReceiptRequest) (*advertiserv1.GetReceiptResponse, error) {
	framework, serial, err := placeOf(r)
	if err != nil {
		return nil, err
	}
	receipt, frame, err := s.advertiser.Receipt(ctx, framework, serial)
	if err != nil {
		return nil, err
	}
	return &advertiserv1.GetReceiptResponse{Receipt: receipt.Text(), Frame: frameMessage(frame)}, nil
}

// TransferCoupon hands a coupon on.
func (s *Server) TransferCoupon(ctx context.Context, r *advertiserv1.TransferCouponRequest) (*advertiserv1.TransferCouponResponse, error) {
	framework, err := frameworkID(r.GetFrameworkId())
	if err != nil {
		return nil, err
	}
	owned, err := s.advertiser.Transfer(ctx, framework, r.GetTransfer())
	if err != nil {
		return nil, err
	}
	return &advertiserv1.TransferCouponResponse{Ownership: ownershipMessage(owned)}, nil
}

// GetOwner says whose a coupon is.
func (s *Server) GetOwner(ctx context.Context, r *advertiserv1.GetOwnerRequest) (*advertiserv1.GetOwnerResponse, error) {
	framework, err := frameworkID(r.GetFrameworkId())
	if err != nil {
		return nil, err
	}
	owned, err := s.advertiser.Owner(ctx, framework, r.GetCoupon())
	if err != nil {
		return nil, err
	}
	return &advertiserv1.GetOwnerResponse{Ownership: ownershipMessage(owned)}, nil
}

// CloseFrames has frames closed now.
func (s *Server) CloseFrames(ctx context.Context, r *advertiserv1.CloseFramesRequest) (*advertiserv1.CloseFramesResponse, error) {
	var only *coupon.FrameworkID
	if r.GetFrameworkId() != "" {
		id, err := frameworkID(r.GetFrameworkId())
		if err != nil {
			return nil, err
		}
		only = &id
	}
	closed, err := s.advertiser.CloseFrames(ctx, only)
	if err != nil {
		return nil, err
	}
	response := new(advertiserv1.CloseFramesResponse)
	for _, frame := range closed {
		response.Frames = append(response.Frames, frameMessage(frame))
	}
	return response, nil
}

// GetLog lists the log of a closed frame.
func (s *Server) GetLog(ctx context.Context, r *advertiserv1.GetLogRequest) (*advertiserv1.GetLogResponse, error) {
	query, err := logQuery(r)
	if err != nil {
		return nil, err
	}
	page, err := s.advertiser.Log(ctx, serve.CallerFrom(ctx).Organisation, query)
	if err != nil {
		return nil, err
	}
	return logResponse(page), nil
}

// ListMisconduct lists what issuers have reported of this advertiser.
func (s *Server) ListMisconduct(ctx context.Context, r *advertiserv1.ListMisconductRequest) (*advertiserv1.ListMisconductResponse, error) {
	reports, err := s.advertiser.Misconduct(ctx, r.GetIssuer())
	if err != nil {
		return nil, err
	}
	response := new(advertiserv1.ListMisconductResponse)
	for _, report := range reports {
		response.Misconduct = append(response.Misconduct, reportMessage(report))
	}
	return response, nil
}

// AnswerMisconduct answers a report.
func (s *Server) AnswerMisconduct(ctx context.Context, r *advertiserv1.AnswerMisconductRequest) (*advertiserv1.AnswerMisconductResponse, error) {
	id, err := message.MisconductID("misconduct_id", r.GetMisconductId())
	if err != nil {
		return nil, err
	}
	report, err := s.advertiser.AnswerMisconduct(ctx, r.GetIssuer(), id, r.GetStatement())
	if err != nil {
		return nil, err
	}
	return &advertiserv1.AnswerMisconductResponse{Misconduct: reportMessage(report)}, nil
}

// IssueProof makes the purchase proof of a sale.
func (s *Server) IssueProof(ctx context.Context, r *advertiserv1.IssueProofRequest) (*advertiserv1.IssueProofResponse, error) {
	framework, err := frameworkID(r.GetFrameworkId())
	if err != nil {
		return nil, err
	}
	made, err := s.advertiser.IssueProof(ctx, ProofRequest{
		ID: r.GetRequestId(), Framework: framework, UData: r.GetUData(), Product: r.GetProductId(), Invoice: r.GetInvoiceNumber(),
	})
	if err != nil {
		return nil, err
	}
	return &advertiserv1.IssueProofResponse{Coupon: made.Text()}, nil
}

// GetOpenings shows the sales of a closed frame of purchase proofs.
func (s *Server) GetOpenings(ctx context.Context, r *advertiserv1.GetOpeningsRequest) (*advertiserv1.GetOpeningsResponse, error) {
	query, err := logQuery(r)
	if err != nil {
		return nil, err
	}
	page, err := s.advertiser.Openings(ctx, serve.CallerFrom(ctx).Organisation, query)
	if err != nil {
		return nil, err
	}
	return openingsResponse(page), nil
}
