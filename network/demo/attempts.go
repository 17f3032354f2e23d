// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/wallet"
)

// copies are attempts to use one coupon more than once.
func (f *fraudster) copies() []fraud {
	return []fraud{
		{"the same coupon is used twice", func(ctx context.Context) error {
			text, err := f.present(ctx, f.bearer)
			if err != nil {
				return err
			}
			if err := f.once(ctx, f.request(f.bearer, text)); err != nil {
				return err
			}
			return f.redeem(ctx, f.request(f.bearer, text))
		}, []string{"ALREADY_REDEEMED"}},
		{"the same coupon is used at two tills at once", f.race, []string{"ALREADY_USED"}},
		{"the same coupon stands twice in one basket", func(ctx context.Context) error {
			text, err := f.present(ctx, f.bearer)
			if err != nil {
				return err
			}
			return f.redeem(ctx, f.request(f.bearer, text, text))
		}, []string{"DUPLICATE_IN_BATCH"}},
		{"an invoice is used for a second redemption", func(ctx context.Context) error {
			first, err := f.present(ctx, f.bearer)
			if err != nil {
				return err
			}
			second, err := f.present(ctx, f.bearer)
			if err != nil {
				return err
			}
			honest := f.request(f.bearer, first)
			if err := f.once(ctx, honest); err != nil {
				return err
			}
			again := f.request(f.bearer, second)
			again.Invoice = honest.GetInvoice()
			return f.redeem(ctx, again)
		}, []string{"INVOICE_USED"}},
	}
}

// race redeems one coupon at both tills at the same moment; it returns the one
// refusal that there must be. Tills see public reasons only.
func (f *fraudster) race(ctx context.Context) error {
	text, err := f.present(ctx, f.bearer)
	if err != nil {
		return err
	}
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		refusal error
		good    int
	)
	for _, till := range f.tills {
		request := f.request(f.bearer, text)
		if err := f.pay(ctx, retailerMSP, request.GetInvoice()); err != nil {
			return err
		}
		wg.Go(func() {
			answer, err := till.Redeem(ctx, request)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				refusal = err
				return
			}
			good++
			f.extra += answer.GetRedemption().GetTotal().GetMinor()
		})
	}
	wg.Wait()
	if good != 1 {
		return fmt.Errorf("%d of two redemptions of one coupon were accepted", good)
	}
	return refusal
}

// altered returns a fresh coupon after a change by somebody without keys.
func (f *fraudster) altered(change func(*coupon.Coupon)) func(context.Context) error {
	return func(ctx context.Context) error {
		h, err := f.get(ctx, f.bearer)
		if err != nil {
			return err
		}
		c, err := coupon.ParseCoupon(h.Coupon)
		if err != nil {
			return err
		}
		change(&c)
		return f.redeem(ctx, f.request(f.bearer, c.Text()))
	}
}

// forgeries are coupons that their advertiser did not make.
func (f *fraudster) forgeries() []fraud {
	return []fraud{
		{"a coupon with a forged MAC", f.altered(func(c *coupon.Coupon) { c.EmitterMAC[0] ^= 1 }), []string{"WRONG_MAC"}},
		{"a coupon with another serial number", f.altered(func(c *coupon.Coupon) { c.SN++ }), []string{"WRONG_MAC"}},
		{"a serial number beyond the quota", f.altered(func(c *coupon.Coupon) { c.SN = quota + 1 }), []string{"QUOTA_EXCEEDED"}},
		{"a lane that was not authorised", f.altered(func(c *coupon.Coupon) { c.Lane = 7 }), []string{"UNKNOWN_LANE"}},
		{"a bearer coupon moved to the wallets' campaign", f.altered(func(c *coupon.Coupon) { c.Framework = f.bound.Framework }), []string{"WRONG_HOLDER"}},
		{"a coupon of a framework that nobody issued", f.altered(func(c *coupon.Coupon) { c.Framework[0] ^= 1 }), []string{"UNKNOWN_FRAMEWORK"}},
		{"an advertiser shows better terms than the issuer's", func(ctx context.Context) error {
			better := f.bearer
			better.Terms = strings.Replace(better.Terms, `50`, `90`, 1)
			_, err := f.get(ctx, better)
			return err
		}, []string{"TERMS_MISMATCH"}},
	}
}

// thefts are uses of a bound coupon by somebody else, elsewhere or at another
// time.
func (f *fraudster) thefts() []fraud {
	presented := func(offset time.Duration, retailer string) func(context.Context) error {
		return func(ctx context.Context) error {
			h, err := f.get(ctx, f.bound)
			if err != nil {
				return err
			}
			w, err := f.play.wallet("fraudster", func() time.Time { return time.Now().Add(offset) })
			if err != nil {
				return err
			}
			text, err := w.Present(h.ID, wallet.Audience{Retailer: retailer})
			if err != nil {
				return err
			}
			return f.redeem(ctx, f.request(f.bound, text))
		}
	}
	return []fraud{
		{"a photograph of somebody's bound coupon", func(ctx context.Context) error {
			h, err := f.get(ctx, f.bound)
			if err != nil {
				return err
			}
			return f.redeem(ctx, f.request(f.bound, h.Coupon))
		}, []string{"PRESENTATION_REQUIRED"}},
		{"somebody's bound coupon, signed with the thief's key", f.signedByThief, []string{"WRONG_SIGNATURE"}},
		{"a presentation made for another retailer", presented(0, "OtherRetailerMSP"), []string{"WRONG_AUDIENCE"}},
		{"a presentation of five minutes ago", presented(-5*time.Minute, retailerMSP), []string{"PRESENTATION_EXPIRED"}},
		{"a presentation dated five minutes ahead", presented(5*time.Minute, retailerMSP), []string{"PRESENTATION_FROM_FUTURE"}},
	}
}

func (f *fraudster) signedByThief(ctx context.Context) error {
	h, err := f.get(ctx, f.bound)
	if err != nil {
		return err
	}
	c, err := coupon.ParseCoupon(h.Coupon)
	if err != nil {
		return err
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	theirs := coupon.Presentation{Coupon: c, PresentedAt: time.Now().UnixMilli(), Retailer: retailerMSP}
	theirs.Coupon.Owner = coupon.PublicKey(public)
	if err := theirs.Sign(private); err != nil {
		return err
	}
	theirs.Coupon.Owner = c.Owner
	return f.redeem(ctx, f.request(f.bound, theirs.Text()))
}

// baskets are sales that do not fulfil the terms, and a campaign at rest.
func (f *fraudster) baskets() []fraud {
	changed := func(change func(*retailerv1.RedeemRequest)) func(context.Context) error {
		return func(ctx context.Context) error {
			text, err := f.present(ctx, f.bearer)
			if err != nil {
				return err
			}
			request := f.request(f.bearer, text)
			change(request)
			return f.redeem(ctx, request)
		}
	}
	return []fraud{
		{"a basket without the goods", changed(func(r *retailerv1.RedeemRequest) { r.GetBasket().GetLines()[0].Gtin = "09521234545019" }), []string{"NOT_IN_BASKET"}},
		{"a basket in another currency", changed(func(r *retailerv1.RedeemRequest) {
			r.GetBasket().Currency, r.GetInvoice().GetAmount().Currency = "USD", "USD"
		}), []string{"CURRENCY_MISMATCH"}},
		{"an article number with a wrong check digit", changed(func(r *retailerv1.RedeemRequest) { r.GetBasket().GetLines()[0].Gtin = "09521234543214" }), []string{"BAD_GTIN"}},
		{"a coupon of a campaign that is paused", f.whilePaused, []string{"CAMPAIGN_PAUSED"}},
	}
}

func (f *fraudster) whilePaused(ctx context.Context) error {
	text, err := f.present(ctx, f.bearer)
	if err != nil {
		return err
	}
	id, version := f.bearer.Mandate.Campaign, f.bearer.Mandate.Version
	if _, err := f.issuer.PauseCampaign(ctx, &issuerv1.PauseCampaignRequest{RequestId: uuid.NewString(), Campaign: id, Version: version}); err != nil {
		return fmt.Errorf("pausing: %s", err) //nolint:errorlint // its reasons must not count as the fraud's
	}
	refusal := f.redeem(ctx, f.request(f.bearer, text))
	if _, err := f.issuer.ResumeCampaign(ctx, &issuerv1.ResumeCampaignRequest{RequestId: uuid.NewString(), Campaign: id, Version: version}); err != nil {
		return fmt.Errorf("resuming: %s", err) //nolint:errorlint // its reasons must not count as the fraud's
	}
	return refusal
}

// outsiders are callers without the right.
func (f *fraudster) outsiders() []fraud {
	as := func(organisation, who string) func(context.Context) error {
		return func(ctx context.Context) error {
			d, err := desk.Open(f.network.Folder(organisation, who))
			if err != nil {
				return err
			}
			defer func() { _ = d.Close() }()
			retailer, err := d.Retailer(retailerMSP)
			if err != nil {
				return err
			}
			_, err = retailer.Redeem(ctx, f.request(f.bearer, "ec1."))
			if status.Code(err) != codes.PermissionDenied {
				return errors.Join(errors.New("not PermissionDenied"), err)
			}
			return err
		}
	}
	return []fraud{
		{"the advertiser's operator calls the till's API", as("advertiser", "operator"), []string{"WRONG_ORGANISATION"}},
		{"the retailer's auditor tries to redeem", as("retailer", "auditor"), []string{"WRONG_ROLE"}},
	}
}
