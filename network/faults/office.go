// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// officePause is between two rounds of claims and settlement.
const officePause = 5 * time.Second

// office claims, reconciles and settles until open ends.
func (p *play) office(ctx, open context.Context) error {
	for rest(open, officePause) {
		if err := p.settleAll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// fillDeadline bounds the wait for a lost store to find again on the ledger what is
// not claimed yet: it begins with the first block.
const fillDeadline = 10 * time.Minute

// settleUp settles until nobody is owed anything, as far as a peer that is behind and
// a store that fills allow. That somebody still is after the deadline is for the
// books to say.
func (p *play) settleUp(ctx context.Context) error {
	for began := time.Now(); ; {
		if err := errors.Join(p.settleAll(ctx), p.stage.network.AwaitPeers(ctx)); err != nil {
			return err
		}
		paid, err := p.paid(ctx)
		if err != nil || maps.Equal(paid, p.book.takenOff()) || time.Since(began) > fillDeadline {
			return err
		}
		rest(ctx, time.Second)
	}
}

// settleAll claims what is unclaimed, reconciles and settles.
func (p *play) settleAll(ctx context.Context) error {
	for _, at := range p.stage.shops {
		p.claim(ctx, at)
	}
	reconcile := &clearingv1.ReconcileRequest{RequestId: uuid.NewString()}
	err := p.insist(ctx, "reconciliation", officeDeadline, func(ctx context.Context) error {
		run, err := p.stage.clearing.Reconcile(ctx, reconcile)
		for _, d := range run.GetDifferences() {
			p.book.problem("reconciliation %s: %v", run.GetRunId(), d)
		}
		return err
	})
	if err != nil && undecided(err) == "" {
		p.book.problem("reconciliation was refused: %v %v", err, desk.Reasons(err))
	}
	settle := &clearingv1.SettleRequest{RequestId: uuid.NewString()}
	var answer *clearingv1.SettleResponse
	err = p.insist(ctx, "settlement", officeDeadline, func(ctx context.Context) (err error) {
		answer, err = p.stage.clearing.Settle(ctx, settle)
		return err
	})
	switch {
	case err == nil:
		p.book.settle(answer.GetSettlement().GetSettlementId())
	case behind(err):
		// The next round settles what this one could not.
	case undecided(err) == "":
		p.book.problem("settlement was refused: %v %v", err, desk.Reasons(err))
	}
	return ctx.Err()
}

// behind reports whether a settlement was refused by an issuer's peer that has
// not caught up: the clearing house does not wait for one issuer.
func behind(err error) bool {
	reasons := desk.Reasons(err)
	return slices.Contains(reasons, string(coupon.ReasonBatchUnknown)) || slices.Contains(reasons, string(coupon.ReasonNotClaimed))
}

// claim claims what a shop has not claimed.
func (p *play) claim(ctx context.Context, at *shop) {
	request := &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuerMSP}
	err := p.insist(ctx, "claim of "+at.name, officeDeadline, func(ctx context.Context) error {
		_, err := at.operator.Claim(ctx, request)
		return err
	})
	if err != nil && undecided(err) == "" {
		p.book.problem("claim of %s was refused: %v %v", at.name, err, desk.Reasons(err))
	}
}
