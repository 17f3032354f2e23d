// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// Services stay up while the chaincode is replaced: a till that repeats what
// it was told to repeat gets every sale through, with coupons from before.
func TestCouponsAreRedeemedWhileTheChaincodeIsReplaced(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	kept := o.show(t, retailer)
	first := redeem(t, request(o.show(t, retailer)))
	before := consortium.Consortium().Chaincode

	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	upgraded := make(chan error, 1)
	go func() { upgraded <- consortium.Upgrade(ctx, "") }()
	var sales, repeats int
	var longest time.Duration
	for done := false; !done; sales++ {
		select {
		case err := <-upgraded:
			if done = true; err != nil {
				t.Fatal(err)
			}
		default:
		}
		if sales == 90 { // of the quota of 100
			if err := <-upgraded; err != nil {
				t.Fatal(err)
			}
			break
		}
		began := time.Now()
		repeats += insist(t, request(o.show(t, retailer)))
		longest = max(longest, time.Since(began))
	}
	t.Logf("%d sales during the upgrade, %d answers repeated, the longest sale took %s", sales, repeats, longest)

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

// insist repeats a redemption while its answer is to try again, and counts
// the repetitions.
func insist(t *testing.T, r *retailerv1.RedeemRequest) int {
	t.Helper()
	for n := 0; ; n++ {
		_, err := retailerDesk(t, "retailer", retailer).Redeem(t.Context(), r)
		if err == nil {
			return n
		}
		again := []codes.Code{codes.Unavailable, codes.Aborted}
		if !slices.Contains(again, status.Code(err)) || n == 20 {
			t.Fatalf("%v %v", err, desk.Reasons(err))
		}
		t.Logf("to be repeated: %v %v", err, desk.Reasons(err))
	}
}
