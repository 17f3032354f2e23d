// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"crypto/sha256"
	"encoding/json"
	"slices"

	"ecoupon/chaincode/coupon"
)

// checkFramework looks at a new mandate, or at one whose quotas grow.
func checkFramework(c *call, w write) {
	var f, before coupon.Framework
	if !c.record(w.key, w.value, &f) {
		return
	}
	if len(f.Quotas) < 1 || len(f.Quotas) > coupon.MaxLanes || slices.Min(f.Quotas) < 1 {
		c.broke("framework", "%s has quotas that no mandate has", w.key)
	}
	campaign, found := c.openCampaign(f.Campaign, f.Version)
	switch {
	case !found:
	case w.old == nil:
		c.checkNewMandate(w, f, campaign)
	case c.record(w.key, w.old, &before):
		after := f
		after.Quotas = before.Quotas
		if c.function != "RaiseQuota" || !sameJSON(after, before) || !(coupon.RaiseRequest{Quotas: f.Quotas}).Raises(before.Quotas) {
			c.broke("framework", "%s changes otherwise than by higher quotas", w.key)
		}
		if err := c.mandateState(w.rest).CheckIssuing(""); err != nil {
			c.broke("mandate-state", "%s: %s", w.key, err)
		}
	}
}

func (c *call) checkNewMandate(w write, f coupon.Framework, campaign coupon.Campaign) {
	if c.function == "RaiseQuota" {
		c.broke("framework", "%s has quotas raised and is not there", w.key)
	}
	if w.rest != f.ID.String() || f.Mandate().ID() != f.ID {
		c.broke("framework", "%s is not the id of its mandate", w.key)
	}
	if f.Issuer != c.issuer || f.Emitter == "" || f.Product != campaign.Product || f.Offer != campaign.Offer ||
		f.Terms != sha256.Sum256([]byte(campaign.Terms)) || !slices.Contains(campaign.Kinds, f.Kind) {
		c.broke("framework", "%s is not a mandate of its campaign", w.key)
	}
	part := campaignPart(f.Campaign, f.Version)
	if c.writes["emitter/"+part+"/"+emitterPart(f)] == nil {
		c.broke("framework", "%s is not listed under its campaign", w.key)
	}
	if f.Kind == coupon.KindProof && c.old("admitted/"+part+"/"+hexText(f.Emitter)) == nil {
		c.broke("admission", "%s emits purchase proofs and is not admitted as a retailer", f.Emitter)
	}
	if (f.Epoch == 1) != (c.function != "RotateKey") {
		c.broke("framework", "%s has epoch %d", w.key, f.Epoch)
	}
}

func sameJSON(a, b any) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && string(x) == string(y)
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

// mandateState is where a mandate stands before the transaction: active if
// nothing is written.
func (c *call) mandateState(id string) coupon.MandateState {
	s := coupon.MandateState{Status: coupon.MandateActive}
	key := "mandate-state/" + id
	if text := c.old(key); text != nil {
		c.record(key, text, &s)
	}
	return s
}

// checkMandateState follows a mandate from active to suspended and back, to
// revoked, and to one whose key was rotated.
func checkMandateState(c *call, w write) {
	var next coupon.MandateState
	if !c.record(w.key, w.value, &next) {
		return
	}
	before := c.mandateState(w.rest)
	f, found := c.frameworkOf(w.rest)
	if !found || next.Framework.String() != w.rest {
		c.broke("mandate-state", "%s is of no mandate", w.key)
		return
	}
	if next.LastSNs != nil && (len(next.LastSNs) != len(f.Quotas) || !withinQuotas(next.LastSNs, f.Quotas)) {
		c.broke("mandate-state", "%s ends lanes beyond their quotas", w.key)
	}
	if c.function == "RotateKey" {
		c.checkRotated(w, before, next)
		return
	}
	want := map[string]coupon.MandateStatus{
		"SuspendEmitter": coupon.MandateSuspended, "ReinstateEmitter": coupon.MandateActive, "RevokeEmitter": coupon.MandateRevoked,
	}[c.function]
	if next.Status != want || before.Status == coupon.MandateRevoked || want == coupon.MandateActive && before.Status != coupon.MandateSuspended {
		c.broke("mandate-state", "%s goes from %q to %q", w.key, before.Status, next.Status)
	}
	if next.Since != c.now() || next.Rotated != before.Rotated || !sameJSON(next.Next, before.Next) {
		c.broke("mandate-state", "%s changes otherwise than by its status", w.key)
	}
	if (next.Status == coupon.MandateRevoked && next.LastSNs == nil) || (next.Status == coupon.MandateActive && next.LastSNs != nil) {
		c.broke("mandate-state", "%s is %s and says where %d lanes end", w.key, next.Status, len(next.LastSNs))
	}
}

func withinQuotas(last, quotas []int64) bool {
	for lane, sn := range last {
		if sn < 0 || sn > quotas[lane] {
			return false
		}
	}
	return true
}

func (c *call) checkRotated(w write, before, next coupon.MandateState) {
	var f coupon.Framework
	if next.Next == nil || before.Next != nil || before.Status == coupon.MandateSuspended || next.Rotated != c.now() ||
		!c.record(w.key, c.writes["framework/"+next.Next.String()].GetValue(), &f) {
		c.broke("mandate-state", "%s is not followed by a mandate made here", w.key)
		return
	}
	was, _ := c.frameworkOf(w.rest)
	if f.Epoch != was.Epoch+1 || f.Emitter != was.Emitter || f.Campaign != was.Campaign || f.Version != was.Version || f.Kind != was.Kind {
		c.broke("framework", "%s is followed by another emitter's mandate", w.key)
	}
	before.Format, before.Framework, before.Next, before.Rotated = next.Format, next.Framework, next.Next, next.Rotated
	if !sameJSON(before, next) {
		c.broke("mandate-state", "%s changes otherwise than by its rotation", w.key)
	}
}

// mandateKeys is the emitter's key in both parties' collections; of the issuer as its own emitter,
// who has it from its own, the clearing house's vote.
func mandateKeys(c *call) []privateKey {
	var out []privateKey
	for _, id := range c.under("framework/") {
		var f coupon.Framework
		if json.Unmarshal(c.writes["framework/"+id].GetValue(), &f) != nil {
			continue
		}
		if f.Emitter == c.issuer {
			out = append(out, privateKey{c.clearing, "mandate"})
		} else {
			out = append(out, c.both(f.Emitter, "emitter-key/"+id)...)
		}
	}
	return out
}

// frameworkOf returns a mandate as it is before the transaction.
func (c *call) frameworkOf(id string) (f coupon.Framework, found bool) {
	text := c.old("framework/" + id)
	return f, text != nil && json.Unmarshal(text, &f) == nil
}

// emitter is the emitter of the mandate that the argument names.
func (c *call) emitter() string {
	var ref coupon.MandateRequest
	if !c.request(&ref) {
		return ""
	}
	f, found := c.frameworkOf(ref.Framework.String())
	if !found {
		c.broke("framework", "there is no mandate %s", ref.Framework)
	}
	return f.Emitter
}
