// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/following"
	"ecoupon/services/internal/ledger"
)

// setUpPause is between attempts to set up the namespace.
const setUpPause = time.Second

// Run does what needs no caller until ctx ends, and then returns nil: it sets
// up the namespace, keeps its tick rolling, settles what a crash left open,
// counts redemptions and audits emitters.
func (i *Issuer) Run(ctx context.Context) error {
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error {
		if !i.setUp(ctx) {
			return nil
		}
		return i.ticks.Run(ctx)
	})
	events := following.Follower{Store: i.store.db, Change: counter{i}.change}
	running.Go(func() error { return i.ledger.Follow(ctx, i.namespace, events) })
	running.Go(func() error { return i.audit(ctx) })
	running.Go(func() error { return i.probe(ctx) })
	running.Go(func() error {
		if err := i.ledger.Resume(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		return nil
	})
	return running.Wait()
}

// Ready returns nil once the namespace is set up and has a tick: from then on
// campaigns can be published and coupons redeemed.
func (i *Issuer) Ready(ctx context.Context) error {
	return i.ledger.Evaluate(ctx, ledger.Call{Namespace: i.namespace, Function: "GetTick"}, nil)
}

// setUp returns true once the namespace knows its clearing house, and false if
// ctx ends before.
func (i *Issuer) setUp(ctx context.Context) bool {
	for {
		err := i.nameClearing(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		i.logger.WarnContext(ctx, "setting up the namespace", "namespace", i.namespace, "error", err)
		timer := time.NewTimer(setUpPause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
	}
}

// nameClearing writes the record `parties` unless it is there.
func (i *Issuer) nameClearing(ctx context.Context) error {
	var parties coupon.Parties
	err := i.ledger.Evaluate(ctx, ledger.Call{Namespace: i.namespace, Function: "GetParties"}, &parties)
	if err == nil {
		return i.checkClearing(ctx, parties)
	}
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonPartiesMissing && reason != coupon.ReasonNotFound {
		return err
	}
	_, err = i.ledger.Submit(ctx, ledger.Call{
		Namespace: i.namespace, Function: "SetParties",
		Argument:  coupon.PartiesRequest{Clearing: i.clearing},
		Endorsers: []string{i.self, i.clearing},
	})
	if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonAlreadyExists {
		return nil
	}
	return err
}

// checkClearing warns if the ledger names another clearing house than the
// directory: the ledger's is the one that counts, and cannot be changed.
func (i *Issuer) checkClearing(ctx context.Context, parties coupon.Parties) error {
	if parties.Clearing != i.clearing {
		i.logger.WarnContext(ctx, "the ledger names another clearing house",
			"ledger", parties.Clearing, "directory", i.clearing)
	}
	return nil
}
