// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
)

// page is how much is asked for of a list; of remittances less, as each names
// its batches.
const page, remittances = 200, 50

// owed is money and the coupons it is for.
type owed struct{ minor, coupons int64 }

// compareMoney: what is remitted and what is claimed and not yet settled is, for
// each retailer, what its tills took off and did not give back; and net
// positions are zero.
func (p *play) compareMoney(ctx context.Context) error {
	taken := p.book.takenOff()
	paid, err := p.paid(ctx)
	if err != nil {
		return err
	}
	for _, shop := range p.stage.shops {
		if taken[shop.mspID] != paid[shop.mspID] {
			p.book.problem("%s took off %d for %d coupons, and is paid %d for %d", shop.name,
				taken[shop.mspID].minor, taken[shop.mspID].coupons, paid[shop.mspID].minor, paid[shop.mspID].coupons)
		}
	}
	for _, id := range p.book.settled {
		answer, err := p.stage.clearing.GetSettlement(ctx, &clearingv1.GetSettlementRequest{SettlementId: id})
		if err != nil {
			return fmt.Errorf("looking up settlement %s: %w", id, err)
		}
		net := map[string]int64{}
		for _, n := range answer.GetSettlement().GetNetPositions() {
			net[n.GetAmount().GetCurrency()] += n.GetAmount().GetMinor()
		}
		for currency, sum := range net {
			if sum != 0 {
				p.book.problem("net positions of settlement %s sum to %d %s", id, sum, currency)
			}
		}
	}
	return nil
}

// paid is what is remitted to each retailer, or claimed and not yet settled.
func (p *play) paid(ctx context.Context) (map[string]owed, error) {
	paid := map[string]owed{}
	if err := p.remitted(ctx, paid); err != nil {
		return nil, err
	}
	return paid, p.unsettled(ctx, paid)
}

// remitted adds up all remittances.
func (p *play) remitted(ctx context.Context, paid map[string]owed) error {
	batches := map[string]bool{}
	for token := ""; ; {
		answer, err := p.stage.clearing.ListRemittances(ctx, &clearingv1.ListRemittancesRequest{PageSize: remittances, PageToken: token})
		if err != nil {
			return fmt.Errorf("listing remittances: %w", err)
		}
		for _, r := range answer.GetRemittances() {
			before := paid[r.GetRetailer()]
			paid[r.GetRetailer()] = owed{before.minor + r.GetAmount().GetMinor(), before.coupons + r.GetCoupons()}
			for _, id := range r.GetBatchIds() {
				if batches[id] {
					p.book.problem("batch %s is remitted twice", id)
				}
				batches[id] = true
			}
		}
		if token = answer.GetNextPageToken(); token == "" {
			return nil
		}
	}
}

// unsettled adds up the claims that are not settled, and of which none is
// disputed.
func (p *play) unsettled(ctx context.Context, paid map[string]owed) error {
	p.book.claims = 0
	for token := ""; ; {
		answer, err := p.stage.clearing.ListClaims(ctx, &clearingv1.ListClaimsRequest{PageSize: page, PageToken: token})
		if err != nil {
			return fmt.Errorf("listing claims: %w", err)
		}
		for _, c := range answer.GetClaims() {
			p.book.claims++
			switch c.GetState() {
			case clearingv1.ClaimState_CLAIM_STATE_SETTLED:
				continue
			case clearingv1.ClaimState_CLAIM_STATE_DISPUTED:
				p.book.problem("claim %s of %s is disputed", c.GetClaimId(), c.GetRetailer())
			}
			before := paid[c.GetRetailer()]
			for _, a := range c.GetAmounts() {
				before.minor += a.GetMinor()
			}
			paid[c.GetRetailer()] = owed{before.minor, before.coupons + c.GetCoupons()}
		}
		if token = answer.GetNextPageToken(); token == "" {
			return nil
		}
	}
}
