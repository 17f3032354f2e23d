// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

const (
	// salePause is between two customers at a till.
	salePause = 100 * time.Millisecond
	// presentationLife is how long a presentation is good, less a margin: a
	// sale that took longer to decide may be refused for that.
	presentationLife = 100 * time.Second
	// voidLimit bounds the wait for a void to be seen by the issuer's peer.
	voidLimit = 30 * time.Second
)

// serve is one till: customers come until open ends, and the last is served.
func (p *play) serve(ctx, open context.Context, at *shop) error {
	for {
		select {
		case <-open.Done():
			return nil
		case h := <-p.stock:
			if err := p.customer(ctx, at, h); err != nil {
				return err
			}
		}
		if !rest(open, salePause/2+rand.N(salePause)) { //nolint:gosec // any pause will do
			return nil
		}
	}
}

// customer is one customer: mostly a plain sale, now and then something else.
func (p *play) customer(ctx context.Context, at *shop, h held) error {
	coupons := []held{h}
	if rand.IntN(4) == 0 { //nolint:gosec // any mixture will do
		select {
		case more := <-p.stock:
			coupons = append(coupons, more)
		default:
		}
	}
	if rand.IntN(25) == 0 { //nolint:gosec // likewise
		return p.race(ctx, h)
	}
	sale, request, err := p.sell(ctx, at, coupons)
	if err != nil || sale == nil {
		return err
	}
	switch rand.IntN(20) { //nolint:gosec // likewise
	case 0:
		return p.repeat(ctx, sale, request)
	case 1:
		return p.spendAgain(ctx, sale, coupons)
	case 2:
		return p.bringBack(ctx, sale, coupons)
	case 3:
		return p.forge(ctx, at, h)
	}
	return nil
}

// other is the shop that is not this one.
func (p *play) other(than *shop) *shop {
	return p.stage.shops[(slices.Index(p.stage.shops, than)+1)%len(p.stage.shops)]
}

// request is a sale with enough of the goods, and something else.
func request(coupons ...string) *retailerv1.RedeemRequest {
	units := int64(len(coupons))
	return &retailerv1.RedeemRequest{
		RequestId: uuid.NewString(),
		Invoice: &typev1.Invoice{
			Number: "F-" + uuid.NewString()[:13], Institute: "Girohaus",
			Amount: &typev1.Money{Currency: "EUR", Minor: price*units + 100}, PaidTime: timestamppb.Now(),
		},
		Basket: &typev1.Basket{Currency: "EUR", Lines: []*typev1.Line{
			{Gtin: gtin, Quantity: units, UnitPrice: price},
			{Gtin: "09521234543220", Quantity: 1, UnitPrice: 100},
		}},
		Coupons: coupons,
	}
}

// redeem insists on a decision and notes it.
func (p *play) redeem(ctx context.Context, at *shop, r *retailerv1.RedeemRequest, coupons []serial) (*sold, error) {
	asked := time.Now()
	var answer *retailerv1.RedeemResponse
	a := p.newAsk(at, r, coupons)
	err := p.insist(ctx, "redemption "+r.GetRequestId(), tillDeadline, func(ctx context.Context) (err error) {
		answer, err = p.send(ctx, at.till, a)
		return err
	})
	if err != nil {
		if undecided(err) == "" {
			p.book.turnAway(turned{at, r.GetRequestId(), coupons})
		}
		return nil, err
	}
	s := &sold{shop: at, requestID: r.GetRequestId(), answer: answer.GetRedemption(), coupons: coupons, number: a.number}
	p.book.accept(s, asked)
	return s, nil
}

// sell is an honest sale. It is to be accepted, unless it took so long that
// the presentation is too old.
func (p *play) sell(ctx context.Context, at *shop, coupons []held) (*sold, *retailerv1.RedeemRequest, error) {
	texts, serials, err := show(at, coupons)
	if err != nil {
		return nil, nil, err
	}
	r := request(texts...)
	began := time.Now()
	s, err := p.redeem(ctx, at, r, serials)
	if err != nil {
		if undecided(err) == "" && time.Since(began) < presentationLife {
			p.book.problem("an honest sale was refused at %s: request %s: %v", at.name, r.GetRequestId(), desk.Reasons(err))
		}
		return nil, nil, ctx.Err()
	}
	p.checkTotal(s)
	return s, r, nil
}

// offer is a sale that may be refused; it returns the reasons.
func (p *play) offer(ctx context.Context, at *shop, coupons []held) (*sold, []string, error) {
	texts, serials, err := show(at, coupons)
	if err != nil {
		return nil, nil, err
	}
	s, err := p.redeem(ctx, at, request(texts...), serials)
	if err != nil {
		return nil, desk.Reasons(err), ctx.Err()
	}
	p.checkTotal(s)
	return s, nil, nil
}

// show presents all coupons of a customer.
func show(at *shop, coupons []held) (texts []string, serials []serial, err error) {
	for _, h := range coupons {
		text, err := h.present(at)
		if err != nil {
			return nil, nil, err
		}
		texts, serials = append(texts, text), append(serials, h.serial)
	}
	return texts, serials, nil
}

func (p *play) checkTotal(s *sold) {
	if total := s.answer.GetTotal().GetMinor(); total != discount*int64(len(s.coupons)) {
		p.book.problem("redemption %s gave %d for %d coupons", s.answer.GetRedemptionId(), total, len(s.coupons))
	}
}

// repeat sends an accepted request again: the answer is to be the same.
func (p *play) repeat(ctx context.Context, s *sold, r *retailerv1.RedeemRequest) error {
	var answer *retailerv1.RedeemResponse
	again := &ask{s.shop, r, s.coupons, s.number}
	err := p.insist(ctx, "repeat of "+s.requestID, tillDeadline, func(ctx context.Context) (err error) {
		answer, err = p.send(ctx, s.shop.till, again)
		return err
	})
	if err != nil || !proto.Equal(answer.GetRedemption(), s.answer) {
		p.book.problem("redemption %s: first answered %v, then %v %v", s.answer.GetRedemptionId(), s.answer, answer, err)
	}
	return ctx.Err()
}

// spendAgain shows spent coupons at another shop.
func (p *play) spendAgain(ctx context.Context, s *sold, coupons []held) error {
	at := p.other(s.shop)
	text, err := coupons[0].present(at)
	if err != nil {
		return err
	}
	if again, err := p.redeem(ctx, at, request(text), s.coupons[:1]); err == nil {
		p.book.problem("a coupon of redemption %s was spent again in %s", s.answer.GetRedemptionId(), again.answer.GetRedemptionId())
	}
	return ctx.Err()
}

// race shows one coupon at both shops at once: one gets it.
func (p *play) race(ctx context.Context, h held) error {
	type result struct {
		sale *sold
		err  error
	}
	results := make(chan result)
	for _, at := range p.stage.shops {
		go func() {
			text, err := h.present(at)
			if err != nil {
				results <- result{nil, err}
				return
			}
			s, err := p.redeem(ctx, at, request(text), []serial{h.serial})
			results <- result{s, err}
		}()
	}
	won := 0
	var errs []error
	for range p.stage.shops {
		r := <-results
		if r.err == nil {
			won++
		}
		errs = append(errs, r.err)
	}
	if won != 1 && ctx.Err() == nil {
		p.book.problem("of two tills with coupon %d at once, %d got it: %v", h.serial.sn, won, errors.Join(errs...))
	}
	return ctx.Err()
}

// bringBack voids a sale, unless it is claimed by then. Every other customer
// uses the coupons for another one.
func (p *play) bringBack(ctx context.Context, s *sold, coupons []held) error {
	void := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: s.answer.GetRedemptionId()}
	client := p.book.nextNumber()
	err := p.insist(ctx, "void of "+s.answer.GetRedemptionId(), tillDeadline, func(ctx context.Context) error {
		return p.sendVoid(ctx, s, void, client)
	})
	reasons := desk.Reasons(err)
	switch {
	case err == nil || slices.Contains(reasons, string(coupon.ReasonVoided)):
		// With an empty store the repeat of a void is not known as one.
		p.book.void(s)
	case slices.Contains(reasons, string(coupon.ReasonAlreadyClaimed)) || slices.Contains(reasons, string(coupon.ReasonAlreadySettled)):
		return nil
	case undecided(err) == "":
		p.book.problem("voiding redemption %s: %v", s.answer.GetRedemptionId(), reasons)
		return ctx.Err()
	default:
		return ctx.Err()
	}
	if rand.IntN(2) == 0 { //nolint:gosec // any mixture will do
		return p.useAgain(ctx, p.other(s.shop), coupons)
	}
	return nil
}

// useAgain uses coupons of a voided sale. While the issuer's peer has not seen
// the void they are refused as used, so the customer tries for some time.
func (p *play) useAgain(ctx context.Context, at *shop, coupons []held) error {
	for deadline := time.Now().Add(voidLimit); ; {
		sale, reasons, err := p.offer(ctx, at, coupons)
		if sale != nil || err != nil {
			return err
		}
		if !slices.Contains(reasons, "ALREADY_USED") || time.Now().After(deadline) {
			p.book.problem("coupon %d of a voided sale was refused at %s: %v", coupons[0].serial.sn, at.name, reasons)
			return nil
		}
		if !rest(ctx, longestPause) {
			return ctx.Err()
		}
	}
}

// forge shows a coupon with a wrong MAC.
func (p *play) forge(ctx context.Context, at *shop, h held) error {
	c, err := coupon.ParseCoupon(h.text)
	if err != nil || c.Bound {
		return err
	}
	c.EmitterMAC[0] ^= 1
	if _, err := p.redeem(ctx, at, request(c.Text()), nil); err == nil {
		p.book.problem("a forged coupon was redeemed at %s", at.name)
	}
	return ctx.Err()
}
