// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// partGaps is how many parts of a settlement in a row the ledger must lack before
// no more are looked for.
const partGaps = 3

// part is one transaction of a settlement: batches of one issuer and one
// retailer.
type part struct {
	settlement       string
	issuer, retailer string
	number           int
	salt             coupon.Hash
}

// Settle settles all accepted claims that were committed before until, Unix
// milliseconds, or before now if it is 0. The request names the settlement: a
// repeat first finishes what an earlier call could not, and returns the same;
// with an empty store it returns what the ledger has of the settlement. If a part is
// refused, its claims are to be reconciled again, and a repeat settles the others. What is
// left of earlier settlements, whose callers did not come back, is tried too: it is in no
// other.
func (s *Service) Settle(ctx context.Context, requestID string, until int64) (Settlement, error) {
	if err := coupon.CheckUUID4("request_id", requestID); err != nil {
		return Settlement{}, err
	}
	s.deciding.Lock()
	defer s.deciding.Unlock()
	if err := s.learnSettlement(ctx, requestID); err != nil {
		return Settlement{}, err
	}
	if err := s.store.planSettlement(ctx, requestID, until, s.now().UnixMilli()); err != nil {
		return Settlement{}, err
	}
	parts, err := s.store.unmadeParts(ctx, requestID)
	if err != nil {
		return Settlement{}, err
	}
	for _, p := range parts {
		err := s.settle(ctx, p)
		switch {
		case err == nil:
		case p.settlement == requestID:
			return Settlement{}, fmt.Errorf("settling with %s and %s: %w", p.issuer, p.retailer, err)
		default:
			s.logger.WarnContext(ctx, "an earlier settlement is not finished", "settlement", p.settlement, "issuer", p.issuer, "retailer", p.retailer, "error", err)
		}
	}
	return s.GetSettlement(ctx, requestID)
}

// learnSettlement stores the parts that the ledger has of a settlement which the
// store has not planned.
func (s *Service) learnSettlement(ctx context.Context, id string) error {
	planned, err := s.store.planned(ctx, id)
	if err != nil || planned {
		return err
	}
	var found []coupon.SettlementRecord
	for _, issuer := range s.issuers {
		for _, retailer := range s.retailers {
			// A part that was refused leaves a gap.
			for number, missing := 0, 0; missing < partGaps; number++ {
				record, err := s.readSettlement(ctx, issuer, coupon.SettlementQuery{SettlementID: id, Retailer: retailer, Part: number})
				if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonNotFound {
					missing++
					continue
				}
				if err != nil {
					return fmt.Errorf("looking for settlement %s with %s and %s: %w", id, issuer, retailer, err)
				}
				missing, found = 0, append(found, record)
			}
		}
	}
	return s.store.completeParts(ctx, found...)
}

// settle puts one part on the ledger. Of a part whose batches all stand in others by
// now nothing is left.
func (s *Service) settle(ctx context.Context, p part) error {
	records, err := s.store.partRecords(ctx, p)
	if err != nil {
		return err
	}
	if len(records) > 0 {
		_, err = s.ledger.Submit(ctx, ledger.Call{
			Namespace: config.Namespace(p.issuer), Function: "Settle", Reference: p.settlement,
			Input:     coupon.SettleInput{SettlementID: p.settlement, Part: p.number, Salt: p.salt, Records: records},
			Endorsers: []string{p.issuer, s.mspID},
			RetryOn:   []coupon.Reason{coupon.ReasonBatchUnknown, coupon.ReasonNotClaimed},
		})
	}
	if _, refused := coupon.ReasonOf(err); err != nil && !refused {
		return err
	}
	// A refusal may be that an earlier transaction of this very part stands.
	record, missing := s.readSettlement(ctx, p.issuer, coupon.SettlementQuery{
		SettlementID: p.settlement, Retailer: p.retailer, Part: p.number,
	})
	if missing == nil {
		return s.store.completeParts(ctx, record)
	}
	if reason, _ := coupon.ReasonOf(missing); (err != nil || len(records) == 0) && reason == coupon.ReasonNotFound {
		return errors.Join(err, s.store.releasePart(ctx, p))
	}
	return missing
}

func (s *Service) readSettlement(ctx context.Context, issuer string, query coupon.SettlementQuery) (coupon.SettlementRecord, error) {
	var record coupon.SettlementRecord
	err := s.ledger.Evaluate(ctx, ledger.Call{
		Namespace: config.Namespace(issuer), Function: "GetSettlement", Argument: query,
	}, &record)
	return record, err
}

func randomSalt() coupon.Hash {
	var salt coupon.Hash
	rand.Read(salt[:]) // never fails
	return salt
}
