// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"

	"ecoupon/chaincode/coupon"
)

// Proof is what a till wants of a sale: its purchase proof.
type Proof struct {
	// RequestID is the till's, a random UUID version 4.
	RequestID string
	Framework coupon.FrameworkID
	// UData is what the customer's wallet shows, 32 bytes.
	UData []byte
	// Product names the product instance, Invoice the sale; see
	// coupon.ProductQuery.
	Product, Invoice string
}

// Emitter emits purchase proofs for the own organisation: its advertiser's
// service, which keeps the lanes and the sales. A repeat of a request returns the
// same text; errors are refusals, or ledger.ErrUnavailable after which the proof
// may have been made.
type Emitter interface {
	IssueProof(ctx context.Context, proof Proof) (text string, err error)
}

// IssueProof returns the text of a sale's purchase proof once that is durable.
// Errors are those of the Emitter; without one every framework is unknown.
func (s *Service) IssueProof(ctx context.Context, proof Proof) (string, error) {
	if err := coupon.CheckUUID4("request_id", proof.RequestID); err != nil {
		return "", err
	}
	if s.emitter == nil {
		return "", coupon.Refuse(coupon.ReasonUnknownFramework, "framework_id", "this retailer emits no purchase proofs")
	}
	return s.emitter.IssueProof(ctx, proof)
}
