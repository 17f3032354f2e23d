// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/network/bench/load"
	"ecoupon/network/desk"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

const (
	gtin  = "09521234543213"
	terms = `{"format":1,"currency":"EUR","gtins":["` + gtin + `"],"quantity":1,"benefit":{"type":"amount_off","amount":50}}`
	// price is of one unit of the goods, in cents.
	price = 249
	// saleLimit bounds how long a till asks for one sale: by then a presentation
	// is close to its end.
	saleLimit = 90 * time.Second
)

// others are the goods beside those that the coupons are for: with these a basket
// has ten lines.
var others = []string{
	"09521234543220", "09521234543237", "09521234543244", "09521234543251", "09521234543268",
	"09521234543275", "09521234543282", "09521234543299", "09521234543305",
}

// purchase is one invoice of a basket of ten lines, with enough of the goods for
// the coupons.
func purchase(coupons ...string) *retailerv1.RedeemRequest {
	units := int64(len(coupons))
	basket := &typev1.Basket{Currency: "EUR", Lines: []*typev1.Line{{Gtin: gtin, Quantity: units, UnitPrice: price}}}
	total := units * price
	for i, other := range others {
		line := &typev1.Line{Gtin: other, Quantity: int64(1 + i%2), UnitPrice: int64(100 + i)}
		basket.Lines, total = append(basket.Lines, line), total+line.GetQuantity()*line.GetUnitPrice()
	}
	return &retailerv1.RedeemRequest{
		RequestId: uuid.NewString(),
		Invoice: &typev1.Invoice{
			Number: uuid.NewString(), Institute: "Girohaus",
			Amount: &typev1.Money{Currency: "EUR", Minor: total}, PaidTime: timestamppb.Now(),
		},
		Basket: basket, Coupons: coupons,
	}
}

// counts are kept by many at once.
type counts struct {
	mu     sync.Mutex
	byName map[string]int
}

func (c *counts) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byName == nil {
		c.byName = make(map[string]int)
	}
	c.byName[name]++
}

// selling is how customers come: each is one request with one invoice.
type selling struct {
	form form
	// coupons is how many the customer of a number has; nil is one.
	coupons func(i int) int
	// bad and twice are how many of a hundred customers show a coupon that is not
	// good, or one at two retailers at once.
	bad, twice int

	repeated, refused counts
}

// mixed is one, two or three coupons for 70, 20 and 10 of a hundred customers.
func mixed(i int) int {
	switch at := spread(i); {
	case at < 70:
		return 1
	case at < 90:
		return 2
	default:
		return 3
	}
}

// spread gives every hundred numbers in a row the values 0 to 99 once, far from
// each other.
func spread(i int) int { return i * 61 % 100 }

// perCustomer is how many coupons a customer has on average.
func (s *selling) perCustomer() float64 {
	if s.coupons == nil {
		return 1
	}
	sum := 0
	for i := range 100 {
		sum += s.coupons(i)
	}
	return float64(sum) / 100
}

// work serves customers at the tills. Units are coupons that are spent.
func (s *selling) work(b *bench) load.Work {
	return func(ctx context.Context, i int) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, saleLimit)
		defer cancel()
		count := 1
		if s.coupons != nil {
			count = s.coupons(i)
		}
		held, err := b.purses[s.form].take(count)
		if err != nil {
			return 0, err
		}
		till := b.tills[i%len(b.tills)]
		switch at := spread(i); {
		case at < s.bad:
			return 0, s.showBad(ctx, till, held[0], i)
		case at < s.bad+s.twice:
			return s.showTwice(ctx, b, till, held[0])
		}
		shown := make([]string, count)
		for j, h := range held {
			if shown[j], err = h.present(retailer); err != nil {
				return 0, err
			}
		}
		redeemed, err := s.redeem(ctx, till, purchase(shown...))
		if err != nil {
			return 0, err
		}
		b.sales.add(held, redeemed.GetRedemptionId())
		return count, nil
	}
}

// showBad shows a coupon with a wrong MAC or, if it is bound, every other time
// one that somebody else has signed for.
func (s *selling) showBad(ctx context.Context, till retailerv1.RetailerServiceClient, h holding, i int) error {
	if h.key != nil && i/100%2 == 0 {
		h.key = strangersKey
	} else {
		h.coupon.EmitterMAC[0] ^= 1
	}
	shown, err := h.present(retailer)
	if err != nil {
		return err
	}
	if _, err = s.redeem(ctx, till, purchase(shown)); err == nil {
		return errors.New("a bad coupon was redeemed")
	}
	return s.refusedFor(err, "NOT_VALID")
}

// showTwice shows one coupon at two retailers at once: one of them gets it.
func (s *selling) showTwice(ctx context.Context, b *bench, till retailerv1.RetailerServiceClient, h holding) (int, error) {
	here, err := h.present(retailer)
	if err != nil {
		return 0, err
	}
	there, err := h.present(issuer)
	if err != nil {
		return 0, err
	}
	other := make(chan error, 1)
	go func() {
		_, err := s.redeem(ctx, b.shop, purchase(there))
		other <- err
	}()
	_, err = s.redeem(ctx, till, purchase(here))
	switch second := <-other; {
	case err == nil && second == nil:
		return 0, errors.New("a coupon was spent at both retailers")
	case err != nil && second != nil:
		return 0, fmt.Errorf("neither retailer got the coupon: %w", err)
	case err == nil:
		err = second
	}
	return 1, s.refusedFor(err, "ALREADY_USED")
}

func (s *selling) refusedFor(err error, want string) error {
	var refused *refusal
	if !errors.As(err, &refused) || refused.reason != want {
		return err
	}
	s.refused.add(want)
	return nil
}

// refusal is a decision against a sale.
type refusal struct{ reason string }

func (r *refusal) Error() string { return "refused: " + r.reason }

// redeem repeats a request until it is decided. Its errors are few: they are
// counted by their text.
func (s *selling) redeem(ctx context.Context, till retailerv1.RetailerServiceClient, r *retailerv1.RedeemRequest) (*retailerv1.Redemption, error) {
	for {
		answer, err := till.Redeem(ctx, r)
		if err == nil {
			return answer.GetRedemption(), nil
		}
		reason := status.Code(err).String()
		if reasons := desk.Reasons(err); len(reasons) > 0 {
			reason = reasons[0]
		}
		if !undecided(err) {
			return nil, &refusal{reason}
		}
		s.repeated.add(reason)
		if !rest(ctx) {
			return nil, errors.New("never answered")
		}
	}
}
