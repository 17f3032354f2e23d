// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"ecoupon/chaincode/coupon"
)

func checkCampaign(c *call, w write) {
	var campaign coupon.Campaign
	if !c.record(w.key, w.value, &campaign) {
		return
	}
	if campaign.Issuer != c.issuer || w.rest != campaignPart(campaign.ID, campaign.Version) {
		c.broke("campaign", "%s has the campaign %s, version %d, of %s", w.key, campaign.ID, campaign.Version, campaign.Issuer)
	}
	if _, err := coupon.ParseTerms([]byte(campaign.Terms)); err != nil {
		c.broke("campaign", "the terms of %s: %s", campaign.ID, err)
	}
	if campaign.Begin >= campaign.End {
		c.broke("campaign", "%s ends before it begins", campaign.ID)
	}
}

// published sees to it that a campaign has its key and both its records.
func published(c *call) {
	campaigns := c.under("campaign/")
	if len(campaigns) != 1 || len(c.under("campaign-state/")) != 1 {
		c.broke("campaign", "%d campaigns are published at once", len(campaigns))
		return
	}
	if !c.stands(c.issuer, "campaign-key/"+campaigns[0]) {
		c.broke("campaign-key", "the campaign is published before its key is entered")
	}
}

// transitions says from which states a function leads to which.
var transitions = map[string]struct {
	from []coupon.Status
	to   coupon.Status
}{
	"PublishCampaign": {[]coupon.Status{""}, coupon.StatusActive},
	"PauseCampaign":   {[]coupon.Status{coupon.StatusActive}, coupon.StatusPaused},
	"ResumeCampaign":  {[]coupon.Status{coupon.StatusPaused}, coupon.StatusActive},
	"CloseCampaign":   {[]coupon.Status{coupon.StatusActive, coupon.StatusPaused}, coupon.StatusClosed},
}

func checkCampaignState(c *call, w write) {
	var next, before coupon.CampaignState
	if !c.record(w.key, w.value, &next) || w.old != nil && !c.record(w.key, w.old, &before) {
		return
	}
	step, known := transitions[c.function]
	if !known {
		// The function is reported; what it did is judged by the states alone.
		step.to = next.Status
		for _, t := range transitions {
			if t.to == next.Status {
				step.from = append(step.from, t.from...)
			}
		}
	}
	if next.Status != step.to || !slices.Contains(step.from, before.Status) {
		c.broke("campaign-state", "%s goes from %q to %q", w.key, before.Status, next.Status)
	}
	if closed := next.Status == coupon.StatusClosed; closed != (next.RedeemUntil != 0) || closed && next.RedeemUntil < c.now() {
		c.broke("campaign-state", "%s is %q and redeemed until %d", w.key, next.Status, next.RedeemUntil)
	}
	if c.newest("campaign/"+w.rest) == nil {
		c.broke("campaign-state", "%s is of no campaign", w.key)
	}
}

// campaignOf returns a campaign and its state as they are before the
// transaction.
func (c *call) campaignOf(campaign string, version int64) (coupon.Campaign, coupon.CampaignState, bool) {
	var record coupon.Campaign
	var state coupon.CampaignState
	part := campaignPart(campaign, version)
	found := json.Unmarshal(c.old("campaign/"+part), &record) == nil && json.Unmarshal(c.old("campaign-state/"+part), &state) == nil
	return record, state, found
}

// openCampaign reports a campaign that is not there, or closed.
func (c *call) openCampaign(campaign string, version int64) (coupon.Campaign, bool) {
	record, state, found := c.campaignOf(campaign, version)
	switch {
	case !found:
		c.broke("campaign", "there is no campaign %s, version %d", campaign, version)
	case state.Status == coupon.StatusClosed:
		c.broke("campaign-state", "campaign %s, version %d, is closed", campaign, version)
	}
	return record, found
}

func checkAdmitted(c *call, w write) {
	part, retailer, ok := cutLast(w.rest)
	if !ok || c.old("campaign/"+part) == nil {
		c.broke("admission", "%s is of no campaign", w.key)
	}
	if len(w.value) < 2 || w.value[0] != valueFormat || hexText(string(w.value[1:])) != retailer {
		c.broke("record", "%s does not name its retailer", w.key)
		return
	}
	if c.function == "AdmitRetailer" {
		req := c.admission()
		c.openCampaign(req.Campaign, req.Version)
		if w.rest != campaignPart(req.Campaign, req.Version)+"/"+hexText(req.Retailer) {
			c.broke("admission", "%s is not what was asked for", w.key)
		}
	}
}

// cutLast cuts a key before its last part.
func cutLast(key string) (before, last string, ok bool) {
	i := strings.LastIndexByte(key, '/')
	if i < 0 {
		return "", key, false
	}
	return key[:i], key[i+1:], true
}

// What the functions of campaigns write into collections.

func campaignKeyEntered(c *call) []privateKey {
	var e coupon.CampaignEvent
	if !c.announced(&e) {
		return nil
	}
	return []privateKey{{c.issuer, "campaign-key/" + campaignPart(e.Campaign, e.Version)}}
}

// both is the same key in the collections of the issuer and another party.
func (c *call) both(mspID, key string) []privateKey {
	return []privateKey{{c.issuer, key}, {c.second(mspID), key}}
}

// retailerKeys are k_IR in both collections at a retailer's first admission,
// later only its vote.
func retailerKeys(c *call) []privateKey {
	retailer := c.admission().Retailer
	key := "retailer-key/" + hexText(retailer)
	if second := c.second(retailer); c.stands(c.issuer, key) && c.stands(second, key) {
		return []privateKey{{second, "admission"}}
	}
	return c.both(retailer, key)
}

// digestIs says whether a public digest is that of a private value, by the
// hash of the latter.
func digestIs(digest, valueHash []byte) bool { return bytes.Equal(digest, digestValue(valueHash)) }
