// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package institute

import (
	"context"
	"fmt"

	"ecoupon/chaincode/coupon"
	institutev1 "ecoupon/proto/gen/coupon/institute/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/message"
)

// Server serves the institute's API. It returns plain errors; the interceptor
// makes statuses of them.
type Server struct {
	institutev1.UnimplementedInstituteServiceServer
	service *Service
}

// NewServer serves the use cases of an institute.
func NewServer(service *Service) *Server { return &Server{service: service} }

// Pay takes a payment for the merchant that calls.
func (s *Server) Pay(ctx context.Context, r *institutev1.PayRequest) (*institutev1.PayResponse, error) {
	customer, err := authorise(ctx, Merchant)
	if err != nil {
		return nil, err
	}
	amount := coupon.Money{Currency: r.GetAmount().GetCurrency(), Minor: r.GetAmount().GetMinor()}
	made, attestation, err := s.service.Pay(ctx, customer, r.GetRequestId(), amount)
	if err != nil {
		return nil, err
	}
	return &institutev1.PayResponse{Merchant: made.Merchant, Invoice: &typev1.Invoice{
		Number: made.Number, Institute: made.Institute, Amount: &typev1.Money{Currency: made.Currency, Minor: made.Amount},
		PaidTime: message.Time(made.PaidAt), Attestation: attestation.String(),
	}}, nil
}

// Confirm tells an enquirer which payments were made.
func (s *Server) Confirm(ctx context.Context, r *institutev1.ConfirmRequest) (*institutev1.ConfirmResponse, error) {
	if _, err := authorise(ctx, Enquirer); err != nil {
		return nil, err
	}
	payments := make([]Payment, len(r.GetPayments()))
	for i, p := range r.GetPayments() {
		paid := p.GetInvoice()
		at, err := message.Milliseconds(fmt.Sprintf("payments[%d].invoice.paid_time", i), paid.GetPaidTime())
		if err != nil {
			return nil, err
		}
		payments[i] = Payment{Merchant: p.GetMerchant(), Invoice: coupon.Invoice{
			Institute: paid.GetInstitute(), Number: paid.GetNumber(),
			Currency: paid.GetAmount().GetCurrency(), Amount: paid.GetAmount().GetMinor(), PaidAt: at,
		}}
	}
	known, err := s.service.Confirm(ctx, payments)
	return &institutev1.ConfirmResponse{Known: known}, err
}

// ListKeys lists the keys that attest payments.
func (s *Server) ListKeys(ctx context.Context, _ *institutev1.ListKeysRequest) (*institutev1.ListKeysResponse, error) {
	if _, err := authorise(ctx, Merchant, Enquirer); err != nil {
		return nil, err
	}
	response := &institutev1.ListKeysResponse{Institute: s.service.Name()}
	for _, key := range s.service.Keys() {
		response.Keys = append(response.Keys, key.String())
	}
	return response, nil
}
