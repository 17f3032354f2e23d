// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package advertiser hands out coupons. It learns its mandates and their keys
// from the ledger, and then needs neither the ledger nor the issuer to make a
// coupon: a serial number that is on the disk and two MACs. Of dynamic coupons it
// needs both once for each frame, to close the one before.
//
// It knows nothing about its customers and keeps nothing about them: no
// address stands beside a coupon, in its store or in its log.
package advertiser

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/issuing"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/sqlstore"
)

// Ledger is what the service does with the consortium's ledger. It writes the
// frames of its dynamic coupons only.
type Ledger interface {
	Evaluate(ctx context.Context, call ledger.Call, out any) error
	Submit(ctx context.Context, call ledger.Call) (ledger.Receipt, error)
	Resume(ctx context.Context) error
	Follow(ctx context.Context, namespace string, to ledger.Projection) error
}

// Options are what an Advertiser is made of; all but limits, frames and
// lanes are required.
type Options struct {
	Ledger Ledger
	// Store is open, with the tables of Migrations.
	Store *sqlstore.Store
	// MSPID is the advertiser, Namespaces those of the issuers it may emit for.
	MSPID      string
	Namespaces []string
	Limits     Limits
	Frames     Frames
	// Lanes are those that this replica uses of each mandate, in this order; all
	// if empty. No two replicas may have one in common.
	Lanes  []uint16
	Now    func() time.Time
	Logger *slog.Logger
}

// Advertiser has the use cases of the service. It is safe for concurrent use.
type Advertiser struct {
	ledger     Ledger
	store      store
	serials    *issuing.Log
	self       string
	namespaces []string
	limits     Limits
	frames     Frames
	now        func() time.Time
	logger     *slog.Logger
	// settled says that no number is given out which was given out before.
	settled atomic.Bool
	// changed says that there may be new offers.
	changed chan struct{}

	mu     sync.RWMutex
	offers map[coupon.FrameworkID]*offer
}

// New returns the use cases of an advertiser that knows no offers yet: Load
// comes next.
func New(o Options) (*Advertiser, error) {
	if o.Ledger == nil || o.Store == nil || o.MSPID == "" || o.Now == nil || o.Logger == nil {
		return nil, errors.New("ledger, store, advertiser, clock and logger are required")
	}
	return &Advertiser{
		ledger: o.Ledger, store: store{o.Store},
		serials: issuing.New(issuing.Options{Store: o.Store, Lanes: o.Lanes, Now: o.Now}),
		self:    o.MSPID, namespaces: o.Namespaces, limits: o.Limits.withDefaults(), frames: o.Frames.withDefaults(),
		now: o.Now, logger: o.Logger, changed: make(chan struct{}, 1), offers: make(map[coupon.FrameworkID]*offer),
	}, nil
}

// Load reads from the store what was learnt before. It must return before the
// first request.
func (a *Advertiser) Load(ctx context.Context) error {
	known, err := a.store.load(ctx)
	if err != nil {
		return err
	}
	a.remember(known)
	return nil
}

// Run gives out serial numbers and follows the issuers until ctx ends, and then
// returns nil. No coupon is made while it does not run, and none before it has
// asked the ledger for mandates from before its store, see Ready.
func (a *Advertiser) Run(ctx context.Context) error {
	if err := a.settle(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return a.serials.Run(ctx) })
	running.Go(func() error { return a.lead(ctx) })
	for _, namespace := range a.namespaces {
		running.Go(func() error { return a.ledger.Follow(ctx, namespace, follower{a}) })
	}
	return running.Wait()
}
