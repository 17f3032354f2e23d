// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/ledgertest"
)

// TestVoidRepeatedAtOnce: a till that repeats its request while the first is on
// its way gets the same answer to both.
func TestVoidRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	for n := range int64(10) {
		redeemed := d.redeem(t, d.sale(campaign.Text(n+1)))
		request := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: redeemed.GetRedemptionId()}
		var tills sync.WaitGroup
		for range 4 {
			tills.Go(func() {
				got, err := d.till.Void(t.Context(), request)
				if err != nil || !got.GetRedemption().GetVoided() {
					t.Errorf("%v, %v", got, err)
				}
			})
		}
		tills.Wait()
		if _, err := d.till.Void(t.Context(), request); err != nil {
			t.Errorf("a later repeat: %v", err)
		}
	}
}

// TestOneVoidIsToldToOneRequest: a request that was never sent does not share in
// the void that another made: the money is given back once.
func TestOneVoidIsToldToOneRequest(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	redeemed := d.redeem(t, d.sale(campaign.Text(1)))
	first := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: redeemed.GetRedemptionId()}
	d.consortium.FailBefore(shop, ledgertest.StepEndorse, 1, ledgertest.ErrPeerAway)
	if _, err := d.till.Void(t.Context(), first); err == nil {
		t.Fatal("the peer was not away")
	}
	d.void(t, redeemed.GetRedemptionId())
	_, err := d.till.Void(t.Context(), first)
	wantRefusal(t, err, codes.FailedPrecondition, "VOIDED")
}
