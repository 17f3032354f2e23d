// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// Claim is a demand for reimbursement that is on the ledger.
type Claim struct {
	ID            string
	Issuer        string
	Batches       []coupon.BatchID
	Coupons       int64
	Amounts       []coupon.Money
	TransactionID string

	salt coupon.Hash
	// number is its place in the list.
	number int64
}

// Claim claims all batches of the issuer that are not claimed yet, but for
// those that are void altogether, in as few transactions as can hold them. It
// returns none if there is nothing to claim. A repeat of the request returns
// the same claims, and first finishes what an earlier call could not. If a claim
// is refused, a repeat claims what can be.
//
// What could not be learnt is a *ledger.UnknownOutcome.
func (s *Service) Claim(ctx context.Context, requestID, issuer string) ([]Claim, error) {
	if err := coupon.CheckUUID4("request_id", requestID); err != nil {
		return nil, err
	}
	if !slices.Contains(s.issuers, issuer) || issuer == s.mspID {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "issuer", "is not another organisation that issues coupons")
	}
	s.claiming.Lock()
	defer s.claiming.Unlock()
	// What was sent and could not be read back is part of it.
	if err := s.resumeAttempts(ctx, issuer); err != nil {
		return nil, err
	}
	if err := s.store.planClaims(ctx, requestID, issuer); err != nil {
		return nil, err
	}
	planned, err := s.store.unmadeClaims(ctx, issuer)
	if err != nil {
		return nil, err
	}
	for _, c := range planned {
		if err := s.makeClaim(ctx, c); err != nil {
			return nil, fmt.Errorf("making claim %s: %w", c.ID, err)
		}
	}
	return s.store.claimsOf(ctx, requestID)
}

// ListClaims lists claims that are on the ledger, in the order they were made,
// after the one with this number; last is the number of the last one listed, 0
// if no more follow.
func (s *Service) ListClaims(ctx context.Context, after int64, limit int) (claims []Claim, last int64, err error) {
	claims, err = s.store.listClaims(ctx, after, limit+1)
	if err != nil || len(claims) <= limit {
		return claims, 0, err
	}
	claims = claims[:limit]
	return claims, claims[limit-1].number, nil
}

// makeClaim puts a planned claim on the ledger. If it is refused, its batches
// are free for another.
func (s *Service) makeClaim(ctx context.Context, c Claim) error {
	records, err := s.store.claimRecords(ctx, c.ID)
	if err != nil {
		return err
	}
	clearing, err := s.clearing(ctx, c.Issuer)
	if err != nil {
		return err
	}
	_, err = s.ledger.Submit(ctx, ledger.Call{
		Namespace: config.Namespace(c.Issuer), Function: "Claim", Reference: c.ID,
		Input:     coupon.ClaimInput{ClaimID: c.ID, Salt: c.salt, Records: records},
		Endorsers: []string{s.mspID, clearing},
		RetryOn:   []coupon.Reason{coupon.ReasonBatchUnknown},
		Certain:   true, // the own peer has the batches
	})
	if _, refused := coupon.ReasonOf(err); err != nil && !refused {
		return err
	}
	// A refusal may be that an earlier transaction of this very claim stands.
	record, missing := s.readClaim(ctx, c.Issuer, c.ID)
	if missing == nil {
		return s.store.completeClaim(ctx, record)
	}
	if reason, _ := coupon.ReasonOf(missing); err != nil && reason == coupon.ReasonNotFound {
		return errors.Join(err, s.giveUp(ctx, c))
	}
	return missing
}

// giveUp frees the batches of a claim that was refused, but for those that
// stand in a claim which the store does not know.
func (s *Service) giveUp(ctx context.Context, c Claim) error {
	elsewhere, err := s.claimed(ctx, c.Issuer, c.Batches)
	if err != nil {
		return err
	}
	return s.store.releaseClaim(ctx, c.ID, elsewhere)
}

// claimed returns those of the batches that stand in a claim on the ledger.
func (s *Service) claimed(ctx context.Context, issuer string, batches []coupon.BatchID) ([]coupon.BatchID, error) {
	var claimed []coupon.BatchID
	for ids := range slices.Chunk(batches, coupon.MaxPage) {
		var result coupon.StandingResult
		err := s.ledger.Evaluate(ctx, ledger.Call{
			Namespace: config.Namespace(issuer), Function: "Standing", Argument: coupon.StandingQuery{Retailer: s.mspID, Batches: ids},
		}, &result)
		if err != nil {
			return nil, err
		}
		for _, standing := range result.Batches {
			if standing.Settled != nil || standing.ClaimedByClearing && standing.ClaimedByRetailer {
				claimed = append(claimed, standing.Batch)
			}
		}
	}
	return claimed, nil
}

// readClaim reads the own copy of a claim that is on the ledger.
func (s *Service) readClaim(ctx context.Context, issuer, id string) (coupon.ClaimRecord, error) {
	var record coupon.ClaimRecord
	err := s.ledger.Evaluate(ctx, ledger.Call{
		Namespace: config.Namespace(issuer), Function: "GetClaim",
		Argument: coupon.ClaimQuery{Retailer: s.mspID, ClaimID: id},
	}, &record)
	return record, err
}

func (s *Service) clearing(ctx context.Context, issuer string) (string, error) {
	var parties coupon.Parties
	err := s.ledger.Evaluate(ctx, ledger.Call{Namespace: config.Namespace(issuer), Function: "GetParties"}, &parties)
	return parties.Clearing, err
}

func newClaim(issuer string, number int64, batches []coupon.BatchID) Claim {
	return Claim{ID: uuid.NewString(), Issuer: issuer, Batches: batches, salt: randomHash(), number: number}
}
