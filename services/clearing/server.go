// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"context"

	"ecoupon/chaincode/coupon"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	"ecoupon/services/internal/message"
)

// Server serves the clearing house's API. It returns plain errors; the
// interceptor makes statuses of them.
type Server struct {
	clearingv1.UnimplementedClearingServiceServer
	service *Service
}

// NewServer serves the use cases of a clearing house.
func NewServer(service *Service) *Server {
	return &Server{service: service}
}

// ListClaims lists the claims that the clearing house knows.
func (s *Server) ListClaims(ctx context.Context, r *clearingv1.ListClaimsRequest) (*clearingv1.ListClaimsResponse, error) {
	state, err := stateOf(r.GetState())
	if err != nil {
		return nil, err
	}
	after, limit, err := page(r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	claims, last, err := s.service.ListClaims(ctx, state, after, limit)
	if err != nil {
		return nil, err
	}
	response := &clearingv1.ListClaimsResponse{NextPageToken: message.Token(last)}
	for _, c := range claims {
		response.Claims = append(response.Claims, claimMessage(c))
	}
	return response, nil
}

// Reconcile compares claims with the ledger.
func (s *Server) Reconcile(ctx context.Context, r *clearingv1.ReconcileRequest) (*clearingv1.ReconcileResponse, error) {
	run, err := s.service.Reconcile(ctx, r.GetRequestId())
	if err != nil {
		return nil, err
	}
	response := &clearingv1.ReconcileResponse{RunId: run.ID, RunTime: message.Time(run.Time), Claims: run.Claims}
	for _, d := range run.Differences {
		response.Differences = append(response.Differences, differenceMessage(d))
	}
	return response, nil
}

// Settle decides what is owed for accepted claims.
func (s *Server) Settle(ctx context.Context, r *clearingv1.SettleRequest) (*clearingv1.SettleResponse, error) {
	until, err := message.Milliseconds("until_time", r.GetUntilTime())
	if err != nil {
		return nil, err
	}
	settlement, err := s.service.Settle(ctx, r.GetRequestId(), until)
	if err != nil {
		return nil, err
	}
	return &clearingv1.SettleResponse{Settlement: settlementMessage(settlement)}, nil
}

// GetSettlement returns one settlement.
func (s *Server) GetSettlement(ctx context.Context, r *clearingv1.GetSettlementRequest) (*clearingv1.GetSettlementResponse, error) {
	settlement, err := s.service.GetSettlement(ctx, r.GetSettlementId())
	if err != nil {
		return nil, err
	}
	return &clearingv1.GetSettlementResponse{Settlement: settlementMessage(settlement)}, nil
}

// ListRemittances lists who pays whom.
func (s *Server) ListRemittances(ctx context.Context, r *clearingv1.ListRemittancesRequest) (*clearingv1.ListRemittancesResponse, error) {
	if id := r.GetSettlementId(); id != "" {
		if err := coupon.CheckUUID4("settlement_id", id); err != nil {
			return nil, err
		}
	}
	after, limit, err := page(r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	remittances, last, err := s.service.ListRemittances(ctx, r.GetSettlementId(), after, limit)
	if err != nil {
		return nil, err
	}
	response := &clearingv1.ListRemittancesResponse{NextPageToken: message.Token(last)}
	for _, r := range remittances {
		response.Remittances = append(response.Remittances, remittanceMessage(r))
	}
	return response, nil
}

// RegisterInstitute replaces the keys of a payment institute.
func (s *Server) RegisterInstitute(
	ctx context.Context, r *clearingv1.RegisterInstituteRequest,
) (*clearingv1.RegisterInstituteResponse, error) {
	institute, err := instituteOf(r)
	if err != nil {
		return nil, err
	}
	registered, err := s.service.RegisterInstitute(ctx, r.GetRequestId(), r.GetIssuer(), institute)
	if err != nil {
		return nil, err
	}
	return &clearingv1.RegisterInstituteResponse{Institute: instituteMessage(r.GetIssuer(), registered)}, nil
}

// GetInstitute returns the keys of a payment institute.
func (s *Server) GetInstitute(ctx context.Context, r *clearingv1.GetInstituteRequest) (*clearingv1.GetInstituteResponse, error) {
	found, err := s.service.Institute(ctx, r.GetIssuer(), r.GetInstitute())
	if err != nil {
		return nil, err
	}
	return &clearingv1.GetInstituteResponse{Institute: instituteMessage(r.GetIssuer(), found)}, nil
}

func page(size int32, token string) (after int64, limit int, err error) {
	query, err := message.Page(size, token)
	if err != nil {
		return 0, 0, err
	}
	after, err = message.Number(query.After)
	return after, query.Size, err
}
