// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/campaignfile"
	"ecoupon/services/money"
	"ecoupon/services/wallet"
)

const advertiserMSP = "AdvertiserMSP"

// Campaigns, in the directory of examples, that no customer of the day uses: the
// one of dynamic coupons is launched with the day's, by its campaign id.
const (
	dynamicCampaign = "nordlicht-coffee-now"
	proofFile       = "proof-grinder.yaml"
	giftFile        = "gift-chocolate.yaml"
)

// shelfPrice is what each article of this act costs, in cents.
const shelfPrice = 649

// otherKinds plays what static coupons of one owner have not: a value that
// falls, a proof of a purchase, a coupon that is handed on.
func (p *play) otherKinds(ctx context.Context) error {
	for _, act := range []func(context.Context) error{p.fallingValue, p.purchaseProof, p.handOn} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkout redeems at the retailer's, as its operator, who learns the exact
// reason of a refusal, unlike a till.
func (p *play) checkout(ctx context.Context, request *retailerv1.RedeemRequest) (*typev1.Money, error) {
	if err := p.pay(ctx, retailerMSP, request.GetInvoice()); err != nil {
		return nil, err
	}
	answer, err := p.retailer.Redeem(ctx, request)
	if err != nil {
		return nil, err
	}
	total := answer.GetRedemption().GetTotal()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.extra += total.GetMinor()
	return total, nil
}

// honest is a checkout that must succeed.
func (p *play) honest(ctx context.Context, what string, request *retailerv1.RedeemRequest) (*typev1.Money, error) {
	total, err := p.checkout(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w %v", what, err, desk.Reasons(err))
	}
	return total, nil
}

// shown presents a coupon of the wallet at the retailer's, with what is bought.
func shown(w *wallet.Wallet, h wallet.Holding) (*retailerv1.RedeemRequest, error) {
	terms, err := h.Offer.ParsedTerms()
	if err != nil {
		return nil, err
	}
	text, err := w.Present(h.ID, wallet.Audience{Retailer: retailerMSP})
	if err != nil {
		return nil, fmt.Errorf("presenting a coupon of %s: %w", h.Offer.Mandate.Campaign, err)
	}
	return desk.PurchaseAt(terms.GTINs[0], shelfPrice, text), nil
}

// fallingValue redeems a dynamic coupon: the chain of its emitter proves when it
// was released, and the terms say what it is worth at which age.
func (p *play) fallingValue(ctx context.Context) error {
	offer, found := p.offers[dynamicCampaign]
	if !found {
		return fmt.Errorf("the examples have no campaign %s", dynamicCampaign)
	}
	w, held, err := p.fetched(ctx, "early-riser", offer)
	if err != nil {
		return err
	}
	request, err := shown(w, held)
	if err != nil {
		return err
	}
	answer, err := p.tills["till-1"].Verify(ctx, &retailerv1.VerifyRequest{Coupons: request.GetCoupons(), Basket: request.GetBasket()})
	if err != nil {
		return fmt.Errorf("verifying a dynamic coupon: %w", err)
	}
	v := answer.GetVerdicts()[0]
	tomorrow, err := worthAfter(held, 24*time.Hour)
	if err != nil {
		return err
	}
	p.tell("a dynamic coupon of %s, its release proven: worth %s now, %s in one hour, %s tomorrow",
		dynamicCampaign, amount(v.GetDiscount()), amount(v.GetDiscountInOneHour()), tomorrow)
	var total *typev1.Money
	err = p.time("dynamic coupon redeemed", func() (err error) {
		total, err = p.honest(ctx, "redeeming a dynamic coupon", request)
		return err
	})
	if err != nil {
		return err
	}
	p.tell("the till redeems it at once: %s off", amount(total))
	return nil
}

// fetched is a new coupon of the advertiser, in a customer's wallet.
func (p *play) fetched(ctx context.Context, customer string, offer wallet.Offer) (*wallet.Wallet, wallet.Holding, error) {
	w, err := p.walletOf(advertiserMSP, customer)
	if err != nil {
		return nil, wallet.Holding{}, err
	}
	url, _, err := p.public.Public(advertiserMSP)
	if err != nil {
		return nil, wallet.Holding{}, err
	}
	held, err := w.Get(ctx, url, offer)
	if err != nil {
		return nil, wallet.Holding{}, fmt.Errorf("getting a coupon of %s: %w", offer.Mandate.Campaign, err)
	}
	return w, held, nil
}

// worthAfter is what the wallet computes that a dynamic coupon takes off so long
// after its release.
func worthAfter(h wallet.Holding, age time.Duration) (string, error) {
	terms, err := h.Offer.ParsedTerms()
	if err != nil {
		return "", err
	}
	c, err := coupon.ParseCoupon(h.Coupon)
	if err != nil {
		return "", err
	}
	then := terms.At(coupon.Moment{
		Now: c.Release.Time + age.Milliseconds(), Begin: h.Offer.Begin, Released: c.Release.Time, Lane: c.Lane, SN: c.SN,
	})
	return money.Format(then.Currency, then.Benefit.Amount), nil
}

// launchFile puts the campaign of an example to work and returns its offer.
func (p *play) launchFile(ctx context.Context, file, emitter string, most int64) (wallet.Offer, error) {
	campaign, err := campaignfile.Load(filepath.Join(p.examples, file), time.Now())
	if err != nil {
		return wallet.Offer{}, err
	}
	launch := desk.Launch{Campaign: campaign, Advertiser: emitter, Quotas: []int64{most}, Retailers: []string{retailerMSP}}
	if p.frameworks[campaign.ID], err = launch.Do(ctx, p.issuer); err != nil {
		return wallet.Offer{}, err
	}
	return p.awaitOffer(ctx, emitter, campaign.ID)
}

// purchaseProof sells a grinder, with a proof that is worth coffee later.
func (p *play) purchaseProof(ctx context.Context) error {
	if !p.holds("retailer", runner.Retailer, runner.Advertiser) {
		p.tell("no retailer of this network emits purchase proofs")
		return nil
	}
	offer, err := p.launchFile(ctx, proofFile, retailerMSP, quota)
	if err != nil {
		return err
	}
	w, err := p.walletOf(retailerMSP, "barista")
	if err != nil {
		return err
	}
	url, _, err := p.public.Public(retailerMSP)
	if err != nil {
		return err
	}
	expected, err := w.Expect(url, offer)
	if err != nil {
		return fmt.Errorf("expecting a purchase proof: %w", err)
	}
	var sold *retailerv1.IssueProofResponse
	err = p.time("purchase proof issued", func() (err error) {
		sold, err = p.tills["till-1"].IssueProof(ctx, &retailerv1.IssueProofRequest{
			RequestId: uuid.NewString(), FrameworkId: expected.Framework.String(), UData: expected.UData[:],
			ProductId: "(01)09521234548010(21)" + uuid.NewString()[:8], InvoiceNumber: "G-" + uuid.NewString()[:8],
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("issuing a purchase proof: %w %v", err, desk.Reasons(err))
	}
	held, err := w.Accept(sold.GetCoupon())
	if err != nil {
		return fmt.Errorf("accepting a purchase proof: %w", err)
	}
	request, err := shown(w, held)
	if err != nil {
		return err
	}
	total, err := p.honest(ctx, "redeeming a purchase proof", request)
	if err != nil {
		return err
	}
	p.tell("with a grinder the till sells a purchase proof, bound to that very grinder; with the next coffee it is worth %s", amount(total))
	if request, err = shown(w, held); err != nil {
		return err
	}
	_, err = p.checkout(ctx, request)
	return p.refused("the same proof with one coffee more", err, "ALREADY_REDEEMED")
}
