// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"

	"google.golang.org/grpc"

	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/internal/rpcerr"
)

// AdvertiserService is the own organisation's, as the Emitter.
type AdvertiserService struct {
	client advertiserv1.AdvertiserServiceClient
}

// NewAdvertiserService calls the service over a connection that proves this one
// to be of the same organisation.
func NewAdvertiserService(connection grpc.ClientConnInterface) *AdvertiserService {
	return &AdvertiserService{client: advertiserv1.NewAdvertiserServiceClient(connection)}
}

// IssueProof is Emitter's.
func (a *AdvertiserService) IssueProof(ctx context.Context, proof Proof) (string, error) {
	response, err := a.client.IssueProof(ctx, &advertiserv1.IssueProofRequest{
		RequestId: proof.RequestID, FrameworkId: proof.Framework.String(), UData: proof.UData,
		ProductId: proof.Product, InvoiceNumber: proof.Invoice,
	})
	if err != nil {
		return "", rpcerr.Read(err)
	}
	return response.GetCoupon(), nil
}
