// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/wallet"
)

func now() *timestamppb.Timestamp { return timestamppb.Now() }

// fraudster holds honestly gotten coupons to misuse.
type fraudster struct {
	*play
	wallet        *wallet.Wallet
	bearer, bound wallet.Offer
}

// fraud is one attempt and the reasons for which it may be refused.
type fraud struct {
	what    string
	attempt func(context.Context) error
	reasons []string
}

// refused tells of a refusal, and fails if there was none or another.
func (p *play) refused(what string, err error, reasons ...string) error {
	if err == nil {
		return fmt.Errorf("%s: was NOT refused", what)
	}
	got := desk.Reasons(err)
	if reason, ok := coupon.ReasonOf(err); ok {
		got = []string{string(reason)}
	}
	for _, reason := range got {
		if slices.Contains(reasons, reason) {
			p.tell("refused %-24s %s", reason, what)
			return nil
		}
	}
	return fmt.Errorf("%s: refused, but with %v instead of %v: %w", what, got, reasons, err)
}

// tryFrauds tries what static coupons must refuse.
func (p *play) tryFrauds(ctx context.Context) error {
	w, err := p.wallet("fraudster", time.Now)
	if err != nil {
		return err
	}
	f := &fraudster{play: p, wallet: w}
	for _, o := range p.offers {
		switch {
		case o.Mandate.Kind != coupon.KindStatic:
		case o.Holder == coupon.HolderBearer:
			f.bearer = o
		default:
			f.bound = o
		}
	}
	for _, list := range [][]fraud{f.copies(), f.forgeries(), f.thefts(), f.baskets(), f.outsiders()} {
		for _, x := range list {
			if err := p.refused(x.what, x.attempt(ctx), x.reasons...); err != nil {
				return err
			}
		}
	}
	return nil
}

// get fetches a fresh coupon of an offer.
func (f *fraudster) get(ctx context.Context, offer wallet.Offer) (wallet.Holding, error) {
	url, _, err := f.public.Public("AdvertiserMSP")
	if err != nil {
		return wallet.Holding{}, err
	}
	return f.wallet.Get(ctx, url, offer)
}

// present fetches a fresh coupon and shows it at the retailer's.
func (f *fraudster) present(ctx context.Context, offer wallet.Offer) (string, error) {
	h, err := f.get(ctx, offer)
	if err != nil {
		return "", err
	}
	return f.wallet.Present(h.ID, wallet.Audience{Retailer: retailerMSP})
}

// request is a good request with the coupons given.
func (f *fraudster) request(offer wallet.Offer, coupons ...string) *retailerv1.RedeemRequest {
	terms, err := offer.ParsedTerms()
	if err != nil {
		return nil // Get checked them
	}
	quantity := terms.Quantity * int64(max(1, len(coupons)))
	return &retailerv1.RedeemRequest{
		RequestId: uuid.NewString(),
		Invoice: &typev1.Invoice{
			Number: "F-" + uuid.NewString()[:8], Institute: "Girohaus",
			Amount: &typev1.Money{Currency: terms.Currency, Minor: 1000 * quantity}, PaidTime: now(),
		},
		Basket:  &typev1.Basket{Currency: terms.Currency, Lines: []*typev1.Line{{Gtin: terms.GTINs[0], Quantity: quantity, UnitPrice: 1000}}},
		Coupons: coupons,
	}
}

func (f *fraudster) redeem(ctx context.Context, request *retailerv1.RedeemRequest) error {
	if err := f.pay(ctx, retailerMSP, request.GetInvoice()); err != nil {
		return err
	}
	answer, err := f.retailer.Redeem(ctx, request)
	if err == nil {
		f.mu.Lock()
		f.extra += answer.GetRedemption().GetTotal().GetMinor()
		f.mu.Unlock()
	}
	return err
}

// once redeems honestly, and fails loudly if it cannot.
func (f *fraudster) once(ctx context.Context, request *retailerv1.RedeemRequest) error {
	if err := f.redeem(ctx, request); err != nil {
		return fmt.Errorf("an honest redemption was refused: %s", err) //nolint:errorlint // its reasons must not count as the fraud's
	}
	return nil
}

// relative shows a path as the user would type it.
func relative(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}
