// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/campaignfile"
	"ecoupon/services/money"
	"ecoupon/services/sales"
	"ecoupon/services/wallet"
)

// quota is what each campaign's one lane may emit.
const quota = 2000

// shoppers bounds how many customers fetch coupons at once.
const shoppers = 8

// play is the demo's state.
type play struct {
	*story
	network *runner.Network
	wallets string
	// examples is the directory of campaigns and sales.
	examples string
	desks    []*desk.Desk
	// institutes take payments for shops.
	institutes map[merchant]*desk.Institute

	issuer   issuerv1.IssuerServiceClient
	retailer retailerv1.RetailerServiceClient // as its operator
	clearing clearingv1.ClearingServiceClient
	tills    map[string]retailerv1.RetailerServiceClient
	public   *desk.Desk // for the advertiser's public address

	campaigns []coupon.Campaign
	day       []sales.Sale

	frameworks map[string]*typev1.Framework // by campaign id
	offers     map[string]wallet.Offer      // by campaign id

	mu    sync.Mutex
	sales map[string]*soldSale // by basket id
	order []string
	used  map[string]bool // holdings, by id
	// extra is what the retailer redeemed honestly besides the day's sales, in
	// minor units.
	extra int64
	// gift is the offer of coupons that may be handed on.
	gift wallet.Offer
}

// soldSale is a sale with coupons that was accepted.
type soldSale struct {
	request    *retailerv1.RedeemRequest
	redemption *retailerv1.Redemption
	customer   string
	holdings   []wallet.Holding
}

// open connects everybody with the credentials that the runner made for them.
func (p *play) open(context.Context) error {
	p.frameworks, p.offers = map[string]*typev1.Framework{}, map[string]wallet.Offer{}
	p.used, p.tills = map[string]bool{}, map[string]retailerv1.RetailerServiceClient{}
	sit := func(organisation, as string) (*desk.Desk, error) {
		d, err := desk.Open(p.network.Folder(organisation, as))
		if err == nil {
			p.desks = append(p.desks, d)
		}
		return d, err
	}
	manufacturer, err := sit("issuer", "operator")
	if err != nil {
		return err
	}
	shop, err := sit("retailer", "operator")
	if err != nil {
		return err
	}
	house, err := sit("clearing", "operator")
	if err != nil {
		return err
	}
	if p.issuer, err = manufacturer.Issuer(""); err != nil {
		return err
	}
	if p.retailer, err = shop.Retailer(""); err != nil {
		return err
	}
	if p.clearing, err = house.Clearing(""); err != nil {
		return err
	}
	p.public = shop
	if err := p.openInstitutes(); err != nil {
		return err
	}
	for _, name := range []string{"till-1", "till-2"} {
		till, err := sit("retailer", name)
		if err != nil {
			return err
		}
		if p.tills[name], err = till.Retailer(""); err != nil {
			return err
		}
	}
	return os.MkdirAll(p.wallets, 0o700)
}

func (p *play) close() {
	for _, d := range p.desks {
		_ = d.Close()
	}
	for _, i := range p.institutes {
		_ = i.Close()
	}
}

// read loads the examples.
func (p *play) read(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "campaign-*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		c, err := campaignfile.Load(file, time.Now())
		if err != nil {
			return err
		}
		p.campaigns = append(p.campaigns, c)
	}
	if p.day, err = sales.Load(filepath.Join(dir, "sales.csv")); err != nil {
		return err
	}
	p.tell("read %d campaigns and %d baskets from %s", len(p.campaigns), len(p.day), dir)
	return nil
}

// launch publishes the campaigns and puts the other members to work.
func (p *play) launch(ctx context.Context) error {
	for _, c := range p.campaigns {
		launch := desk.Launch{Campaign: c, Advertiser: "AdvertiserMSP", Quotas: []int64{quota}, Retailers: []string{"RetailerMSP"}}
		err := p.time("campaign launched", func() (err error) {
			p.frameworks[c.ID], err = launch.Do(ctx, p.issuer)
			return err
		})
		if err != nil {
			return err
		}
		p.tell("%s: %q", c.Product, c.Offer)
		p.tell("    campaign %s, %s coupons, %d at most by AdvertiserMSP, redeemed by RetailerMSP", c.ID, c.Holder, quota)
	}
	return nil
}

// wallet returns a customer's wallet.
func (p *play) wallet(customer string, now func() time.Time) (*wallet.Wallet, error) {
	_, roots, err := p.public.Public("AdvertiserMSP")
	if err != nil {
		return nil, err
	}
	return wallet.New(wallet.Config{Path: filepath.Join(p.wallets, customer+".json"), Roots: roots, Now: now})
}

// fetchCoupons lets each customer get what the day's sales will need, from the
// advertiser's public page, without an account.
func (p *play) fetchCoupons(ctx context.Context) error {
	if err := p.awaitOffers(ctx); err != nil {
		return err
	}
	wishes := map[string]map[string]int{}
	for _, s := range p.day {
		for _, w := range s.Coupons {
			if wishes[s.Customer] == nil {
				wishes[s.Customer] = map[string]int{}
			}
			wishes[s.Customer][w.Campaign] += w.Count
		}
	}
	var g errgroup.Group
	g.SetLimit(shoppers)
	total := 0
	for customer, wanted := range wishes {
		for _, n := range wanted {
			total += n
		}
		g.Go(func() error { return p.fetch(ctx, customer, wanted) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	p.tell("%d customers got %d coupons; each wallet checked the terms against the coupon's", len(wishes), total)
	p.tell("framework id and told the advertiser a one-time key, nothing else")
	return nil
}

func (p *play) fetch(ctx context.Context, customer string, wanted map[string]int) error {
	w, err := p.wallet(customer, time.Now)
	if err != nil {
		return err
	}
	url, _, err := p.public.Public("AdvertiserMSP")
	if err != nil {
		return err
	}
	for campaign, n := range wanted {
		for range n {
			err := p.time("coupon issued", func() error {
				_, err := w.Get(ctx, url, p.offers[campaign])
				return err
			})
			if err != nil {
				return fmt.Errorf("%s getting a coupon of %s: %w", customer, campaign, err)
			}
		}
	}
	return nil
}

// awaitOffers waits until the advertiser has learnt of its mandates from the
// ledger.
func (p *play) awaitOffers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	w, err := p.wallet("window-shopper", time.Now)
	if err != nil {
		return err
	}
	url, _, err := p.public.Public("AdvertiserMSP")
	if err != nil {
		return err
	}
	for {
		offers, err := w.Offers(ctx, url)
		if err != nil {
			return err
		}
		for _, o := range offers {
			p.offers[o.Mandate.Campaign] = o
		}
		if len(p.offers) >= len(p.campaigns) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the advertiser's offers: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// amount formats money of the API.
func amount(m *typev1.Money) string {
	return money.Format(m.GetCurrency(), m.GetMinor())
}

func amounts(list []*typev1.Money) string {
	if len(list) == 0 {
		return "nothing"
	}
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = amount(m)
	}
	return strings.Join(texts, " + ")
}
