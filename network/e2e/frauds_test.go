// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/wallet"
)

// wantRefusal fails unless err is a refusal with just this reason.
func wantRefusal(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("was not refused, want %s", want)
	}
	got := desk.Reasons(err)
	if reason, ok := coupon.ReasonOf(err); ok {
		got = []string{string(reason)}
	}
	if !slices.Equal(got, []string{want}) {
		t.Fatalf("refused with %v, want %s: %v", got, want, err)
	}
}

// atRetailer redeems one coupon text at the retailer's, as its operator.
func atRetailer(t *testing.T, text string) error {
	t.Helper()
	_, err := retailerDesk(t, "retailer", retailer).Redeem(t.Context(), request(text))
	return err
}

// Design properties: a coupon is redeemed at most once, and one that its
// emitter did not make under just these terms not at all.
func TestForgedAndMovedCouponsAreRefused(t *testing.T) {
	poor := launch(t, coupon.HolderBearer, nil)
	rich := launch(t, coupon.HolderBearer, func(l *desk.Launch) {
		l.Campaign.Terms = `{"format":1,"currency":"EUR","gtins":["` + gtin + `"],"quantity":1,"benefit":{"type":"amount_off","amount":200}}`
	})
	byShop := launch(t, coupon.HolderBearer, func(l *desk.Launch) { l.Advertiser = shop })
	tests := []struct {
		name   string
		change func(*coupon.Coupon)
		want   string
	}{
		{"forged emitter MAC", func(c *coupon.Coupon) { c.EmitterMAC[15] ^= 1 }, "WRONG_MAC"},
		{"forged mandate MAC", func(c *coupon.Coupon) { c.MandateMAC[0] ^= 1 }, "WRONG_MAC"},
		{"moved to a better campaign", func(c *coupon.Coupon) { c.Framework = rich.Framework }, "WRONG_MAC"},
		{"moved to another advertiser", func(c *coupon.Coupon) { c.Framework = byShop.Framework }, "WRONG_MAC"},
		{"another serial number", func(c *coupon.Coupon) { c.SN++ }, "WRONG_MAC"},
		{"beyond the quota", func(c *coupon.Coupon) { c.SN = 101 }, "QUOTA_EXCEEDED"},
		{"unknown lane", func(c *coupon.Coupon) { c.Lane = 1 }, "UNKNOWN_LANE"},
		{"unknown framework", func(c *coupon.Coupon) { c.Framework[3] ^= 1 }, "UNKNOWN_FRAMEWORK"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := coupon.ParseCoupon(poor.get(t).Coupon)
			if err != nil {
				t.Fatal(err)
			}
			tt.change(&c)
			wantRefusal(t, atRetailer(t, c.Text()), tt.want)
		})
	}
}

func TestCouponsAreRedeemedOnce(t *testing.T) {
	o := launch(t, coupon.HolderBearer, func(l *desk.Launch) { l.Retailers = []string{retailer, shop} })
	t.Run("one after the other", func(t *testing.T) {
		text := o.show(t, retailer)
		redeem(t, request(text))
		wantRefusal(t, atRetailer(t, text), "ALREADY_REDEEMED")
		_, err := retailerDesk(t, "shop", shop).Redeem(t.Context(), request(text))
		wantRefusal(t, err, "ALREADY_REDEEMED")
	})
	t.Run("twice in one basket", func(t *testing.T) {
		text := o.show(t, retailer)
		_, err := retailerDesk(t, "retailer", retailer).Redeem(t.Context(), request(text, text))
		if got := desk.Reasons(err); !slices.Contains(got, "DUPLICATE_IN_BATCH") {
			t.Fatalf("refused with %v: %v", got, err)
		}
	})
	t.Run("at two retailers at once, twenty times", func(t *testing.T) {
		for range 20 {
			raceTwoRetailers(t, o.show(t, retailer))
		}
	})
	t.Run("an invoice twice", func(t *testing.T) {
		first := request(o.show(t, retailer))
		redeem(t, first)
		second := request(o.show(t, retailer))
		second.Invoice = first.GetInvoice()
		_, err := retailerDesk(t, "retailer", retailer).Redeem(t.Context(), second)
		wantRefusal(t, err, "INVOICE_USED")
	})
	t.Run("the same request twice is the same redemption", func(t *testing.T) {
		again := request(o.show(t, retailer))
		first, second := redeem(t, again), redeem(t, again)
		if first.GetRedemptionId() != second.GetRedemptionId() || first.GetTransactionId() != second.GetTransactionId() {
			t.Fatalf("%v, then %v", first, second)
		}
		other := request(o.show(t, retailer))
		other.RequestId = again.GetRequestId()
		_, err := retailerDesk(t, "retailer", retailer).Redeem(t.Context(), other)
		wantRefusal(t, err, "REQUEST_CONFLICT")
	})
}

// raceTwoRetailers redeems one coupon at two retailers at the same moment:
// exactly one of them gets it.
func raceTwoRetailers(t *testing.T, text string) {
	t.Helper()
	clients := []retailerv1.RetailerServiceClient{retailerDesk(t, "retailer", retailer), retailerDesk(t, "shop", shop)}
	errs := make([]error, len(clients))
	var wg sync.WaitGroup
	for i, client := range clients {
		wg.Go(func() { _, errs[i] = client.Redeem(t.Context(), request(text)) })
	}
	wg.Wait()
	won, lost := errs[0], errs[1]
	if won != nil {
		won, lost = lost, won
	}
	if won != nil {
		t.Fatalf("nobody redeemed it: %v; %v", errs[0], errs[1])
	}
	wantRefusal(t, lost, "ALREADY_REDEEMED")
}

func TestBoundCouponsNeedTheirOwner(t *testing.T) {
	o := launch(t, coupon.HolderBound, func(l *desk.Launch) { l.Retailers = []string{retailer, shop} })
	t.Run("a photograph", func(t *testing.T) {
		wantRefusal(t, atRetailer(t, o.get(t).Coupon), "PRESENTATION_REQUIRED")
	})
	t.Run("at another retailer", func(t *testing.T) {
		text := o.show(t, retailer)
		_, err := retailerDesk(t, "shop", shop).Redeem(t.Context(), request(text))
		wantRefusal(t, err, "WRONG_AUDIENCE")
		redeem(t, request(text))
	})
	t.Run("naming no retailer", func(t *testing.T) {
		p := parsePresentation(t, o.show(t, retailer))
		p.Retailer = ""
		wantRefusal(t, atRetailer(t, p.Text()), "AUDIENCE_REQUIRED")
	})
	t.Run("an altered presentation", func(t *testing.T) {
		p := parsePresentation(t, o.show(t, retailer))
		p.PresentedAt++
		wantRefusal(t, atRetailer(t, p.Text()), "WRONG_SIGNATURE")
	})
	t.Run("for another invoice", func(t *testing.T) {
		text := must[string](t)(o.wallet.Present(o.get(t).ID, wallet.Audience{Retailer: retailer, Invoice: "another"}))
		wantRefusal(t, atRetailer(t, text), "WRONG_AUDIENCE")
	})
	t.Run("replayed after a void", func(t *testing.T) {
		text := o.show(t, retailer)
		void(t, redeem(t, request(text)))
		wantRefusal(t, atRetailer(t, text), "PRESENTATION_REPLAYED")
	})
	t.Run("shown again after a void", func(t *testing.T) {
		holding := o.get(t)
		show := func() string {
			return must[string](t)(o.wallet.Present(holding.ID, wallet.Audience{Retailer: retailer}))
		}
		void(t, redeem(t, request(show())))
		redeem(t, request(show()))
	})
}

func parsePresentation(t *testing.T, text string) coupon.Presentation {
	t.Helper()
	return must[coupon.Presentation](t)(coupon.ParsePresentation(text))
}

func void(t *testing.T, r *retailerv1.Redemption) {
	t.Helper()
	must[*retailerv1.VoidResponse](t)(retailerDesk(t, "retailer", retailer).Void(t.Context(), &retailerv1.VoidRequest{
		RequestId: uuid.NewString(), RedemptionId: r.GetRedemptionId(),
	}))
}

func TestCampaignsAreRedeemedInTheirTimeOnly(t *testing.T) {
	t.Run("not begun", func(t *testing.T) {
		o := launch(t, coupon.HolderBearer, func(l *desk.Launch) { l.Campaign.Begin = time.Now().Add(time.Minute).UnixMilli() })
		wantRefusal(t, atRetailer(t, o.show(t, retailer)), "CAMPAIGN_NOT_BEGUN")
	})
	t.Run("over", func(t *testing.T) {
		end := time.Now().Add(4 * time.Second)
		o := launch(t, coupon.HolderBearer, func(l *desk.Launch) { l.Campaign.End = end.UnixMilli() })
		text := o.show(t, retailer)
		eventually(t, "the campaign ends", func() bool { return time.Now().After(end) })
		wantRefusal(t, atRetailer(t, text), "CAMPAIGN_OVER")
	})
	t.Run("paused and resumed", func(t *testing.T) {
		o := launch(t, coupon.HolderBearer, nil)
		text := o.show(t, retailer)
		ref := o.Mandate
		must[*issuerv1.PauseCampaignResponse](t)(issuerDesk(t).PauseCampaign(t.Context(), &issuerv1.PauseCampaignRequest{
			RequestId: uuid.NewString(), Campaign: ref.Campaign, Version: ref.Version,
		}))
		wantRefusal(t, atRetailer(t, text), "CAMPAIGN_PAUSED")
		must[*issuerv1.ResumeCampaignResponse](t)(issuerDesk(t).ResumeCampaign(t.Context(), &issuerv1.ResumeCampaignRequest{
			RequestId: uuid.NewString(), Campaign: ref.Campaign, Version: ref.Version,
		}))
		redeem(t, request(text))
	})
	t.Run("closed", func(t *testing.T) {
		o := launch(t, coupon.HolderBearer, nil)
		text := o.show(t, retailer)
		must[*issuerv1.CloseCampaignResponse](t)(issuerDesk(t).CloseCampaign(t.Context(), &issuerv1.CloseCampaignRequest{
			RequestId: uuid.NewString(), Campaign: o.Mandate.Campaign, Version: o.Mandate.Version,
		}))
		wantRefusal(t, atRetailer(t, text), "CAMPAIGN_CLOSED")
	})
	t.Run("retailer not admitted", func(t *testing.T) {
		launch(t, coupon.HolderBearer, func(l *desk.Launch) { l.Retailers = []string{shop} })
		o := launch(t, coupon.HolderBearer, nil)
		_, err := retailerDesk(t, "shop", shop).Redeem(t.Context(), request(o.show(t, shop)))
		wantRefusal(t, err, "RETAILER_NOT_ADMITTED")
	})
}

func TestBasketsMustFulfilTheTerms(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	tests := []struct {
		name   string
		change func(*retailerv1.RedeemRequest)
		want   string
	}{
		{"without the goods", func(r *retailerv1.RedeemRequest) { r.Basket.Lines[0].Gtin = "09521234545019" }, "NOT_IN_BASKET"},
		{"wrong currency", func(r *retailerv1.RedeemRequest) { r.Basket.Currency, r.Invoice.Amount.Currency = "USD", "USD" }, "CURRENCY_MISMATCH"},
		{"invoice in another currency", func(r *retailerv1.RedeemRequest) { r.Invoice.Amount.Currency = "USD" }, "CURRENCY_MISMATCH"},
		{"bad GTIN", func(r *retailerv1.RedeemRequest) { r.Basket.Lines[0].Gtin = "09521234543214" }, "BAD_GTIN"},
		{"no quantity", func(r *retailerv1.RedeemRequest) { r.Basket.Lines[0].Quantity = 0 }, "BAD_BASKET"},
		{"request id that could be guessed", func(r *retailerv1.RedeemRequest) { r.RequestId = "00000000-0000-1000-8000-000000000001" }, "INVALID_REQUEST"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := o.show(t, retailer)
			r := request(text)
			tt.change(r)
			_, err := retailerDesk(t, "retailer", retailer).Redeem(t.Context(), r)
			wantRefusal(t, err, tt.want)
			redeem(t, request(text)) // nothing was spent
		})
	}
}

func TestWalletRefusesOtherTerms(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	o.Terms = `{"format":1,"currency":"EUR","gtins":["` + gtin + `"],"quantity":1,"benefit":{"type":"amount_off","amount":90}}`
	_, err := o.wallet.Get(t.Context(), o.url, o.Offer)
	wantRefusal(t, err, "TERMS_MISMATCH")
}
