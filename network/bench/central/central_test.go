// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package central_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/bench/central"
	"ecoupon/network/bench/postgres"
	"ecoupon/network/desk"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

const (
	retailer = "RetailerMSP"
	gtin     = "09521234543213"
	terms    = `{"format":1,"currency":"EUR","gtins":["` + gtin + `"],"quantity":1,"benefit":{"type":"amount_off","amount":50}}`
)

// fixture is a service of its own in front of a database of its own.
type fixture struct {
	till  retailerv1.RetailerServiceClient
	bound central.Mint
	free  central.Mint
	over  central.Mint
	early central.Mint
}

var owner = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func start(t *testing.T) *fixture {
	t.Helper()
	server, err := postgres.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	ids, err := central.NewIdentities(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := new(fixture)
	now, names := time.Now(), 0
	for mint, holder := range map[*central.Mint]coupon.Holder{&f.bound: coupon.HolderBound, &f.free: coupon.HolderBearer, &f.over: coupon.HolderBearer, &f.early: coupon.HolderBearer} {
		c := coupon.Campaign{
			ID: fmt.Sprint("campaign-", names), Version: 1, Product: "Product", Offer: "50 off", Terms: terms, Holder: holder,
			Begin: now.Add(-time.Hour).UnixMilli(), End: now.Add(time.Hour).UnixMilli(),
		}
		names++
		if mint == &f.over {
			c.End = now.Add(-time.Minute).UnixMilli()
		}
		if mint == &f.early {
			c.Begin = now.Add(time.Minute).UnixMilli()
		}
		*mint = central.NewMint("IssuerMSP", "AdvertiserMSP", c, 1000)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(central.Config{
		Listen: address, Certificate: ids.Certificate, Key: ids.Key, Clients: ids.Authority,
		Database: server.Address(), Connections: 8, Retailer: retailer,
		Offers: []central.Offer{f.bound.Offer(), f.free.Offer(), f.over.Offer(), f.early.Offer()},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "central.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- central.Run(ctx, file) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(ids.Till)),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	f.till = retailerv1.NewRetailerServiceClient(conn)
	return f
}

func request(coupons ...string) *retailerv1.RedeemRequest {
	units := int64(len(coupons))
	return &retailerv1.RedeemRequest{
		RequestId: uuid.NewString(),
		Invoice: &typev1.Invoice{
			Number: uuid.NewString(), Institute: "Girohaus", Amount: &typev1.Money{Currency: "EUR", Minor: 249 * units}, PaidTime: timestamppb.Now(),
		},
		Basket:  &typev1.Basket{Currency: "EUR", Lines: []*typev1.Line{{Gtin: gtin, Quantity: units, UnitPrice: 249}}},
		Coupons: coupons,
	}
}

// shown is a presentation, changed before and after it is signed.
func shown(t *testing.T, c coupon.Coupon, before, after func(*coupon.Presentation)) string {
	t.Helper()
	p := coupon.Presentation{Coupon: c, PresentedAt: time.Now().UnixMilli(), Retailer: retailer, Nonce: coupon.Nonce(uuid.New())}
	if before != nil {
		before(&p)
	}
	if err := p.Sign(owner); err != nil {
		t.Fatal(err)
	}
	if after != nil {
		after(&p)
	}
	return p.Text()
}

// public is the owner's key; a bearer coupon has none.
var (
	public = coupon.PublicKey(owner.Public().(ed25519.PublicKey))
	nobody coupon.PublicKey
)

// good is a presentation of a coupon that nobody has seen.
func (f *fixture) good(t *testing.T) string {
	t.Helper()
	return shown(t, f.bound.Make(public), nil, nil)
}

func TestRedeem(t *testing.T) {
	t.Parallel()
	f := start(t)
	t.Run("spends what is good, and repeats its answer", func(t *testing.T) {
		r := request(f.good(t), f.free.Make(nobody).Text())
		first, err := f.till.Redeem(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if first.GetRedemption().GetTotal().GetMinor() != 100 || len(first.GetRedemption().GetDiscounts()) != 2 || first.GetRedemption().GetIssuer() != "IssuerMSP" {
			t.Errorf("got %v", first)
		}
		again, err := f.till.Redeem(t.Context(), r)
		if err != nil || !proto.Equal(first, again) {
			t.Errorf("first %v, then %v %v", first, again, err)
		}
		other := proto.CloneOf(r)
		other.Basket.Lines[0].UnitPrice = 300
		refused(t, f, other, codes.AlreadyExists, "REQUEST_CONFLICT")
	})
	t.Run("all or nothing", func(t *testing.T) {
		spent, good := f.good(t), f.good(t)
		if _, err := f.till.Redeem(t.Context(), request(spent)); err != nil {
			t.Fatal(err)
		}
		both := request(good, spent)
		refused(t, f, both, codes.AlreadyExists, "ALREADY_USED")
		if at := refusedIndex(t, f, both); at != 1 {
			t.Errorf("coupon %d is named, not 1", at)
		}
		if _, err := f.till.Redeem(t.Context(), request(good)); err != nil {
			t.Errorf("the good coupon of a refused request is spent: %v", err)
		}
	})
	for _, test := range append(badCoupons(t, f), badRequests(t, f)...) {
		t.Run(test.name, func(t *testing.T) { refused(t, f, test.request, test.code, test.reason) })
	}
}

func TestRedeemAtOnce(t *testing.T) {
	t.Parallel()
	f := start(t)
	t.Run("of many at once one gets it", func(t *testing.T) {
		c := f.bound.Make(public)
		var wait sync.WaitGroup
		results := make([]error, 20)
		for i := range results {
			r := request(shown(t, c, nil, nil))
			wait.Go(func() { _, results[i] = f.till.Redeem(t.Context(), r) })
		}
		wait.Wait()
		won := slices.DeleteFunc(results, func(err error) bool { return err != nil })
		if len(won) != 1 {
			t.Errorf("%d got it", len(won))
		}
	})
	t.Run("a double spoils nothing for others", func(t *testing.T) {
		spent := f.good(t)
		if _, err := f.till.Redeem(t.Context(), request(spent)); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		results := make([]error, 100)
		for i := range results {
			r := request(f.good(t))
			if i%10 == 0 {
				r = request(spent)
			}
			wait.Go(func() { _, results[i] = f.till.Redeem(t.Context(), r) })
		}
		wait.Wait()
		for i, err := range results {
			if (i%10 == 0) != (status.Code(err) == codes.AlreadyExists) || i%10 != 0 && err != nil {
				t.Errorf("request %d: %v", i, err)
			}
		}
	})
}

// refusal is a request that is refused.
type refusal struct {
	name    string
	request *retailerv1.RedeemRequest
	code    codes.Code
	reason  string
}

func badCoupons(t *testing.T, f *fixture) []refusal {
	t.Helper()
	const refused = codes.FailedPrecondition
	foreign, forged, astray := f.bound.Make(public), f.bound.Make(public), f.bound.Make(public)
	foreign.Framework[0] ^= 1
	forged.EmitterMAC[0] ^= 1
	astray.Lane = 1
	presented := func(before func(*coupon.Presentation)) *retailerv1.RedeemRequest {
		return request(shown(t, f.bound.Make(public), before, nil))
	}
	return []refusal{
		{"a wrong MAC", request(shown(t, forged, nil, nil)), refused, "NOT_VALID"},
		{"a wrong signature", request(shown(t, f.bound.Make(public), nil, func(p *coupon.Presentation) { p.Signature[0] ^= 1 })), refused, "NOT_VALID"},
		{"for another retailer", presented(func(p *coupon.Presentation) { p.Retailer = "ShopMSP" }), refused, "NOT_VALID"},
		{"for nobody", presented(func(p *coupon.Presentation) { p.Retailer = "" }), refused, "NOT_VALID"},
		{"for another invoice", presented(func(p *coupon.Presentation) { p.Invoice = "1" }), refused, "NOT_VALID"},
		{"presented long ago", presented(func(p *coupon.Presentation) { p.PresentedAt -= 130_000 }), refused, "NOT_VALID"},
		{"presented tomorrow", presented(func(p *coupon.Presentation) { p.PresentedAt += 60_000 }), refused, "NOT_VALID"},
		{"a bound coupon by itself", request(f.bound.Make(public).Text()), refused, "NOT_VALID"},
		{"a bound coupon of a bearer campaign", request(f.free.Make(public).Text()), refused, "NOT_VALID"},
		{"of no framework", request(shown(t, foreign, nil, nil)), codes.NotFound, "NOT_VALID"},
		{"of no lane", request(shown(t, astray, nil, nil)), refused, "NOT_VALID"},
		{"above the quota", request(shown(t, f.bound.MakeNumber(1001, public), nil, nil)), refused, "NOT_VALID"},
		{"of a campaign that is over", request(f.over.Make(nobody).Text()), refused, "NOT_NOW"},
		{"of a campaign that has not begun", request(f.early.Make(nobody).Text()), refused, "NOT_NOW"},
	}
}

func badRequests(t *testing.T, f *fixture) []refusal {
	t.Helper()
	spent, twin := f.bound.Make(public), f.good(t)
	sold := request(shown(t, spent, nil, nil))
	if _, err := f.till.Redeem(t.Context(), sold); err != nil {
		t.Fatal(err)
	}
	reused, hungry, odd := request(f.good(t)), request(f.good(t)), request(f.good(t))
	reused.Invoice = sold.GetInvoice()
	hungry.Basket.Lines[0].Gtin = "09521234543220"
	odd.RequestId = "1"
	return []refusal{
		{"spent before", request(shown(t, spent, nil, nil)), codes.AlreadyExists, "ALREADY_USED"},
		{"an invoice that was used", reused, codes.AlreadyExists, "ALREADY_USED"},
		{"twice in one request", request(twin, twin), codes.InvalidArgument, "DUPLICATE_IN_BATCH"},
		{"nothing of its goods", hungry, codes.FailedPrecondition, "NOT_FOR_THIS_BASKET"},
		{"no coupon", request("ec1.x"), codes.InvalidArgument, "MALFORMED_COUPON"},
		{"no coupons", request(), codes.InvalidArgument, "TOO_MANY"},
		{"no request id", odd, codes.InvalidArgument, "INVALID_REQUEST"},
	}
}

func refused(t *testing.T, f *fixture, r *retailerv1.RedeemRequest, code codes.Code, reason string) {
	t.Helper()
	_, err := f.till.Redeem(t.Context(), r)
	if reasons := desk.Reasons(err); status.Code(err) != code || len(reasons) == 0 || reasons[0] != reason {
		t.Errorf("got %v %v, want %s %s", err, reasons, code, reason)
	}
}

// refusedIndex is which coupon of a request is named as refused.
func refusedIndex(t *testing.T, f *fixture, r *retailerv1.RedeemRequest) int32 {
	t.Helper()
	_, err := f.till.Redeem(t.Context(), r)
	for _, detail := range status.Convert(err).Details() {
		if list, ok := detail.(*typev1.RefusedCoupons); ok && len(list.GetRefused()) == 1 {
			return list.GetRefused()[0].GetIndex()
		}
	}
	return -1
}
