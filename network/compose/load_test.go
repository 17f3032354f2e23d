// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

//go:build compose

package compose

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

const (
	// tills sell side by side, each as often as pace at most.
	tills = 4
	pace  = 100 * time.Millisecond
	// callLimit bounds one call of a till, retryAfter the time to the next.
	callLimit  = 10 * time.Second
	retryAfter = 100 * time.Millisecond
	// saleLimit bounds all repeats of a call.
	saleLimit = 2 * time.Minute

	gtin  = "09521234543213"
	terms = `{"format":1,"currency":"EUR","gtins":["` + gtin + `"],"quantity":1,"benefit":{"type":"amount_off","amount":50}}`
)

// load is tills that sell until they are stopped, each sale repeated until it
// is answered.
type load struct {
	network    *runner.Network
	desks      []*desk.Desk
	tills      []retailerv1.RetailerServiceClient
	retailer   retailerv1.RetailerServiceClient // as its operator
	clearing   clearingv1.ClearingServiceClient
	advertiser advertiserv1.AdvertiserServiceClient
	institute  *desk.Institute
	framework  string

	mu    sync.Mutex
	sales []sale
}

// sale is a redemption that was acknowledged.
type sale struct {
	request *retailerv1.RedeemRequest
	answer  *retailerv1.Redemption
	took    time.Duration // with all repeats
}

// open sits everybody down and puts a campaign to work.
func (l *load) open(t *testing.T) {
	sit := func(organisation, as string) *desk.Desk {
		d, err := desk.Open(l.network.Folder(organisation, as))
		if err != nil {
			t.Fatal(err)
		}
		l.desks = append(l.desks, d)
		return d
	}
	shop := sit("retailer", "operator")
	l.retailer = must[retailerv1.RetailerServiceClient](t)(shop.Retailer(""))
	l.clearing = must[clearingv1.ClearingServiceClient](t)(sit("clearing", "operator").Clearing(""))
	l.advertiser = must[advertiserv1.AdvertiserServiceClient](t)(sit("advertiser", "operator").Advertiser(""))
	for _, till := range []string{"till-1", "till-2"} {
		l.tills = append(l.tills, must[retailerv1.RetailerServiceClient](t)(sit("retailer", till).Retailer("")))
	}
	l.institute = must[*desk.Institute](t)(desk.OpenInstitute(l.network.CustomerFolder("retailer", "girohaus", runner.Merchant)))
	issuer := must[issuerv1.IssuerServiceClient](t)(sit("issuer", "operator").Issuer(""))
	launch := desk.Launch{
		Campaign: coupon.Campaign{
			ID: "containers", Version: 1, Product: "Product", Offer: "50 cents off", Terms: terms,
			Kinds: []coupon.Kind{coupon.KindStatic}, Holder: coupon.HolderBearer,
			Begin: time.Now().Add(-time.Minute).UnixMilli(), End: time.Now().Add(time.Hour).UnixMilli(),
		},
		Advertiser: "AdvertiserMSP", Quotas: []int64{1_000_000}, Retailers: []string{"RetailerMSP"},
	}
	l.framework = must[*typev1.Framework](t)(launch.Do(t.Context(), issuer)).GetFrameworkId()
}

func (l *load) close() {
	_ = l.institute.Close()
	for _, d := range l.desks {
		_ = d.Close()
	}
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

// start lets the tills sell. The function returned lets each finish the sale
// it is at.
func (l *load) start(t *testing.T) (stop func()) {
	stopped := make(chan struct{})
	var g sync.WaitGroup
	for i := range tills {
		g.Go(func() {
			tick := time.NewTicker(pace)
			defer tick.Stop()
			for {
				l.sell(t, l.tills[i%len(l.tills)])
				select {
				case <-stopped:
					return
				default:
				}
				<-tick.C
			}
		})
	}
	return func() {
		close(stopped)
		g.Wait()
	}
}

// sell issues a coupon, has the goods paid and redeems the coupon.
func (l *load) sell(t *testing.T, till retailerv1.RetailerServiceClient) {
	issue := &advertiserv1.IssueCouponRequest{RequestId: uuid.NewString(), FrameworkId: l.framework}
	var issued *advertiserv1.IssueCouponResponse
	if !insist(t, "issuing", func(ctx context.Context) (err error) {
		issued, err = l.advertiser.IssueCoupon(ctx, issue)
		return err
	}) {
		return
	}
	request := desk.Purchase(gtin, issued.GetCoupon())
	if !insist(t, "paying", func(ctx context.Context) error { return l.institute.Pay(ctx, request.GetInvoice()) }) {
		return
	}
	var answer *retailerv1.RedeemResponse
	began := time.Now()
	if insist(t, "redeeming", func(ctx context.Context) (err error) {
		answer, err = till.Redeem(ctx, request)
		return err
	}) {
		took := time.Since(began)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.sales = append(l.sales, sale{request, answer.GetRedemption(), took})
	}
}

// insist repeats a call until it is answered. Only what says that nothing is
// decided may be repeated; any other refusal of a good request is a failure.
func insist(t *testing.T, what string, call func(context.Context) error) bool {
	for began := time.Now(); ; {
		ctx, cancel := context.WithTimeout(t.Context(), callLimit)
		err := call(ctx)
		cancel()
		if err == nil {
			return true
		}
		undecided := []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.Canceled}
		again := slices.Contains(desk.Reasons(err), "TRY_AGAIN") || slices.Contains(undecided, status.Code(err)) ||
			slices.Contains(desk.Reasons(err), "UNKNOWN_FRAMEWORK") && what == "issuing"
		if !again || time.Since(began) > saleLimit {
			t.Errorf("%s: %v %v", what, err, desk.Reasons(err))
			return false
		}
		select {
		case <-t.Context().Done():
			return false
		case <-time.After(retryAfter):
		}
	}
}

func (l *load) acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sales)
}

// goesOn waits until the tills have sold some more, and returns how long it
// took.
func (l *load) goesOn(t *testing.T, when string) time.Duration {
	t.Helper()
	want := l.acknowledged() + 2*tills // more than was on its way
	return eventually(t, when+": redemptions go on", recovery, func() bool { return l.acknowledged() >= want })
}

// undisturbed lets the tills go on for a while and says how fast they are.
func (l *load) undisturbed(t *testing.T) {
	t.Helper()
	before := l.acknowledged()
	l.wait(t, calm)
	l.mu.Lock()
	defer l.mu.Unlock()
	var took []time.Duration
	for _, s := range l.sales[before:] {
		took = append(took, s.took)
	}
	slices.Sort(took)
	t.Logf("%d redeemed in %s undisturbed: half of them within %s, 19 of 20 within %s",
		len(took), calm, took[len(took)/2].Round(time.Millisecond), took[len(took)*19/20].Round(time.Millisecond))
}

// wait lets the tills go on for a while.
func (l *load) wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	case <-time.After(d):
	}
}
