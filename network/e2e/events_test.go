// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// A member alone can put any event on the ledger. It must not make a retailer
// forget what it is owed, nor keep any service from learning what is so.
func TestMadeUpEventsHarmNobody(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	sale := request(o.show(t, retailer))
	first := redeem(t, sale)
	var batch coupon.BatchID
	var redemption coupon.RedemptionID
	if batch.UnmarshalText([]byte(first.GetBatchId())) != nil || redemption.UnmarshalText([]byte(first.GetRedemptionId())) != nil {
		t.Fatalf("odd answer %v", first)
	}
	made := []struct {
		event   string
		payload any
	}{
		{"Voided", coupon.VoidedEvent{Batch: batch, Redemption: redemption, Retailer: retailer}},
		{"Redeemed", coupon.RedeemedEvent{Batch: coupon.BatchID{1}, Retailer: retailer, Redemptions: 1, Coupons: 1}},
		{"Claimed", coupon.ClaimedEvent{ClaimID: uuid.NewString(), Retailer: retailer, Batches: []coupon.BatchID{batch}}},
		{"Settled", coupon.SettledEvent{SettlementID: uuid.NewString(), Retailer: retailer, Batches: []coupon.BatchID{batch}}},
		{"CampaignClosed", coupon.CampaignEvent{Campaign: "nothing", Version: 1}},
		{"EmitterAuthorised", coupon.EmitterEvent{Framework: coupon.FrameworkID{1}, Campaign: "nothing", Version: 1, Emitter: advertiser}},
		{"Redeemed", "not an object"}, {"Voided", "not an object"}, {"Claimed", "not an object"},
		{"Settled", "not an object"}, {"CampaignClosed", "not an object"}, {"EmitterAuthorised", "not an object"},
	}
	c := connect(t, "advertiser", "advertiser")
	for _, m := range made {
		payload, err := json.Marshal(m.payload)
		if err != nil {
			t.Fatal(err)
		}
		code, err := submit(t, c, call{
			function:  "Announce",
			arguments: []string{"_implicit_org_" + advertiser, m.event, hex.EncodeToString(payload)}, endorsers: []string{advertiser},
		})
		if err != nil || code != peer.TxValidationCode_VALID {
			t.Fatalf("%s: %s %v", m.event, code, err)
		}
	}

	// The advertiser's service learns of a later campaign, so it is past them.
	later := launch(t, coupon.HolderBearer, nil)
	redeem(t, request(later.show(t, retailer)))
	if again := redeem(t, sale); !proto.Equal(first, again) {
		t.Errorf("answered with %v, and to the repeat with %v", first, again)
	}
	claimed := must[*retailerv1.ClaimResponse](t)(retailerDesk(t, "retailer", retailer).Claim(t.Context(), &retailerv1.ClaimRequest{
		RequestId: uuid.NewString(), Issuer: issuer,
	}))
	owed := map[string]bool{}
	for _, claim := range claimed.GetClaims() {
		for _, id := range claim.GetBatchIds() {
			owed[id] = true
		}
	}
	if !owed[first.GetBatchId()] {
		t.Errorf("the retailer has not claimed %s", first.GetBatchId())
	}
	house := must[clearingv1.ClearingServiceClient](t)(sit(t, "clearing", "operator").Clearing(""))
	want := claimed.GetClaims()[0].GetClaimId()
	eventually(t, "the clearing house has the claim", func() bool {
		list := must[*clearingv1.ListClaimsResponse](t)(house.ListClaims(t.Context(), &clearingv1.ListClaimsRequest{PageSize: 200}))
		for _, claim := range list.GetClaims() {
			if claim.GetClaimId() == want {
				return true
			}
		}
		return false
	})
}
