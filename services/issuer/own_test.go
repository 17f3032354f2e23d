// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

// TestIssuerIsItsOwnEmitterAndRetailer: with the clearing house as the second
// party, and each step as often as it is asked for.
func TestIssuerIsItsOwnEmitterAndRetailer(t *testing.T) {
	t.Parallel()
	organisations := servetest.Default()
	organisations[0].Roles = []string{config.RoleIssuer, config.RoleAdvertiser, config.RoleRetailer}
	c := ledgertest.New(t, ledgertest.Options{Organisations: organisations})
	d := runDesk(t, c, filepath.Join(t.TempDir(), "issuer.db"))
	var framework *typev1.Framework
	for _, campaign := range []string{"tea", "coffee"} { // the second needs no new key
		d.publish(t, campaign, nil)
		for range 2 {
			answer, err := d.client.AuthoriseEmitter(t.Context(), &issuerv1.AuthoriseEmitterRequest{
				RequestId: uuid.NewString(), Campaign: campaign, Version: 1,
				Emitter: servetest.IssuerMSP, Kind: typev1.Kind_KIND_STATIC, Quotas: []int64{10},
			})
			if err != nil || answer.GetFramework().GetEmitter() != servetest.IssuerMSP {
				t.Fatalf("authorising: %v %v", answer, err)
			}
			framework = answer.GetFramework()
			_, err = d.client.AdmitRetailer(t.Context(), &issuerv1.AdmitRetailerRequest{
				RequestId: uuid.NewString(), Campaign: campaign, Version: 1, Retailer: servetest.IssuerMSP,
			})
			if err != nil {
				t.Fatalf("admitting: %v", err)
			}
		}
	}
	var id coupon.FrameworkID
	if err := id.UnmarshalText([]byte(framework.GetFrameworkId())); err != nil {
		t.Fatal(err)
	}
	var key coupon.EmitterKey
	err := c.For(t, servetest.IssuerMSP).Evaluate(t.Context(), ledger.Call{
		Namespace: namespace, Function: "EmitterKey", Argument: coupon.FrameworkQuery{Framework: id},
	}, &key)
	if err != nil || key.Key == (coupon.Key{}) || key.MAC == (coupon.MAC{}) {
		t.Errorf("the issuer's own advertiser has not its key: %v", err)
	}
}
