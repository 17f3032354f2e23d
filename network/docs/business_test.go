// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/wallet"
)

const (
	gtin     = "09521234543213"
	terms    = `{"format":1,"currency":"EUR","gtins":["` + gtin + `"],"quantity":1,"benefit":{"type":"amount_off","amount":50}}`
	discount = 50
	// quota is more than what is sold here.
	quota = 200
)

// sale is a redemption with the request that it answered.
type sale struct {
	request *retailerv1.RedeemRequest
	answer  *retailerv1.Redemption
}

// business is what goes on in the consortium between the commands.
type business struct {
	state string
	// campaigns have been put to work, framework is that of the last.
	campaigns int
	framework string
	numbers   map[string]bool
	lane      uint16
	sales     []sale
	claims    []string
	settled   []*clearingv1.Settlement
	// stolen is a till that is withdrawn later.
	stolen retailerv1.RetailerServiceClient
	// certificates are those of the beginning.
	certificates []string
	// looks are by the commands after which they are taken.
	looks map[string]func(*testing.T)
}

func newBusiness(t *testing.T, state string) *business {
	t.Helper()
	b := &business{state: state, numbers: map[string]bool{}}
	b.looks, b.certificates = b.afterCommands(), b.readCertificates(t)
	b.launch(t)
	return b
}

// sit returns the desk of a person or a till, with connections of its own:
// between any two calls everything may have been started anew.
func (b *business) sit(t *testing.T, organisation, as string) *desk.Desk {
	t.Helper()
	d, err := desk.Open(filepath.Join(b.state, "organisations", organisation, as))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// resting reports whether a process is stopped.
func (b *business) resting(t *testing.T) bool {
	t.Helper()
	n, err := runner.Open(b.state, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s, err := n.Status()
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(s.Processes, func(p runner.ProcessStatus) bool { return p.State != runner.Running })
}

// insist calls until it is decided.
func insist[T any](t *testing.T, call func(ctx context.Context) (T, error)) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		answer, err := call(ctx)
		if err == nil {
			return answer
		}
		code := status.Code(err)
		again := code == codes.Unavailable || code == codes.Aborted || code == codes.DeadlineExceeded
		if !again || ctx.Err() != nil {
			t.Fatalf("%v %v", err, desk.Reasons(err))
		}
		<-time.After(50 * time.Millisecond)
	}
}

// eventually polls until there is no error.
func eventually(t *testing.T, condition func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (b *business) launch(t *testing.T) {
	t.Helper()
	issuer, err := b.sit(t, "issuer", "operator").Issuer("IssuerMSP")
	if err != nil {
		t.Fatal(err)
	}
	b.campaigns++
	l := desk.Launch{
		Campaign: coupon.Campaign{
			ID: fmt.Sprintf("campaign-%d", b.campaigns), Version: 1, Product: "Product", Offer: "50 cents off", Terms: terms,
			Kinds: []coupon.Kind{coupon.KindStatic}, Holder: coupon.HolderBearer,
			Begin: time.Now().Add(-time.Minute).UnixMilli(), End: time.Now().Add(time.Hour).UnixMilli(),
		},
		Advertiser: "AdvertiserMSP", Quotas: []int64{quota, quota}, Retailers: []string{"RetailerMSP"},
	}
	framework, err := l.Do(t.Context(), issuer)
	if err != nil {
		t.Fatal(err, desk.Reasons(err))
	}
	b.framework = framework.GetFrameworkId()
}

// trade sells once with a coupon, and repeats the first sale.
func (b *business) trade(t *testing.T) {
	t.Helper()
	till := b.sit(t, "retailer", "till-1")
	retailer, err := till.Retailer("RetailerMSP")
	if err != nil {
		t.Fatal(err)
	}
	request := &retailerv1.RedeemRequest{
		RequestId: uuid.NewString(),
		Invoice: &typev1.Invoice{
			Number: "D-" + uuid.NewString()[:13], Institute: "Girohaus",
			Amount: &typev1.Money{Currency: "EUR", Minor: 249}, PaidTime: timestamppb.Now(),
		},
		Basket:  &typev1.Basket{Currency: "EUR", Lines: []*typev1.Line{{Gtin: gtin, Quantity: 1, UnitPrice: 249}}},
		Coupons: []string{b.customer(t, till)},
	}
	redeem := func(r *retailerv1.RedeemRequest) *retailerv1.Redemption {
		return insist(t, func(ctx context.Context) (*retailerv1.RedeemResponse, error) {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			return retailer.Redeem(ctx, r)
		}).GetRedemption()
	}
	b.sales = append(b.sales, sale{request, redeem(request)})
	if first := b.sales[0]; !proto.Equal(redeem(first.request), first.answer) {
		t.Errorf("redemption %s has another answer now", first.answer.GetRedemptionId())
	}
}

// customer gets a coupon, of which nobody else has the number.
func (b *business) customer(t *testing.T, till *desk.Desk) string {
	t.Helper()
	url, roots, err := till.Public("AdvertiserMSP")
	if err != nil {
		t.Fatal(err)
	}
	w, err := wallet.New(wallet.Config{Path: filepath.Join(t.TempDir(), "wallet.json"), Roots: roots, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	var held wallet.Holding
	eventually(t, func() error {
		offers, err := w.Offers(t.Context(), url)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(offers, func(o wallet.Offer) bool { return o.Framework.String() == b.framework })
		if at < 0 {
			return fmt.Errorf("%s is not among %d offers", b.framework, len(offers))
		}
		held, err = w.Get(t.Context(), url, offers[at])
		return err
	})
	text, err := w.Present(held.ID, wallet.Audience{Retailer: "RetailerMSP"})
	if err != nil {
		t.Fatal(err)
	}
	tender, err := coupon.ParseTender(text)
	if err != nil {
		t.Fatal(err)
	}
	c := tender.Coupon
	number := fmt.Sprintf("%s lane %d number %d", c.Framework, c.Lane, c.SN)
	if b.numbers[number] {
		t.Errorf("given out twice: %s", number)
	}
	b.numbers[number], b.lane = true, c.Lane
	return text
}

// ask asks the advertiser for a coupon, and returns the reason for a refusal.
func (b *business) ask(t *testing.T) (reason string) {
	t.Helper()
	advertiser, err := b.sit(t, "advertiser", "operator").Advertiser("AdvertiserMSP")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := advertiser.IssueCoupon(t.Context(), &advertiserv1.IssueCouponRequest{
			RequestId: uuid.NewString(), FrameworkId: b.framework,
		})
		reasons := desk.Reasons(err)
		if status.Code(err) == codes.Unavailable || slices.Contains(reasons, string(coupon.ReasonUnknownFramework)) {
			return err // it has to learn of its mandates first
		}
		if reason = "none"; len(reasons) > 0 {
			reason = reasons[0]
		}
		return nil
	})
	return reason
}
