// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/wallet"
)

// attestedFile is the campaign that wants payments attested, in the directory of
// examples.
const attestedFile = "attested-wine.yaml"

// invented is how many payments the retailer makes up. That none of so many is
// drawn has a chance of one in a hundred million where the clearing house asks
// about a quarter.
const invented = 64

// merchant names a shop's account at a payment institute.
type merchant struct{ mspID, institute string }

// openInstitutes connects the shops with the payment institutes of the network.
func (p *play) openInstitutes() error {
	p.institutes = map[merchant]*desk.Institute{}
	for _, x := range p.network.Consortium().Institutes {
		for _, o := range p.network.Consortium().Organisations {
			if !o.HasRole(runner.Retailer) {
				continue
			}
			i, err := desk.OpenInstitute(p.network.CustomerFolder(o.Name, x.Name, runner.Merchant))
			if err != nil {
				return err
			}
			p.institutes[merchant{o.MSPID, i.Name}] = i
		}
	}
	return nil
}

// pay has an invoice paid at the institute that it names, once: number, time and
// attestation are the institute's then. Where the network runs no institute of
// the name, the payment is one that nobody asks about.
func (p *play) pay(ctx context.Context, shop string, invoice *typev1.Invoice) error {
	institute, found := p.institutes[merchant{shop, invoice.GetInstitute()}]
	if !found || invoice.GetAttestation() != "" {
		return nil
	}
	return p.time("payment attested", func() error { return institute.Pay(ctx, invoice) })
}

// attestedPayment plays a campaign whose coupons are taken only with a payment
// that its institute has attested.
func (p *play) attestedPayment(ctx context.Context) error {
	if len(p.institutes) == 0 {
		p.tell("no payment institute runs beside this network")
		return nil
	}
	offer, err := p.launchFile(ctx, attestedFile, advertiserMSP, quota)
	if err != nil {
		return err
	}
	w, held, err := p.fetched(ctx, "guest", offer)
	if err != nil {
		return err
	}
	request, err := shown(w, held)
	if err != nil {
		return err
	}
	p.tell("coupons of %s are taken with an attested payment only; the clearing house has registered the key of %s",
		offer.Mandate.Campaign, request.GetInvoice().GetInstitute())
	if err := p.toldBefore(ctx, request); err != nil {
		return err
	}
	_, err = p.retailer.Redeem(ctx, request)
	if err := p.refused("the payment comes without an attestation", err, "ATTESTATION_REQUIRED"); err != nil {
		return err
	}
	if request, err = shown(w, held); err != nil {
		return err
	}
	if err := forge(request.GetInvoice()); err != nil {
		return err
	}
	_, err = p.retailer.Redeem(ctx, request)
	if err := p.refused("the payment comes with an attestation that the retailer made", err, "WRONG_ATTESTATION"); err != nil {
		return err
	}
	if request, err = shown(w, held); err != nil {
		return err
	}
	total, err := p.honest(ctx, "redeeming with an attested payment", request)
	if err != nil {
		return err
	}
	p.tell("paid by %s, with its attestation: %s off", request.GetInvoice().GetInstitute(), amount(total))
	return nil
}

// toldBefore has the till ask about the coupon before there is a payment.
func (p *play) toldBefore(ctx context.Context, request *retailerv1.RedeemRequest) error {
	answer, err := p.tills["till-1"].Verify(ctx, &retailerv1.VerifyRequest{Coupons: request.GetCoupons(), Basket: request.GetBasket()})
	if err != nil {
		return fmt.Errorf("verifying: %w", err)
	}
	v := answer.GetVerdicts()[0]
	if !v.GetAttestationRequired() || v.GetReason() != typev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return fmt.Errorf("the till is not told that the payment is to be attested: %v", v)
	}
	p.tell("asked about the coupon, the till is told so before the customer pays, and that it is worth %s", amount(v.GetDiscount()))
	return nil
}

// forge attests a payment with a key of one's own.
func forge(invoice *typev1.Invoice) error {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	invoice.Attestation = coupon.Invoice{
		Institute: invoice.GetInstitute(), Number: invoice.GetNumber(), Currency: invoice.GetAmount().GetCurrency(),
		Amount: invoice.GetAmount().GetMinor(), PaidAt: invoice.GetPaidTime().AsTime().UnixMilli(),
	}.Attest(key, retailerMSP).String()
	return nil
}

// inventPayments has the retailer redeem coupons for sales that there never
// were, and claim for them: the clearing house asks the institute about some.
func (p *play) inventPayments(ctx context.Context) error {
	if len(p.institutes) == 0 || p.network.Consortium().SamplePerMille == 0 {
		p.tell("the clearing house of this network asks no payment institute")
		return nil
	}
	if err := p.sellNothing(ctx); err != nil {
		return err
	}
	p.tell("the retailer gets %d coupons of %s itself and redeems them for sales that there", invented, p.campaigns[0].ID)
	p.tell("never were: it makes payments up, which this campaign does not want attested")
	claims, err := p.claim(ctx)
	if err != nil {
		return err
	}
	if err := p.awaitClaims(ctx, claims); err != nil {
		return err
	}
	run, err := p.clearing.Reconcile(ctx, &clearingv1.ReconcileRequest{RequestId: uuid.NewString()})
	if err != nil {
		return fmt.Errorf("reconciling: %w", err)
	}
	disputed := map[string]bool{}
	for _, d := range run.GetDifferences() {
		if d.GetType() != clearingv1.DifferenceType_DIFFERENCE_TYPE_PAYMENT {
			return fmt.Errorf("a difference that is not about a payment: %v", d)
		}
		disputed[d.GetClaimId()] = true
	}
	for _, c := range claims {
		if !disputed[c.GetClaimId()] {
			return fmt.Errorf("claim %s is of payments made up and is not disputed; differences: %v", c.GetClaimId(), run.GetDifferences())
		}
	}
	p.tell("of a thousand unattested payments the clearing house asks about %d, drawn by lot; of these %d are drawn:",
		p.network.Consortium().SamplePerMille, len(run.GetDifferences()))
	p.tell("%s knows none of them, and the claim is disputed", p.day[0].Institute)
	answer, err := p.clearing.Settle(ctx, &clearingv1.SettleRequest{RequestId: uuid.NewString()})
	if err != nil {
		return fmt.Errorf("settling: %w", err)
	}
	if paid := answer.GetSettlement().GetRemittances(); len(paid) > 0 {
		return fmt.Errorf("a disputed claim was paid: %v", paid)
	}
	p.tell("the next settlement pays nothing for it")
	return nil
}

// sellNothing redeems coupons against payments that nobody made.
func (p *play) sellNothing(ctx context.Context) error {
	offer := p.offers[p.campaigns[0].ID]
	url, _, err := p.public.Public(advertiserMSP)
	if err != nil {
		return err
	}
	terms, err := offer.ParsedTerms()
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(shoppers)
	for i := range invented {
		g.Go(func() error {
			w, err := p.wallet(fmt.Sprintf("nobody-%d", i%shoppers), time.Now)
			if err != nil {
				return err
			}
			held, err := w.Get(ctx, url, offer)
			if err != nil {
				return err
			}
			text, err := w.Present(held.ID, wallet.Audience{Retailer: retailerMSP})
			if err != nil {
				return err
			}
			request := desk.Purchase(terms.GTINs[0], text)
			request.Invoice.Number = "P-" + strings.ToUpper(strings.ReplaceAll(uuid.NewString(), "-", "")[:20])
			if _, err := p.retailer.Redeem(ctx, request); err != nil {
				return fmt.Errorf("redeeming for nothing: %w %v", err, desk.Reasons(err))
			}
			return nil
		})
	}
	return g.Wait()
}
