// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// MSP ids and the namespace that is attacked.
const (
	issuer     = "IssuerMSP"
	advertiser = "AdvertiserMSP"
	retailer   = "RetailerMSP"
	clearing   = "ClearingMSP"
	shop       = "ShopMSP"
	namespace  = "coupon-IssuerMSP"
)

// startLimit bounds the start of the network, patience the wait for what must
// come soon.
const (
	startLimit = 5 * time.Minute
	patience   = 30 * time.Second
)

// arena is a network of four members and a shop, which is a retailer and an
// advertiser without a service: it does by itself what suits it.
type arena struct {
	network *runner.Network
	dir     string

	mu    sync.Mutex
	desks map[string]*desk.Desk
	links map[string]*runner.Connection
	// shared are campaigns of static coupons, with how much of them is used.
	shared map[coupon.Holder]offer
}

func newArena(ctx context.Context, out io.Writer) (*arena, error) {
	dir, err := os.MkdirTemp("", "ecoupon-attack-")
	if err != nil {
		return nil, err
	}
	a := &arena{dir: dir, desks: map[string]*desk.Desk{}, links: map[string]*runner.Connection{}, shared: map[coupon.Holder]offer{}}
	altered := filepath.Join(dir, "altered")
	build := exec.CommandContext(ctx, "go", "build", "-o", altered, "ecoupon/network/e2e/altered")
	if text, err := build.CombinedOutput(); err != nil {
		return a, fmt.Errorf("building the altered chaincode: %w: %s", err, text)
	}
	c := runner.Default()
	c.StateDir, c.PortBase = filepath.Join(dir, "state"), 0
	c.SamplePerMille = 0 // payments are made up here
	noOrderer := false
	c.Organisations = append(c.Organisations, runner.Organisation{
		Name: "shop", MSPID: shop, Roles: []string{runner.Retailer, runner.Advertiser}, Orderer: &noOrderer,
	})
	if a.network, err = runner.New(c, out); err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	err = a.network.Up(ctx, runner.UpOptions{Chaincode: map[string]string{
		issuer: altered, advertiser: altered, retailer: altered, shop: altered,
	}})
	if err != nil {
		return a, err
	}
	return a, a.network.Stop(ctx, "advertiser.shop")
}

func (a *arena) close() {
	for _, link := range a.links {
		_ = link.Close()
	}
	for _, d := range a.desks {
		_ = d.Close()
	}
	if a.network != nil {
		_ = a.network.Purge(context.Background())
	}
	_ = os.RemoveAll(a.dir)
}

// nameOf is the name of a member.
func nameOf(mspID string) string { return strings.ToLower(strings.TrimSuffix(mspID, "MSP")) }

// sit returns the desk of one of a member's people or tills.
func (a *arena) sit(mspID, as string) *desk.Desk {
	a.mu.Lock()
	defer a.mu.Unlock()
	folder := a.network.Folder(nameOf(mspID), as)
	if a.desks[folder] == nil {
		a.desks[folder] = must(desk.Open(folder))
	}
	return a.desks[folder]
}

func (a *arena) issuer() issuerv1.IssuerServiceClient {
	return must(a.sit(issuer, "operator").Issuer(""))
}

func (a *arena) retailer(mspID string) retailerv1.RetailerServiceClient {
	return must(a.sit(mspID, "operator").Retailer(mspID))
}

func (a *arena) clearing() clearingv1.ClearingServiceClient {
	return must(a.sit(clearing, "operator").Clearing(""))
}

// link returns a gateway to a member's peer with one of its identities.
func (a *arena) link(mspID, as string) *runner.Connection {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := mspID + " " + as
	if a.links[key] == nil {
		a.links[key] = must(a.network.Connect(nameOf(mspID), as))
	}
	return a.links[key]
}

// eventually polls a condition that must become true soon.
func eventually(ctx context.Context, what string, within time.Duration, condition func() bool) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			check(fmt.Errorf("%s: not within %s", what, within))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// caughtUp waits until all peers have what was committed.
func (a *arena) caughtUp(ctx context.Context) { check(a.network.AwaitSeen(ctx)) }

// argument is a public request.
func argument(request any) []string {
	return []string{string(must(json.Marshal(request)))}
}
