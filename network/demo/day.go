// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"ecoupon/network/desk"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/sales"
	"ecoupon/services/wallet"
)

const retailerMSP = "RetailerMSP"

// tender is a customer's coupon as it is handed over the counter.
type tender struct {
	holding wallet.Holding
	text    string
}

// dayCount is what became of a till's sales.
type dayCount struct {
	plain, redeemed, coupons, kept int
	saved                          int64
}

// playDay lets the tills work side by side, each through its own sales.
func (p *play) playDay(ctx context.Context) error {
	byTill := map[string][]sales.Sale{}
	for _, s := range p.day {
		byTill[s.Till] = append(byTill[s.Till], s)
	}
	counts := make([]dayCount, len(p.tills))
	var g errgroup.Group
	i := 0
	for name, till := range p.tills {
		count, mine := &counts[i], byTill[name]
		i++
		g.Go(func() error { return p.playTill(ctx, till, mine, count) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	slices.Sort(p.order)
	var all dayCount
	for _, c := range counts {
		all.plain += c.plain
		all.redeemed += c.redeemed
		all.coupons += c.coupons
		all.kept += c.kept
		all.saved += c.saved
	}
	p.tell("%d baskets without coupons; %d baskets with %d coupons redeemed, %s off;", all.plain, all.redeemed, all.coupons,
		amount(&typev1.Money{Currency: "EUR", Minor: all.saved}))
	p.tell("%d coupons did not fit their baskets: the till said so before paying, and they were kept", all.kept)
	return nil
}

func (p *play) playTill(ctx context.Context, till retailerv1.RetailerServiceClient, mine []sales.Sale, count *dayCount) error {
	for _, s := range mine {
		if s.CouponCount() == 0 {
			count.plain++
			continue
		}
		if err := p.sell(ctx, till, s, count); err != nil {
			return fmt.Errorf("basket %s at %s: %w", s.ID, s.Till, err)
		}
	}
	return nil
}

// sell verifies what the customer shows, and redeems what fits the basket.
func (p *play) sell(ctx context.Context, till retailerv1.RetailerServiceClient, s sales.Sale, count *dayCount) error {
	// The day is played in a minute: each payment is made now, and its institute
	// gives it another number than in the file.
	request := s.Request(uuid.NewString(), time.Now().Add(-s.At))
	shown, err := p.show(s)
	if err != nil {
		return err
	}
	fitting, err := p.fitting(ctx, till, request.GetBasket(), shown)
	if err != nil {
		return err
	}
	count.kept += len(shown) - len(fitting)
	defer p.putBack(shown, fitting)
	if len(fitting) == 0 {
		return nil
	}
	sold := &soldSale{request: request, customer: s.Customer}
	for _, t := range fitting {
		request.Coupons = append(request.Coupons, t.text)
		sold.holdings = append(sold.holdings, t.holding)
	}
	if err := p.pay(ctx, retailerMSP, request.GetInvoice()); err != nil {
		return err
	}
	err = p.time("coupons redeemed", func() error {
		answer, err := till.Redeem(ctx, request)
		sold.redemption = answer.GetRedemption()
		return err
	})
	if err != nil {
		return fmt.Errorf("%w %v", err, desk.Reasons(err))
	}
	count.redeemed++
	count.coupons += len(request.GetCoupons())
	count.saved += sold.redemption.GetTotal().GetMinor()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sales[s.ID] = sold
	p.order = append(p.order, s.ID)
	return nil
}

// putBack makes the coupons that were shown and did not fit usable again.
func (p *play) putBack(shown, fitting []tender) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range shown {
		if !slices.ContainsFunc(fitting, func(f tender) bool { return f.holding.ID == t.holding.ID }) {
			delete(p.used, t.holding.ID)
		}
	}
}

// show takes the coupons that the customer wants to use out of the wallet.
func (p *play) show(s sales.Sale) ([]tender, error) {
	w, err := p.wallet(s.Customer, time.Now)
	if err != nil {
		return nil, err
	}
	var shown []tender
	for _, wish := range s.Coupons {
		holdings, err := p.unused(w, wish.Campaign, wish.Count)
		if err != nil {
			return nil, err
		}
		for _, h := range holdings {
			text, err := w.Present(h.ID, wallet.Audience{Retailer: retailerMSP})
			if err != nil {
				return nil, err
			}
			shown = append(shown, tender{holding: h, text: text})
		}
	}
	return shown, nil
}

// unused takes up to n coupons of a campaign that are neither redeemed nor
// being shown at another till.
func (p *play) unused(w *wallet.Wallet, campaign string, n int) ([]wallet.Holding, error) {
	held, err := w.Coupons()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []wallet.Holding
	for _, h := range held {
		if h.Offer.Mandate.Campaign == campaign && !p.used[h.ID] && len(found) < n {
			found = append(found, h)
			p.used[h.ID] = true
		}
	}
	return found, nil
}

// fitting asks the till which of the coupons the basket can take; it drops one
// after the other, as those before it use up what is bought.
func (p *play) fitting(ctx context.Context, till retailerv1.RetailerServiceClient, basket *typev1.Basket, shown []tender) ([]tender, error) {
	texts := make([]string, len(shown))
	for i, t := range shown {
		texts[i] = t.text
	}
	var answer *retailerv1.VerifyResponse
	err := p.time("coupons verified", func() (err error) {
		answer, err = till.Verify(ctx, &retailerv1.VerifyRequest{Coupons: texts, Basket: basket})
		return err
	})
	if err != nil {
		return nil, err
	}
	var fitting []tender
	for i, v := range answer.GetVerdicts() {
		if v.GetReason() == typev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			fitting = append(fitting, shown[i])
		}
	}
	return fitting, nil
}
