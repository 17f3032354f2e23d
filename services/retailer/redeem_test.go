// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

func TestRedeem(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	request := d.sale(campaign.Text(1), campaign.Text(2))
	got := d.redeem(t, request)
	want := &retailerv1.Redemption{
		RedemptionId: coupon.NewRedemptionID(shop, request.GetRequestId()).String(), Issuer: issuer,
		Discounts: []*typev1.Money{{Currency: "EUR", Minor: 100}, {Currency: "EUR", Minor: 100}},
		Total:     &typev1.Money{Currency: "EUR", Minor: 200},
		BatchId:   coupon.NewBatchID(got.GetTransactionId()).String(),
	}
	ignored := protocmp.IgnoreFields(want, "transaction_id", "block", "redeem_time")
	if diff := cmp.Diff(want, got, protocmp.Transform(), ignored); diff != "" {
		t.Errorf("redemption (-want +got):\n%s", diff)
	}
	if got.GetTransactionId() == "" || got.GetBlock() == 0 || got.GetRedeemTime() == nil {
		t.Errorf("no place on the ledger: %v", got)
	}
	t.Run("a repeat gets the same answer", func(t *testing.T) {
		if diff := cmp.Diff(got, d.redeem(t, request), protocmp.Transform()); diff != "" {
			t.Errorf("repeat (-first +repeat):\n%s", diff)
		}
	})
	t.Run("it can be looked up", func(t *testing.T) {
		found, err := d.operator.GetRedemption(t.Context(), &retailerv1.GetRedemptionRequest{RedemptionId: got.GetRedemptionId()})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, found.GetRedemption(), protocmp.Transform()); diff != "" {
			t.Errorf("looked up (-redeemed +found):\n%s", diff)
		}
	})
	t.Run("other content is a conflict", func(t *testing.T) {
		changed := proto.CloneOf(request)
		changed.Coupons = changed.GetCoupons()[:1]
		_, err := d.till.Redeem(t.Context(), changed)
		wantRefusal(t, err, codes.AlreadyExists, "REQUEST_CONFLICT")
	})
	t.Run("an empty store finds it on the ledger", func(t *testing.T) {
		again := start(t, d.consortium, filepath.Join(t.TempDir(), "empty.db"), nil)
		if diff := cmp.Diff(got, again.redeem(t, request), protocmp.Transform()); diff != "" {
			t.Errorf("with an empty store (-first +repeat):\n%s", diff)
		}
		changed := proto.CloneOf(request)
		changed.Invoice.Institute = "Sparbank"
		_, err := again.till.Redeem(t.Context(), changed)
		wantRefusal(t, err, codes.AlreadyExists, "REQUEST_CONFLICT")
	})
}

func TestSameCouponAtOnce(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	const tills = 20
	errs := make([]error, tills)
	var group sync.WaitGroup
	for i := range tills {
		group.Go(func() { _, errs[i] = d.operator.Redeem(t.Context(), d.sale(campaign.Text(1))) })
	}
	group.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantRefusal(t, err, codes.AlreadyExists, "ALREADY_REDEEMED")
	}
	if won != 1 {
		t.Errorf("%d of %d tills redeemed the same coupon", won, tills)
	}
}

func TestSameRequestAtOnce(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	request := d.sale(campaign.Text(1))
	var group sync.WaitGroup
	var mu sync.Mutex
	blocks := make(map[string]int)
	for range 10 {
		group.Go(func() {
			response, err := d.till.Redeem(t.Context(), request)
			if err != nil {
				t.Errorf("a repeat at the same time: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			blocks[response.GetRedemption().GetTransactionId()]++
		})
	}
	group.Wait()
	if len(blocks) != 1 {
		t.Errorf("the same request got answers of %d transactions", len(blocks))
	}
}

// Sales that come together share batches, good and bad ones.
func TestOneBadTillHarmsNobody(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	d.redeem(t, d.sale(campaign.Text(500)))
	const tills = 60
	responses, errs := make([]*retailerv1.RedeemResponse, tills), make([]error, tills)
	var group sync.WaitGroup
	for i := range tills {
		request := d.sale(campaign.Text(int64(i + 1)))
		if i%10 == 3 {
			request = d.sale(campaign.Text(500))
		}
		group.Go(func() { responses[i], errs[i] = d.operator.Redeem(t.Context(), request) })
	}
	group.Wait()
	batches := make(map[string]int)
	for i, err := range errs {
		if i%10 == 3 {
			wantRefusal(t, err, codes.AlreadyExists, "ALREADY_REDEEMED")
		} else if err != nil {
			t.Errorf("till %d: %v", i, err)
		}
		batches[responses[i].GetRedemption().GetBatchId()]++
	}
	if len(batches) > tills/2 {
		t.Errorf("%d batches for %d tills", len(batches), tills)
	}
}

// Another process of the same retailer is faster between the check and the
// block: its coupon spoils the batch, and nothing else.
func TestConflictsAreTriedAgain(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	rival := start(t, d.consortium, filepath.Join(t.TempDir(), "rival.db"), nil)
	const sales = 40
	errs := make([]error, 2*sales)
	var group sync.WaitGroup
	for i := range sales {
		// Both want the same coupons, in opposite orders.
		group.Go(func() { _, errs[i] = d.operator.Redeem(t.Context(), d.sale(campaign.Text(int64(i+1)))) })
		group.Go(func() {
			_, errs[sales+i] = rival.operator.Redeem(t.Context(), rival.sale(campaign.Text(int64(sales-i))))
		})
	}
	group.Wait()
	for sn := 1; sn <= sales; sn++ {
		mine, theirs := errs[sn-1], errs[2*sales-sn]
		if (mine == nil) == (theirs == nil) {
			t.Errorf("coupon %d: %v and %v", sn, mine, theirs)
		}
	}
}
