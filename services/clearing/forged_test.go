// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing_test

import (
	"testing"

	"ecoupon/chaincode/coupon"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/servetest"
)

// TestMadeUpEventsAreNotBelieved: any member can, alone, have any event in a
// transaction of its own. It makes no claim and hides none.
func TestMadeUpEventsAreNotBelieved(t *testing.T) {
	t.Parallel()
	w := open(t, ledger.Config{})
	id := "5b1b3f0e-6d0c-4a9e-8a53-0a1f9d4f6a11"
	for _, made := range []struct {
		event   string
		payload any
	}{
		{"Claimed", coupon.ClaimedEvent{ClaimID: id, Retailer: shopA, Batches: []coupon.BatchID{{1}}}},
		{"Claimed", coupon.ClaimedEvent{ClaimID: "", Retailer: ""}},
		{"Claimed", []byte("not JSON")},
		{"Settled", coupon.SettledEvent{SettlementID: id, Retailer: shopA, Batches: []coupon.BatchID{{1}}}},
		{"Settled", []byte("[]")},
	} {
		w.Announce(t, servetest.AdvertiserMSP, "coupon-"+issuerA, made.event, made.payload)
	}
	record := w.a.Redeem(t, shopA, "inv-1", 1)
	claim := w.a.Claim(t, shopA, record)
	w.await(t, map[string]clearingv1.ClaimState{claim: received})
}
