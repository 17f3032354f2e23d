// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"path/filepath"
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"

	"ecoupon/services/advertiser"
)

// TestIssuerGivesOutItsOwnCoupons: its advertiser's service has the keys from
// k_M, and opens and closes frames with the clearing house.
func TestIssuerGivesOutItsOwnCoupons(t *testing.T) {
	t.Parallel()
	organisations := servetest.Default()
	for i, o := range organisations {
		if o.MSPID == servetest.AdvertiserMSP {
			organisations[i].Roles = []string{config.RoleAdvertiser, config.RoleIssuer}
		}
	}
	c := ledgertest.New(t, ledgertest.Options{Organisations: organisations})
	c.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	c.SetUp(t, servetest.AdvertiserMSP, servetest.ClearingMSP)
	s := runStand(t, c, filepath.Join(t.TempDir(), "advertiser.db"), advertiser.Limits{})
	own := campaigntest.Publish(t, c, campaigntest.Options{
		ID: "own", Issuer: servetest.AdvertiserMSP, Emitter: servetest.AdvertiserMSP,
		Kind: coupon.KindDynamic, Terms: scheduled(decay), MaxFrameAge: frameAge,
	})
	s.offered(t, own.Framework)
	if _, err := s.client.IssueCoupon(t.Context(), dynamicRequest(own)); err != nil {
		t.Fatal(err)
	}
	if closed := s.closeFrames(t); len(closed) != 1 || closed[0].GetFrame() != 1 {
		t.Fatalf("closed %v", closed)
	}
	var summary coupon.FrameSummary
	err := c.For(t, servetest.ClearingMSP).Evaluate(t.Context(), ledger.Call{
		Namespace: config.Namespace(servetest.AdvertiserMSP), Function: "GetFrameSummary",
		Argument: coupon.FrameRef{Framework: own.Framework.ID, Frame: 1},
	}, &summary)
	if err != nil || summary.Count != 1 {
		t.Errorf("the clearing house keeps %+v: %v", summary, err)
	}
}
