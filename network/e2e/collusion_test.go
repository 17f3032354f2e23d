// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/coupon"
)

var members = []string{"issuer", "advertiser", "retailer", "clearing", "shop"}

// marker returns a coupon's marker as the peer of an organisation has it.
func marker(t *testing.T, organisation string, tag coupon.Tag) coupon.MarkerEntry {
	t.Helper()
	c := connect(t, organisation, "auditor")
	var result coupon.MarkersResult
	evaluate(t, c, call{
		function: "GetMarkers", arguments: argument(t, coupon.MarkersQuery{Tags: []coupon.Tag{tag}}), endorsers: []string{c.MSPID},
	}, &result)
	return result.Markers[0]
}

// Design property: once committed, nobody alone can undo a redemption, and no
// public key of a namespace changes without its issuer and one other.
func TestRetailerAndAdvertiserCannotRewriteTheLedger(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	shown := o.show(t, retailer)
	redemption := redeem(t, request(shown))
	caughtUp(t)
	_, record := batchRecord(t, redemption.GetBatchId())
	tag := record.Redemptions[0].Coupons[0].Tag
	version := hex.EncodeToString([]byte(o.Mandate.Campaign)) + "/1"
	attempts := []struct{ name, key, value string }{
		{"un-spend a coupon by deleting its marker", "spent/" + tag.String(), ""},
		{"un-spend a coupon by voiding its marker", "spent/" + tag.String(), "02"},
		{"alter a campaign", "campaign/" + version, hex.EncodeToString([]byte(`{"campaign":"x"}`))},
		{"close a campaign", "campaign-state/" + version, hex.EncodeToString([]byte(`{"status":"closed"}`))},
		{"raise a quota", "framework/" + o.Framework.String(), hex.EncodeToString([]byte(`{"quotas":[1000000]}`))},
		{"free an invoice", "redemption/" + redemption.GetRedemptionId(), ""},
		{"replace a batch's digest", "batch/" + redemption.GetBatchId(), "01" + strings.Repeat("00", 32)},
	}
	c := connect(t, "retailer", "retailer")
	for _, tt := range attempts {
		t.Run(tt.name, func(t *testing.T) {
			code, err := submit(t, c, call{function: "Write", arguments: []string{tt.key, tt.value}, endorsers: []string{retailer, advertiser}})
			if err != nil {
				t.Fatalf("their own peers did not endorse it, so nothing is shown: %s", details(err))
			}
			if code != peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE {
				t.Fatalf("committed with %s", code)
			}
		})
	}
	for _, organisation := range members {
		if m := marker(t, organisation, tag); m.State != "spent" {
			t.Errorf("on the peer of %s the coupon is %q", organisation, m.State)
		}
	}
	wantRefusal(t, atRetailer(t, shown), "ALREADY_REDEEMED")
}

// Neither can the issuer's consent be replaced by the clearing house's, nor the
// retailer's by the advertiser's.
func TestRedemptionNeedsIssuerAndRetailer(t *testing.T) {
	tests := []struct {
		name      string
		as        string
		arguments []string
		endorsers []string
	}{
		{"a record in the retailer's name without the retailer", "issuer", []string{"_implicit_org_" + retailer, "batch/00", "01"}, []string{issuer, advertiser}},
		{"a claim's mark in the clearing house's name", "retailer", []string{"_implicit_org_" + clearing, "claimed/00", "01"}, []string{retailer, advertiser}},
		{"a key in the issuer's name", "retailer", []string{"_implicit_org_" + issuer, "campaign-key/00/1", "01"}, []string{retailer, advertiser}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, err := submit(t, connect(t, tt.as, tt.as), call{function: "Write", arguments: tt.arguments, endorsers: tt.endorsers})
			if err != nil {
				t.Fatalf("their own peers did not endorse it, so nothing is shown: %s", details(err))
			}
			if code != peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE {
				t.Fatalf("committed with %s", code)
			}
		})
	}
}

// Design property: no issuer can block a claim.
func TestIssuerCannotMakeARedemptionUnclaimable(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	redemption := redeem(t, request(o.show(t, retailer)))
	caughtUp(t)
	text, _ := batchRecord(t, redemption.GetBatchId())
	c := connect(t, "issuer", "issuer")

	t.Run("it can delete its own copy of the record", func(t *testing.T) {
		code, err := submit(t, c, call{function: "Write", arguments: []string{"_implicit_org_" + issuer, "batch/" + redemption.GetBatchId(), ""}, endorsers: []string{issuer}})
		if err != nil || code != peer.TxValidationCode_VALID {
			t.Fatalf("%s %v", code, err)
		}
	})
	t.Run("it cannot delete the digest", func(t *testing.T) {
		code, err := submit(t, c, call{function: "Write", arguments: []string{"batch/" + redemption.GetBatchId(), ""}, endorsers: []string{issuer}})
		if err != nil {
			t.Fatal(details(err))
		}
		if code != peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE {
			t.Fatalf("committed with %s", code)
		}
	})
	t.Run("the claim needs nobody but retailer and clearing house", func(t *testing.T) {
		code, err := submit(t, connect(t, "retailer", "retailer"), claimOf(text))
		if err != nil {
			t.Fatal(details(err))
		}
		if code != peer.TxValidationCode_VALID {
			t.Fatalf("committed with %s", code)
		}
	})
}

// claimOf claims batches past the retailer's service.
func claimOf(records ...string) call {
	return call{
		function: "Claim", endorsers: []string{retailer, clearing},
		input: coupon.ClaimInput{ClaimID: uuid.NewString(), Salt: coupon.Hash{1}, Records: records},
	}
}

// Design property: a retailer is reimbursed once, for what is on the ledger.
func TestClaimsAreWhatTheLedgerSays(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	redemption := redeem(t, request(o.show(t, retailer)))
	caughtUp(t)
	text, record := batchRecord(t, redemption.GetBatchId())
	c := connect(t, "retailer", "retailer")
	refuse := func(t *testing.T, x call, want string) {
		t.Helper()
		code, err := submit(t, c, x)
		if err == nil {
			t.Fatalf("was endorsed and committed with %s", code)
		}
		if said := details(err); !strings.Contains(said, want+": ") {
			t.Fatalf("refused, but not with %s: %s", want, said)
		}
	}
	t.Run("an altered amount", func(t *testing.T) {
		refuse(t, claimOf(strings.Replace(text, `"value":50`, `"value":5000`, 1)), "RECORD_MISMATCH")
	})
	t.Run("a batch that is not on the ledger", func(t *testing.T) {
		refuse(t, claimOf(strings.Replace(text, record.ID.String(), "00112233445566778899aabbccddeeff", 1)), "BATCH_UNKNOWN")
	})
	t.Run("by another retailer", func(t *testing.T) {
		x := claimOf(text)
		x.endorsers = []string{shop, clearing}
		_, err := submit(t, connect(t, "shop", "retailer"), x)
		if err == nil || !strings.Contains(details(err), "WRONG_ORGANISATION: ") {
			t.Fatalf("%v", err)
		}
	})
	t.Run("by its operator, past the service", func(t *testing.T) {
		_, err := submit(t, connect(t, "retailer", "operator"), claimOf(text))
		if err == nil || !strings.Contains(details(err), "WRONG_ROLE: ") {
			t.Fatalf("%v", err)
		}
	})
	t.Run("once", func(t *testing.T) {
		if code, err := submit(t, c, claimOf(text)); err != nil || code != peer.TxValidationCode_VALID {
			t.Fatalf("%s %v", code, err)
		}
	})
	t.Run("not twice", func(t *testing.T) { refuse(t, claimOf(text), "ALREADY_CLAIMED") })
	t.Run("no void after the claim", func(t *testing.T) {
		refuse(t, voidOf(text, record.Redemptions[0].ID), "ALREADY_CLAIMED")
	})
	t.Run("nor after the retailer deleted its own mark", func(t *testing.T) {
		forget := call{function: "Write", arguments: []string{"_implicit_org_" + retailer, "claimed/" + record.ID.String(), ""}, endorsers: []string{retailer}}
		if code, err := submit(t, c, forget); err != nil || code != peer.TxValidationCode_VALID {
			t.Fatalf("%s %v", code, err)
		}
		refuse(t, voidOf(text, record.Redemptions[0].ID), "ALREADY_CLAIMED")
	})
}

func voidOf(record string, id coupon.RedemptionID) call {
	return call{function: "Void", endorsers: []string{issuer, retailer}, input: coupon.VoidInput{Record: record, Redemption: id}}
}

func TestClaimPaysNothingForAVoidedCoupon(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	redemption := redeem(t, request(o.show(t, retailer)))
	void(t, redemption)
	caughtUp(t)
	text, _ := batchRecord(t, redemption.GetBatchId())
	x := claimOf(text)
	c := connect(t, "retailer", "retailer")
	if code, err := submit(t, c, x); err != nil || code != peer.TxValidationCode_VALID {
		t.Fatalf("%s %v", code, err)
	}
	var claim coupon.ClaimRecord
	evaluate(t, c, call{
		function: "GetClaim", endorsers: []string{retailer},
		arguments: argument(t, coupon.ClaimQuery{Retailer: retailer, ClaimID: x.input.(coupon.ClaimInput).ClaimID}),
	}, &claim)
	if claim.Coupons != 0 || len(claim.Amounts) != 0 {
		t.Fatalf("the claim counts %d coupons and demands %v", claim.Coupons, claim.Amounts)
	}
}
