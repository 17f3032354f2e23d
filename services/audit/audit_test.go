// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/audit"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	. "ecoupon/services/internal/servetest"
)

const namespace = "coupon-" + IssuerMSP

// run audits a chain as the peer of an organisation gives it, or as one does that gives no
// private data if that is empty.
func run(t *testing.T, chain *ledgertest.Chain, mspID string) (*audit.Report, []audit.Finding) {
	t.Helper()
	var found []audit.Finding
	report, err := audit.Run(t.Context(), source(chain), audit.Options{
		MSPID: mspID, Found: func(f audit.Finding) { found = append(found, f) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return report, found
}

func source(chain *ledgertest.Chain) audit.Source {
	return func(_ context.Context, visit func(*common.Block, audit.PrivateData) error) error {
		for _, b := range chain.Blocks {
			if err := visit(b.Block, b.Private); err != nil {
				return err
			}
		}
		return nil
	}
}

// breaches are the rules that were broken, each with who is concerned.
func breaches(found []audit.Finding) []string {
	var out []string
	for _, f := range found {
		if f.Level == audit.Breach {
			out = append(out, f.Rule+" "+strings.Join(f.Organisations, " "))
		}
	}
	return out
}

// consortium has a namespace that is set up and a campaign at work.
func consortium(t *testing.T) (*ledgertest.Consortium, *campaigntest.Campaign) {
	t.Helper()
	c := ledgertest.New(t, ledgertest.Options{Altered: true})
	c.SetUp(t, IssuerMSP, ClearingMSP)
	return c, campaigntest.Publish(t, c, campaigntest.Options{})
}

// settle settles batches.
func settle(t *testing.T, c *ledgertest.Consortium, records ...string) {
	t.Helper()
	_, err := c.For(t, ClearingMSP).Submit(t.Context(), ledger.Call{
		Namespace: namespace, Function: "Settle", Endorsers: []string{IssuerMSP, ClearingMSP},
		Input: coupon.SettleInput{SettlementID: uuid.NewString(), Salt: coupon.Hash(campaigntest.RandomKey()), Records: records},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// live does everything that can be done with the ledger.
func live(t *testing.T, c *ledgertest.Consortium, p *campaigntest.Campaign) {
	t.Helper()
	first := p.Redeem(t, RetailerMSP, "A-1", 1, 2)
	second := p.Redeem(t, RetailerMSP, "A-2", 3)
	p.Void(t, RetailerMSP, second)
	third := p.Redeem(t, RetailerMSP, "A-3", 3, 4)
	p.Claim(t, RetailerMSP, first, second, third)
	settle(t, c, first, second, third)
	p.Change(t, "PauseCampaign")
	p.Change(t, "ResumeCampaign")
	c.Clock.Advance(3 * time.Minute)
	c.Tick(t, IssuerMSP, ClearingMSP)
	dynamic := campaigntest.Publish(t, c, campaigntest.Options{
		ID: "dynamic", Kind: coupon.KindDynamic, MaxFrameAge: time.Minute, Quotas: []int64{10},
	})
	lane := dynamic.OpenLane(t, 0)
	lane.Release(coupon.PublicKey{1})
	lane.Close(t)
	lane.Close(t)
	dynamic.Close(t)
}

func TestAnHonestLedgerHasNoBreach(t *testing.T) {
	t.Parallel()
	c, p := consortium(t)
	live(t, c, p)
	chain := c.Chain(t)
	for _, mspID := range []string{"", IssuerMSP, AdvertiserMSP, RetailerMSP, ClearingMSP} {
		report, found := run(t, chain, mspID)
		if diff := cmp.Diff([]string(nil), breaches(found)); diff != "" {
			t.Errorf("seen by %q: %s\n%+v", mspID, diff, found)
		}
		if len(found) != 1 || found[0].Rule != "definition-committed" {
			t.Errorf("seen by %q: %+v", mspID, found)
		}
		if report.Blocks != uint64(len(chain.Blocks)) || (report.Private > 0) != (mspID != "") {
			t.Errorf("seen by %q: %+v", mspID, report)
		}
	}
}
