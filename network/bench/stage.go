// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/bench/report"
	"ecoupon/network/bench/usage"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

const (
	issuer     = "IssuerMSP"
	advertiser = "AdvertiserMSP"
	retailer   = "RetailerMSP"
	namespace  = "coupon-" + issuer

	// quota is more than any run issues.
	quota = 100_000_000
	// connections is how many the tills have, of which each belongs to one.
	connections = 64
	// counters is how many connections there are to the advertiser.
	counters = 16
	// unlimited is above any rate that is measured.
	unlimited = 1_000_000
	// offersLimit bounds the wait for the advertiser to learn of its mandates.
	offersLimit = 30 * time.Second
)

// campaigns are those that are measured with, by the form of their coupons.
var campaigns = map[form]coupon.Campaign{
	bearer:  {ID: "bench", Kinds: []coupon.Kind{coupon.KindStatic}, Holder: coupon.HolderBearer},
	bound:   {ID: "bench-bound", Kinds: []coupon.Kind{coupon.KindStatic}, Holder: coupon.HolderBound},
	dynamic: {ID: "bench-dynamic", Kinds: []coupon.Kind{coupon.KindDynamic}, Holder: coupon.HolderBound, MaxFrameAge: coupon.MaxFrameAge},
}

// form is what coupons of a campaign are like.
type form string

const (
	bearer  form = "bearer"
	bound   form = "bound"
	dynamic form = "dynamic"
)

// bench is a network with everybody's access to it, and what was measured.
type bench struct {
	network *runner.Network
	out     io.Writer
	options options
	times   times
	report  *report.Report

	desks []*desk.Desk
	// tills are connections of the retailer's tills, shop one of the
	// manufacturer's own shop.
	tills []retailerv1.RetailerServiceClient
	shop  retailerv1.RetailerServiceClient
	// advertisers are connections to the advertiser.
	advertisers []advertiserv1.AdvertiserServiceClient
	frameworks  map[form]string
	// obtain gets the coupon of a number.
	obtain func(ctx context.Context, f form, i int) (holding, error)
	// ceiling is above what any crowd gets in a second: so many coupons are held
	// for it.
	ceiling float64
	purses  map[form]*purse
	bare    *client.Contract
	gateway *runner.Connection
	// rates are those that can be sustained, as far as they are known.
	rates map[form]float64
	// others are processes beside the network's.
	others usage.Groups
	// sales were acknowledged; a part of them is looked up at the end.
	sales sales
	// run tells the campaigns of several runs on one ledger apart.
	run string
	// spent is how many coupons were, where that is counted.
	spent atomic.Int64
}

// onNetwork starts a network in a folder of its own, does something on it, and
// removes it.
func (b *bench) onNetwork(ctx context.Context, c runner.Consortium, do func(dir string) error) error {
	dir, err := os.MkdirTemp("", "ecoupon-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	defer func() {
		b.close()
		if b.network == nil {
			return
		}
		if b.options.logs != "" {
			_ = os.CopyFS(b.options.logs, os.DirFS(filepath.Join(b.network.StateDir(), "logs")))
		}
		_ = b.network.Purge(context.WithoutCancel(ctx))
	}()
	if err := b.raise(ctx, dir, c); err != nil {
		return err
	}
	return do(dir)
}

// raise starts the network of a folder and connects everybody.
func (b *bench) raise(ctx context.Context, dir string, c runner.Consortium) error {
	var err error
	if b.network, err = start(ctx, dir, c); err != nil {
		return err
	}
	return b.open(ctx)
}

// consortium is the one that is measured, with another block interval if one is
// given.
func consortium(interval string) runner.Consortium {
	c := runner.Default()
	if interval != "" {
		c.BlockInterval = interval
	}
	c.SamplePerMille = 0 // payments are made up here
	return c
}

// start brings up a network whose chaincode can also write blindly, and whose
// advertisers let everybody have as many coupons as they can make.
func start(ctx context.Context, dir string, c runner.Consortium) (*runner.Network, error) {
	c.StateDir, c.PortBase = filepath.Join(dir, "state"), 0
	n, err := runner.New(c, os.Stderr)
	if err != nil {
		return nil, err
	}
	program := filepath.Join(dir, "bare")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "ecoupon/network/bench/bare")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the bare chaincode: %w: %s", err, text)
	}
	programs := map[string]string{}
	for _, o := range c.Organisations {
		programs[o.MSPID] = program
	}
	err = n.Configure(runner.Advertiser, map[string]any{"limits": map[string]any{
		"address_rate": unlimited, "address_burst": unlimited, "offer_rate": unlimited, "offer_burst": unlimited,
	}})
	if err != nil {
		return n, err
	}
	return n, n.Up(ctx, runner.UpOptions{Chaincode: programs})
}

// sit opens the desk of somebody of an organisation; close closes it.
func (b *bench) sit(organisation, as string) (*desk.Desk, error) {
	d, err := desk.Open(b.network.Folder(organisation, as))
	if err == nil {
		b.desks = append(b.desks, d)
	}
	return d, err
}

func (b *bench) close() {
	if b.gateway != nil {
		_ = b.gateway.Close()
	}
	for _, d := range b.desks {
		_ = d.Close()
	}
	b.gateway, b.desks, b.tills, b.advertisers = nil, nil, nil, nil
}

// open connects everybody and puts the campaigns to work.
func (b *bench) open(ctx context.Context) (err error) {
	for range connections {
		till, err := b.till("retailer", retailer)
		if err != nil {
			return err
		}
		b.tills = append(b.tills, till)
	}
	if b.shop, err = b.till("issuer", issuer); err != nil {
		return err
	}
	for range counters {
		page, err := b.sit("advertiser", "operator")
		if err != nil {
			return err
		}
		counter, err := page.Advertiser(advertiser)
		if err != nil {
			return err
		}
		b.advertisers = append(b.advertisers, counter)
	}
	if b.gateway, err = b.network.Connect("retailer", "retailer"); err != nil {
		return err
	}
	b.bare = b.gateway.GetNetwork(b.network.Consortium().Channel).GetContract(namespace)
	b.obtain, b.ceiling = b.issued, ceiling
	b.run = "-" + strconv.FormatInt(time.Now().UnixMilli(), 36)
	b.frameworks, b.purses = make(map[form]string), make(map[form]*purse)
	for f, c := range campaigns {
		b.purses[f] = new(purse)
		if b.frameworks[f], err = b.launch(ctx, c, []int64{quota}); err != nil {
			return err
		}
	}
	return b.awaitOffers(ctx, slices.Collect(maps.Values(b.frameworks)))
}

// till opens a connection as a till.
func (b *bench) till(organisation, mspID string) (retailerv1.RetailerServiceClient, error) {
	d, err := b.sit(organisation, "till-1")
	if err != nil {
		return nil, err
	}
	return d.Retailer(mspID)
}

// launch puts a campaign to work, with a lane for each of the quotas, and returns
// its framework.
func (b *bench) launch(ctx context.Context, c coupon.Campaign, quotas []int64) (string, error) {
	manufacturer, err := b.sit("issuer", "operator")
	if err != nil {
		return "", err
	}
	office, err := manufacturer.Issuer(issuer)
	if err != nil {
		return "", err
	}
	c.ID += b.run
	c.Version, c.Product, c.Offer, c.Terms = 1, "Product", "50 cents off", terms
	c.Begin, c.End = time.Now().Add(-time.Minute).UnixMilli(), time.Now().Add(24*time.Hour).UnixMilli()
	framework, err := desk.Launch{
		Campaign: c, Advertiser: advertiser, Quotas: quotas, Retailers: []string{retailer, issuer},
	}.Do(ctx, office)
	if err != nil {
		return "", err
	}
	return framework.GetFrameworkId(), nil
}

// awaitOffers waits until the advertiser has learnt of its mandates.
func (b *bench) awaitOffers(ctx context.Context, frameworks []string) error {
	ctx, cancel := context.WithTimeout(ctx, offersLimit)
	defer cancel()
	for {
		offers, err := b.advertisers[0].ListOffers(ctx, &advertiserv1.ListOffersRequest{})
		known := make(map[string]bool)
		for _, o := range offers.GetOffers() {
			known[o.GetFramework().GetFrameworkId()] = true
		}
		missing := 0
		for _, id := range frameworks {
			if !known[id] {
				missing++
			}
		}
		if err == nil && missing == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the offers: %w", errors.Join(err, ctx.Err()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// groups lists the processes of the network by what they are, the load generator,
// and others that were started.
func (b *bench) groups() usage.Groups {
	groups := usage.Groups{"load generator": {os.Getpid()}}
	for name, pids := range b.others {
		for _, pid := range pids {
			groups[name] = append(groups[name], usage.Children(pid)...)
		}
	}
	if b.network == nil {
		return groups
	}
	status, err := b.network.Status()
	if err != nil {
		return groups
	}
	for _, p := range status.Processes {
		kind, _, _ := strings.Cut(p.Name, ".")
		group := "other services"
		switch {
		case p.Name == "peer.issuer" || p.Name == "peer.retailer":
			group = report.EndorsingPeers
		case strings.HasPrefix(kind, "peer"):
			group = report.OtherPeers
		case kind == "orderer":
			group = report.Orderers
		case kind == "chaincode":
			group = report.Chaincode
		case p.Name == "retailer.retailer":
			group = report.RetailerService
		case p.Name == "advertiser.advertiser":
			group = "advertiser service"
		}
		groups[group] = append(groups[group], p.PID)
	}
	return groups
}
