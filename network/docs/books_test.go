// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// settle claims, reconciles and settles everything.
func (b *business) settle(t *testing.T) {
	t.Helper()
	shop, err := b.sit(t, "retailer", "operator").Retailer("RetailerMSP")
	if err != nil {
		t.Fatal(err)
	}
	house := b.house(t)
	claimed := insist(t, func(ctx context.Context) (*retailerv1.ClaimResponse, error) {
		return shop.Claim(ctx, &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: "IssuerMSP"})
	})
	for _, c := range claimed.GetClaims() {
		b.claims = append(b.claims, c.GetClaimId())
	}
	b.clearingKnows(t)
	run := insist(t, func(ctx context.Context) (*clearingv1.ReconcileResponse, error) {
		return house.Reconcile(ctx, &clearingv1.ReconcileRequest{RequestId: uuid.NewString()})
	})
	if len(run.GetDifferences()) > 0 {
		t.Errorf("differences: %v", run.GetDifferences())
	}
	answer := insist(t, func(ctx context.Context) (*clearingv1.SettleResponse, error) {
		return house.Settle(ctx, &clearingv1.SettleRequest{RequestId: uuid.NewString()})
	})
	b.settled = append(b.settled, answer.GetSettlement())
}

func (b *business) house(t *testing.T) clearingv1.ClearingServiceClient {
	t.Helper()
	house, err := b.sit(t, "clearing", "operator").Clearing("ClearingMSP")
	if err != nil {
		t.Fatal(err)
	}
	return house
}

// clearingKnows waits until the clearing house has all claims.
func (b *business) clearingKnows(t *testing.T) {
	t.Helper()
	house := b.house(t)
	eventually(t, func() error {
		list, err := house.ListClaims(t.Context(), &clearingv1.ListClaimsRequest{PageSize: 200})
		if err == nil && len(list.GetClaims()) != len(b.claims) {
			err = fmt.Errorf("the clearing house has %d claims of %d", len(list.GetClaims()), len(b.claims))
		}
		return err
	})
}

// booksAreBack: what services tell is what they told before.
func (b *business) booksAreBack(t *testing.T) {
	t.Helper()
	b.clearingKnows(t)
	house := b.house(t)
	for _, s := range b.settled {
		eventually(t, func() error {
			found, err := house.GetSettlement(t.Context(), &clearingv1.GetSettlementRequest{SettlementId: s.GetSettlementId()})
			if err == nil && total(found.GetSettlement()) != total(s) {
				err = fmt.Errorf("settlement %s is %v, was %v", s.GetSettlementId(), found.GetSettlement(), s)
			}
			return err
		})
	}
	shop, err := b.sit(t, "retailer", "operator").Retailer("RetailerMSP")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		list, err := shop.ListClaims(t.Context(), &retailerv1.ListClaimsRequest{PageSize: 200})
		if err == nil && len(list.GetClaims()) != len(b.claims) {
			err = fmt.Errorf("the retailer has %d claims of %d", len(list.GetClaims()), len(b.claims))
		}
		return err
	})
	for _, s := range b.sales {
		found := insist(t, func(ctx context.Context) (*retailerv1.RedeemResponse, error) { return shop.Redeem(ctx, s.request) })
		if !proto.Equal(found.GetRedemption(), s.answer) {
			t.Errorf("redemption %s is now %v, was %v", s.answer.GetRedemptionId(), found.GetRedemption(), s.answer)
		}
	}
	b.statisticsAreBack(t)
}

func (b *business) statisticsAreBack(t *testing.T) {
	t.Helper()
	issuer, err := b.sit(t, "issuer", "operator").Issuer("IssuerMSP")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		redeemed := int64(0)
		for n := range b.campaigns {
			s, err := issuer.GetStatistics(t.Context(), &issuerv1.GetStatisticsRequest{Campaign: fmt.Sprintf("campaign-%d", n+1), Version: 1})
			if err != nil {
				return err
			}
			for _, e := range s.GetFrameworks() {
				redeemed += e.GetRedeemed()
			}
		}
		if redeemed != int64(len(b.sales)) {
			return fmt.Errorf("the issuer counts %d redemptions of %d", redeemed, len(b.sales))
		}
		return nil
	})
}

func total(s *clearingv1.Settlement) (minor int64) {
	for _, r := range s.GetRemittances() {
		minor += r.GetAmount().GetMinor()
	}
	return minor
}
