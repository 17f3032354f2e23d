// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"slices"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// loseStore ends a service without warning, and starts it with an empty store.
func loseStore(t *testing.T, organisation, service string) {
	t.Helper()
	name := service + "." + organisation
	if err := consortium.Kill(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(consortium.Folder(organisation, "services", service, "data")); err != nil {
		t.Fatal(err)
	}
	if err := consortium.Start(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

// askAgain repeats a call until it is answered: a service that was just started
// may have to be asked again.
func askAgain[T any](t *testing.T, what string, call func() (T, error)) (answer T) {
	t.Helper()
	var err error
	eventually(t, what, func() bool {
		answer, err = call()
		if reasons := desk.Reasons(err); err != nil && !slices.Contains(reasons, "TRY_AGAIN") &&
			!slices.Contains(reasons, "LEDGER_UNAVAILABLE") && len(reasons) > 0 {
			t.Fatalf("%s: %v %v", what, err, reasons)
		}
		return err == nil
	})
	return answer
}

func claims(list []*retailerv1.Claim, batch string) bool {
	return slices.ContainsFunc(list, func(c *retailerv1.Claim) bool { return slices.Contains(c.GetBatchIds(), batch) })
}

// What a service with an empty store is asked again, it answers from the ledger.
func TestRequestsAreAnsweredAgainWithAnEmptyStore(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	till := retailerDesk(t, "retailer", retailer)
	kept := redeem(t, request(o.show(t, retailer)))
	undone := redeem(t, request(o.show(t, retailer)))
	var claimed []*retailerv1.Claim
	t.Run("Void", func(t *testing.T) { voidAgain(t, till, undone) })
	t.Run("Claim", func(t *testing.T) { claimed = claimAgain(t, till, kept) })
	t.Run("Settle", func(t *testing.T) { settleAgain(t, claimed) })
	t.Run("PauseCampaign", func(t *testing.T) { pauseAgain(t, o) })
}

func voidAgain(t *testing.T, till retailerv1.RetailerServiceClient, undone *retailerv1.Redemption) {
	void := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: undone.GetRedemptionId()}
	first := must[*retailerv1.VoidResponse](t)(till.Void(t.Context(), void))
	loseStore(t, "retailer", "retailer")
	again := askAgain(t, "the void", func() (*retailerv1.VoidResponse, error) { return till.Void(t.Context(), void) })
	if !proto.Equal(first, again) || !again.GetRedemption().GetVoided() {
		t.Errorf("first %v, again %v", first, again)
	}
	_, err := till.Void(t.Context(), &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: undone.GetRedemptionId()})
	if !slices.Contains(desk.Reasons(err), "VOIDED") {
		t.Errorf("another request: %v", err)
	}
}

func claimAgain(t *testing.T, till retailerv1.RetailerServiceClient, kept *retailerv1.Redemption) []*retailerv1.Claim {
	// The store was lost before: what it has found again so far is claimed.
	var claim *retailerv1.ClaimRequest
	var first *retailerv1.ClaimResponse
	eventually(t, "the batch is claimed", func() bool {
		claim = &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuer}
		first = must[*retailerv1.ClaimResponse](t)(till.Claim(t.Context(), claim))
		return claims(first.GetClaims(), kept.GetBatchId())
	})
	loseStore(t, "retailer", "retailer")
	again := askAgain(t, "the claim", func() (*retailerv1.ClaimResponse, error) { return till.Claim(t.Context(), claim) })
	if len(first.GetClaims()) == 0 || len(first.GetClaims()) != len(again.GetClaims()) {
		t.Fatalf("first %v, again %v", first, again)
	}
	claimed := again.GetClaims()
	for i, c := range claimed {
		before := first.GetClaims()[i]
		for _, ids := range [][]string{c.GetBatchIds(), before.GetBatchIds()} {
			slices.Sort(ids) // those of one block have no order of their own
		}
		if !proto.Equal(before, c) {
			t.Errorf("first %v, again %v", before, c)
		}
	}
	if !claims(claimed, kept.GetBatchId()) {
		t.Errorf("batch %s is in none of %v", kept.GetBatchId(), claimed)
	}
	return claimed
}

func settleAgain(t *testing.T, claimed []*retailerv1.Claim) {
	house := must[clearingv1.ClearingServiceClient](t)(sit(t, "clearing", "operator").Clearing(""))
	eventually(t, "the clearing house has accepted the claims", func() bool {
		_, err := house.Reconcile(t.Context(), &clearingv1.ReconcileRequest{RequestId: uuid.NewString()})
		accepted, listed := house.ListClaims(t.Context(), &clearingv1.ListClaimsRequest{
			PageSize: 200, State: clearingv1.ClaimState_CLAIM_STATE_ACCEPTED,
		})
		return err == nil && listed == nil && slices.ContainsFunc(accepted.GetClaims(), func(c *clearingv1.Claim) bool {
			return c.GetClaimId() == claimed[0].GetClaimId()
		})
	})
	settle := &clearingv1.SettleRequest{RequestId: uuid.NewString()}
	first := must[*clearingv1.SettleResponse](t)(house.Settle(t.Context(), settle))
	if len(first.GetSettlement().GetRemittances()) == 0 {
		t.Fatalf("nothing is settled: %v", first)
	}
	loseStore(t, "clearing", "clearing")
	again := askAgain(t, "the settlement", func() (*clearingv1.SettleResponse, error) { return house.Settle(t.Context(), settle) })
	// Its time is that of the first record where the plan is lost.
	again.Settlement.SettleTime = first.GetSettlement().GetSettleTime()
	if !proto.Equal(first, again) {
		t.Errorf("first %v, again %v", first, again)
	}
}

func pauseAgain(t *testing.T, o offer) {
	desk := issuerDesk(t)
	ref := o.Mandate
	pause := &issuerv1.PauseCampaignRequest{RequestId: uuid.NewString(), Campaign: ref.Campaign, Version: ref.Version}
	must[*issuerv1.PauseCampaignResponse](t)(desk.PauseCampaign(t.Context(), pause))
	must[*issuerv1.ResumeCampaignResponse](t)(desk.ResumeCampaign(t.Context(), &issuerv1.ResumeCampaignRequest{
		RequestId: uuid.NewString(), Campaign: ref.Campaign, Version: ref.Version,
	}))
	loseStore(t, "issuer", "issuer")
	again := askAgain(t, "the pause", func() (*issuerv1.PauseCampaignResponse, error) { return desk.PauseCampaign(t.Context(), pause) })
	if again.GetCampaign().GetStatus() != typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE {
		t.Errorf("paused twice: %v", again)
	}
}
