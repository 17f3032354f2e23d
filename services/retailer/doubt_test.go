// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledgertest"
)

// doubt is a desk that never learns what became of what it sends.
func doubt(t *testing.T) (*desk, *campaigntest.Campaign) {
	t.Helper()
	c := newConsortium(t, impatient)
	campaign := campaigntest.Publish(t, c, campaigntest.Options{})
	d := start(t, c, filepath.Join(t.TempDir(), "retailer.db"), nil)
	d.redeem(t, d.sale(campaign.Text(500))) // all that is read once is read
	return d, campaign
}

// lost makes the call, whose answer is lost, and ends the process. It returns
// another one, with an empty store.
func (d *desk) lost(t *testing.T, call func() error) *desk {
	t.Helper()
	d.consortium.FailBefore(shop, ledgertest.StepStatus, 1_000, ledgertest.ErrPeerAway)
	wantRefusal(t, call(), codes.Unavailable, "OUTCOME_UNKNOWN")
	if err := d.service.Stop(); err != nil {
		t.Fatal(err)
	}
	d.consortium.Heal()
	return start(t, d.consortium, filepath.Join(t.TempDir(), "empty.db"), nil)
}

func TestRedeemInDoubtIsAnsweredByAnother(t *testing.T) {
	t.Parallel()
	d, campaign := doubt(t)
	request := d.sale(campaign.Text(1))
	other := d.lost(t, func() error { _, err := d.till.Redeem(t.Context(), request); return err })
	if got := other.redeem(t, request); got.GetTotal().GetMinor() != 100 || got.GetVoided() || got.GetBlock() == 0 {
		t.Errorf("got %v", got)
	}
	_, err := other.till.Redeem(t.Context(), other.sale(campaign.Text(1)))
	wantRefusal(t, err, codes.AlreadyExists, "ALREADY_USED")
}

func TestVoidInDoubtIsAnsweredByAnother(t *testing.T) {
	t.Parallel()
	d, campaign := doubt(t)
	redeemed := d.redeem(t, d.sale(campaign.Text(1)))
	request := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: redeemed.GetRedemptionId()}
	other := d.lost(t, func() error { _, err := d.operator.Void(t.Context(), request); return err })
	want := proto.CloneOf(redeemed)
	want.Voided = true
	for range 2 {
		got, err := other.operator.Void(t.Context(), request)
		if diff := cmp.Diff(want, got.GetRedemption(), protocmp.Transform()); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	// Whoever asks with another request has not voided it.
	_, err := other.operator.Void(t.Context(), &retailerv1.VoidRequest{
		RequestId: uuid.NewString(), RedemptionId: redeemed.GetRedemptionId(),
	})
	wantRefusal(t, err, codes.FailedPrecondition, "VOIDED")
}

// A void whose transaction never arrived is none: another request may void, and
// then the first is told the truth.
func TestVoidThatNeverArrivedIsNone(t *testing.T) {
	t.Parallel()
	d, campaign := doubt(t)
	redeemed := d.redeem(t, d.sale(campaign.Text(1)))
	request := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: redeemed.GetRedemptionId()}
	d.consortium.FailBefore(shop, ledgertest.StepSubmit, 1_000, ledgertest.ErrPeerAway)
	_, err := d.operator.Void(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "OUTCOME_UNKNOWN")
	d.consortium.Heal()
	rival := start(t, d.consortium, filepath.Join(t.TempDir(), "rival.db"), nil)
	rival.void(t, redeemed.GetRedemptionId())
	for _, replica := range []*desk{d, rival} {
		_, err = replica.operator.Void(t.Context(), request)
		wantRefusal(t, err, codes.FailedPrecondition, "VOIDED")
	}
}

func TestClaimInDoubtIsAnsweredByAnother(t *testing.T) {
	t.Parallel()
	d, campaign := doubt(t)
	for sn := range int64(5) {
		d.redeem(t, d.sale(campaign.Text(sn+1)))
	}
	voided := d.redeem(t, d.sale(campaign.Text(6)))
	d.void(t, voided.GetRedemptionId())
	request := &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuer}
	other := d.lost(t, func() error { _, err := d.operator.Claim(t.Context(), request); return err })
	got, err := other.operator.Claim(t.Context(), request)
	if err != nil || len(got.GetClaims()) != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
	claim := got.GetClaims()[0]
	if claim.GetCoupons() != 6 || len(claim.GetBatchIds()) != 6 {
		t.Errorf("claimed %d coupons of %d batches", claim.GetCoupons(), len(claim.GetBatchIds()))
	}
	// The first process comes back with its store, and says the same.
	back := start(t, d.consortium, filepath.Join(t.TempDir(), "back.db"), nil)
	again, err := back.operator.Claim(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	sorted := protocmp.SortRepeated(func(a, b string) bool { return strings.Compare(a, b) < 0 })
	if diff := cmp.Diff(got, again, protocmp.Transform(), sorted); diff != "" {
		t.Errorf("a third (-second +third):\n%s", diff)
	}
	_, err = other.operator.Claim(t.Context(), &retailerv1.ClaimRequest{RequestId: request.GetRequestId(), Issuer: "OtherIssuerMSP"})
	wantRefusal(t, err, codes.AlreadyExists, "REQUEST_CONFLICT")
	wantClaims(t, other, claim)
}

// Whoever joins a redemption that is on its way does not share the fate of who
// asked first.
func TestTheFirstCallerGivesUp(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	request := d.sale(campaign.Text(1))
	reached, release := d.consortium.Hold(shop, "GetFramework")
	defer release()
	ctx, giveUp := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := d.till.Redeem(ctx, request)
		first <- err
	}()
	<-reached
	const joining = 8
	errs := make([]error, joining)
	transactions := make([]string, joining)
	var tills sync.WaitGroup
	for i := range joining {
		tills.Go(func() {
			var answer *retailerv1.RedeemResponse
			answer, errs[i] = d.till.Redeem(t.Context(), request)
			transactions[i] = answer.GetRedemption().GetTransactionId()
		})
	}
	// The request is on its way: the same id with other content is refused at once.
	changed := proto.CloneOf(request)
	changed.Invoice.Institute = "Sparbank"
	_, err := d.till.Redeem(t.Context(), changed)
	wantRefusal(t, err, codes.AlreadyExists, "REQUEST_CONFLICT")
	giveUp()
	<-first
	release()
	tills.Wait()
	for i, err := range errs {
		if err != nil || transactions[i] == "" {
			t.Errorf("till %d: %v", i, err)
		}
	}
	if slices.Sort(transactions); len(slices.Compact(transactions)) != 1 {
		t.Errorf("transactions: %v", transactions)
	}
}

// A till whose sale is not decided soon is told to ask again. The sale goes on, and
// the repeat waits for the same answer.
func TestATillAsksAgainWhileItsSaleGoesOn(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	request := d.sale(campaign.Text(1))
	reached, release := d.consortium.Hold(shop, "Check")
	defer release()
	began := time.Now()
	_, err := d.operator.Redeem(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "LEDGER_UNAVAILABLE")
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the till is told after %s", took)
	}
	<-reached
	height := d.consortium.Network.Height()
	repeated := make(chan string, 1)
	go func() {
		answer, err := d.till.Redeem(t.Context(), request)
		if err != nil {
			t.Errorf("the repeat: %v", err)
		}
		repeated <- answer.GetRedemption().GetTransactionId()
	}()
	release()
	transaction := <-repeated
	if again := d.redeem(t, request); again.GetTransactionId() != transaction {
		t.Errorf("redeemed in %s, told of %s", again.GetTransactionId(), transaction)
	}
	if made := d.consortium.Network.Height() - height; made != 1 {
		t.Errorf("%d transactions redeem one sale", made)
	}
}
