// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/message"
	"ecoupon/services/internal/serve"
)

// Server serves the retailer's API. It returns plain errors; the interceptor
// makes statuses of them.
type Server struct {
	retailerv1.UnimplementedRetailerServiceServer
	service *Service
}

// NewServer serves the use cases of a retailer.
func NewServer(service *Service) *Server {
	return &Server{service: service}
}

// Verify says what would become of coupons.
func (s *Server) Verify(ctx context.Context, r *retailerv1.VerifyRequest) (*retailerv1.VerifyResponse, error) {
	var basket *coupon.Basket
	if r.GetBasket() != nil {
		given, err := basketOf(r.GetBasket())
		if err != nil {
			return nil, err
		}
		basket = &given
	}
	coupons, err := handedIn(r.GetCoupons(), r.GetReceipts())
	if err != nil {
		return nil, err
	}
	verdicts, err := s.service.Verify(ctx, coupons, basket)
	if err != nil {
		return nil, err
	}
	response := new(retailerv1.VerifyResponse)
	public := serve.CallerFrom(ctx).Public()
	for _, v := range verdicts {
		response.Verdicts = append(response.Verdicts, verdictMessage(v, public))
	}
	return response, nil
}

// Redeem spends a sale's coupons.
func (s *Server) Redeem(ctx context.Context, r *retailerv1.RedeemRequest) (*retailerv1.RedeemResponse, error) {
	sale, err := saleOf(r)
	if err != nil {
		return nil, err
	}
	caller := serve.CallerFrom(ctx)
	sale.Till = caller.Organisation + " " + caller.Name
	redeemed, err := s.service.Redeem(ctx, sale)
	if err != nil {
		return nil, err
	}
	return &retailerv1.RedeemResponse{Redemption: redemptionMessage(redeemed)}, nil
}

// Void undoes a redemption.
func (s *Server) Void(ctx context.Context, r *retailerv1.VoidRequest) (*retailerv1.VoidResponse, error) {
	id, err := redemptionID(r.GetRedemptionId())
	if err != nil {
		return nil, err
	}
	voided, err := s.service.Void(ctx, r.GetRequestId(), id)
	if err != nil {
		return nil, err
	}
	return &retailerv1.VoidResponse{Redemption: redemptionMessage(voided)}, nil
}

// GetRedemption returns one redemption.
func (s *Server) GetRedemption(ctx context.Context, r *retailerv1.GetRedemptionRequest) (*retailerv1.GetRedemptionResponse, error) {
	id, err := redemptionID(r.GetRedemptionId())
	if err != nil {
		return nil, err
	}
	found, err := s.service.GetRedemption(ctx, id)
	if err != nil {
		return nil, err
	}
	return &retailerv1.GetRedemptionResponse{Redemption: redemptionMessage(found)}, nil
}

// Claim demands reimbursement of what is not claimed yet.
func (s *Server) Claim(ctx context.Context, r *retailerv1.ClaimRequest) (*retailerv1.ClaimResponse, error) {
	claims, err := s.service.Claim(ctx, r.GetRequestId(), r.GetIssuer())
	if err != nil {
		return nil, err
	}
	return &retailerv1.ClaimResponse{Claims: s.claimMessages(claims)}, nil
}

// ListClaims lists the retailer's claims.
func (s *Server) ListClaims(ctx context.Context, r *retailerv1.ListClaimsRequest) (*retailerv1.ListClaimsResponse, error) {
	page, err := message.Page(r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	after, err := message.Number(page.After)
	if err != nil {
		return nil, err
	}
	claims, last, err := s.service.ListClaims(ctx, after, page.Size)
	if err != nil {
		return nil, err
	}
	return &retailerv1.ListClaimsResponse{Claims: s.claimMessages(claims), NextPageToken: message.Token(last)}, nil
}

// IssueProof gives a customer the purchase proof of a sale.
func (s *Server) IssueProof(ctx context.Context, r *retailerv1.IssueProofRequest) (*retailerv1.IssueProofResponse, error) {
	proof, err := proofOf(r)
	if err != nil {
		return nil, err
	}
	text, err := s.service.IssueProof(ctx, proof)
	if err != nil {
		return nil, err
	}
	return &retailerv1.IssueProofResponse{Coupon: text}, nil
}

func (s *Server) claimMessages(claims []Claim) []*retailerv1.Claim {
	var messages []*retailerv1.Claim
	for _, c := range claims {
		messages = append(messages, claimMessage(c, s.service.mspID))
	}
	return messages
}
