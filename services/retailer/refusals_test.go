// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
)

// refusal is a sale that must be refused: for operators with the exact reason,
// for tills with its class.
type refusal struct {
	name   string
	sale   func(t *testing.T) *retailerv1.RedeemRequest
	code   codes.Code
	exact  string
	public string
}

func TestRedeemRefusesCoupons(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	c := d.consortium
	better := campaigntest.Publish(t, c, campaigntest.Options{
		ID: "better", Terms: strings.Replace(campaigntest.Terms, `"amount":100`, `"amount":900`, 1),
	})
	foreign := campaigntest.Publish(t, c, campaigntest.Options{ID: "foreign", Issuer: other})
	now := c.Clock.Now()
	future := campaigntest.Publish(t, c, campaigntest.Options{ID: "future", Begin: now.Add(time.Hour)})
	over := campaigntest.Publish(t, c, campaigntest.Options{ID: "over", Begin: now.Add(-2 * time.Hour), End: now.Add(-time.Hour)})
	paused := campaigntest.Publish(t, c, campaigntest.Options{ID: "paused"})
	paused.Change(t, "PauseCampaign")
	closed := campaigntest.Publish(t, c, campaigntest.Options{ID: "closed"})
	closed.Close(t)
	strange := campaigntest.Publish(t, c, campaigntest.Options{ID: "strange", Retailers: []string{}})
	dear := campaigntest.Publish(t, c, campaigntest.Options{
		ID: "dear", Terms: strings.Replace(campaigntest.Terms, `"quantity":1`, `"quantity":1,"minimum_spend":{"amount":5000,"of":"basket"}`, 1),
	})
	d.redeem(t, d.sale(campaign.Text(1)))
	used := d.sale(campaign.Text(2))
	d.redeem(t, used)

	of := func(coupons ...string) func(*testing.T) *retailerv1.RedeemRequest {
		return func(*testing.T) *retailerv1.RedeemRequest { return d.sale(coupons...) }
	}
	with := func(change func(*retailerv1.RedeemRequest)) func(*testing.T) *retailerv1.RedeemRequest {
		return func(*testing.T) *retailerv1.RedeemRequest {
			request := d.sale(campaign.Text(3))
			change(request)
			return request
		}
	}
	altered := func(change func(*coupon.Coupon)) func(*testing.T) *retailerv1.RedeemRequest {
		forged := campaign.Coupon(0, 3, nil)
		change(&forged)
		return of(forged.Text())
	}
	refuse(t, d, []refusal{
		{"a coupon that was redeemed", of(campaign.Text(1)), codes.AlreadyExists, "ALREADY_REDEEMED", "ALREADY_USED"},
		{"the same coupon twice in one basket", of(campaign.Text(3), campaign.Text(3)), codes.InvalidArgument, "DUPLICATE_IN_BATCH", "DUPLICATE_IN_BATCH"},
		{"a forged MAC", altered(func(c *coupon.Coupon) { c.EmitterMAC[3] ^= 1 }), codes.FailedPrecondition, "WRONG_MAC", "NOT_VALID"},
		{"a forged mandate", altered(func(c *coupon.Coupon) { c.MandateMAC[3] ^= 1 }), codes.FailedPrecondition, "WRONG_MAC", "NOT_VALID"},
		{"moved to a better campaign", altered(func(c *coupon.Coupon) { c.Framework = better.Framework.ID }), codes.FailedPrecondition, "WRONG_MAC", "NOT_VALID"},
		{"another serial number", altered(func(c *coupon.Coupon) { c.SN = 4 }), codes.FailedPrecondition, "WRONG_MAC", "NOT_VALID"},
		{"beyond the quota", of(campaign.Text(1001)), codes.FailedPrecondition, "QUOTA_EXCEEDED", "NOT_VALID"},
		{"an unknown lane", of(campaign.Coupon(1, 1, nil).Text()), codes.FailedPrecondition, "UNKNOWN_LANE", "NOT_VALID"},
		{"a bound coupon of a bearer campaign", of(campaign.Coupon(0, 3, campaigntest.Wallet(t)).Text()), codes.FailedPrecondition, "WRONG_HOLDER", "NOT_VALID"},
		{"an unknown framework", altered(func(c *coupon.Coupon) { c.Framework[0] ^= 1 }), codes.NotFound, "UNKNOWN_FRAMEWORK", "NOT_VALID"},
		{"not a coupon", of("ec1.!"), codes.InvalidArgument, "MALFORMED_COUPON", "MALFORMED_COUPON"},
		{"of two issuers", of(campaign.Text(3), foreign.Text(1)), codes.InvalidArgument, "MIXED_ISSUERS", "MIXED_ISSUERS"},
		{"a campaign that has not begun", of(future.Text(1)), codes.FailedPrecondition, "CAMPAIGN_NOT_BEGUN", "NOT_NOW"},
		{"a campaign that is over", of(over.Text(1)), codes.FailedPrecondition, "CAMPAIGN_OVER", "NOT_NOW"},
		{"a paused campaign", of(paused.Text(1)), codes.FailedPrecondition, "CAMPAIGN_PAUSED", "NOT_NOW"},
		{"a closed campaign", of(closed.Text(1)), codes.FailedPrecondition, "CAMPAIGN_CLOSED", "NOT_NOW"},
		{"a retailer not admitted", of(strange.Text(1)), codes.PermissionDenied, "RETAILER_NOT_ADMITTED", "NOT_VALID"},
		{"too small a basket", of(dear.Text(1)), codes.FailedPrecondition, "MINIMUM_SPEND_NOT_REACHED", "NOT_FOR_THIS_BASKET"},
		{"an invoice used before", with(func(r *retailerv1.RedeemRequest) { r.Invoice = used.GetInvoice() }), codes.AlreadyExists, "INVOICE_USED", "ALREADY_USED"},
		{"goods missing", with(func(r *retailerv1.RedeemRequest) { r.Basket.Lines = r.GetBasket().GetLines()[1:] }), codes.FailedPrecondition, "NOT_IN_BASKET", "NOT_FOR_THIS_BASKET"},
		{"another currency", with(func(r *retailerv1.RedeemRequest) { r.Basket.Currency, r.Invoice.Amount.Currency = "SEK", "SEK" }), codes.FailedPrecondition, "CURRENCY_MISMATCH", "NOT_FOR_THIS_BASKET"},
		{"currencies that differ", with(func(r *retailerv1.RedeemRequest) { r.Invoice.Amount.Currency = "SEK" }), codes.FailedPrecondition, "CURRENCY_MISMATCH", "NOT_FOR_THIS_BASKET"},
		{"a bad article number", with(func(r *retailerv1.RedeemRequest) { r.Basket.Lines[0].Gtin = "09521234543214" }), codes.InvalidArgument, "BAD_GTIN", "BAD_GTIN"},
		{"a negative quantity", with(func(r *retailerv1.RedeemRequest) { r.Basket.Lines[0].Quantity = -1 }), codes.InvalidArgument, "BAD_BASKET", "BAD_BASKET"},
		{"no basket", with(func(r *retailerv1.RedeemRequest) { r.Basket = nil }), codes.InvalidArgument, "INVALID_REQUEST", "INVALID_REQUEST"},
		{"no invoice", with(func(r *retailerv1.RedeemRequest) { r.Invoice = nil }), codes.InvalidArgument, "INVALID_REQUEST", "INVALID_REQUEST"},
		{"no time of payment", with(func(r *retailerv1.RedeemRequest) { r.Invoice.PaidTime = nil }), codes.InvalidArgument, "INVALID_REQUEST", "INVALID_REQUEST"},
		{"a request id that is no random UUID", with(func(r *retailerv1.RedeemRequest) { r.RequestId = "till-1/4711" }), codes.InvalidArgument, "INVALID_REQUEST", "INVALID_REQUEST"},
		{"no coupons", of(), codes.InvalidArgument, "TOO_MANY", "TOO_MANY"},
		{"too many coupons", of(slices.Repeat([]string{campaign.Text(3)}, 51)...), codes.InvalidArgument, "TOO_MANY", "TOO_MANY"},
	})
	// Nothing of all this has spent the good coupon.
	d.redeem(t, d.sale(campaign.Text(3)))
}

func TestRedeemRefusesPresentations(t *testing.T) {
	t.Parallel()
	c := newConsortium(t, ledger.Config{})
	bound := campaigntest.Publish(t, c, campaigntest.Options{ID: "bound", Holder: coupon.HolderBound})
	strict := campaigntest.Publish(t, c, campaigntest.Options{ID: "strict", Holder: coupon.HolderBound, InvoiceRequired: true})
	d := start(t, c, filepath.Join(t.TempDir(), "retailer.db"), nil)
	owner := campaigntest.Wallet(t)

	of := func(from *campaigntest.Campaign, change func(*coupon.Presentation)) func(*testing.T) *retailerv1.RedeemRequest {
		return func(t *testing.T) *retailerv1.RedeemRequest {
			p := d.presentation(from.Coupon(0, 1, owner))
			change(&p)
			return d.sale(campaigntest.Present(t, owner, p))
		}
	}
	stolen := func(t *testing.T) *retailerv1.RedeemRequest {
		p := d.presentation(bound.Coupon(0, 1, owner))
		text := campaigntest.Present(t, owner, p)
		signed, err := coupon.ParsePresentation(text)
		if err != nil {
			t.Fatal(err)
		}
		signed.Signature[0] ^= 1
		return d.sale(signed.Text())
	}
	refuse(t, d, []refusal{
		{"the coupon alone", func(*testing.T) *retailerv1.RedeemRequest { return d.sale(bound.Coupon(0, 1, owner).Text()) }, codes.FailedPrecondition, "PRESENTATION_REQUIRED", "NOT_VALID"},
		{"signed by somebody else", stolen, codes.FailedPrecondition, "WRONG_SIGNATURE", "NOT_VALID"},
		{"for no retailer", of(bound, func(p *coupon.Presentation) { p.Retailer = "" }), codes.FailedPrecondition, "AUDIENCE_REQUIRED", "NOT_VALID"},
		{"for another retailer", of(bound, func(p *coupon.Presentation) { p.Retailer = "OtherRetailerMSP" }), codes.FailedPrecondition, "WRONG_AUDIENCE", "NOT_VALID"},
		{"for another invoice", of(bound, func(p *coupon.Presentation) { p.Invoice = "another" }), codes.FailedPrecondition, "WRONG_AUDIENCE", "NOT_VALID"},
		{"for no invoice", of(strict, func(*coupon.Presentation) {}), codes.FailedPrecondition, "AUDIENCE_REQUIRED", "NOT_VALID"},
		{"too old", of(bound, func(p *coupon.Presentation) { p.PresentedAt -= 125_000 }), codes.FailedPrecondition, "PRESENTATION_EXPIRED", "NOT_VALID"},
		{"from the future", of(bound, func(p *coupon.Presentation) { p.PresentedAt += 60_000 }), codes.FailedPrecondition, "PRESENTATION_FROM_FUTURE", "NOT_VALID"},
	})
	request := of(bound, func(*coupon.Presentation) {})(t)
	redeemed := d.redeem(t, request)
	t.Run("replayed after a void", func(t *testing.T) {
		d.void(t, redeemed.GetRedemptionId())
		replay := d.sale(request.GetCoupons()...)
		_, err := d.operator.Redeem(t.Context(), replay)
		wantRefusal(t, err, codes.FailedPrecondition, "PRESENTATION_REPLAYED")
		_, err = d.till.Redeem(t.Context(), replay)
		wantRefusal(t, err, codes.AlreadyExists, "ALREADY_USED")
	})
	t.Run("presented anew after a void", func(t *testing.T) {
		c.Clock.Advance(time.Second)
		d.redeem(t, of(bound, func(*coupon.Presentation) {})(t))
	})
}

func refuse(t *testing.T, d *desk, cases []refusal) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := d.operator.Redeem(t.Context(), tc.sale(t))
			wantRefusal(t, err, tc.code, tc.exact)
			_, err = d.till.Redeem(t.Context(), tc.sale(t))
			if reasonOf(err) != tc.public {
				t.Errorf("a till sees %s (%v), want %s", reasonOf(err), err, tc.public)
			}
		})
	}
}

func TestRefusalsNameTheirCoupons(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	d.redeem(t, d.sale(campaign.Text(1)))
	forged := campaign.Coupon(0, 2, nil)
	forged.EmitterMAC[0] ^= 1
	_, err := d.till.Redeem(t.Context(), d.sale(campaign.Text(3), forged.Text(), campaign.Text(1)))
	if diff := cmp.Diff([]int32{1, 2}, refusedAt(err)); diff != "" {
		t.Errorf("refused coupons (-want +got):\n%s", diff)
	}
	d.redeem(t, d.sale(campaign.Text(3)))
}
