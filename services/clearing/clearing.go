// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package clearing is the clearing house: it learns of claims from the ledger,
// compares them with what the ledger has, and settles them.
//
// It decides nothing about coupons. What a claim is worth is summed by the
// chaincode; this service finds out whether to believe it, and who pays whom.
package clearing

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/clearing/reconcile"
	"ecoupon/services/clearing/settle"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/following"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/sqlstore"
)

// Ledger is the ledger as this service uses it.
type Ledger interface {
	Evaluate(ctx context.Context, call ledger.Call, out any) error
	Submit(ctx context.Context, call ledger.Call) (ledger.Receipt, error)
	Follow(ctx context.Context, namespace string, to ledger.Projection) error
	Resume(ctx context.Context) error
}

// Options are what a Service is made of; all are required.
type Options struct {
	// MSPID is the own organisation.
	MSPID string
	// Issuers and Retailers are the MSP ids of all that there are.
	Issuers   []string
	Retailers []string
	Ledger    Ledger
	// Institutes are asked about payments.
	Institutes Institutes
	// Store has this package's Migrations.
	Store  *sqlstore.Store
	Now    func() time.Time
	Logger *slog.Logger
}

// Service is a clearing house. It is safe for concurrent use.
type Service struct {
	mspID   string
	issuers []string
	// retailers are those with whom a settlement may be.
	retailers  []string
	ledger     Ledger
	institutes Institutes
	store      *store
	now        func() time.Time
	logger     *slog.Logger
	// deciding lets one run or settlement at a time change the states of claims.
	deciding sync.Mutex
}

// New makes a service of its parts. It does no I/O.
func New(o Options) (*Service, error) {
	if o.MSPID == "" || o.Ledger == nil || o.Institutes == nil || o.Store == nil || o.Now == nil || o.Logger == nil {
		return nil, errors.New("organisation, ledger, institutes, store, clock and logger of a clearing house are required")
	}
	return &Service{
		mspID: o.MSPID, issuers: slices.Clone(o.Issuers), retailers: slices.Clone(o.Retailers), ledger: o.Ledger,
		institutes: o.Institutes, store: &store{o.Store}, now: o.Now, logger: o.Logger,
	}, nil
}

// Run follows the ledger until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, issuer := range s.issuers {
		events := following.Follower{Store: s.store.Store, Change: (&projection{s, issuer}).change}
		group.Go(func() error { return s.ledger.Follow(ctx, config.Namespace(issuer), events) })
	}
	group.Go(func() error {
		if err := s.ledger.Resume(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		return nil
	})
	return group.Wait()
}

// Ready returns nil once the ledger answers for one issuer at least.
func (s *Service) Ready(ctx context.Context) error {
	return ledger.Answers(ctx, s.ledger, s.issuers)
}

// State is where a claim stands.
type State string

// States of a claim.
const (
	Received State = "received"
	Accepted State = "accepted"
	Disputed State = "disputed"
	Settled  State = "settled"
)

// Claim is a retailer's demand as the clearing house sees it.
type Claim struct {
	coupon.ClaimRecord
	State State

	// number is its place in the list.
	number int64
}

// Run is one reconciliation.
type Run struct {
	ID string
	// Time is Unix milliseconds.
	Time        int64
	Claims      int64
	Differences []reconcile.Difference
}

// Settlement is a set of positions.
type Settlement struct {
	ID string
	// Time is Unix milliseconds.
	Time        int64
	Remittances []Remittance
	Nets        []settle.Net
}

// Remittance says who pays whom, and for which batches.
type Remittance struct {
	Settlement string
	settle.Position

	number int64
}

// ListClaims lists claims in the order in which they came, after the one with
// this number; last is the number of the last one listed, 0 if no more follow.
// An empty state is any.
func (s *Service) ListClaims(ctx context.Context, state State, after int64, limit int) (claims []Claim, last int64, err error) {
	claims, err = s.store.listClaims(ctx, state, after, limit+1)
	if err != nil || len(claims) <= limit {
		return claims, 0, err
	}
	claims = claims[:limit]
	return claims, claims[limit-1].number, nil
}

// ListRemittances lists remittances likewise, of one settlement or of all.
func (s *Service) ListRemittances(ctx context.Context, settlement string, after int64, limit int) (remittances []Remittance, last int64, err error) {
	remittances, err = s.store.listRemittances(ctx, settlement, after, limit+1)
	if err != nil || len(remittances) <= limit {
		return remittances, 0, err
	}
	remittances = remittances[:limit]
	return remittances, remittances[limit-1].number, nil
}

// GetSettlement returns a settlement; NOT_FOUND before all of it is on the
// ledger.
func (s *Service) GetSettlement(ctx context.Context, id string) (Settlement, error) {
	if err := coupon.CheckUUID4("settlement_id", id); err != nil {
		return Settlement{}, err
	}
	settlement, found, err := s.store.settlement(ctx, id)
	if err == nil && !found {
		err = coupon.Refuse(coupon.ReasonNotFound, "settlement_id", "there is no such settlement")
	}
	return settlement, err
}
