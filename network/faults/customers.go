// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/wallet"
)

const (
	// stockSize lets tills go on while the advertiser is away.
	stockSize = 300
	// perWallet bounds a wallet: its file is written anew with each change.
	perWallet = 25
	// getPause is between two coupons of a customer.
	getPause = 20 * time.Millisecond
)

// held is a coupon that a customer has: in a wallet, or without one, and then
// with its owner's key if it is bound.
type held struct {
	wallet *wallet.Wallet
	id     string
	text   string
	serial serial
	key    ed25519.PrivateKey
}

// present shows the coupon at a shop.
func (h held) present(to *shop) (string, error) {
	if h.wallet != nil {
		return h.wallet.Present(h.id, wallet.Audience{Retailer: to.mspID})
	}
	if h.key == nil {
		return h.text, nil
	}
	c, err := coupon.ParseCoupon(h.text)
	if err != nil {
		return "", err
	}
	p := coupon.Presentation{Coupon: c, PresentedAt: time.Now().UnixMilli(), Retailer: to.mspID}
	rand.Read(p.Nonce[:]) // never fails
	if err := p.Sign(h.key); err != nil {
		return "", err
	}
	return p.Text(), nil
}

// customers gets coupons from the advertiser's public page until ctx ends.
func (p *play) customers(ctx context.Context, group int) error {
	for i := 0; ctx.Err() == nil; i++ {
		w, err := p.stage.wallet(fmt.Sprintf("customer-%d-%d", group, i))
		if err != nil {
			return err
		}
		for range perWallet {
			h, err := p.get(ctx, w)
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the end is no failure
			}
			if err != nil {
				return err
			}
			select {
			case p.stock <- h:
			case <-ctx.Done():
				return nil
			}
			if !rest(ctx, getPause) {
				return nil
			}
		}
	}
	return nil
}

// get obtains one coupon, asking again as long as its answer is lost.
func (p *play) get(ctx context.Context, w *wallet.Wallet) (held, error) {
	offer := p.stage.offers[mathrand.IntN(len(p.stage.offers))] //nolint:gosec // any will do
	got, err := w.Get(ctx, p.stage.url, offer)
	var lost *wallet.Unanswered
	for deadline := time.Now().Add(insistLimit); errors.As(err, &lost); {
		if !rest(ctx, longestPause) {
			return held{}, err
		}
		if time.Now().After(deadline) {
			p.book.problem("coupon %s never came: %v", lost.ID, lost.Err)
			return held{}, err
		}
		var came []wallet.Holding
		if came, err = w.Resume(ctx); len(came) > 0 {
			got, err = came[0], nil
		}
	}
	if err != nil {
		p.book.problem("a customer got no coupon: %v", err)
		return held{}, err
	}
	s, err := p.book.hold(got.Coupon)
	return held{wallet: w, id: got.ID, text: got.Coupon, serial: s}, err
}
