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
	now := time.Now()
	for mint, holder := range map[*central.Mint]coupon.Holder{&f.bound: coupon.HolderBound, &f.free: coupon.HolderBearer, &f.over: coupon.HolderBearer} {
		c := coupon.Campaign{
			ID: fmt.Sprint("c", holder, mint == &f.over), Version: 1, Product: "Product", Offer: "50 off", Terms: terms, Holder: holder,
			Begin: now.Add(-time.Hour).UnixMilli(), End: now.Add(time.Hour).UnixMilli(),
		}
		if mint == &f.over {
			c.End = now.Add(-time.Minute).UnixMilli()
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
		Offers: []central.Offer{f.bound.Offer(), f.free.Offer(), f.over.Offer()},
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

func TestRedeem(t *testing.T) {
	t.Parallel()
	f := start(t)
	public := coupon.PublicKey(owner.Public().(ed25519.PublicKey))
	good := func() string { return shown(t, f.bound.Make(public), nil, nil) }

	t.Run("spends what is good, and repeats its answer", func(t *testing.T) {
		r := request(good(), f.free.Make(coupon.PublicKey{}).Text())
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
	spent := f.bound.Make(public)
	sold := request(shown(t, spent, nil, nil))
	if _, err := f.till.Redeem(t.Context(), sold); err != nil {
		t.Fatal(err)
	}
	reused := request(good())
	reused.Invoice = sold.GetInvoice()
	twin := good()
	foreign := f.bound.Make(public)
	foreign.Framework[0] ^= 1
	forged := f.bound.Make(public)
	forged.EmitterMAC[0] ^= 1
	beyond := f.bound.MakeNumber(1001, public)
	hungry := request(good())
	hungry.Basket.Lines[0].Gtin = "09521234543220"
	odd := request(good())
	odd.RequestId = "1"
	tests := []struct {
		name    string
		request *retailerv1.RedeemRequest
		code    codes.Code
		reason  string
	}{
		{"spent before", request(shown(t, spent, nil, nil)), codes.AlreadyExists, "ALREADY_USED"},
		{"an invoice that was used", reused, codes.AlreadyExists, "ALREADY_USED"},
		{"twice in one request", request(twin, twin), codes.InvalidArgument, "DUPLICATE_IN_BATCH"},
		{"a wrong MAC", request(shown(t, forged, nil, nil)), codes.FailedPrecondition, "NOT_VALID"},
		{"a wrong signature", request(shown(t, f.bound.Make(public), nil, func(p *coupon.Presentation) { p.Signature[0] ^= 1 })), codes.FailedPrecondition, "NOT_VALID"},
		{"for another retailer", request(shown(t, f.bound.Make(public), func(p *coupon.Presentation) { p.Retailer = "ShopMSP" }, nil)), codes.FailedPrecondition, "NOT_VALID"},
		{"for nobody", request(shown(t, f.bound.Make(public), func(p *coupon.Presentation) { p.Retailer = "" }, nil)), codes.FailedPrecondition, "NOT_VALID"},
		{"for another invoice", request(shown(t, f.bound.Make(public), func(p *coupon.Presentation) { p.Invoice = "1" }, nil)), codes.FailedPrecondition, "NOT_VALID"},
		{"presented long ago", request(shown(t, f.bound.Make(public), func(p *coupon.Presentation) { p.PresentedAt -= 130_000 }, nil)), codes.FailedPrecondition, "NOT_VALID"},
		{"presented tomorrow", request(shown(t, f.bound.Make(public), func(p *coupon.Presentation) { p.PresentedAt += 60_000 }, nil)), codes.FailedPrecondition, "NOT_VALID"},
		{"a bound coupon by itself", request(f.bound.Make(public).Text()), codes.FailedPrecondition, "NOT_VALID"},
		{"a bound coupon of a bearer campaign", request(f.free.Make(public).Text()), codes.FailedPrecondition, "NOT_VALID"},
		{"of no framework", request(shown(t, foreign, nil, nil)), codes.NotFound, "NOT_VALID"},
		{"above the quota", request(shown(t, beyond, nil, nil)), codes.FailedPrecondition, "NOT_VALID"},
		{"of a campaign that is over", request(f.over.Make(coupon.PublicKey{}).Text()), codes.FailedPrecondition, "NOT_NOW"},
		{"nothing of its goods", hungry, codes.FailedPrecondition, "NOT_FOR_THIS_BASKET"},
		{"no coupon", request("ec1.x"), codes.InvalidArgument, "MALFORMED_COUPON"},
		{"no coupons", request(), codes.InvalidArgument, "TOO_MANY"},
		{"no request id", odd, codes.InvalidArgument, "INVALID_REQUEST"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { refused(t, f, test.request, test.code, test.reason) })
	}
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
}

// refused also sees that nothing was spent: the good coupons of the request still
// are.
func refused(t *testing.T, f *fixture, r *retailerv1.RedeemRequest, code codes.Code, reason string) {
	t.Helper()
	_, err := f.till.Redeem(t.Context(), r)
	if reasons := desk.Reasons(err); status.Code(err) != code || len(reasons) == 0 || reasons[0] != reason {
		t.Errorf("got %v %v, want %s %s", err, reasons, code, reason)
	}
}
