// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// join takes an organisation with one role into the running consortium.
func join(t *testing.T, name, mspID, role string) {
	t.Helper()
	underTraffic(t, func(ctx context.Context) error {
		return consortium.Join(ctx, runner.Organisation{Name: name, MSPID: mspID, Roles: []string{role}})
	})
	// The directories have changed, and services are others' processes now.
	desks.Lock()
	defer desks.Unlock()
	for folder, d := range desks.open {
		_ = d.Close()
		delete(desks.open, folder)
	}
}

// A retailer that joins is admitted by an issuer, redeems and claims; then so
// does a retailer of the first hour with the coupons of an issuer that joins.
func TestMembersJoinAndTrade(t *testing.T) {
	old := launch(t, coupon.HolderBearer, nil)
	kept := old.show(t, retailer)

	const kiosk, brand = "KioskMSP", "BrandMSP"
	join(t, "kiosk", kiosk, runner.Retailer)
	o := launch(t, coupon.HolderBearer, func(l *desk.Launch) { l.Retailers = append(l.Retailers, kiosk) })
	trade(t, o, "kiosk", kiosk, issuer)

	join(t, "brand", brand, runner.Issuer)
	if held := consortium.Consortium().Organisations; !slices.ContainsFunc(held, func(o runner.Organisation) bool { return o.Namespace() == "coupon-"+brand }) {
		t.Fatalf("the consortium is %+v", held)
	}
	service := must[issuerv1.IssuerServiceClient](t)(sit(t, "brand", "operator").Issuer(brand))
	for _, seller := range []struct{ name, mspID string }{{"retailer", retailer}, {"kiosk", kiosk}} {
		l := newLaunch(coupon.HolderBearer)
		l.Retailers = []string{seller.mspID}
		framework, err := l.Do(t.Context(), service)
		if err != nil {
			t.Fatalf("%v %v", err, desk.Reasons(err))
		}
		trade(t, find(t, l.Advertiser, framework.GetFrameworkId()), seller.name, seller.mspID, brand)
	}
	redeem(t, request(kept))
}

// trade redeems a coupon at a retailer's and claims it from the issuer.
func trade(t *testing.T, o offer, name, mspID, of string) {
	t.Helper()
	service := retailerDesk(t, name, mspID)
	sold := must[*retailerv1.RedeemResponse](t)(service.Redeem(t.Context(), request(o.show(t, mspID))))
	if total := sold.GetRedemption().GetTotal().GetMinor(); total != 50 {
		t.Errorf("the discount is %d, want 50", total)
	}
	var claim *retailerv1.Claim
	eventually(t, "the redemption is claimed", func() bool {
		claimed := must[*retailerv1.ClaimResponse](t)(service.Claim(t.Context(), &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: of}))
		if len(claimed.GetClaims()) > 0 {
			claim = claimed.GetClaims()[0]
		}
		return claim != nil
	})
	house := must[clearingv1.ClearingServiceClient](t)(sit(t, "clearing", "operator").Clearing(clearing))
	eventually(t, "the clearing house has the claim", func() bool {
		known := must[*clearingv1.ListClaimsResponse](t)(house.ListClaims(t.Context(), &clearingv1.ListClaimsRequest{PageSize: 200}))
		return slices.ContainsFunc(known.GetClaims(), func(c *clearingv1.Claim) bool { return c.GetClaimId() == claim.GetClaimId() })
	})
}
