// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"math/rand/v2"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
)

// suppliers fetch coupons for the crowd, supplySize lets it go on while the
// advertiser is away.
const suppliers, supplySize = 4, 4000

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
