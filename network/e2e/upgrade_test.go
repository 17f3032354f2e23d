// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/wallet"
)

// Services stay up while the chaincode is replaced: a till that repeats what
// it was told to repeat gets every sale through, with coupons from before.
func TestCouponsAreRedeemedWhileTheChaincodeIsReplaced(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	kept := o.show(t, retailer)
	first := redeem(t, request(o.show(t, retailer)))
	before := consortium.Consortium().Chaincode

	was := running(t)
	underTraffic(t, func(ctx context.Context) error { return consortium.Upgrade(ctx, "") })
	for name, pid := range running(t) {
		if replaced := pid != was[name]; replaced != strings.HasPrefix(name, "chaincode.") {
			t.Errorf("%s: replaced %v", name, replaced)
		}
	}

	after := consortium.Consortium().Chaincode
	if after.Version <= before.Version || after.Unfinished {
		t.Errorf("%+v, then %+v", before, after)
	}
	redeem(t, request(kept))
	if first.GetTransactionId() == "" {
		t.Error("the first redemption names no transaction")
	}
	again, err := runner.Open(consortium.StateDir(), t.Output())
	if err != nil || again.Consortium().Chaincode != after {
		t.Errorf("the state says %+v (%v), want %+v", again.Consortium().Chaincode, err, after)
	}
}

// running returns the numbers of the network's processes.
func running(t *testing.T) map[string]int {
	t.Helper()
	s := must[runner.Status](t)(consortium.Status())
	if err := s.Died(); err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, p := range s.Processes {
		found[p.Name] = p.PID
	}
	return found
}

// tills is how many sell at once.
const tills = 4

// underTraffic sells at the retailer's while the network changes. A till that
// repeats what it was told to repeat gets every sale through.
func underTraffic(t *testing.T, change func(context.Context) error) {
	t.Helper()
	o := launch(t, coupon.HolderBearer, func(l *desk.Launch) { l.Quotas = []int64{100_000} })
	// A desk for these sales alone: others are put away when members join.
	d := must[*desk.Desk](t)(desk.Open(consortium.Folder("retailer", "operator")))
	defer d.Close()
	service := must[retailerv1.RetailerServiceClient](t)(d.Retailer(retailer))
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	g, gctx := errgroup.WithContext(ctx)
	var over atomic.Bool
	g.Go(func() error {
		defer over.Store(true)
		return change(gctx)
	})
	var sales, repeats, longest atomic.Int64
	for range tills {
		g.Go(func() error {
			for !over.Load() {
				shown, err := o.take(gctx)
				if err != nil {
					return err
				}
				began := time.Now()
				n, err := insist(gctx, service, request(shown))
				if err != nil {
					return err
				}
				sales.Add(1)
				repeats.Add(n)
				for took := int64(time.Since(began)); ; {
					if most := longest.Load(); took <= most || longest.CompareAndSwap(most, took) {
						break
					}
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatalf("%v %v", err, desk.Reasons(err))
	}
	t.Logf("%d sales, %d answers repeated, the longest sale took %s", sales.Load(), repeats.Load(), time.Duration(longest.Load()))
}

// take fetches a coupon and shows it, patiently: the advertiser's service may
// be starting.
func (o offer) take(ctx context.Context) (shown string, err error) {
	_, err = repeat(ctx, func(ctx context.Context) (bool, error) {
		held, err := o.wallet.Get(ctx, o.url, o.Offer)
		if err == nil {
			shown, err = o.wallet.Present(held.ID, wallet.Audience{Retailer: retailer})
		}
		return err != nil, err
	})
	return shown, err
}

// insist repeats a redemption while its answer is to try again, and counts
// the repetitions.
func insist(ctx context.Context, service retailerv1.RetailerServiceClient, r *retailerv1.RedeemRequest) (int64, error) {
	return repeat(ctx, func(ctx context.Context) (bool, error) {
		_, err := service.Redeem(ctx, r)
		return slices.Contains([]codes.Code{codes.Unavailable, codes.Aborted}, status.Code(err)), err
	})
}

// repeat goes on while try says so, and counts.
func repeat(ctx context.Context, try func(context.Context) (again bool, err error)) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for n := int64(0); ; n++ {
		again, err := try(ctx)
		if !again {
			return n, err
		}
		select {
		case <-ctx.Done():
			return n, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}
