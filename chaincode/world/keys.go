// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"encoding/hex"
	"strconv"

	"ecoupon/chaincode/coupon"
)

// Keys of the public state. Parts are lower-case hex of bytes or decimal
// integers, so that no key can be invalid UTF-8 or run into another.
const (
	partiesKey = "parties"
	tickKey    = "tick"

	campaignPrefix = "campaign/"
	emitterPrefix  = "emitter/"
	admittedPrefix = "admitted/"
	// prefixEnd follows every key that begins with "<prefix>/": '0' is the
	// byte after '/'.
	prefixEnd = "0"
)

// Keys of private state.
const (
	privatePartiesKey   = "parties"
	privateAdmissionKey = "admission"
	privateMandateKey   = "mandate"
)

// implicitCollection is the collection that only one organisation holds.
func implicitCollection(mspID string) string { return "_implicit_org_" + mspID }

func text(s string) string { return hex.EncodeToString([]byte(s)) }

func number(n int64) string { return strconv.FormatInt(n, 10) }

func versionKey(ref coupon.CampaignRef) string {
	return text(ref.Campaign) + "/" + number(ref.Version)
}

func campaignKey(ref coupon.CampaignRef) string { return campaignPrefix + versionKey(ref) }

func campaignStateKey(ref coupon.CampaignRef) string { return "campaign-state/" + versionKey(ref) }

func frameworkKey(id coupon.FrameworkID) string { return "framework/" + id.String() }

// emitterKey indexes the frameworks of a campaign version.
func emitterKey(f coupon.Framework) string {
	return emittersOf(coupon.CampaignRef{Campaign: f.Campaign, Version: f.Version}) +
		text(f.Emitter) + "/" + string(f.Kind) + "/" + number(f.Epoch)
}

func emittersOf(ref coupon.CampaignRef) string { return emitterPrefix + versionKey(ref) + "/" }

func admittedKey(ref coupon.CampaignRef, retailer string) string {
	return admittedOf(ref) + text(retailer)
}

func admittedOf(ref coupon.CampaignRef) string { return admittedPrefix + versionKey(ref) + "/" }

func spentKey(tag coupon.Tag) string { return "spent/" + tag.String() }

func productKey(tag coupon.Tag) string { return "product/" + tag.String() }

func invoiceKey(tag coupon.Tag) string { return "invoice/" + tag.String() }

func redemptionKey(id coupon.RedemptionID) string { return "redemption/" + id.String() }

// batchKey is the key of the digest in public state and of the record in the
// two parties' collections.
func batchKey(id coupon.BatchID) string { return "batch/" + id.String() }

func settledKey(id coupon.BatchID) string { return "settled/" + id.String() }

func privateCampaignKey(ref coupon.CampaignRef) string { return "campaign-key/" + versionKey(ref) }

func privateEmitterKey(id coupon.FrameworkID) string { return "emitter-key/" + id.String() }

func privateRetailerKey(retailer string) string { return "retailer-key/" + text(retailer) }

func privateVoidKey(id coupon.RedemptionID) string { return "void/" + id.String() }

func privateClaimKey(retailer, claimID string) string {
	return "claim/" + text(retailer) + "/" + claimID
}

func privateClaimedKey(id coupon.BatchID) string { return "claimed/" + id.String() }

func privateSettlementKey(q coupon.SettlementQuery) string {
	return "settlement/" + q.SettlementID + "/" + text(q.Retailer) + "/" + strconv.Itoa(q.Part)
}
