// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/issuer"
)

func TestAStartSetsUpTheNamespace(t *testing.T) {
	t.Parallel()
	c := ledgertest.New(t, ledgertest.Options{})
	// The peers come up later than the service.
	c.FailBefore(servetest.IssuerMSP, ledgertest.StepEvaluate, 2, ledgertest.ErrPeerAway)
	c.FailBefore(servetest.IssuerMSP, ledgertest.StepEndorse, 1, ledgertest.ErrPeerAway)
	d := runDesk(t, c, filepath.Join(t.TempDir(), "issuer.db"))
	var parties coupon.Parties
	call := ledger.Call{Namespace: namespace, Function: "GetParties"}
	if err := c.For(t, servetest.RetailerMSP).Evaluate(t.Context(), call, &parties); err != nil {
		t.Fatal(err)
	}
	if parties.Clearing != servetest.ClearingMSP {
		t.Errorf("%s clears", parties.Clearing)
	}
	d.publish(t, "tea", nil)
}

func TestARestartRemembersRequests(t *testing.T) {
	t.Parallel()
	c := ledgertest.New(t, ledgertest.Options{})
	path := filepath.Join(t.TempDir(), "issuer.db")
	d := runDesk(t, c, path)
	d.publish(t, "tea", nil)
	pause := &issuerv1.PauseCampaignRequest{RequestId: uuid.NewString(), Campaign: "tea", Version: 1}
	if _, err := d.client.PauseCampaign(t.Context(), pause); err != nil {
		t.Fatal(err)
	}
	resume := &issuerv1.ResumeCampaignRequest{RequestId: uuid.NewString(), Campaign: "tea", Version: 1}
	if _, err := d.client.ResumeCampaign(t.Context(), resume); err != nil {
		t.Fatal(err)
	}
	height := c.Network.Height()
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	d = runDesk(t, c, path)
	response, err := d.client.PauseCampaign(t.Context(), pause)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.GetCampaign().GetStatus(); got != typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE {
		t.Errorf("a repeat after the restart made the campaign %s", got)
	}
	if got := c.Network.Height(); got != height {
		t.Errorf("the restart wrote %d blocks", got-height)
	}
}

// TestAnUnknownOutcomeIsSaidSo: the answer is lost after the transaction was
// sent; the same request gets the true answer.
func TestAnUnknownOutcomeIsSaidSo(t *testing.T) {
	t.Parallel()
	c := ledgertest.New(t, ledgertest.Options{Ledger: ledgertest.Impatient})
	d := runDesk(t, c, filepath.Join(t.TempDir(), "issuer.db"))
	d.publish(t, "tea", nil)
	c.FailAfter(servetest.IssuerMSP, ledgertest.StepSubmit, 1, ledgertest.ErrTooFewOrderers)
	c.FailBefore(servetest.IssuerMSP, ledgertest.StepStatus, 1000, ledgertest.ErrPeerAway)
	pause := &issuerv1.PauseCampaignRequest{RequestId: uuid.NewString(), Campaign: "tea", Version: 1}
	_, err := d.client.PauseCampaign(t.Context(), pause)
	refusal{codes.Unavailable, coupon.ReasonOutcomeUnknown}.check(t, err)
	c.Heal()
	response, err := d.client.PauseCampaign(t.Context(), pause)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.GetCampaign().GetStatus(); got != typev1.CampaignStatus_CAMPAIGN_STATUS_PAUSED {
		t.Errorf("the campaign is %s", got)
	}
}

// TestATickThatStoppedIsRolled: nobody was there to roll it, and it is needed
// at once.
func TestATickThatStoppedIsRolled(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(t, "tea", nil)
	d.consortium.Clock.Advance(time.Hour)
	_, err := d.client.CloseCampaign(t.Context(), &issuerv1.CloseCampaignRequest{
		RequestId: uuid.NewString(), Campaign: "tea", Version: 1,
	})
	if err != nil {
		t.Error(err)
	}
}

func TestALedgerOutOfReachIsSaidSo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.consortium.FailBefore(servetest.IssuerMSP, ledgertest.StepEvaluate, 1000, ledgertest.ErrPeerAway)
	_, err := d.client.GetCampaign(t.Context(), &issuerv1.GetCampaignRequest{Campaign: "tea", Version: 1})
	refusal{codes.Unavailable, coupon.ReasonLedgerUnavailable}.check(t, err)
}

func TestTheClearingHouseIsSomebodyElse(t *testing.T) {
	t.Parallel()
	directory := &config.Directory{Organisations: []config.Organisation{
		{MSPID: "BothMSP", Roles: []string{config.RoleIssuer, config.RoleClearing}},
		{MSPID: "ClearingMSP", Roles: []string{config.RoleClearing}},
	}}
	if got, err := issuer.ClearingOf(directory, "BothMSP"); got != "ClearingMSP" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	directory.Organisations = directory.Organisations[:1]
	if got, err := issuer.ClearingOf(directory, "BothMSP"); err == nil {
		t.Errorf("got %q, want an error", got)
	}
}
