// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package retailer serves tills: it verifies and redeems coupons, voids
// redemptions, and claims their reimbursement.
//
// What is redeemed is decided by the ledger alone. This service gathers what
// tills ask for into batches, sees to it that one till's bad coupon does not
// harm another's sale, and gives a till that asks again the answer that it
// missed, even after a crash or with an empty store.
package retailer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/following"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/sqlstore"
	"ecoupon/services/internal/ticking"
)

// Reader reads the ledger.
type Reader interface {
	Evaluate(ctx context.Context, call ledger.Call, out any) error
	Follow(ctx context.Context, namespace string, to ledger.Projection) error
}

// Writer writes to the ledger.
type Writer interface {
	Submit(ctx context.Context, call ledger.Call) (ledger.Receipt, error)
	Prepare(ctx context.Context, call ledger.Call) (ledger.Transaction, error)
	Send(ctx context.Context, transaction ledger.Transaction) (ledger.Receipt, error)
	Status(ctx context.Context, transactionID string) (ledger.Receipt, error)
	Resume(ctx context.Context) error
}

// Ledger is the ledger as this service uses it.
type Ledger interface {
	Reader
	Writer
}

// Options are what a Service is made of. All but Batch and Emitter are required.
type Options struct {
	Batch BatchConfig
	// MSPID is the own organisation.
	MSPID string
	// Issuers are the MSP ids of all issuers.
	Issuers []string
	Ledger  Ledger
	// Store has this package's Migrations.
	Store *sqlstore.Store
	// Emitter emits purchase proofs; nil where the organisation emits none.
	Emitter Emitter
	Now     func() time.Time
	Logger  *slog.Logger
}

// Service is what a retailer does with coupons. It is safe for concurrent use,
// and redeems while Run runs.
type Service struct {
	mspID   string
	issuers []string
	ledger  Ledger
	store   *store
	offers  *offers
	emitter Emitter
	desks   map[string]*desk
	ticks   *ticking.Keeper
	logger  *slog.Logger
	timeout time.Duration
	// arriving hands sales to Run; stopped is closed when it takes no more.
	arriving chan func(context.Context)
	stopped  chan struct{}

	// claiming lets one claim at a time choose among the batches.
	claiming sync.Mutex

	mu       sync.Mutex
	inFlight map[coupon.RedemptionID]*pending
	// voiding has the redemptions that are being voided; closed when done.
	voiding map[coupon.RedemptionID]chan struct{}
}

// New makes a service of its parts. It does no I/O.
func New(o Options) (*Service, error) {
	if o.MSPID == "" || o.Ledger == nil || o.Store == nil || o.Now == nil || o.Logger == nil {
		return nil, errors.New("organisation, ledger, store, clock and logger of a retailer are required")
	}
	s := &Service{
		mspID: o.MSPID, issuers: slices.Clone(o.Issuers), ledger: o.Ledger,
		store: &store{o.Store}, offers: newOffers(o.Ledger, o.Issuers), emitter: o.Emitter, logger: o.Logger,
		desks: make(map[string]*desk), inFlight: make(map[coupon.RedemptionID]*pending),
		voiding: make(map[coupon.RedemptionID]chan struct{}),
		timeout: time.Duration(o.Batch.withDefaults().Timeout), arriving: make(chan func(context.Context)), stopped: make(chan struct{}),
	}
	var namespaces []string
	for _, issuer := range s.issuers {
		namespaces = append(namespaces, config.Namespace(issuer))
		s.desks[issuer] = newDesk(o.Batch, s, issuer)
	}
	var err error
	s.ticks, err = ticking.New(ticking.Options{
		Ledger: o.Ledger, Namespaces: namespaces, Second: o.MSPID,
		After: ticking.Overdue, Now: o.Now, Logger: o.Logger,
	})
	return s, err
}

// Run redeems, follows the ledger and finishes what an earlier run left
// without an outcome, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for issuer, desk := range s.desks {
		group.Go(func() error { return desk.run(ctx) })
		events := following.Follower{Store: s.store.Store, Change: (&projection{s, issuer}).change}
		group.Go(func() error { return s.ledger.Follow(ctx, config.Namespace(issuer), events) })
	}
	group.Go(func() error { return s.receive(ctx) })
	group.Go(func() error { return s.ticks.Run(ctx) })
	group.Go(func() error { return s.resume(ctx) })
	return group.Wait()
}

// resume learns what became of the redemptions that were sent and not answered
// before the last stop. What remains unknown is asked again when its till
// repeats its request.
func (s *Service) resume(ctx context.Context) error {
	err := s.ledger.Resume(ctx)
	if err == nil {
		err = s.resumeAttempts(ctx, "")
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the end is no failure
	}
	return err
}

// resumeAttempts tries to learn the outcome of all attempts, or of one
// issuer's. An outcome that stays unknown is no error.
func (s *Service) resumeAttempts(ctx context.Context, issuer string) error {
	attempts, err := s.store.pendingAttempts(ctx, issuer)
	for _, a := range attempts {
		if err := s.resolve(ctx, a); err != nil {
			s.logger.WarnContext(ctx, "outcome still unknown", "transaction", a.ID, "error", err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return err
}

// resolve returns once the outcome of the attempt is known and stored.
func (s *Service) resolve(ctx context.Context, a attempt) error {
	receipt, err := s.ledger.Send(ctx, a.Transaction)
	var invalid *ledger.Invalid
	switch {
	case errors.As(err, &invalid):
		return s.store.forget(ctx, a.ID)
	case err != nil:
		return err
	}
	_, err = s.fetch(ctx, a.issuer, coupon.NewBatchID(a.ID), receipt.Block)
	return err
}

// Ready returns nil once the ledger answers: from then on coupons can be
// verified and redeemed if their issuers are there.
func (s *Service) Ready(ctx context.Context) error {
	return ledger.Answers(ctx, s.ledger, s.issuers)
}

// GetRedemption returns a redemption from the store or, if it is not there,
// from the ledger. It refuses with NOT_FOUND.
func (s *Service) GetRedemption(ctx context.Context, id coupon.RedemptionID) (Redemption, error) {
	found, err := s.find(ctx, id)
	if err != nil {
		return Redemption{}, err
	}
	return found.Redemption, nil
}

// find looks in the store first and then in every issuer's namespace.
func (s *Service) find(ctx context.Context, id coupon.RedemptionID) (stored, error) {
	found, known, err := s.store.redemption(ctx, id)
	if err != nil || known {
		return found, err
	}
	for _, issuer := range s.issuers {
		var result coupon.RedemptionResult
		err := s.ledger.Evaluate(ctx, ledger.Call{
			Namespace: config.Namespace(issuer), Function: "FindRedemption", Argument: coupon.RedemptionQuery{Redemption: id},
		}, &result)
		if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonNotFound {
			continue
		}
		if err != nil {
			return stored{}, err
		}
		return s.known(ctx, issuer, result.Batch, id)
	}
	return stored{}, coupon.Refuse(coupon.ReasonNotFound, "redemption_id", "there is no such redemption")
}

// known returns a redemption that is on the ledger in this batch.
func (s *Service) known(ctx context.Context, issuer string, batch coupon.BatchID, id coupon.RedemptionID) (stored, error) {
	if found, known, err := s.store.redemption(ctx, id); err != nil || known {
		return found, err
	}
	if _, err := s.fetch(ctx, issuer, batch, 0); err != nil {
		return stored{}, err
	}
	found, known, err := s.store.redemption(ctx, id)
	if err == nil && !known {
		// The ledger names the redemption by its retailer, so it can only be
		// another retailer's.
		err = coupon.Refuse(coupon.ReasonNotFound, "redemption_id", "there is no such redemption")
	}
	return found, err
}

// fetch stores an own batch from the ledger, with what was voided of it. A
// block of 0 is looked up.
func (s *Service) fetch(ctx context.Context, issuer string, id coupon.BatchID, block uint64) (batch, error) {
	b, err := s.read(ctx, issuer, id)
	if err != nil {
		return batch{}, err
	}
	if b.block = block; block == 0 {
		receipt, err := s.ledger.Status(ctx, b.Transaction)
		if err != nil {
			return batch{}, fmt.Errorf("looking up the block of batch %s: %w", id, err)
		}
		b.block = receipt.Block
	}
	if b.voided, err = s.voided(ctx, b.BatchRecord); err != nil {
		return batch{}, err
	}
	return b, s.store.complete(ctx, b)
}

// read reads an own batch's record, which is known to be on the ledger, from
// the own peer.
func (s *Service) read(ctx context.Context, issuer string, id coupon.BatchID) (batch, error) {
	var result coupon.BatchResult
	err := s.ledger.Evaluate(ctx, ledger.Call{
		Namespace: config.Namespace(issuer), Function: "GetBatch", Argument: coupon.BatchQuery{Batch: id},
		RetryOn: []coupon.Reason{coupon.ReasonNotFound},
	}, &result)
	if err != nil {
		return batch{}, fmt.Errorf("reading batch %s: %w", id, err)
	}
	return parseBatch(result.Record)
}

// voided says which redemptions of a batch no longer stand: those with a coupon
// whose marker is not spent for them.
func (s *Service) voided(ctx context.Context, record coupon.BatchRecord) (map[coupon.RedemptionID]bool, error) {
	var query coupon.MarkersQuery
	var owners []coupon.RedemptionID
	for _, sale := range record.Redemptions {
		for _, c := range sale.Coupons {
			query.Tags = append(query.Tags, c.Tag)
			owners = append(owners, sale.ID)
		}
	}
	var result coupon.MarkersResult
	err := s.ledger.Evaluate(ctx, ledger.Call{
		Namespace: config.Namespace(record.Issuer), Function: "GetMarkers", Argument: query,
	}, &result)
	if err != nil {
		return nil, fmt.Errorf("reading the markers of batch %s: %w", record.ID, err)
	}
	if len(result.Markers) != len(query.Tags) {
		return nil, fmt.Errorf("reading the markers of batch %s: %d asked, %d answered", record.ID, len(query.Tags), len(result.Markers))
	}
	gone := make(map[coupon.RedemptionID]bool)
	for i, m := range result.Markers {
		if m.State != coupon.MarkerSpent.String() || m.Batch != record.ID || m.Redemption != owners[i] {
			gone[owners[i]] = true
		}
	}
	return gone, nil
}
