// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"crypto/ed25519"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/wallet"
)

// giveaway is the store's offer of proofs that can be handed on, with the proof
// of a product in a wallet.
type giveaway struct {
	*shops
	*present
	campaign *campaigntest.Campaign
	expected wallet.Expectation
}

func newGiveaway(t *testing.T) *giveaway {
	t.Helper()
	s := newShops(t)
	g := &giveaway{shops: s, campaign: campaigntest.Publish(t, s.Consortium, campaigntest.Options{
		ID: "given", Kind: coupon.KindProof, MaxFrameAge: time.Hour, Holder: coupon.HolderBound, MaxTransfers: 1,
		Emitter: store, Retailers: []string{store, servetest.RetailerMSP},
	})}
	g.present = &present{
		Consortium: s.Consortium, address: s.address, roots: s.roots, shop: s.other, retailer: servetest.RetailerMSP,
		offer: g.campaign.Framework.ID,
	}
	var err error
	g.expected, err = s.wallet.Expect(s.address, shownAt(t, s.wallet, s.address, g.offer))
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.buy(t, g.expected, grinder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.wallet.Accept(text); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(time.Second)
	return g
}

// TestLifeOfAProofThatIsHandedOn sells a product, hands its proof on and redeems
// it at another retailer: by the new owner only, and once for the product.
func TestLifeOfAProofThatIsHandedOn(t *testing.T) {
	t.Parallel()
	g := newGiveaway(t)
	a, b := g.shops.wallet, g.newWallet(t)
	byA := g.presented(t, a, g.expected.ID)
	given := g.handOn(t, a, b, g.expected.ID)
	wantRefusal(t, "the buyer", g.redeem(t, byA), coupon.ReasonCouponTransferred)
	if err := g.redeem(t, g.presented(t, b, given.ID)); err != nil {
		t.Errorf("the new owner: %v", err)
	}
	wantRefusal(t, "the new owner again", g.redeem(t, g.presented(t, b, given.ID)), coupon.ReasonAlreadyRedeemed)
	_, err := g.buy(t, g.expected, grinder)
	if got := reasonOf(err); got != "ALREADY_USED" { // what tills are told of PRODUCT_USED
		t.Errorf("a second proof of the product: %v", err)
	}
}

// TestAUsedProductsProofIsNotHandedOn: a proof of the same product, by another
// emitter, was redeemed. The giver is told, and nobody is handed what is worth
// nothing.
func TestAUsedProductsProofIsNotHandedOn(t *testing.T) {
	t.Parallel()
	g := newGiveaway(t)
	lane := g.campaign.EmittedBy(t, servetest.RetailerMSP).OpenLane(t, 0)
	owner := campaigntest.Wallet(t)
	twin := lane.Release(coupon.PublicKey(owner.Public().(ed25519.PublicKey)))
	twin.Kind = coupon.KindProof
	twin.Product.Tag = coupon.ProductTag(coupon.DeriveProductKey(g.campaign.Key), grinder)
	twin = lane.Seal(twin)
	g.present.Clock.Advance(time.Second)
	shown := campaigntest.Present(t, owner, coupon.Presentation{
		Coupon: twin, PresentedAt: g.present.Clock.Now().UnixMilli(), Retailer: g.retailer,
	})
	if err := g.redeem(t, shown); err != nil {
		t.Fatal(err)
	}
	key, err := g.newWallet(t).NewKey()
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.shops.wallet.Transfer(t.Context(), g.expected.ID, key)
	wantRefusal(t, "handing on", err, coupon.ReasonProductUsed)
	held, err := g.shops.wallet.Coupons()
	if err != nil || len(held) != 1 || held[0].State != wallet.Held || held[0].Leaving != "" {
		t.Errorf("the wallet has %+v, %v", held, err)
	}
}

// TestGiftsInTheIssuersOwnShop: the issuer gives a coupon out, its customer hands
// it on, and the issuer redeems it, as in the basic model.
func TestGiftsInTheIssuersOwnShop(t *testing.T) {
	t.Parallel()
	organisations := servetest.Default()
	for i, o := range organisations {
		if o.MSPID == servetest.IssuerMSP {
			organisations[i].Roles = []string{config.RoleIssuer, config.RoleAdvertiser, config.RoleRetailer}
		}
	}
	p := &present{
		Consortium: ledgertest.New(t, ledgertest.Options{Organisations: organisations}), retailer: servetest.IssuerMSP,
	}
	p.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	_, p.address, p.roots = runAdvertiser(t, p.Consortium, servetest.IssuerMSP)
	p.shop = runRetailer(t, p.Consortium, servetest.IssuerMSP, nil)
	p.offer = campaigntest.Publish(t, p.Consortium, campaigntest.Options{
		ID: "present", Holder: coupon.HolderBound, MaxTransfers: 1, Emitter: servetest.IssuerMSP, Retailers: []string{servetest.IssuerMSP},
	}).Framework.ID
	a, b := p.wallet(t), p.wallet(t)
	first := obtain(t, a, p.address, p.offer)
	p.Clock.Advance(time.Second)
	byA := p.presented(t, a, first.ID)
	given := p.handOn(t, a, b, first.ID)
	wantRefusal(t, "the first owner", p.redeem(t, byA), coupon.ReasonCouponTransferred)
	if err := p.redeem(t, p.presented(t, b, given.ID)); err != nil {
		t.Errorf("the new owner: %v", err)
	}
	wantRefusal(t, "the new owner again", p.redeem(t, p.presented(t, b, given.ID)), coupon.ReasonAlreadyRedeemed)
}
