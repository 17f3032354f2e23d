// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

//go:build compose

package compose

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/testing/protocmp"

	"ecoupon/network/desk"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// books compares what was acknowledged with retailer's service, ledger, claim
// and settlement.
func (l *load) books(t *testing.T) {
	seen := map[string]bool{}
	batches := map[string]bool{}
	for i, s := range l.sales {
		id := s.answer.GetRedemptionId()
		if seen[id] {
			t.Errorf("two sales got the redemption %s", id)
		}
		seen[id], batches[s.answer.GetBatchId()] = true, true
		found := must[*retailerv1.GetRedemptionResponse](t)(l.retailer.GetRedemption(t.Context(), &retailerv1.GetRedemptionRequest{RedemptionId: id}))
		if diff := cmp.Diff(s.answer, found.GetRedemption(), protocmp.Transform()); diff != "" {
			t.Errorf("the redemption is not what was acknowledged: %s", diff)
		}
		if i%50 == 0 {
			l.spendAgain(t, s)
		}
	}
	l.settle(t, batches)
}

// spendAgain repeats a sale, which gives the same answer, and tries to use its
// coupon in another.
func (l *load) spendAgain(t *testing.T, s sale) {
	t.Helper()
	repeated := must[*retailerv1.RedeemResponse](t)(l.retailer.Redeem(t.Context(), s.request))
	if diff := cmp.Diff(s.answer, repeated.GetRedemption(), protocmp.Transform()); diff != "" {
		t.Errorf("the sale, sent again, is answered otherwise: %s", diff)
	}
	_, err := l.retailer.Redeem(t.Context(), desk.Purchase(gtin, s.request.GetCoupons()[0]))
	if !slices.Contains(desk.Reasons(err), "ALREADY_REDEEMED") {
		t.Errorf("a coupon used twice: %v", err)
	}
}

// settle claims and settles: no coupon more, and none less, than was
// acknowledged.
func (l *load) settle(t *testing.T, batches map[string]bool) {
	claim := &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: "IssuerMSP"}
	var claimed *retailerv1.ClaimResponse
	insist(t, "claiming", func(context.Context) (err error) {
		claimed, err = l.retailer.Claim(t.Context(), claim)
		return err
	})
	coupons, found := 0, 0
	for _, c := range claimed.GetClaims() {
		coupons += int(c.GetCoupons())
		for _, b := range c.GetBatchIds() {
			if !batches[b] {
				t.Errorf("batch %s holds nothing that was acknowledged", b)
			}
			found++
		}
	}
	if coupons != len(l.sales) || found != len(batches) {
		t.Errorf("%d coupons in %d batches were acknowledged, %d in %d claimed", len(l.sales), len(batches), coupons, found)
	}
	l.reconcile(t, claimed.GetClaims())
	settle := &clearingv1.SettleRequest{RequestId: uuid.NewString()}
	var answer *clearingv1.SettleResponse
	began := time.Now()
	insist(t, "settling", func(context.Context) (err error) {
		answer, err = l.clearing.Settle(t.Context(), settle)
		return err
	})
	t.Logf("settled in %.1f s", time.Since(began).Seconds())
	var settled int64
	for _, r := range answer.GetSettlement().GetRemittances() {
		settled += r.GetAmount().GetMinor()
	}
	if settled != 50*int64(len(l.sales)) {
		t.Errorf("%d sales of 50 cents were acknowledged, %d cents are paid", len(l.sales), settled)
	}
	t.Logf("%d redemptions acknowledged in %d batches; as many claimed and paid, %d cents", len(l.sales), len(batches), settled)
}

// reconcile waits until the clearing house has accepted the claims. It still has
// one of the day that it disputes, as the institute does not know the payments.
func (l *load) reconcile(t *testing.T, claims []*retailerv1.Claim) {
	t.Helper()
	ours := map[string]bool{}
	for _, c := range claims {
		ours[c.GetClaimId()] = true
	}
	var accepted map[string]bool
	eventually(t, "the clearing house accepts the claims", time.Minute, func() bool {
		run := must[*clearingv1.ReconcileResponse](t)(l.clearing.Reconcile(t.Context(), &clearingv1.ReconcileRequest{RequestId: uuid.NewString()}))
		for _, d := range run.GetDifferences() {
			if ours[d.GetClaimId()] || d.GetType() != clearingv1.DifferenceType_DIFFERENCE_TYPE_PAYMENT {
				t.Fatalf("the books differ: %v", d)
			}
		}
		list := must[*clearingv1.ListClaimsResponse](t)(l.clearing.ListClaims(t.Context(), &clearingv1.ListClaimsRequest{
			PageSize: 200, State: clearingv1.ClaimState_CLAIM_STATE_ACCEPTED,
		}))
		accepted = map[string]bool{}
		for _, c := range list.GetClaims() {
			accepted[c.GetClaimId()] = ours[c.GetClaimId()]
		}
		return len(accepted) >= len(ours)
	})
	for id, own := range accepted {
		if !own {
			t.Errorf("claim %s is accepted and not of these tills", id)
		}
	}
}
