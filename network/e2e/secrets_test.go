// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/wallet"
)

// ask evaluates on the issuer's peer, past the services, and returns the answer
// or what the peer said against it.
func ask(t *testing.T, organisation, as string, x call) (answer, refusal string) {
	t.Helper()
	x.endorsers = []string{issuer}
	contract := connect(t, organisation, as).GetNetwork(consortium.Consortium().Channel).GetContract(namespace)
	bytes, err := contract.Evaluate(x.function, x.options(t)...)
	if err != nil {
		return "", details(err) + " " + err.Error()
	}
	return string(bytes), ""
}

// Design property: keys are seen by their two parties only, and nobody but an
// admitted retailer's service learns what becomes of a coupon.
func TestTheIssuersPeerKeepsItsSecrets(t *testing.T) {
	o := launch(t, coupon.HolderBound, nil)
	shown := o.show(t, retailer)
	redemption := redeem(t, request(shown))
	fresh := must[wallet.Holding](t)(o.wallet.Get(t.Context(), o.url, o.Offer)).Coupon
	var batch coupon.BatchID
	if err := batch.UnmarshalText([]byte(redemption.GetBatchId())); err != nil {
		t.Fatal(err)
	}
	campaignKey := call{function: "CampaignKey", arguments: argument(t, coupon.CampaignRef{Campaign: o.Mandate.Campaign, Version: 1})}
	emitterKey := call{function: "EmitterKey", arguments: argument(t, coupon.FrameworkQuery{Framework: o.Framework})}
	record := call{function: "GetBatch", arguments: argument(t, coupon.BatchQuery{Batch: batch})}
	check := call{function: "Check", input: coupon.CheckInput{Sales: []coupon.CheckedSale{{Coupons: coupon.Untagged(fresh)}}}}
	for _, tt := range []struct {
		organisation, as string
		call             call
		want             string
	}{
		{"advertiser", "advertiser", campaignKey, "WRONG_PEER: "},
		{"retailer", "retailer", campaignKey, "WRONG_PEER: "},
		{"clearing", "clearing", campaignKey, "WRONG_PEER: "},
		{"issuer", "operator", campaignKey, "WRONG_ROLE: "},
		{"issuer", "auditor", campaignKey, "WRONG_ROLE: "},
		{"advertiser", "advertiser", emitterKey, "WRONG_PEER: "},
		{"retailer", "retailer", emitterKey, "WRONG_PEER: "},
		{"clearing", "clearing", record, "WRONG_PEER: "},
		{"advertiser", "advertiser", record, "WRONG_PEER: "},
		{"advertiser", "advertiser", check, "RETAILER_NOT_ADMITTED: "},
		{"clearing", "clearing", check, "RETAILER_NOT_ADMITTED: "},
		{"shop", "retailer", check, "RETAILER_NOT_ADMITTED"},
		{"retailer", "operator", check, "WRONG_ROLE: "},
	} {
		answer, refusal := ask(t, tt.organisation, tt.as, tt.call)
		// A retailer that is admitted elsewhere is answered for each coupon.
		if !strings.Contains(refusal, tt.want) && !strings.Contains(answer, `"`+tt.want+`"`) || strings.Contains(answer, `"tag"`) {
			t.Errorf("%s as %s asks %s: %q %q, want %s", tt.organisation, tt.as, tt.call.function, answer, refusal, tt.want)
		}
	}
	forged := must[coupon.Coupon](t)(coupon.ParseCoupon(fresh))
	forged.EmitterMAC[0] ^= 1
	check.input = coupon.CheckInput{Sales: []coupon.CheckedSale{{Coupons: coupon.Untagged(forged.Text())}}}
	answer, refusal := ask(t, "retailer", "retailer", check)
	if !strings.Contains(answer, "WRONG_MAC") || strings.Contains(answer, `"tag"`) {
		t.Errorf("a forged coupon: %q %q", answer, refusal)
	}
}
