// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/clearing/reconcile"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// compared is what a run has found of one claim.
type compared struct {
	claim       Claim
	differences []reconcile.Difference
	uses        []reconcile.Use
}

// Reconcile compares every claim that is not settled with the ledger, stores
// what differs, and accepts or disputes the claims. A repeat of the request
// returns the same run; a run that could not read all of the ledger is none.
func (s *Service) Reconcile(ctx context.Context, requestID string) (Run, error) {
	if err := coupon.CheckUUID4("request_id", requestID); err != nil {
		return Run{}, err
	}
	s.deciding.Lock()
	defer s.deciding.Unlock()
	run, found, err := s.store.run(ctx, requestID)
	if err != nil || found {
		return run, err
	}
	claims, err := s.store.openClaims(ctx)
	if err != nil {
		return Run{}, err
	}
	results := make([]compared, len(claims))
	for i, claim := range claims {
		if results[i], err = s.compare(ctx, claim); err != nil {
			return Run{}, fmt.Errorf("comparing claim %s of %s: %w", claim.ID, claim.Retailer, err)
		}
	}
	late, err := s.enquire(ctx, results)
	if err != nil {
		return Run{}, fmt.Errorf("enquiring about payments: %w", err)
	}
	run = Run{ID: uuid.NewString(), Time: s.now().UnixMilli(), Claims: int64(len(claims))}
	return s.store.saveRun(ctx, requestID, run, results, late)
}

func (s *Service) compare(ctx context.Context, claim Claim) (compared, error) {
	with := reconcile.Ledger{
		Standing: make(map[coupon.BatchID]coupon.BatchStanding),
		Markers:  make(map[coupon.Tag]coupon.MarkerEntry),
	}
	var ids []coupon.BatchID
	var tags []coupon.Tag
	for _, line := range claim.Batches {
		ids = append(ids, line.ID)
		var record coupon.BatchRecord
		if err := coupon.DecodeStrict([]byte(line.Record), &record); err != nil {
			continue // the comparison says so
		}
		for _, sale := range record.Redemptions {
			for _, cp := range sale.Coupons {
				tags = append(tags, cp.Tag)
			}
		}
	}
	namespace := config.Namespace(claim.Issuer)
	for chunk := range slices.Chunk(ids, coupon.MaxPage) {
		if err := s.readStanding(ctx, namespace, claim.Retailer, chunk, with.Standing); err != nil {
			return compared{}, err
		}
	}
	for chunk := range slices.Chunk(tags, coupon.MaxBatchCoupons) {
		if err := s.readMarkers(ctx, namespace, chunk, with.Markers); err != nil {
			return compared{}, err
		}
	}
	var err error
	if with.Own, err = s.store.settledBatches(ctx, claim.Issuer, ids); err != nil {
		return compared{}, err
	}
	differences, uses, err := reconcile.Compare(claim.ClaimRecord, with)
	return compared{claim, differences, uses}, err
}

func (s *Service) readStanding(
	ctx context.Context, namespace, retailer string, ids []coupon.BatchID, into map[coupon.BatchID]coupon.BatchStanding,
) error {
	var result coupon.StandingResult
	err := s.ledger.Evaluate(ctx, ledger.Call{
		Namespace: namespace, Function: "Standing", Argument: coupon.StandingQuery{Retailer: retailer, Batches: ids},
	}, &result)
	for _, standing := range result.Batches {
		into[standing.Batch] = standing
	}
	return err
}

func (s *Service) readMarkers(ctx context.Context, namespace string, tags []coupon.Tag, into map[coupon.Tag]coupon.MarkerEntry) error {
	var result coupon.MarkersResult
	err := s.ledger.Evaluate(ctx, ledger.Call{
		Namespace: namespace, Function: "GetMarkers", Argument: coupon.MarkersQuery{Tags: tags},
	}, &result)
	for _, marker := range result.Markers {
		into[marker.Tag] = marker
	}
	return err
}
