// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledgertest"
)

func TestVoid(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	request := d.sale(campaign.Text(1))
	redeemed := d.redeem(t, request)
	void := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: redeemed.GetRedemptionId()}
	want := proto.CloneOf(redeemed)
	want.Voided = true
	for _, attempt := range []string{"first", "repeat"} {
		got, err := d.till.Void(t.Context(), void)
		if err != nil {
			t.Fatalf("%s: %v", attempt, err)
		}
		if diff := cmp.Diff(want, got.GetRedemption(), protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", attempt, diff)
		}
	}
	t.Run("a second void", func(t *testing.T) {
		second := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: redeemed.GetRedemptionId()}
		_, err := d.till.Void(t.Context(), second)
		wantRefusal(t, err, codes.FailedPrecondition, "VOIDED")
	})
	t.Run("the same request for another redemption", func(t *testing.T) {
		another := &retailerv1.VoidRequest{RequestId: void.GetRequestId(), RedemptionId: strings.Repeat("0", 32)}
		_, err := d.till.Void(t.Context(), another)
		wantRefusal(t, err, codes.AlreadyExists, "REQUEST_CONFLICT")
	})
	t.Run("an unknown redemption", func(t *testing.T) {
		_, err := d.operator.Void(t.Context(), &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: strings.Repeat("0", 32)})
		wantRefusal(t, err, codes.NotFound, "NOT_FOUND")
	})
	t.Run("a repeat of the redemption", func(t *testing.T) {
		_, err := d.till.Redeem(t.Context(), request)
		wantRefusal(t, err, codes.FailedPrecondition, "VOIDED")
	})
	t.Run("with an empty store", func(t *testing.T) {
		again := start(t, d.consortium, filepath.Join(t.TempDir(), "empty.db"), nil)
		_, err := again.till.Redeem(t.Context(), request)
		wantRefusal(t, err, codes.FailedPrecondition, "VOIDED")
	})
	t.Run("the invoice stays used", func(t *testing.T) {
		reused := d.sale(campaign.Text(2))
		reused.Invoice = request.GetInvoice()
		_, err := d.operator.Redeem(t.Context(), reused)
		wantRefusal(t, err, codes.AlreadyExists, "INVOICE_USED")
	})
	t.Run("the coupon is good again", func(t *testing.T) {
		d.redeem(t, d.sale(campaign.Text(1)))
	})
}

func TestClaim(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	d.redeem(t, d.sale(campaign.Text(1), campaign.Text(2)))
	voided := d.redeem(t, d.sale(campaign.Text(3)))
	last := d.redeem(t, d.sale(campaign.Text(4)))
	d.void(t, voided.GetRedemptionId())
	request := &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuer}
	made, err := d.operator.Claim(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if len(made.GetClaims()) != 1 {
		t.Fatalf("%d claims, want 1", len(made.GetClaims()))
	}
	claim := made.GetClaims()[0]
	want := &retailerv1.Claim{
		ClaimId: claim.GetClaimId(), Issuer: issuer, Retailer: shop, Coupons: 3,
		Amounts: []*typev1.Money{{Currency: "EUR", Minor: 300}}, TransactionId: claim.GetTransactionId(),
	}
	if diff := cmp.Diff(want, claim, protocmp.Transform(), protocmp.IgnoreFields(want, "batch_ids")); diff != "" {
		t.Errorf("claim (-want +got):\n%s", diff)
	}
	if slices.Contains(claim.GetBatchIds(), voided.GetBatchId()) || !slices.Contains(claim.GetBatchIds(), last.GetBatchId()) {
		t.Errorf("batches %v: want all but the void one", claim.GetBatchIds())
	}
	t.Run("a repeat returns the same", func(t *testing.T) {
		again, err := d.operator.Claim(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(made, again, protocmp.Transform()); diff != "" {
			t.Errorf("repeat (-first +repeat):\n%s", diff)
		}
	})
	t.Run("nothing is left", func(t *testing.T) {
		if left := d.claim(t, issuer); len(left) != 0 {
			t.Errorf("claimed again: %v", left)
		}
	})
	t.Run("the same request for another issuer", func(t *testing.T) {
		_, err := d.operator.Claim(t.Context(), &retailerv1.ClaimRequest{RequestId: request.GetRequestId(), Issuer: other})
		wantRefusal(t, err, codes.AlreadyExists, "REQUEST_CONFLICT")
	})
	t.Run("an issuer that is none", func(t *testing.T) {
		_, err := d.operator.Claim(t.Context(), &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: clearing})
		wantRefusal(t, err, codes.InvalidArgument, "INVALID_REQUEST")
	})
	t.Run("void after claim", func(t *testing.T) {
		_, err := d.operator.Void(t.Context(), &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: last.GetRedemptionId()})
		wantRefusal(t, err, codes.AlreadyExists, "ALREADY_CLAIMED")
	})
	t.Run("an empty store learns of it", func(t *testing.T) {
		again := start(t, d.consortium, filepath.Join(t.TempDir(), "empty.db"), nil)
		wantClaims(t, again, claim)
		if left := again.claim(t, issuer); len(left) != 0 {
			t.Errorf("claimed again: %v", left)
		}
	})
	t.Run("pages", func(t *testing.T) {
		d.redeem(t, d.sale(campaign.Text(5)))
		second := d.claim(t, issuer)
		wantClaims(t, d, claim, second[0])
	})
}

// What was redeemed and could not be answered is claimed all the same.
func TestClaimAfterUnknownOutcome(t *testing.T) {
	t.Parallel()
	c := newConsortium(t, impatient)
	campaign := campaigntest.Publish(t, c, campaigntest.Options{})
	d := start(t, c, filepath.Join(t.TempDir(), "retailer.db"), nil)
	d.redeem(t, d.sale(campaign.Text(1)))
	c.Network.HoldBlocks()
	_, err := d.till.Redeem(t.Context(), d.sale(campaign.Text(2)))
	wantRefusal(t, err, codes.Unavailable, "OUTCOME_UNKNOWN")
	c.Network.ReleaseBlocks()
	if claims := d.claim(t, issuer); len(claims) != 1 || claims[0].GetCoupons() != 2 {
		t.Errorf("claims %v, want one of two coupons", claims)
	}
}

// deafen has the service hear of no event until its consortium is healed.
func (d *desk) deafen() {
	d.consortium.FailBefore(shop, ledgertest.StepEvents, 1_000_000, ledgertest.ErrPeerAway)
	d.consortium.Interrupt(shop)
}

// A claim that the store has not heard of does not stand in the way of others.
func TestClaimedElsewhere(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	d.deafen()
	campaign.Claim(t, shop, d.copyOf(t, d.redeem(t, d.sale(campaign.Text(1)))))
	d.redeem(t, d.sale(campaign.Text(2), campaign.Text(3)))
	request := &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuer}
	for range 2 {
		made, err := d.operator.Claim(t.Context(), request)
		if err != nil || len(made.GetClaims()) != 1 || made.GetClaims()[0].GetCoupons() != 2 {
			t.Errorf("%v, %v; want one claim of two coupons", made, err)
		}
	}
}

// Nor do many that were planned here and made by another replica meanwhile.
func TestManyPlannedAreClaimedElsewhere(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	d.deafen()
	var records []string
	for sn := range int64(5) {
		records = append(records, d.copyOf(t, d.redeem(t, d.sale(campaign.Text(sn+1)))))
		d.consortium.FailBefore(shop, ledgertest.StepEndorse, 1_000, ledgertest.ErrPeerAway)
		_, err := d.operator.Claim(t.Context(), &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuer})
		wantRefusal(t, err, codes.Unavailable, "LEDGER_UNAVAILABLE")
		d.consortium.Heal()
		d.deafen()
	}
	for _, record := range records {
		campaign.Claim(t, shop, record)
	}
	d.redeem(t, d.sale(campaign.Text(6), campaign.Text(7)))
	if claims := d.claim(t, issuer); len(claims) != 1 || claims[0].GetCoupons() != 2 {
		t.Errorf("%v; want one claim of two coupons", claims)
	}
}

// lostClaim asks for a claim that cannot be endorsed: it is planned and not made.
func (d *desk) lostClaim(t *testing.T) *retailerv1.ClaimRequest {
	t.Helper()
	d.consortium.FailBefore(shop, ledgertest.StepEndorse, 1_000, ledgertest.ErrPeerAway)
	request := &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuer}
	_, err := d.operator.Claim(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "LEDGER_UNAVAILABLE")
	d.consortium.Heal()
	return request
}

// A claim that another replica has made, of less than was planned here, leaves the
// rest for the next.
func TestAClaimIsMadeOfLess(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	first := d.redeem(t, d.sale(campaign.Text(1)))
	d.redeem(t, d.sale(campaign.Text(2)))
	request := d.lostClaim(t)
	d.deafen()
	replica := start(t, d.consortium, filepath.Join(t.TempDir(), "replica.db"), nil)
	if _, err := replica.operator.GetRedemption(t.Context(), &retailerv1.GetRedemptionRequest{RedemptionId: first.GetRedemptionId()}); err != nil {
		t.Fatal(err)
	}
	for _, at := range []*desk{replica, d} {
		made, err := at.operator.Claim(t.Context(), request)
		if err != nil || len(made.GetClaims()) != 1 || made.GetClaims()[0].GetCoupons() != 1 {
			t.Errorf("%v, %v; want one claim of one coupon", made, err)
		}
	}
	if claims := d.claim(t, issuer); len(claims) != 1 || claims[0].GetCoupons() != 1 {
		t.Errorf("%v; want one claim of the other coupon", claims)
	}
}

// A planned claim whose batches stand in another by now is in nobody's way.
func TestNothingIsLeftOfAPlannedClaim(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	record := d.copyOf(t, d.redeem(t, d.sale(campaign.Text(1))))
	d.lostClaim(t)
	campaign.Claim(t, shop, record)
	eventually(t, "the claim is known", func(ctx context.Context) bool {
		page, err := d.operator.ListClaims(ctx, &retailerv1.ListClaimsRequest{PageSize: 1})
		return err == nil && len(page.GetClaims()) == 1
	})
	d.redeem(t, d.sale(campaign.Text(2)))
	if claims := d.claim(t, issuer); len(claims) != 1 || claims[0].GetCoupons() != 1 {
		t.Errorf("%v; want one claim of one coupon", claims)
	}
}
