// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the whole on a real network: one consortium of five
// organisations for all tests of the package, of which issuer, advertiser and
// retailer run altered chaincode, next to the real rules, so that they can
// cheat.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/wallet"
)

// startLimit bounds the start of the network, its programs being built.
const startLimit = 5 * time.Minute

// patience bounds the wait for what must come soon.
const patience = 30 * time.Second

// consortium is the network of all tests.
var consortium *runner.Network

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	dir, err := os.MkdirTemp("", "ecoupon-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if consortium, err = start(ctx, dir); consortium != nil {
		defer func() { _ = consortium.Purge(context.Background()) }()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := auditEverything(); err != nil {
		fmt.Fprintln(os.Stderr, "the ledger that the tests have left:", err)
		return 1
	}
	return code
}

func start(ctx context.Context, dir string) (*runner.Network, error) {
	altered := filepath.Join(dir, "altered")
	build := exec.CommandContext(ctx, "go", "build", "-o", altered, "./altered")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the altered chaincode: %w: %s", err, out)
	}
	c := runner.Default()
	c.StateDir, c.PortBase = filepath.Join(dir, "state"), 0
	c.SamplePerMille = 0 // payments are made up here
	noOrderer := false
	c.Organisations = append(c.Organisations, runner.Organisation{
		Name: "shop", MSPID: "ShopMSP", Roles: []string{runner.Retailer, runner.Advertiser}, Orderer: &noOrderer,
	})
	n, err := runner.New(c, os.Stderr)
	if err != nil {
		return nil, err
	}
	return n, n.Up(ctx, runner.UpOptions{Chaincode: map[string]string{
		issuer: altered, advertiser: altered, retailer: altered,
	}})
}

// MSP ids and the namespace.
const (
	issuer     = "IssuerMSP"
	advertiser = "AdvertiserMSP"
	retailer   = "RetailerMSP"
	clearing   = "ClearingMSP"
	shop       = "ShopMSP"
	namespace  = "coupon-IssuerMSP"
)

// desks keeps one desk for each credentials folder.
var desks = struct {
	sync.Mutex
	open map[string]*desk.Desk
}{open: map[string]*desk.Desk{}}

// sit returns the desk of one of an organisation's people or tills.
func sit(t *testing.T, organisation, as string) *desk.Desk {
	t.Helper()
	desks.Lock()
	defer desks.Unlock()
	folder := consortium.Folder(organisation, as)
	if desks.open[folder] == nil {
		d, err := desk.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		desks.open[folder] = d
	}
	return desks.open[folder]
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%v %v", err, desk.Reasons(err))
		}
		return v
	}
}

func issuerDesk(t *testing.T) issuerv1.IssuerServiceClient {
	return must[issuerv1.IssuerServiceClient](t)(sit(t, "issuer", "operator").Issuer(""))
}

func retailerDesk(t *testing.T, organisation, mspID string) retailerv1.RetailerServiceClient {
	return must[retailerv1.RetailerServiceClient](t)(sit(t, organisation, "operator").Retailer(mspID))
}

// gtin is what the test campaigns are about.
const gtin = "09521234543213"

const terms = `{"format":1,"currency":"EUR","gtins":["` + gtin + `"],"quantity":1,"benefit":{"type":"amount_off","amount":50}}`

// offer is a campaign at work, as a customer sees it.
type offer struct {
	wallet.Offer
	url    string
	wallet *wallet.Wallet
}

// newLaunch is a campaign that can be put to work.
func newLaunch(holder coupon.Holder) desk.Launch {
	return desk.Launch{
		Campaign: coupon.Campaign{
			ID: "c-" + uuid.NewString()[:8], Version: 1, Product: "Product", Offer: "50 cents off",
			Terms: terms, Kinds: []coupon.Kind{coupon.KindStatic}, Holder: holder,
			Begin: time.Now().Add(-time.Minute).UnixMilli(), End: time.Now().Add(time.Hour).UnixMilli(),
		},
		Advertiser: advertiser, Quotas: []int64{100}, Retailers: []string{retailer},
	}
}

// launch puts a new campaign to work; change may alter it before.
func launch(t *testing.T, holder coupon.Holder, change func(*desk.Launch)) offer {
	t.Helper()
	l := newLaunch(holder)
	if change != nil {
		change(&l)
	}
	framework, err := l.Do(t.Context(), issuerDesk(t))
	if err != nil {
		t.Fatalf("%v %v", err, desk.Reasons(err))
	}
	return find(t, l.Advertiser, framework.GetFrameworkId())
}

// find waits until the advertiser offers the framework.
func find(t *testing.T, advertiser, framework string) offer {
	t.Helper()
	url, roots, err := sit(t, "retailer", "operator").Public(advertiser)
	if err != nil {
		t.Fatal(err)
	}
	w, err := wallet.New(wallet.Config{Path: filepath.Join(t.TempDir(), "wallet.json"), Roots: roots, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	found := offer{url: url, wallet: w}
	eventually(t, "the advertiser offers the framework", func() bool {
		offers, err := w.Offers(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range offers {
			if o.Framework.String() == framework {
				found.Offer = o
				return true
			}
		}
		return false
	})
	return found
}

// eventually polls a condition that must become true soon.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s", what, patience)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// get fetches a coupon.
func (o offer) get(t *testing.T) wallet.Holding {
	t.Helper()
	return must[wallet.Holding](t)(o.wallet.Get(t.Context(), o.url, o.Offer))
}

// show fetches a coupon and shows it at a retailer's.
func (o offer) show(t *testing.T, to string) string {
	t.Helper()
	return must[string](t)(o.wallet.Present(o.get(t).ID, wallet.Audience{Retailer: to}))
}

// request redeems coupons against a new invoice, with goods enough.
func request(coupons ...string) *retailerv1.RedeemRequest {
	return desk.Purchase(gtin, coupons...)
}

// redeem redeems at the retailer's, which must succeed.
func redeem(t *testing.T, request *retailerv1.RedeemRequest) *retailerv1.Redemption {
	t.Helper()
	answer := must[*retailerv1.RedeemResponse](t)(retailerDesk(t, "retailer", retailer).Redeem(t.Context(), request))
	return answer.GetRedemption()
}
