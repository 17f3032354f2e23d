// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

const (
	// claimLabel begins what the ids of claims are made of.
	claimLabel = "ecoupon/claim/v1"
	// claimGaps is how many claims of a request in a row the ledger must lack
	// before no more are looked for.
	claimGaps = 3
	// claimAttempts is how often a request is planned: while the store fills, batches
	// may stand in claims that it has yet to learn of. Each refusal leaves a gap.
	claimAttempts = claimGaps
	// learnAtOnce is how many batches are looked up at a time.
	learnAtOnce = 16
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
// the same claims, with an empty store, too, and first finishes what an earlier
// call could not. If a claim is refused, a repeat claims what can be.
//
// What could not be learnt is a *ledger.UnknownOutcome.
func (s *Service) Claim(ctx context.Context, requestID, issuer string) ([]Claim, error) {
	if err := coupon.CheckUUID4("request_id", requestID); err != nil {
		return nil, err
	}
	if !slices.Contains(s.issuers, issuer) {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "issuer", "is no organisation that issues coupons")
	}
	if issuer == s.mspID {
		return nil, coupon.Refuse(coupon.ReasonNotClaimable, "issuer", "nobody owes the own organisation its own coupons")
	}
	s.claiming.Lock()
	defer s.claiming.Unlock()
	// What was sent and could not be read back is part of it.
	if err := s.resumeAttempts(ctx, issuer); err != nil {
		return nil, err
	}
	if err := s.learnClaims(ctx, requestID, issuer); err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		err := s.makeClaims(ctx, requestID, issuer)
		if err == nil {
			return s.store.claimsOf(ctx, requestID)
		}
		if !errors.Is(err, errClaimedElsewhere) || attempt == claimAttempts {
			return nil, err
		}
	}
}

// makeClaims plans the claims of a request and makes all that are planned, each
// whatever becomes of the others' batches: errClaimedElsewhere is what is left to
// plan anew.
func (s *Service) makeClaims(ctx context.Context, requestID, issuer string) error {
	if err := s.store.planClaims(ctx, s.mspID, requestID, issuer); err != nil {
		return err
	}
	planned, err := s.store.unmadeClaims(ctx, issuer)
	if err != nil {
		return err
	}
	var elsewhere error
	for _, c := range planned {
		err := s.makeClaim(ctx, c)
		switch {
		case errors.Is(err, errClaimedElsewhere):
			elsewhere = fmt.Errorf("making claim %s: %w", c.ID, err)
		case err != nil:
			return fmt.Errorf("making claim %s: %w", c.ID, err)
		}
	}
	return elsewhere
}

// learnClaims stores what the ledger has of the request, if the store does not
// know it: the ids of its claims follow from it.
func (s *Service) learnClaims(ctx context.Context, requestID, issuer string) error {
	known, err := s.store.claimRequested(ctx, requestID, issuer)
	if err != nil || known {
		return err
	}
	var found []coupon.ClaimRecord
	// A claim that was refused leaves a gap.
	for n, missing := 0, 0; missing < claimGaps; n++ {
		record, err := s.readClaim(ctx, issuer, claimID(s.mspID, requestID, n))
		if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonNotFound {
			missing++
			continue
		}
		if err != nil {
			return err
		}
		if err := s.learnBatches(ctx, record); err != nil {
			return err
		}
		missing, found = 0, append(found, record)
	}
	if len(found) == 0 {
		return nil
	}
	return s.store.learnClaims(ctx, requestID, issuer, found)
}

// learnBatches stores the batches of a claim that the store lacks.
func (s *Service) learnBatches(ctx context.Context, record coupon.ClaimRecord) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(learnAtOnce)
	for _, line := range record.Batches {
		group.Go(func() error {
			b, err := parseBatch(line.Record)
			if err != nil {
				return err
			}
			if known, err := s.store.knows(ctx, b.ID, b.Transaction); err != nil || known {
				return err
			}
			receipt, err := s.ledger.Status(ctx, b.Transaction)
			if err != nil {
				return fmt.Errorf("looking up the block of batch %s: %w", b.ID, err)
			}
			b.block = receipt.Block
			if b.voided, err = s.voided(ctx, b.BatchRecord); err != nil {
				return err
			}
			return s.store.complete(ctx, b)
		})
	}
	return group.Wait()
}

// claimID names the claims of a request: random to whoever does not know the
// request, and the same for each replica that is asked.
func claimID(mspID, requestID string, number int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%d", claimLabel, mspID, requestID, number))
	id := uuid.UUID(sum[:16])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // the form of a random UUID
	return id.String()
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

// errClaimedElsewhere says that batches of a refused claim stand in another, which
// the store knows now.
var errClaimedElsewhere = errors.New("batches stand in another claim")

// makeClaim puts a planned claim on the ledger. If it is refused, its batches
// are free for another, but for those that stand in one: errClaimedElsewhere. Of one
// whose batches all stand in others by now nothing is left.
func (s *Service) makeClaim(ctx context.Context, c Claim) error {
	records, err := s.store.claimRecords(ctx, c.ID)
	if err != nil {
		return err
	}
	if len(records) > 0 {
		err = s.sendClaim(ctx, c, records)
	}
	if _, refused := coupon.ReasonOf(err); err != nil && !refused {
		return err
	}
	// A refusal may be that an earlier transaction of this very claim stands.
	record, missing := s.readClaim(ctx, c.Issuer, c.ID)
	if missing == nil {
		return s.store.completeClaim(ctx, record)
	}
	if reason, _ := coupon.ReasonOf(missing); (err != nil || len(records) == 0) && reason == coupon.ReasonNotFound {
		return errors.Join(err, s.giveUp(ctx, c))
	}
	return missing
}

func (s *Service) sendClaim(ctx context.Context, c Claim, records []string) error {
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
	return err
}

// giveUp frees the batches of a claim that was refused, but for those that
// stand in a claim which the store does not know; if there are any, it returns
// errClaimedElsewhere.
func (s *Service) giveUp(ctx context.Context, c Claim) error {
	elsewhere, err := s.claimed(ctx, c.Issuer, c.Batches)
	if err != nil {
		return err
	}
	if err := s.store.releaseClaim(ctx, c.ID, elsewhere); err != nil {
		return err
	}
	if len(elsewhere) > 0 {
		return errClaimedElsewhere
	}
	return nil
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
