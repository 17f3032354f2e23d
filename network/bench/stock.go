// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
)

const (
	// issuing is how many coupons are asked for at a time.
	issuing = 512
	// issueLimit bounds how long one is asked for.
	issueLimit = time.Minute
)

// holding is a coupon in a customer's hands.
type holding struct {
	coupon coupon.Coupon
	// key is the owner's; nil for a bearer coupon.
	key ed25519.PrivateKey
}

// present returns what the customer shows at a till: the coupon, or a presentation
// of it that is signed now.
func (h holding) present(to string) (string, error) {
	if h.key == nil {
		return h.coupon.Text(), nil
	}
	p := coupon.Presentation{Coupon: h.coupon, PresentedAt: time.Now().UnixMilli(), Retailer: to}
	rand.Read(p.Nonce[:]) // never fails
	if err := p.Sign(h.key); err != nil {
		return "", err
	}
	return p.Text(), nil
}

// purse is coupons of one form that are not spent yet.
type purse struct {
	mu   sync.Mutex
	held []holding
}

var errPurseEmpty = errors.New("the coupons are used up")

// take hands out so many coupons.
func (p *purse) take(count int) ([]holding, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.held) < count {
		return nil, errPurseEmpty
	}
	taken := p.held[len(p.held)-count:]
	p.held = p.held[: len(p.held)-count : len(p.held)-count]
	return taken, nil
}

func (p *purse) put(h holding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = append(p.held, h)
}

func (p *purse) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.held)
}

// fill has coupons issued until there are so many.
func (b *bench) fill(ctx context.Context, f form, count int) error {
	missing := count - b.purses[f].len()
	if missing <= 0 {
		return nil
	}
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(issuing)
	for i := range missing {
		group.Go(func() error {
			h, err := b.obtain(ctx, f, i)
			if err == nil {
				b.purses[f].put(h)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(began)
	fmt.Fprintf(b.out, "%-12s %d %s coupons issued in %.1f s, %.0f/s\n", "", missing, f, took.Seconds(), float64(missing)/took.Seconds())
	return nil
}

// issued gets one coupon from the advertiser, and asks again when it is to.
func (b *bench) issued(ctx context.Context, f form, i int) (holding, error) {
	ctx, cancel := context.WithTimeout(ctx, issueLimit)
	defer cancel()
	at := b.advertisers[i%len(b.advertisers)]
	request := &advertiserv1.IssueCouponRequest{RequestId: uuid.NewString(), FrameworkId: b.frameworks[f]}
	var h holding
	if f != bearer {
		owner, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return h, err
		}
		h.key, request.Owner = key, owner
	}
	for {
		issued, err := at.IssueCoupon(ctx, request)
		if code := status.Code(err); (code == codes.ResourceExhausted || code == codes.Unavailable) && rest(ctx) {
			continue
		}
		if err != nil {
			return h, fmt.Errorf("issuing: %w %v", err, desk.Reasons(err))
		}
		h.coupon, err = coupon.ParseCoupon(issued.GetCoupon())
		return h, err
	}
}
