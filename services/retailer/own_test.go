// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/internal/ticking"
)

// openStore is a retailer that issues, gives out and redeems coupons of its
// own, beside those of the issuer.
func openStore(t *testing.T) (*desk, *campaigntest.Campaign) {
	t.Helper()
	organisations := servetest.Default()
	for i, o := range organisations {
		if o.MSPID == shop {
			organisations[i].Roles = []string{config.RoleRetailer, config.RoleAdvertiser, config.RoleIssuer}
		}
	}
	c := ledgertest.New(t, ledgertest.Options{Organisations: organisations})
	c.SetUp(t, issuer, clearing)
	c.SetUp(t, shop, clearing)
	own := campaigntest.Publish(t, c, campaigntest.Options{ID: "own", Issuer: shop, Emitter: shop})
	return start(t, c, filepath.Join(t.TempDir(), "retailer.db"), nil), own
}

// TestStoreRedeemsItsOwnCoupons: as any other's, with the clearing house in the
// place of the second party.
func TestStoreRedeemsItsOwnCoupons(t *testing.T) {
	t.Parallel()
	d, own := openStore(t)
	verified, err := d.till.Verify(t.Context(), &retailerv1.VerifyRequest{Coupons: []string{own.Text(1)}, Basket: d.sale(own.Text(1)).GetBasket()})
	if err != nil || verified.GetVerdicts()[0].GetDiscount().GetMinor() != 100 {
		t.Errorf("verified: %v %v", verified, err)
	}
	request := d.sale(own.Text(1), own.Text(2))
	sold := d.redeem(t, request)
	if sold.GetIssuer() != shop || sold.GetTotal().GetMinor() != 200 {
		t.Errorf("redeemed: %v", sold)
	}
	if diff := cmp.Diff(sold, d.redeem(t, request), protocmp.Transform()); diff != "" {
		t.Errorf("repeated (-first +again):\n%s", diff)
	}
	_, err = d.till.Redeem(t.Context(), d.sale(own.Text(2)))
	wantRefusal(t, err, codes.AlreadyExists, "ALREADY_USED")
	if d.void(t, sold.GetRedemptionId()); !d.found(t, sold.GetRedemptionId()).GetVoided() {
		t.Error("the redemption is not void")
	}
	d.redeem(t, d.sale(own.Text(1)))
}

func (d *desk) found(t *testing.T, id string) *retailerv1.Redemption {
	t.Helper()
	answer, err := d.till.GetRedemption(t.Context(), &retailerv1.GetRedemptionRequest{RedemptionId: id})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetRedemption()
}

// TestOwnRedemptionsAreNotClaimed: nobody owes the store anything for them, and
// claims from others leave them out.
func TestOwnRedemptionsAreNotClaimed(t *testing.T) {
	t.Parallel()
	d, own := openStore(t)
	others := campaigntest.Publish(t, d.consortium, campaigntest.Options{})
	d.redeem(t, d.sale(own.Text(1)))
	d.redeem(t, d.sale(others.Text(1)))
	height := d.consortium.Network.Height()
	_, err := d.operator.Claim(t.Context(), &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: shop})
	wantRefusal(t, err, codes.FailedPrecondition, "NOT_CLAIMABLE")
	if d.consortium.Network.Height() != height {
		t.Error("the claim went to the ledger")
	}
	claims := d.claim(t, issuer)
	if len(claims) != 1 || claims[0].GetCoupons() != 1 || claims[0].GetIssuer() != issuer {
		t.Errorf("claimed: %v", claims)
	}
	_, err = d.till.Redeem(t.Context(), d.sale(own.Text(2), others.Text(2)))
	wantRefusal(t, err, codes.InvalidArgument, "MIXED_ISSUERS")
}

// TestStoreRollsItsOwnTick: where the own issuer's service does not, with the
// clearing house.
func TestStoreRollsItsOwnTick(t *testing.T) {
	t.Parallel()
	d, own := openStore(t)
	d.consortium.Clock.Advance(ticking.Overdue + 10*time.Minute)
	d.redeem(t, d.sale(own.Text(1)))
}
