// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"ecoupon/network/desk"
	"ecoupon/network/runner"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/campaignfile"
	"ecoupon/services/wallet"
)

const issuerMSP = "IssuerMSP"

// storeFile is the store's own campaign, in the directory of examples.
const storeFile = "store-bread.yaml"

// ownShops plays both cases in which issuer and retailer are one organisation:
// the manufacturer's shop redeems a coupon that the advertiser gave out, and the
// store issues, gives out and redeems one of its own. The settlement that
// follows leaves both out, as nobody owes anybody anything.
func (p *play) ownShops(ctx context.Context) error {
	if !p.holds("issuer", runner.Retailer) || !p.holds("retailer", runner.Issuer, runner.Advertiser) {
		p.tell("no member of this network redeems coupons of its own")
		return nil
	}
	if err := p.manufacturersShop(ctx); err != nil {
		return err
	}
	return p.storeCoupon(ctx)
}

// holds reports whether an organisation has all of these roles.
func (p *play) holds(organisation string, roles ...string) bool {
	for _, o := range p.network.Consortium().Organisations {
		if o.Name != organisation {
			continue
		}
		for _, role := range roles {
			if !o.HasRole(role) {
				return false
			}
		}
		return true
	}
	return false
}

// counter is the side of a counter where coupons of the own organisation are
// taken: till and desk.
type counter struct {
	mspID      string
	till, desk retailerv1.RetailerServiceClient
}

func (p *play) counter(organisation, mspID string) (counter, error) {
	c := counter{mspID: mspID}
	for name, client := range map[string]*retailerv1.RetailerServiceClient{"till-1": &c.till, "operator": &c.desk} {
		d, err := desk.Open(p.network.Folder(organisation, name))
		if err != nil {
			return c, err
		}
		p.desks = append(p.desks, d)
		if *client, err = d.Retailer(mspID); err != nil {
			return c, err
		}
	}
	return c, nil
}

// manufacturersShop is the basic model.
func (p *play) manufacturersShop(ctx context.Context) error {
	bearer := p.campaigns[0]
	_, err := p.issuer.AdmitRetailer(ctx, &issuerv1.AdmitRetailerRequest{
		RequestId: uuid.NewString(), Campaign: bearer.ID, Version: bearer.Version, Retailer: issuerMSP,
	})
	if err != nil {
		return fmt.Errorf("admitting the manufacturer's shop: %w", err)
	}
	shop, err := p.counter("issuer", issuerMSP)
	if err != nil {
		return err
	}
	bought, err := p.buy(ctx, shop, "AdvertiserMSP", p.offers[bearer.ID])
	if err != nil {
		return err
	}
	p.tell("the manufacturer's own shop redeems a coupon of %s; the clearing house endorses and keeps the record", bearer.ID)
	if err := p.buyAgain(ctx, shop, bought); err != nil {
		return err
	}
	_, err = shop.desk.Claim(ctx, &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuerMSP})
	return p.refused("the manufacturer claims what its own shop redeemed", err, "NOT_CLAIMABLE")
}

// storeCoupon is a coupon of which issuer, emitter and retailer are one.
func (p *play) storeCoupon(ctx context.Context) error {
	campaign, err := campaignfile.Load(filepath.Join(p.examples, storeFile), time.Now())
	if err != nil {
		return err
	}
	office, err := desk.Open(p.network.Folder("retailer", "operator"))
	if err != nil {
		return err
	}
	p.desks = append(p.desks, office)
	issuer, err := office.Issuer(retailerMSP)
	if err != nil {
		return err
	}
	launch := desk.Launch{Campaign: campaign, Advertiser: retailerMSP, Quotas: []int64{quota}, Retailers: []string{retailerMSP}}
	if _, err := launch.Do(ctx, issuer); err != nil {
		return err
	}
	offer, err := p.awaitOffer(ctx, retailerMSP, campaign.ID)
	if err != nil {
		return err
	}
	store, err := p.counter("retailer", retailerMSP)
	if err != nil {
		return err
	}
	bought, err := p.buy(ctx, store, retailerMSP, offer)
	if err != nil {
		return err
	}
	p.tell("the store publishes %s, gives a coupon out on its own page and redeems it at its own till;", campaign.ID)
	p.tell("the clearing house is the second endorser of each step")
	return p.buyAgain(ctx, store, bought)
}

// buy gets a coupon and uses it.
func (p *play) buy(ctx context.Context, at counter, advertiser string, offer wallet.Offer) (*retailerv1.RedeemRequest, error) {
	w, err := p.walletOf(advertiser, "neighbour")
	if err != nil {
		return nil, err
	}
	url, _, err := p.public.Public(advertiser)
	if err != nil {
		return nil, err
	}
	held, err := w.Get(ctx, url, offer)
	if err != nil {
		return nil, fmt.Errorf("getting a coupon of %s: %w", offer.Mandate.Campaign, err)
	}
	text, err := w.Present(held.ID, wallet.Audience{Retailer: at.mspID})
	if err != nil {
		return nil, err
	}
	terms, err := offer.ParsedTerms()
	if err != nil {
		return nil, err
	}
	request := desk.Purchase(terms.GTINs[0], text)
	if err := p.pay(ctx, at.mspID, request.GetInvoice()); err != nil {
		return nil, err
	}
	err = p.time("own coupons redeemed", func() error {
		_, err := at.till.Redeem(ctx, request)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("redeeming at %s: %w %v", at.mspID, err, desk.Reasons(err))
	}
	return request, nil
}

// buyAgain uses the coupon of a purchase for another, which is refused.
func (p *play) buyAgain(ctx context.Context, at counter, bought *retailerv1.RedeemRequest) error {
	_, err := at.till.Redeem(ctx, &retailerv1.RedeemRequest{
		RequestId: uuid.NewString(), Basket: bought.GetBasket(),
		Invoice: newInvoice(bought.GetInvoice()), Coupons: bought.GetCoupons(),
	})
	return p.refused("the same coupon once more", err, "ALREADY_USED")
}

// walletOf returns a customer's wallet that trusts an advertiser's page.
func (p *play) walletOf(advertiser, customer string) (*wallet.Wallet, error) {
	_, roots, err := p.public.Public(advertiser)
	if err != nil {
		return nil, err
	}
	return wallet.New(wallet.Config{Path: filepath.Join(p.wallets, customer+".json"), Roots: roots, Now: time.Now})
}

// awaitOffer waits until an advertiser shows an offer of the campaign.
func (p *play) awaitOffer(ctx context.Context, advertiser, campaign string) (wallet.Offer, error) {
	w, err := p.walletOf(advertiser, "window-shopper")
	if err != nil {
		return wallet.Offer{}, err
	}
	url, _, err := p.public.Public(advertiser)
	if err != nil {
		return wallet.Offer{}, err
	}
	var found wallet.Offer
	err = await(ctx, "the offer of "+campaign, func(ctx context.Context) (bool, error) {
		offers, err := w.Offers(ctx, url)
		for _, o := range offers {
			if o.Mandate.Campaign == campaign {
				found = o
			}
		}
		return found.Mandate.Campaign == campaign, err
	})
	return found, err
}
