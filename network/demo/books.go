// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"ecoupon/network/desk"
	"ecoupon/network/runner"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/wallet"
)

// catchUp bounds the wait for a service to learn what the ledger knows.
const catchUp = time.Minute

// undoSale voids one sale with a bound coupon: its coupon is good again, but
// the presentation that was used is not.
func (p *play) undoSale(ctx context.Context) error {
	sold, err := p.soldBound()
	if err != nil {
		return err
	}
	id := sold.redemption.GetRedemptionId()
	err = p.time("sale voided", func() error {
		_, err := p.retailer.Void(ctx, &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: id})
		return err
	})
	if err != nil {
		return fmt.Errorf("voiding %s: %w", id, err)
	}
	p.tell("the customer brings the goods back: redemption %s is void, its %s are given back", id, amount(sold.redemption.GetTotal()))

	again := &retailerv1.RedeemRequest{
		RequestId: uuid.NewString(), Basket: sold.request.GetBasket(),
		Invoice: newInvoice(sold.request.GetInvoice()), Coupons: sold.request.GetCoupons(),
	}
	if err := p.pay(ctx, retailerMSP, again.GetInvoice()); err != nil {
		return err
	}
	_, err = p.retailer.Redeem(ctx, again)
	if err := p.refused("the old presentation, kept by the till, is replayed", err, "PRESENTATION_REPLAYED"); err != nil {
		return err
	}
	w, err := p.wallet(sold.customer, time.Now)
	if err != nil {
		return err
	}
	again.RequestId, again.Coupons = uuid.NewString(), nil
	for _, h := range sold.holdings {
		text, err := w.Present(h.ID, wallet.Audience{Retailer: retailerMSP})
		if err != nil {
			return err
		}
		again.Coupons = append(again.Coupons, text)
	}
	answer, err := p.retailer.Redeem(ctx, again)
	if err != nil {
		return fmt.Errorf("redeeming a voided coupon again: %w %v", err, desk.Reasons(err))
	}
	p.tell("later the customer presents the coupon anew and uses it for another purchase: %s off", amount(answer.GetRedemption().GetTotal()))
	return nil
}

// soldBound returns a sale whose coupons are all bound to a wallet.
func (p *play) soldBound() (*soldSale, error) {
	for _, id := range p.order {
		bound := true
		for _, h := range p.sales[id].holdings {
			bound = bound && h.Offer.Holder == "bound"
		}
		if bound {
			return p.sales[id], nil
		}
	}
	return nil, errors.New("the examples have no sale with bound coupons only")
}

// newInvoice is another payment of the same amount, just made.
func newInvoice(of *typev1.Invoice) *typev1.Invoice {
	return &typev1.Invoice{
		Number: "X-" + uuid.NewString()[:8], Institute: of.GetInstitute(),
		Amount: of.GetAmount(), PaidTime: now(),
	}
}

// settle follows the money: claim, reconciliation, settlement, remittances.
func (p *play) settle(ctx context.Context) error {
	claims, err := p.claim(ctx)
	if err != nil {
		return err
	}
	if err := p.awaitClaims(ctx, claims); err != nil {
		return err
	}
	var run *clearingv1.ReconcileResponse
	err = p.time("claims reconciled", func() (err error) {
		run, err = p.clearing.Reconcile(ctx, &clearingv1.ReconcileRequest{RequestId: uuid.NewString()})
		return err
	})
	if err != nil {
		return fmt.Errorf("reconciling: %w", err)
	}
	p.tell("the clearing house compares %d claims with digests and markers: %d differences", run.GetClaims(), len(run.GetDifferences()))
	if len(run.GetDifferences()) > 0 {
		return fmt.Errorf("the books differ: %v", run.GetDifferences())
	}
	var settlement *clearingv1.Settlement
	err = p.time("claims settled", func() error {
		answer, err := p.clearing.Settle(ctx, &clearingv1.SettleRequest{RequestId: uuid.NewString()})
		settlement = answer.GetSettlement()
		return err
	})
	if err != nil {
		return fmt.Errorf("settling: %w", err)
	}
	for _, r := range settlement.GetRemittances() {
		p.tell("%s pays %s to %s for %d coupons in %d batches", r.GetIssuer(), amount(r.GetAmount()), r.GetRetailer(), r.GetCoupons(), len(r.GetBatchIds()))
	}
	if err := p.checkBooks(ctx, settlement); err != nil {
		return err
	}
	_, err = p.retailer.Void(ctx, &retailerv1.VoidRequest{
		RequestId: uuid.NewString(), RedemptionId: p.sales[p.order[0]].redemption.GetRedemptionId(),
	})
	return p.refused("the retailer voids a sale that it was paid for", err, "ALREADY_CLAIMED", "ALREADY_SETTLED")
}

func (p *play) claim(ctx context.Context) ([]*retailerv1.Claim, error) {
	var claims []*retailerv1.Claim
	err := p.time("batches claimed", func() error {
		answer, err := p.retailer.Claim(ctx, &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: "IssuerMSP"})
		claims = answer.GetClaims()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claiming: %w", err)
	}
	for _, c := range claims {
		p.tell("the retailer claims %s for %d coupons in %d batches; the issuer is not asked", amounts(c.GetAmounts()), c.GetCoupons(), len(c.GetBatchIds()))
	}
	if len(claims) == 0 {
		return nil, errors.New("there was nothing to claim")
	}
	return claims, nil
}

// awaitClaims waits until the clearing house has learnt of the claims from the
// ledger.
func (p *play) awaitClaims(ctx context.Context, claims []*retailerv1.Claim) error {
	ctx, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	for {
		known, err := p.clearing.ListClaims(ctx, &clearingv1.ListClaimsRequest{PageSize: 200})
		if err != nil {
			return fmt.Errorf("listing claims: %w", err)
		}
		if holds(known.GetClaims(), claims) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the clearing house to see the claims: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// holds reports whether all claims are known.
func holds(known []*clearingv1.Claim, claims []*retailerv1.Claim) bool {
	for _, c := range claims {
		if !slices.ContainsFunc(known, func(k *clearingv1.Claim) bool { return k.GetClaimId() == c.GetClaimId() }) {
			return false
		}
	}
	return true
}

// checkBooks compares what the tills took off with what is paid.
func (p *play) checkBooks(_ context.Context, settlement *clearingv1.Settlement) error {
	var paid, taken int64
	for _, r := range settlement.GetRemittances() {
		paid += r.GetAmount().GetMinor()
	}
	for _, sold := range p.sales {
		taken += sold.redemption.GetTotal().GetMinor()
	}
	// The voided sale was redeemed again for the same value.
	taken += p.extra
	if paid != taken {
		return fmt.Errorf("the tills took off %d minor units, the settlement pays %d", taken, paid)
	}
	var net int64
	for _, n := range settlement.GetNetPositions() {
		net += n.GetAmount().GetMinor()
	}
	if net != 0 {
		return fmt.Errorf("net positions sum to %d", net)
	}
	p.tell("to the cent what the tills took off, the voided sale counted once; net positions sum to zero")
	return nil
}

// farewell tells how to go on.
func (p *play) farewell(context.Context) error {
	as := func(organisation, who string) string { return relative(p.network.Folder(organisation, who)) }
	url, _, err := p.public.Public("AdvertiserMSP")
	if err != nil {
		return err
	}
	if p.network.Consortium().Containers {
		p.tell("the network is up, in containers")
	} else {
		p.tell("the network is up; its processes and addresses: make status; to stop it: make down; to resume: make up")
	}
	p.tell("the advertiser's public page: %s/v1/offers", url)
	till, wallet := as("retailer", "till-1"), relative(filepath.Join(p.wallets, "you.json"))
	commands := []string{
		"export COUPON_WALLET=" + wallet,
		fmt.Sprintf("bin/coupon --as %s --organisation AdvertiserMSP wallet offers", till),
		fmt.Sprintf("bin/coupon --as %s --organisation AdvertiserMSP wallet get %s", till, p.campaigns[0].ID),
		"bin/coupon wallet list",
	}
	payment := "--invoice MY-INVOICE-1 --institute Girohaus"
	if institutes := p.network.Consortium().Institutes; len(institutes) > 0 {
		account := relative(p.network.CustomerFolder("retailer", institutes[0].Name, runner.Merchant))
		payment = "--payment payment.json"
		commands = append(commands, fmt.Sprintf("bin/institute pay --as %s --amount 2.49 > payment.json", account))
	}
	for _, command := range append(commands,
		fmt.Sprintf("bin/coupon wallet present COUPON | tee /dev/stderr | bin/coupon --as %s till redeem - \\", till),
		"    "+payment+" --line 9521234543213:1:2.49",
		fmt.Sprintf("bin/coupon --as %s till show %s", till, p.sales[p.order[0]].redemption.GetRedemptionId()),
		fmt.Sprintf("bin/coupon --as %s issuer statistics %s", as("issuer", "operator"), p.campaigns[0].ID),
		fmt.Sprintf("bin/coupon --as %s clearing remittances", as("clearing", "operator")),
		fmt.Sprintf("bin/coupon --as %s clearing claims --state disputed", as("clearing", "operator")),
	) {
		p.tell("  %s", command)
	}
	return nil
}
