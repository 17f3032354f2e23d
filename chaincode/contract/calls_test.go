// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

func setParties() call {
	return call{
		function: "SetParties", argument: coupon.PartiesRequest{Clearing: clearing},
		by: issuer, endorsers: []string{issuer, clearing},
	}
}

func tick() call {
	return call{function: "Tick", by: issuer, endorsers: []string{issuer, clearing}}
}

func enterKey(o offer) call {
	return call{
		function: "EnterCampaignKey", by: issuer, endorsers: []string{issuer},
		input: coupon.CampaignKeyInput{Campaign: o.campaign.ID, Version: o.campaign.Version, Key: o.key},
	}
}

// campaignArgument is coupon.Campaign without what the ledger sets.
func campaignArgument(c coupon.Campaign) map[string]any {
	argument := map[string]any{
		"campaign": c.ID, "version": c.Version, "product": c.Product, "offer": c.Offer, "terms": c.Terms,
		"kinds": c.Kinds, "holder": c.Holder, "begin": c.Begin, "end": c.End,
		"audience_waived": c.AudienceWaived, "invoice_required": c.InvoiceRequired,
	}
	if c.MaxTransfers != 0 {
		argument["max_transfers"] = c.MaxTransfers
	}
	if c.MaxFrameAge != 0 {
		argument["max_frame_age"] = c.MaxFrameAge
	}
	if c.AttestationRequired {
		argument["attestation_required"] = true
	}
	return argument
}

func publish(o offer) call {
	return call{
		function: "PublishCampaign", argument: campaignArgument(o.campaign),
		by: issuer, endorsers: []string{issuer, clearing},
	}
}

// change is PauseCampaign or ResumeCampaign.
func change(function string, o offer) call {
	return call{function: function, argument: o.ref(), by: issuer, endorsers: []string{issuer, clearing}}
}

func closing(o offer, redeemUntil int64) call {
	return call{
		function: "CloseCampaign", by: issuer, endorsers: []string{issuer, clearing},
		argument: coupon.CloseRequest{Campaign: o.campaign.ID, Version: o.campaign.Version, RedeemUntil: redeemUntil},
	}
}

func authorise(o offer) call {
	k := call{
		function: "AuthoriseEmitter", by: issuer, endorsers: o.parties(),
		argument: coupon.AuthoriseRequest{
			Campaign: o.campaign.ID, Version: o.campaign.Version, Emitter: o.emitter(),
			Kind: o.campaign.Kinds[0], Epoch: 1, Quotas: []int64{quota},
		},
	}
	if !o.own {
		k.input = coupon.EmitterKeyInput{Key: o.emitterKey(), MAC: o.mandate().MAC(coupon.DeriveFrameworkKey(o.key))}
	}
	return k
}

// admit brings k_IR only if it is not there.
func (c *consortium) admit(o offer, mspID string) call {
	k := call{
		function: "AdmitRetailer", by: issuer, endorsers: []string{issuer, mspID},
		argument: coupon.AdmitRequest{Campaign: o.campaign.ID, Version: o.campaign.Version, Retailer: mspID},
	}
	if c.private(mspID, retailerKeyName(mspID)) == nil {
		k.input = coupon.RetailerKeyInput{Key: retailerKeyOf(mspID)}
	}
	return k
}

func redeem(b coupon.BatchInput) call {
	return call{function: "Redeem", input: b, by: retailer, endorsers: []string{issuer, retailer}}
}

func check(sales ...coupon.CheckedSale) call {
	return call{function: "Check", input: coupon.CheckInput{Sales: sales}, by: retailer, endorsers: []string{issuer}}
}

// checked is a sale as it is sent to Check.
func checked(s coupon.Sale) coupon.CheckedSale {
	k := coupon.CheckedSale{RequestID: s.RequestID, Invoice: &s.Invoice, Attestation: s.Attestation, Basket: &s.Basket}
	for _, t := range s.Coupons {
		k.Coupons = append(k.Coupons, coupon.CheckedCoupon{Text: t.Text, Receipt: t.Receipt})
	}
	return k
}

// record is the retailer's copy of the batch that a transaction redeemed.
func (c *consortium) record(tx *stubtest.Transaction) string {
	c.t.Helper()
	text := c.private(retailer, "batch/"+coupon.NewBatchID(tx.ID).String())
	if text == nil {
		c.t.Fatal("the retailer has no record of its batch")
	}
	return string(text)
}

func decodeRecord(t testing.TB, text string) coupon.BatchRecord {
	t.Helper()
	var r coupon.BatchRecord
	if err := coupon.DecodeStrict([]byte(text), &r); err != nil {
		t.Fatalf("decoding a batch record: %v", err)
	}
	return r
}

func void(record string, id coupon.RedemptionID) call {
	return call{
		function: "Void", input: coupon.VoidInput{Record: record, Redemption: id},
		by: retailer, endorsers: []string{issuer, retailer},
	}
}

func (c *consortium) claim(records ...string) call {
	return call{
		function: "Claim", input: coupon.ClaimInput{ClaimID: c.uuid(), Salt: c.salt(), Records: records},
		by: retailer, endorsers: []string{retailer, clearing},
	}
}

func (c *consortium) settle(records ...string) call {
	return call{
		function: "Settle", input: coupon.SettleInput{SettlementID: c.uuid(), Salt: c.salt(), Records: records},
		by: clearing, endorsers: []string{issuer, clearing},
	}
}
