// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

const (
	fakeClaimID      = "6f9619ff-8b86-4011-b42d-00c04fc964ff"
	fakeSettlementID = "0b7f1c9e-3a52-4d0e-9f5b-2f6a1a7c4d11"
)

func euros(minor int64) *typev1.Money { return &typev1.Money{Currency: "EUR", Minor: minor} }

func fakeRedemption(voided bool) *retailerv1.Redemption {
	return &retailerv1.Redemption{
		RedemptionId: strings.Repeat("cd", 16), Issuer: "IssuerMSP", Discounts: []*typev1.Money{euros(50), euros(139)},
		Total: euros(189), TransactionId: strings.Repeat("01", 32), Block: 17, BatchId: strings.Repeat("ef", 16),
		RedeemTime: timestamppb.New(noon), Voided: voided,
	}
}

// Verify calls every second coupon used, and those that name it attested.
func (c *consortium) Verify(_ context.Context, r *retailerv1.VerifyRequest) (*retailerv1.VerifyResponse, error) {
	answer := new(retailerv1.VerifyResponse)
	for i := range r.GetCoupons() {
		verdict := &retailerv1.Verdict{Title: "Tea: 20 % off", AttestationRequired: r.GetCoupons()[i] == "ec1.attested"}
		if r.GetBasket() != nil {
			verdict.Discount, verdict.DiscountInOneHour = euros(50), euros(40)
		}
		if i%2 == 1 {
			verdict = &retailerv1.Verdict{Reason: typev1.ErrorReason_ERROR_REASON_ALREADY_USED, Detail: "the coupon was already used"}
		}
		answer.Verdicts = append(answer.Verdicts, verdict)
	}
	return answer, nil
}

func (c *consortium) Redeem(context.Context, *retailerv1.RedeemRequest) (*retailerv1.RedeemResponse, error) {
	return &retailerv1.RedeemResponse{Redemption: fakeRedemption(false)}, nil
}

func (c *consortium) Void(context.Context, *retailerv1.VoidRequest) (*retailerv1.VoidResponse, error) {
	return &retailerv1.VoidResponse{Redemption: fakeRedemption(true)}, nil
}

func (c *consortium) GetRedemption(context.Context, *retailerv1.GetRedemptionRequest) (*retailerv1.GetRedemptionResponse, error) {
	return &retailerv1.GetRedemptionResponse{Redemption: fakeRedemption(true)}, nil
}

func (c *consortium) IssueProof(context.Context, *retailerv1.IssueProofRequest) (*retailerv1.IssueProofResponse, error) {
	return &retailerv1.IssueProofResponse{Coupon: c.proof}, nil
}

func (c *consortium) Claim(_ context.Context, r *retailerv1.ClaimRequest) (*retailerv1.ClaimResponse, error) {
	if r.GetIssuer() == "PoorMSP" {
		return &retailerv1.ClaimResponse{}, nil
	}
	return &retailerv1.ClaimResponse{Claims: []*retailerv1.Claim{fakeClaim()}}, nil
}

func fakeClaim() *retailerv1.Claim {
	return &retailerv1.Claim{
		ClaimId: fakeClaimID, Issuer: "IssuerMSP", Retailer: "RetailerMSP", BatchIds: []string{strings.Repeat("ef", 16)},
		Coupons: 2, Amounts: []*typev1.Money{euros(189), {Currency: "JPY", Minor: 70}}, TransactionId: strings.Repeat("02", 32),
	}
}

func (c *consortium) ListClaims(context.Context, *retailerv1.ListClaimsRequest) (*retailerv1.ListClaimsResponse, error) {
	return &retailerv1.ListClaimsResponse{}, nil
}

func (c *clearingServer) ListClaims(context.Context, *clearingv1.ListClaimsRequest) (*clearingv1.ListClaimsResponse, error) {
	return &clearingv1.ListClaimsResponse{Claims: []*clearingv1.Claim{{
		ClaimId: fakeClaimID, Issuer: "IssuerMSP", Retailer: "RetailerMSP", BatchIds: []string{strings.Repeat("ef", 16)},
		Coupons: 2, Amounts: []*typev1.Money{euros(189)}, State: clearingv1.ClaimState_CLAIM_STATE_ACCEPTED,
		ClaimTime: timestamppb.New(noon),
	}}}, nil
}

func (c *clearingServer) Reconcile(_ context.Context, r *clearingv1.ReconcileRequest) (*clearingv1.ReconcileResponse, error) {
	run := &clearingv1.ReconcileResponse{RunId: fakeSettlementID, RunTime: timestamppb.New(noon), Claims: 3}
	if r.GetRequestId() != fakeClaimID {
		return run, nil
	}
	run.Differences = []*clearingv1.Difference{{
		Type: clearingv1.DifferenceType_DIFFERENCE_TYPE_AMOUNT, ClaimId: fakeClaimID, Amount: euros(-5),
		Detail: "the sum is not that of its coupons\x1b[31m",
	}}
	return run, nil
}

func fakeSettlement() *clearingv1.Settlement {
	return &clearingv1.Settlement{
		SettlementId: fakeSettlementID, SettleTime: timestamppb.New(noon), Remittances: fakeRemittances(),
		NetPositions: []*clearingv1.NetPosition{
			{Organisation: "IssuerMSP", Amount: euros(-18900)}, {Organisation: "RetailerMSP", Amount: euros(18900)},
		},
	}
}

func fakeRemittances() []*clearingv1.Remittance {
	return []*clearingv1.Remittance{{
		SettlementId: fakeSettlementID, Issuer: "IssuerMSP", Retailer: "RetailerMSP", Amount: euros(18900), Coupons: 200,
		BatchIds: []string{"a", "b"},
	}}
}

func (c *clearingServer) Settle(context.Context, *clearingv1.SettleRequest) (*clearingv1.SettleResponse, error) {
	return &clearingv1.SettleResponse{Settlement: fakeSettlement()}, nil
}

func (c *clearingServer) GetSettlement(_ context.Context, r *clearingv1.GetSettlementRequest) (*clearingv1.GetSettlementResponse, error) {
	return &clearingv1.GetSettlementResponse{Settlement: &clearingv1.Settlement{
		SettlementId: r.GetSettlementId(), SettleTime: timestamppb.New(noon),
	}}, nil
}

func (c *clearingServer) ListRemittances(context.Context, *clearingv1.ListRemittancesRequest) (*clearingv1.ListRemittancesResponse, error) {
	return &clearingv1.ListRemittancesResponse{Remittances: fakeRemittances()}, nil
}
