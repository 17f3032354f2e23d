// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

const (
	// hurried is one in so many requests whose till waits for a moment only,
	// briefest to briefly; leaving is one in so many of them that the till does
	// not repeat.
	hurried, leaving  = 6, 4
	briefest, briefly = time.Millisecond, 40 * time.Millisecond
)

// attend is one of the crowd: it plays one customer after the other until open
// ends.
func (p *play) attend(ctx, open context.Context) error {
	for {
		select {
		case <-open.Done():
			return nil
		case h := <-p.goods:
			if err := p.guest(ctx, h); err != nil {
				return err
			}
		}
	}
}

// guest is a customer of the crowd with one coupon.
func (p *play) guest(ctx context.Context, h held) error {
	at := p.stage.shops[rand.IntN(len(p.stage.shops))] //nolint:gosec // any mixture will do
	switch n := rand.IntN(100); {                      //nolint:gosec // likewise
	case n < 12:
		return p.scramble(ctx, at, h)
	case n < 16:
		return p.stammer(ctx, at, h)
	}
	a, err := p.wish(at, h)
	if err != nil {
		return err
	}
	sale, left := p.buy(ctx, a)
	if left || sale == nil {
		if left && rand.IntN(2) == 0 { //nolint:gosec // likewise
			return p.elsewhere(ctx, at, h)
		}
		return ctx.Err()
	}
	switch n := rand.IntN(100); { //nolint:gosec // likewise
	case n < 8:
		return p.elsewhere(ctx, at, h)
	case n < 16:
		p.undo(ctx, sale)
		return p.elsewhere(ctx, at, h)
	case n < 20:
		return p.undoBeside(ctx, sale, h)
	}
	return nil
}

// wish is a purchase with one coupon.
func (p *play) wish(at *shop, h held) (*ask, error) {
	text, err := h.present(at)
	if err != nil {
		return nil, err
	}
	return p.newAsk(at, request(text), []serial{h.serial}), nil
}

// buy asks until it is decided and returns the sale, if there is one. Some
// tills give up after a moment: most of them send the same again, the others
// have left it to the clerk.
func (p *play) buy(ctx context.Context, a *ask) (sale *sold, left bool) {
	if rand.IntN(hurried) == 0 { //nolint:gosec // any mixture will do
		moment, done := hurry(ctx)
		answer, err := p.send(moment, p.counter(a.at), a)
		done()
		p.book.attempt(0, undecided(err))
		switch {
		case undecided(err) == "":
			return p.conclude(a, answer, err, time.Now()), false
		case rand.IntN(leaving) == 0: //nolint:gosec // likewise
			p.leave(a)
			return nil, true
		}
	}
	return p.decide(ctx, a), false
}

// decide sends the same request until it is decided.
func (p *play) decide(ctx context.Context, a *ask) *sold {
	asked := time.Now()
	var answer *retailerv1.RedeemResponse
	first := true
	err := p.insist(ctx, "redemption "+a.request.GetRequestId(), tillDeadline, func(ctx context.Context) (err error) {
		if !first && rand.IntN(hurried) == 0 { //nolint:gosec // any mixture will do
			var done func()
			ctx, done = hurry(ctx)
			defer done()
		}
		first = false
		answer, err = p.send(ctx, p.counter(a.at), a)
		return err
	})
	return p.conclude(a, answer, err, asked)
}

// hurry bounds a call to a moment.
func hurry(ctx context.Context) (moment context.Context, done func()) {
	return context.WithTimeout(ctx, briefest+rand.N(briefly-briefest)) //nolint:gosec // any moment will do
}

// conclude notes a decision. Whether a refusal as used was right, the history
// tells; other refusals are wrong, unless the presentation has become too old.
func (p *play) conclude(a *ask, answer *retailerv1.RedeemResponse, err error, asked time.Time) *sold {
	if err == nil {
		s := &sold{shop: a.at, requestID: a.request.GetRequestId(), answer: answer.GetRedemption(), coupons: a.coupons, number: a.number}
		p.book.accept(s, asked)
		p.checkTotal(s)
		return s
	}
	if undecided(err) != "" {
		return nil
	}
	reasons := desk.Reasons(err)
	if slices.Contains(reasons, string(coupon.ReasonVoided)) {
		return nil
	}
	p.book.turnAway(turned{a.at, a.request.GetRequestId(), a.coupons})
	used := slices.Contains(reasons, string(coupon.ReasonAlreadyRedeemed)) ||
		slices.Contains(reasons, string(coupon.ReasonPresentationReplayed))
	old := time.Since(a.request.GetInvoice().GetPaidTime().AsTime()) > presentationLife
	if !used && !old {
		p.book.problem("a good coupon was refused at %s: request %s: %v", a.at.name, a.request.GetRequestId(), reasons)
	}
	return nil
}

// elsewhere uses the coupon at the other shop.
func (p *play) elsewhere(ctx context.Context, than *shop, h held) error {
	a, err := p.wish(p.other(than), h)
	if err != nil {
		return err
	}
	p.buy(ctx, a)
	return ctx.Err()
}

// scramble uses the coupon at both shops at once, and sometimes at a third till.
func (p *play) scramble(ctx context.Context, at *shop, h held) error {
	shops := []*shop{at, p.other(at)}
	if rand.IntN(4) == 0 { //nolint:gosec // any mixture will do
		shops = append(shops, at)
	}
	var tills errgroup.Group
	for _, at := range shops {
		a, err := p.wish(at, h)
		if err != nil {
			return err
		}
		tills.Go(func() error { p.buy(ctx, a); return nil })
	}
	_ = tills.Wait()
	return ctx.Err()
}

// stammer sends the same request twice at once: the answers are to be alike.
func (p *play) stammer(ctx context.Context, at *shop, h held) error {
	a, err := p.wish(at, h)
	if err != nil {
		return err
	}
	var other *retailerv1.RedeemResponse
	var echo errgroup.Group
	echo.Go(func() error {
		return p.insist(ctx, "the other redemption "+a.request.GetRequestId(), tillDeadline, func(ctx context.Context) (err error) {
			other, err = p.send(ctx, p.counter(at), a)
			return err
		})
	})
	sale := p.decide(ctx, a)
	if err := echo.Wait(); err == nil && sale != nil && other.GetRedemption().String() != sale.answer.String() {
		p.book.problem("request %s was answered %v and %v", a.request.GetRequestId(), sale.answer, other.GetRedemption())
	}
	return ctx.Err()
}

// undo voids a sale, if it is not claimed by then.
func (p *play) undo(ctx context.Context, s *sold) {
	void := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: s.answer.GetRedemptionId()}
	client := p.book.nextNumber()
	once := rand.IntN(hurried) == 0 //nolint:gosec // any mixture will do
	err := p.insist(ctx, "void of "+s.answer.GetRedemptionId(), tillDeadline, func(ctx context.Context) error {
		if once {
			once = false
			var done func()
			ctx, done = hurry(ctx)
			defer done()
		}
		return p.sendVoid(ctx, s, void, client)
	})
	reasons := desk.Reasons(err)
	switch {
	case err == nil:
		p.book.void(s)
	case slices.Contains(reasons, string(coupon.ReasonAlreadyClaimed)) || slices.Contains(reasons, string(coupon.ReasonAlreadySettled)):
	case undecided(err) == "":
		p.book.problem("voiding redemption %s: %v", s.answer.GetRedemptionId(), reasons)
	}
}

// undoBeside voids a sale while its coupon is used elsewhere.
func (p *play) undoBeside(ctx context.Context, s *sold, h held) error {
	var office errgroup.Group
	office.Go(func() error { p.undo(ctx, s); return nil })
	err := p.elsewhere(ctx, s.shop, h)
	_ = office.Wait()
	return err
}

// counter is one of the shop's connections for exact reasons.
func (p *play) counter(at *shop) retailerv1.RetailerServiceClient {
	return at.counters[rand.IntN(len(at.counters))] //nolint:gosec // any will do
}
