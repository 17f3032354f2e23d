// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// wantClaims reads the list in pages of one until it is as wanted.
func wantClaims(t *testing.T, d *desk, want ...*retailerv1.Claim) {
	t.Helper()
	var diff string
	eventually(t, "the list of claims is complete", func(ctx context.Context) bool {
		var got []*retailerv1.Claim
		request := &retailerv1.ListClaimsRequest{PageSize: 1}
		for {
			page, err := d.operator.ListClaims(ctx, request)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page.GetClaims()...)
			if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
				break
			}
		}
		diff = cmp.Diff(want, got, protocmp.Transform())
		return len(got) >= len(want)
	})
	if diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

// impatient gives up waiting for blocks soon.
var impatient = ledgertest.Impatient

func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	c := newConsortium(t, impatient)
	campaign := campaigntest.Publish(t, c, campaigntest.Options{})
	d := start(t, c, filepath.Join(t.TempDir(), "retailer.db"), nil)
	d.redeem(t, d.sale(campaign.Text(9))) // all that is read once is read

	c.Network.HoldBlocks()
	request := d.sale(campaign.Text(1))
	for range 2 {
		_, err := d.till.Redeem(t.Context(), request)
		wantRefusal(t, err, codes.Unavailable, "OUTCOME_UNKNOWN")
	}
	c.Network.ReleaseBlocks()
	redeemed := d.redeem(t, request)
	if redeemed.GetTotal().GetMinor() != 100 {
		t.Errorf("total %v", redeemed.GetTotal())
	}
	_, err := d.till.Redeem(t.Context(), d.sale(campaign.Text(1)))
	wantRefusal(t, err, codes.AlreadyExists, "ALREADY_USED")
}

// The orderers' answers and lost statuses decide nothing.
func TestAnswersThatMeanNothing(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	c := d.consortium
	for i, fail := range []func(){
		func() { c.FailAfter(shop, ledgertest.StepSubmit, 1, ledgertest.ErrTooFewOrderers) },
		func() { c.FailAfter(shop, ledgertest.StepSubmit, 1, ledgertest.ErrAlreadyProcessed) },
		func() { c.FailAfter(shop, ledgertest.StepStatus, 2, ledgertest.ErrPeerAway) },
	} {
		fail()
		d.redeem(t, d.sale(campaign.Text(int64(i+1))))
		c.Heal()
	}
}

func TestLedgerAway(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	d.redeem(t, d.sale(campaign.Text(1)))
	request := d.sale(campaign.Text(2))
	for _, step := range []ledgertest.Step{ledgertest.StepEvaluate, ledgertest.StepEndorse} {
		d.consortium.FailBefore(shop, step, 1000, ledgertest.ErrPeerAway)
		_, err := d.operator.Redeem(t.Context(), request)
		wantRefusal(t, err, codes.Unavailable, "LEDGER_UNAVAILABLE")
		d.consortium.Heal()
	}
	d.redeem(t, request)
}

// A process that ends between sending and knowing leaves a question that the
// next one asks.
func TestRestartWithPendingSubmissions(t *testing.T) {
	t.Parallel()
	c := newConsortium(t, impatient)
	campaign := campaigntest.Publish(t, c, campaigntest.Options{})
	path := filepath.Join(t.TempDir(), "retailer.db")
	before := start(t, c, path, nil)
	before.redeem(t, before.sale(campaign.Text(9)))
	c.Network.HoldBlocks()
	request := before.sale(campaign.Text(1))
	_, err := before.till.Redeem(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "OUTCOME_UNKNOWN")
	if err := before.service.Stop(); err != nil {
		t.Fatal(err)
	}
	after := start(t, c, path, nil)
	_, err = after.till.Redeem(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "OUTCOME_UNKNOWN")
	// The issuer pauses meanwhile: judged anew, the request would be refused.
	c.Network.ReleaseBlocks()
	campaign.Change(t, "PauseCampaign")
	if got := after.redeem(t, request); got.GetTotal().GetMinor() != 100 {
		t.Errorf("after the restart: %v", got)
	}
}

func TestLapsedTickIsRolled(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	redeemed := d.redeem(t, d.sale(campaign.Text(1)))
	d.consortium.Clock.Advance(11 * time.Minute)
	d.redeem(t, d.sale(campaign.Text(2)))
	d.consortium.Clock.Advance(11 * time.Minute)
	d.void(t, redeemed.GetRedemptionId())
}

func TestVerify(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	foreign := campaigntest.Publish(t, d.consortium, campaigntest.Options{ID: "foreign", Issuer: other})
	strange := campaigntest.Publish(t, d.consortium, campaigntest.Options{ID: "strange", Retailers: []string{}})
	bound := campaigntest.Publish(t, d.consortium, campaigntest.Options{ID: "bound", Holder: coupon.HolderBound})
	attested := campaigntest.Publish(t, d.consortium, campaigntest.Options{ID: "attested", AttestationRequired: true})
	d.redeem(t, d.sale(campaign.Text(1)))
	forged := campaign.Coupon(0, 2, nil)
	forged.EmitterMAC[0] ^= 1
	request := &retailerv1.VerifyRequest{
		Coupons: []string{
			campaign.Text(2), foreign.Text(1), campaign.Text(1), forged.Text(), "ec1.!", strange.Text(1),
			bound.Coupon(0, 1, campaigntest.Wallet(t)).Text(), attested.Text(1),
		},
		Basket: d.sale("", "", "", "").GetBasket(),
	}
	title := "Kaffee Nordlicht: 1 EUR off"
	euro := &typev1.Money{Currency: "EUR", Minor: 100}
	want := []*retailerv1.Verdict{
		{Title: title, Discount: euro, DiscountInOneHour: euro},
		{Title: title, Discount: euro, DiscountInOneHour: euro},
		{Title: title, Reason: typev1.ErrorReason_ERROR_REASON_ALREADY_REDEEMED},
		{Title: title, Reason: typev1.ErrorReason_ERROR_REASON_DUPLICATE_IN_BATCH},
		{Reason: typev1.ErrorReason_ERROR_REASON_MALFORMED_COUPON},
		{Title: title, Reason: typev1.ErrorReason_ERROR_REASON_RETAILER_NOT_ADMITTED},
		{Title: title, Discount: euro, DiscountInOneHour: euro},
		{Title: title, Discount: euro, DiscountInOneHour: euro, AttestationRequired: true},
	}
	got, err := d.operator.Verify(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	ignored := protocmp.IgnoreFields(&retailerv1.Verdict{}, "detail")
	if diff := cmp.Diff(want, got.GetVerdicts(), protocmp.Transform(), ignored); diff != "" {
		t.Errorf("verdicts for an operator (-want +got):\n%s", diff)
	}
	want[2].Reason = typev1.ErrorReason_ERROR_REASON_ALREADY_USED
	want[5].Reason = typev1.ErrorReason_ERROR_REASON_NOT_VALID
	got, err = d.till.Verify(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.GetVerdicts(), protocmp.Transform(), ignored); diff != "" {
		t.Errorf("verdicts for a till (-want +got):\n%s", diff)
	}
	t.Run("without a basket", func(t *testing.T) {
		got, err := d.till.Verify(t.Context(), &retailerv1.VerifyRequest{Coupons: []string{campaign.Text(2)}})
		if err != nil {
			t.Fatal(err)
		}
		want := []*retailerv1.Verdict{{Title: title}}
		if diff := cmp.Diff(want, got.GetVerdicts(), protocmp.Transform()); diff != "" {
			t.Errorf("verdicts (-want +got):\n%s", diff)
		}
	})
	t.Run("too many", func(t *testing.T) {
		_, err := d.till.Verify(t.Context(), &retailerv1.VerifyRequest{Coupons: make([]string, 51)})
		wantRefusal(t, err, codes.InvalidArgument, "TOO_MANY")
	})
	d.redeem(t, d.sale(campaign.Text(2)))
}

// Who may call what is in the shipped configuration.
func TestCallers(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	for _, tc := range []struct {
		name, organisation, role string
		method                   string
		reason                   string
	}{
		{"a till claims", shop, serve.RoleTill, "Claim", "WRONG_ROLE"},
		{"a till lists claims", shop, serve.RoleTill, "ListClaims", "WRONG_ROLE"},
		{"an auditor redeems", shop, serve.RoleAuditor, "Redeem", "WRONG_ROLE"},
		{"an auditor voids", shop, serve.RoleAuditor, "Void", "WRONG_ROLE"},
		{"another's till redeems", issuer, serve.RoleTill, "Redeem", "WRONG_ORGANISATION"},
		{"an advertiser's service redeems", servetest.AdvertiserMSP, serve.RoleService, "Redeem", "WRONG_ORGANISATION"},
		{"an issuer's operator looks", issuer, serve.RoleOperator, "GetRedemption", "WRONG_ORGANISATION"},
		{"a clearing house verifies", clearing, serve.RoleService, "Verify", "WRONG_ORGANISATION"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := retailerv1.NewRetailerServiceClient(d.service.Dial(t, d.consortium.Caller(t, tc.organisation, tc.role)))
			var err error
			switch tc.method {
			case "Claim":
				_, err = client.Claim(t.Context(), &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuer})
			case "ListClaims":
				_, err = client.ListClaims(t.Context(), &retailerv1.ListClaimsRequest{})
			case "Redeem":
				_, err = client.Redeem(t.Context(), d.sale(campaign.Text(1)))
			case "Void":
				_, err = client.Void(t.Context(), &retailerv1.VoidRequest{})
			case "GetRedemption":
				_, err = client.GetRedemption(t.Context(), &retailerv1.GetRedemptionRequest{})
			case "Verify":
				_, err = client.Verify(t.Context(), &retailerv1.VerifyRequest{Coupons: []string{campaign.Text(1)}})
			}
			wantRefusal(t, err, codes.PermissionDenied, tc.reason)
		})
	}
	t.Run("malformed ids", func(t *testing.T) {
		_, err := d.till.GetRedemption(t.Context(), &retailerv1.GetRedemptionRequest{RedemptionId: "x"})
		wantRefusal(t, err, codes.InvalidArgument, "INVALID_REQUEST")
		_, err = d.till.Void(t.Context(), &retailerv1.VoidRequest{RedemptionId: strings.Repeat("0", 32), RequestId: "x"})
		wantRefusal(t, err, codes.InvalidArgument, "INVALID_REQUEST")
		_, err = d.operator.ListClaims(t.Context(), &retailerv1.ListClaimsRequest{PageToken: "x"})
		wantRefusal(t, err, codes.InvalidArgument, "INVALID_REQUEST")
		_, err = d.operator.GetRedemption(t.Context(), &retailerv1.GetRedemptionRequest{RedemptionId: strings.Repeat("0", 32)})
		wantRefusal(t, err, codes.NotFound, "NOT_FOUND")
	})
}

// syncBuffer is a log that may be written by many.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func TestLogsTellNoSecrets(t *testing.T) {
	t.Parallel()
	c := newConsortium(t, ledger.Config{})
	campaign := campaigntest.Publish(t, c, campaigntest.Options{})
	var logged syncBuffer
	logger := slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d := start(t, c, filepath.Join(t.TempDir(), "retailer.db"), logger)
	good, bad := d.sale(campaign.Text(1)), d.sale(campaign.Text(1), campaign.Text(2000))
	redeemed := d.redeem(t, good)
	if _, err := d.till.Redeem(t.Context(), bad); err == nil {
		t.Fatal("a bad sale was accepted")
	}
	d.void(t, redeemed.GetRedemptionId())
	d.claim(t, issuer)
	if err := d.service.Stop(); err != nil {
		t.Fatal(err)
	}
	text := logged.buffer.String()
	if !strings.Contains(text, "Redeem") {
		t.Fatalf("nothing was logged:\n%s", text)
	}
	for _, secret := range []string{
		good.GetInvoice().GetNumber(), bad.GetInvoice().GetNumber(), campaign.Text(1), campaign.Text(2000), campaigntest.GTIN,
	} {
		if strings.Contains(text, secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}
