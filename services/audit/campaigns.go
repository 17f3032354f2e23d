// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/sha256"
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

func checkFramework(c *call, w write) {
	var f coupon.Framework
	if !c.record(w.key, w.value, &f) {
		return
	}
	campaign, found := c.openCampaign(f.Campaign, f.Version)
	if !found {
		return
	}
	if w.rest != f.ID.String() || f.Mandate().ID() != f.ID {
		c.broke("framework", "%s is not the id of its mandate", w.key)
	}
	if f.Issuer != c.issuer || f.Emitter == "" || f.Product != campaign.Product || f.Offer != campaign.Offer ||
		f.Terms != sha256.Sum256([]byte(campaign.Terms)) || !slices.Contains(campaign.Kinds, f.Kind) {
		c.broke("framework", "%s is not a mandate of its campaign", w.key)
	}
	if len(f.Quotas) < 1 || len(f.Quotas) > coupon.MaxLanes || slices.Min(f.Quotas) < 1 {
		c.broke("framework", "%s has quotas that no mandate has", w.key)
	}
	if c.writes["emitter/"+campaignPart(f.Campaign, f.Version)+"/"+emitterPart(f)] == nil {
		c.broke("framework", "%s is not listed under its campaign", w.key)
	}
}

func emitterPart(f coupon.Framework) string {
	return hexText(f.Emitter) + "/" + string(f.Kind) + slashed(f.Epoch)
}

func checkEmitterIndex(c *call, w write) {
	if len(w.value) != 17 || w.value[0] != valueFormat {
		c.broke("record", "%s is no id", w.key)
		return
	}
	if c.writes["framework/"+coupon.FrameworkID(w.value[1:]).String()] == nil {
		c.broke("framework", "%s lists a mandate that is not made here", w.key)
	}
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
	c.note("retailer", string(w.value[1:]), "admitted")
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

func emitterKeys(c *call) []privateKey {
	var out []privateKey
	for _, id := range c.under("framework/") {
		for _, owner := range []string{c.issuer, c.authorisation().Emitter} {
			out = append(out, privateKey{owner, "emitter-key/" + id})
		}
	}
	return out
}

// retailerKeys are k_IR in both collections at a retailer's first admission,
// later only its vote.
func retailerKeys(c *call) []privateKey {
	retailer := c.admission().Retailer
	key := "retailer-key/" + hexText(retailer)
	if c.stands(c.issuer, key) && c.stands(retailer, key) {
		return []privateKey{{retailer, "admission"}}
	}
	return []privateKey{{c.issuer, key}, {retailer, key}}
}

// frameworkOf returns a mandate as it is before the transaction.
func (c *call) frameworkOf(id string) (f coupon.Framework, found bool) {
	text := c.old("framework/" + id)
	return f, text != nil && json.Unmarshal(text, &f) == nil
}

// emitter is the organisation whose lane is opened, or frame closed.
func (c *call) emitter() string {
	var ref coupon.LaneRequest
	if !c.request(&ref) {
		return ""
	}
	f, found := c.frameworkOf(ref.Framework.String())
	if !found {
		c.broke("framework", "there is no mandate %s", ref.Framework)
	}
	return f.Emitter
}

func checkFrame(c *call, w write) {
	var frame, before coupon.Frame
	if !c.record(w.key, w.value, &frame) {
		return
	}
	if w.key != frameKey(frame.FrameRef) {
		c.broke("frame", "%s has the record of another frame", w.key)
	}
	f, found := c.frameworkOf(frame.Framework.String())
	if !found || int(frame.Lane) >= len(f.Quotas) {
		c.broke("frame", "%s is of no lane of a mandate", w.key)
	}
	if frame.Time != c.now() {
		c.broke("frame-time", "%s says it was closed at %d, the transaction's time is %d", w.key, frame.Time, c.now())
	}
	if (frame.Frame == 0) != (c.function == "OpenLane") {
		c.broke("frame", "%s is written by %q", w.key, c.function)
	}
	if frame.Frame == 0 {
		if frame.Last != (coupon.Hash{}) || frame.Log != coupon.LogDigest(coupon.EmptyRoot, 0) {
			c.broke("frame", "%s opens a lane that is not empty", w.key)
		}
		if found {
			c.openCampaign(f.Campaign, f.Version)
		}
		return
	}
	text := c.old(frameKey(frame.Before()))
	if text == nil {
		c.broke("frame-order", "%s is closed and the frame before is not", w.key)
		return
	}
	if c.record(w.key, text, &before) && frame.Time <= before.Time {
		c.broke("frame-order", "%s is closed at %d, the frame before at %d", w.key, frame.Time, before.Time)
	}
}

func frameKey(ref coupon.FrameRef) string {
	return "frame/" + ref.Framework.String() + slashed(int64(ref.Lane)) + slashed(int64(ref.Frame))
}

// frameSummaries is the same key in the collections of issuer and emitter.
func frameSummaries(c *call) []privateKey {
	var out []privateKey
	for _, rest := range c.under("frame/") {
		for _, owner := range c.issuerAndEmitter() {
			out = append(out, privateKey{owner, "frame/" + rest})
		}
	}
	return out
}

// digestIs says whether a public digest is that of a private value, by the
// hash of the latter.
func digestIs(digest, valueHash []byte) bool { return bytes.Equal(digest, digestValue(valueHash)) }
