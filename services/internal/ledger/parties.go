// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
)

// Evaluator asks peers.
type Evaluator interface {
	Evaluate(ctx context.Context, call Call, out any) error
}

// Answers returns nil once the ledger answers for one of the issuers at least.
func Answers(ctx context.Context, from Evaluator, issuers []string) error {
	var err error
	for _, issuer := range issuers {
		call := Call{Namespace: config.Namespace(issuer), Function: "GetParties"}
		if err = from.Evaluate(ctx, call, nil); err == nil {
			return nil
		}
	}
	return err
}

// Parties returns the two organisations that endorse and keep what an emitter
// or a retailer has with an issuer: these two, or issuer and clearing house
// where they are one.
func Parties(ctx context.Context, from Evaluator, issuer, mspID string) ([]string, error) {
	if mspID != issuer {
		return []string{issuer, mspID}, nil
	}
	var parties coupon.Parties
	err := from.Evaluate(ctx, Call{Namespace: config.Namespace(issuer), Function: "GetParties"}, &parties)
	if err != nil {
		return nil, fmt.Errorf("asking for the clearing house of %s: %w", issuer, err)
	}
	return []string{issuer, parties.Clearing}, nil
}
