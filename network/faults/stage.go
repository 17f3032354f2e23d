// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/wallet"
)

const (
	issuerMSP     = "IssuerMSP"
	advertiserMSP = "AdvertiserMSP"
	namespace     = "coupon-" + issuerMSP
	gtin          = "09521234543213"
	// discount and price are in cents.
	discount = 50
	price    = 249
	terms    = `{"format":1,"currency":"EUR","gtins":["` + gtin + `"],"quantity":1,"benefit":{"type":"amount_off","amount":50}}`
	// lanes is how often the advertiser's store may be lost, quota what is in
	// each.
	lanes, quota = 64, 10_000_000
	// offersLimit bounds the wait for the advertiser to learn of its mandates.
	offersLimit = 30 * time.Second
	// counters is how many connections the crowd has to each shop.
	counters = 4
)

// shop is one of the two retailers.
type shop struct {
	name, mspID string
	till        retailerv1.RetailerServiceClient
	// operator sees exact reasons, claims, and looks things up.
	operator retailerv1.RetailerServiceClient
	// counters are connections of the operator's at which the crowd buys.
	counters []retailerv1.RetailerServiceClient
}

// stage is a consortium with two retailers and two campaigns, one of bearer
// and one of bound coupons, and everybody's access to it.
type stage struct {
	network  *runner.Network
	proxies  proxies
	disks    []disk // that are in place
	dir      string
	desks    []*desk.Desk
	shops    []*shop
	clearing clearingv1.ClearingServiceClient
	// advertiser is its own interface for those who have pages.
	advertiser advertiserv1.AdvertiserServiceClient
	offers     []wallet.Offer
	url        string
	roots      *x509.CertPool
}

// build starts a network in dir; the organisations that are named have a second
// peer. Also after an error the stage is to be struck.
func build(ctx context.Context, dir string, out io.Writer, twoPeers ...string) (*stage, error) {
	c := runner.Default()
	for i, o := range c.Organisations {
		if slices.Contains(twoPeers, o.Name) {
			c.Organisations[i].Peers = 2
		}
	}
	c.StateDir, c.PortBase = filepath.Join(dir, "state"), 0
	c.SamplePerMille = 0 // payments are made up here
	noOrderer := false
	c.Organisations = append(c.Organisations, runner.Organisation{
		Name: "shop", MSPID: "ShopMSP", Roles: []string{runner.Retailer}, Orderer: &noOrderer,
	})
	proxies, err := before(&c)
	if err != nil {
		return nil, err
	}
	n, err := runner.New(c, out)
	if err != nil {
		proxies.close()
		return nil, err
	}
	s := &stage{network: n, proxies: proxies, dir: dir}
	if err := errors.Join(n.Settle(ctx), proxies.aim(n)); err != nil {
		return s, err
	}
	if err := n.Up(ctx, runner.UpOptions{}); err != nil {
		return s, err
	}
	if err := s.open(); err != nil {
		return s, err
	}
	return s, s.launch(ctx)
}

// strike stops the network and removes it.
func (s *stage) strike(ctx context.Context) error {
	var errs []error
	for _, d := range s.desks {
		errs = append(errs, d.Close())
	}
	errs = append(errs, s.network.Down(ctx))
	for _, d := range s.disks {
		errs = append(errs, d.drop())
	}
	s.proxies.close()
	return errors.Join(append(errs, s.network.Purge(ctx))...)
}

func (s *stage) sit(organisation, as string) (*desk.Desk, error) {
	d, err := desk.Open(s.network.Folder(organisation, as))
	if err == nil {
		s.desks = append(s.desks, d)
	}
	return d, err
}

// open connects everybody with the credentials that the runner made for them.
func (s *stage) open() error {
	for _, o := range []shop{{name: "retailer", mspID: "RetailerMSP"}, {name: "shop", mspID: "ShopMSP"}} {
		till, err := s.sit(o.name, "till-1")
		if err != nil {
			return err
		}
		office, err := s.sit(o.name, "operator")
		if err != nil {
			return err
		}
		if o.till, err = till.Retailer(o.mspID); err != nil {
			return err
		}
		if o.operator, err = office.Retailer(o.mspID); err != nil {
			return err
		}
		if s.url, s.roots, err = till.Public(advertiserMSP); err != nil {
			return err
		}
		for range counters {
			counter, err := s.sit(o.name, "operator")
			if err != nil {
				return err
			}
			client, err := counter.Retailer(o.mspID)
			if err != nil {
				return err
			}
			o.counters = append(o.counters, client)
		}
		s.shops = append(s.shops, &o)
	}
	page, err := s.sit("advertiser", "operator")
	if err != nil {
		return err
	}
	if s.advertiser, err = page.Advertiser(""); err != nil {
		return err
	}
	house, err := s.sit("clearing", "operator")
	if err != nil {
		return err
	}
	s.clearing, err = house.Clearing("")
	return err
}

// launch puts the campaigns to work and waits until they are offered.
func (s *stage) launch(ctx context.Context) error {
	manufacturer, err := s.sit("issuer", "operator")
	if err != nil {
		return err
	}
	issuer, err := manufacturer.Issuer("")
	if err != nil {
		return err
	}
	var retailers []string
	for _, shop := range s.shops {
		retailers = append(retailers, shop.mspID)
	}
	for _, holder := range []coupon.Holder{coupon.HolderBearer, coupon.HolderBound} {
		_, err := desk.Launch{
			Campaign: coupon.Campaign{
				ID: string(holder), Version: 1, Product: "Product", Offer: "50 cents off", Terms: terms,
				Kinds: []coupon.Kind{coupon.KindStatic}, Holder: holder,
				Begin: time.Now().Add(-time.Minute).UnixMilli(), End: time.Now().Add(24 * time.Hour).UnixMilli(),
			},
			Advertiser: advertiserMSP, Quotas: slices.Repeat([]int64{quota}, lanes), Retailers: retailers,
		}.Do(ctx, issuer)
		if err != nil {
			return err
		}
	}
	return s.awaitOffers(ctx)
}

func (s *stage) awaitOffers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, offersLimit)
	defer cancel()
	w, err := s.wallet("window-shopper")
	if err != nil {
		return err
	}
	for {
		s.offers, err = w.Offers(ctx, s.url)
		if err == nil && len(s.offers) == 2 {
			return nil
		}
		if !rest(ctx, 50*time.Millisecond) {
			return fmt.Errorf("waiting for the advertiser's offers: %w", errors.Join(err, ctx.Err()))
		}
	}
}

func (s *stage) wallet(customer string) (*wallet.Wallet, error) {
	return wallet.New(wallet.Config{Path: filepath.Join(s.dir, customer+".json"), Roots: s.roots, Now: time.Now})
}

// rest is false if the context ended first.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// keepLogs copies what the processes have written.
func (s *stage) keepLogs(to string) error {
	return os.CopyFS(to, os.DirFS(filepath.Join(s.network.StateDir(), "logs")))
}
