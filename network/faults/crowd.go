// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

const (
	// suppliers fetch coupons for the crowd, supplySize lets it go on while the
	// advertiser is away.
	suppliers, supplySize = 4, 4000
	// hurried is one in so many requests whose till waits for a moment only,
	// briefest to briefly; leaving is one in so many of them that the till does
	// not repeat.
	hurried, leaving  = 8, 3
	briefest, briefly = time.Millisecond, 40 * time.Millisecond
	// reviewAfter is when a clerk repeats what a till did not: well before a
	// presentation is too old.
	reviewAfter = 10 * time.Second
)

// supply fetches coupons until ctx ends, by the advertiser's own interface: a
// web page of it would do the same.
func (p *play) supply(ctx context.Context) error {
	for ctx.Err() == nil {
		offer := p.stage.offers[rand.IntN(len(p.stage.offers))] //nolint:gosec // any will do
		request := &advertiserv1.IssueCouponRequest{RequestId: uuid.NewString(), FrameworkId: hex.EncodeToString(offer.Framework[:])}
		h := held{}
		if offer.Holder == coupon.HolderBound {
			public, private, err := ed25519.GenerateKey(nil)
			if err != nil {
				return err
			}
			request.Owner, h.key = public, private
		}
		var answer *advertiserv1.IssueCouponResponse
		err := p.insist(ctx, "coupon "+request.RequestId, officeDeadline, func(ctx context.Context) (err error) {
			answer, err = p.stage.advertiser.IssueCoupon(ctx, request)
			return err
		})
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end is no failure
		}
		if err != nil {
			return err
		}
		h.text = answer.GetCoupon()
		if h.serial, err = p.book.hold(h.text); err != nil {
			return err
		}
		select {
		case p.goods <- h:
		case <-ctx.Done():
		}
	}
	return nil
}

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
	case n < 10:
		return p.scramble(ctx, at, h)
	case n < 14:
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
		moment, done := context.WithTimeout(ctx, briefest+rand.N(briefly-briefest)) //nolint:gosec // likewise
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
	err := p.insist(ctx, "redemption "+a.request.GetRequestId(), tillDeadline, func(ctx context.Context) (err error) {
		answer, err = p.send(ctx, p.counter(a.at), a)
		return err
	})
	return p.conclude(a, answer, err, asked)
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
	hurry := rand.IntN(hurried) == 0 //nolint:gosec // any mixture will do
	err := p.insist(ctx, "void of "+s.answer.GetRedemptionId(), tillDeadline, func(ctx context.Context) error {
		if hurry {
			hurry = false
			var done func()
			ctx, done = context.WithTimeout(ctx, briefest+rand.N(briefly-briefest)) //nolint:gosec // likewise
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

// leave hands a request of unknown outcome to the clerk.
func (p *play) leave(a *ask) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = append(p.left, leftover{a, time.Now()})
}

// leftover is a request that its till did not repeat.
type leftover struct {
	*ask
	since time.Time
}

// clerk repeats what tills have left, until open ends; then all of it.
func (p *play) clerk(ctx, open context.Context) error {
	for rest(open, time.Second) {
		p.review(ctx, reviewAfter)
	}
	return ctx.Err()
}

// review repeats what was left so long ago.
func (p *play) review(ctx context.Context, age time.Duration) {
	p.mu.Lock()
	due := 0
	for due < len(p.left) && time.Since(p.left[due].since) >= age {
		due++
	}
	list := p.left[:due:due]
	p.left = p.left[due:]
	p.mu.Unlock()
	var desks errgroup.Group
	desks.SetLimit(clerks)
	for _, l := range list {
		desks.Go(func() error { p.decide(ctx, l.ask); return nil })
	}
	_ = desks.Wait()
}

// clerks repeat so many requests at a time.
const clerks = 8
