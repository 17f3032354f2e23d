// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"maps"
	"slices"
	"strings"

	"ecoupon/chaincode/coupon"
)

// serviceRole is the role of every identity that makes transactions.
const serviceRole = "service"

// functionRule says what a transaction of one function must be like.
type functionRule struct {
	arguments int
	// event is the name of the event that goes with it.
	event string
	// caller returns the organisation that may call it; empty for any. Nil: the issuer.
	caller func(*call) string
	// endorsers returns the organisations that endorse it, these and no
	// others. Nil: the issuer and at least one other.
	endorsers func(*call) []string
	// private returns what it writes into collections, this and nothing else;
	// nil if nothing.
	private func(*call) []privateKey
	// tick: its outcome depends on time, so it must have read the tick.
	tick bool
	// repeats: it may find that all is done already, and write nothing.
	repeats bool
	// check looks at what the rules of its keys do not.
	check func(*call)
}

// functionRules has every transaction function. What public keys a function
// may write is in keyRules.
var functionRules = map[string]functionRule{
	"SetParties": {
		arguments: 1, event: "PartiesSet",
		endorsers: (*call).issuerAndClearing,
		private:   func(c *call) []privateKey { return []privateKey{{c.clearing, "parties"}} },
	},
	"EnterCampaignKey": {
		event:     "CampaignKeyEntered",
		endorsers: func(c *call) []string { return []string{c.issuer} },
		private:   campaignKeyEntered,
	},
	"PublishCampaign": {arguments: 1, event: "CampaignPublished", check: published},
	"PauseCampaign":   {arguments: 1, event: "CampaignPaused"},
	"ResumeCampaign":  {arguments: 1, event: "CampaignResumed"},
	"CloseCampaign":   {arguments: 1, event: "CampaignClosed", tick: true},
	"AuthoriseEmitter": {
		arguments: 1, event: "EmitterAuthorised",
		endorsers: func(c *call) []string { return c.issuerAnd(c.authorisation().Emitter) },
		private:   mandateKeys,
	},
	"RaiseQuota": {
		arguments: 1, event: "QuotaRaised", endorsers: (*call).issuerAndEmitter,
		private: func(c *call) []privateKey { return []privateKey{{c.second(c.emitter()), "mandate"}} },
	},
	"SuspendEmitter":   {arguments: 1, event: "EmitterSuspended"},
	"ReinstateEmitter": {arguments: 1, event: "EmitterReinstated"},
	"RevokeEmitter":    {arguments: 1, event: "EmitterRevoked"},
	"RotateKey": {
		arguments: 1, event: "KeyRotated", tick: true, endorsers: (*call).issuerAndEmitter, private: mandateKeys,
	},
	"AdmitRetailer": {
		arguments: 1, event: "RetailerAdmitted",
		endorsers: func(c *call) []string { return c.issuerAnd(c.admission().Retailer) },
		private:   retailerKeys,
	},
	"Tick": {event: "Ticked", caller: anyMember},
	"OpenLane": {
		arguments: 1, event: "FrameClosed", tick: true,
		caller: (*call).emitter, endorsers: (*call).issuerAndEmitter, private: frameSummaries,
	},
	"CloseFrame": {
		arguments: 1, event: "FrameClosed", tick: true, repeats: true,
		caller: (*call).emitter, endorsers: (*call).issuerAndEmitter, private: frameSummaries,
	},
	"Transfer": {
		event: "Transferred", tick: true,
		caller: (*call).transferring, endorsers: (*call).issuerAndCreator, private: transferRecords,
	},
	"Redeem": {
		event: "Redeemed", tick: true,
		caller: anyMember, endorsers: (*call).issuerAndCreator, private: batchRecords, check: redeemed,
	},
	"Void": {
		event: "Voided", tick: true,
		caller: anyMember, endorsers: (*call).issuerAndCreator, private: voidNotes, check: voided,
	},
	"Claim": {
		event:  "Claimed",
		caller: anyMember, endorsers: (*call).creatorAndClearing, private: claimRecords, check: claimed,
	},
	"Settle": {
		event:  "Settled",
		caller: func(c *call) string { return c.clearing }, endorsers: (*call).issuerAndClearing,
		private: settlementRecords, check: settled,
	},
	"ReportMisconduct": {
		arguments: 1, event: "MisconductReported", tick: true, endorsers: (*call).issuerAndClearing, private: evidenceRecords,
	},
	"AnswerMisconduct": {
		arguments: 1, event: "MisconductAnswered",
		caller: (*call).accused, endorsers: (*call).creatorAndClearing, private: answerRecords, check: answered,
	},
	"ResolveMisconduct": {
		arguments: 1, event: "MisconductResolved", tick: true, endorsers: (*call).issuerAndClearing, private: resolutionVotes,
	},
	"RegisterInstitute": {
		arguments: 1, event: "InstituteRegistered",
		caller: func(c *call) string { return c.clearing }, endorsers: (*call).issuerAndClearing,
		private: func(c *call) []privateKey { return []privateKey{{c.clearing, "institute"}} },
	},
}

// evaluations are the functions that are asked and not submitted.
var evaluations = []string{
	"GetMisconduct", "ListMisconduct", "GetEvidence", "GetAnswer", "Check", "CheckTransfer", "FindOwner", "GetInstitute", "GetMandate", "LaneEnds", "CampaignKey", "EmitterKey", "GetBatch", "GetFrameSummary", "GetClaim", "Beacon", "GetFrame", "GetSettlement",
	"HasRetailerKey", "GetParties", "GetTick", "GetClock", "GetCampaign", "ListCampaigns", "GetFramework", "ListFrameworks",
	"ListRetailers", "FindRedemption", "GetMarkers", "Standing",
}

func anyMember(*call) string { return "" }

// second is the other party, beside the issuer, to what an emitter or a
// retailer has with it: the clearing house where the issuer is that itself.
func (c *call) second(mspID string) string {
	if mspID == c.issuer {
		return c.clearing
	}
	return mspID
}

func (c *call) issuerAnd(mspID string) []string { return []string{c.issuer, c.second(mspID)} }
func (c *call) issuerAndClearing() []string     { return []string{c.issuer, c.clearing} }
func (c *call) issuerAndEmitter() []string      { return c.issuerAnd(c.emitter()) }
func (c *call) issuerAndCreator() []string      { return c.issuerAnd(c.creator.mspID) }
func (c *call) creatorAndClearing() []string    { return []string{c.creator.mspID, c.clearing} }

// check compares the transaction with the rules.
func (c *call) check() {
	rule, known := functionRules[c.function]
	switch {
	case slices.Contains(evaluations, c.function):
		c.broke("evaluation-submitted", "%s answers, for everybody to read, and is no transaction", c.function)
	case !known:
		c.broke("unknown-function", "the rules have no function %q", c.function)
	}
	if known {
		c.checkCall(rule)
	}
	c.checkKeys()
	if c.clearing == "" && c.function != "SetParties" && c.function != "Tick" && c.function != "EnterCampaignKey" {
		c.broke("parties-missing", "the namespace has no clearing house yet")
	}
	if !known {
		c.checkForgotten()
		return
	}
	if rule.repeats && len(c.writes)+len(c.private) == 0 {
		return
	}
	c.checkPrivateKeys(rule)
	if rule.check != nil {
		rule.check(c)
	}
}

// checkCall compares who called and who endorsed, and what is public of the
// call beside the state.
func (c *call) checkCall(rule functionRule) {
	if c.creator.role != serviceRole {
		c.broke("creator-role", "the creator's role is %q, not %s", c.creator.role, serviceRole)
	}
	if c.at.Before(c.creator.cert.NotBefore) || c.at.After(c.creator.cert.NotAfter) {
		c.broke("creator-certificate", "the creator's certificate was not good at the transaction's time")
	}
	caller := c.issuer
	if rule.caller != nil {
		caller = rule.caller(c)
	}
	if caller != "" && c.creator.mspID != caller {
		c.broke("creator", "%s is called by %s, not by %s", c.function, caller, c.creator.mspID)
	}
	c.checkEndorsers(rule)
	if len(c.args) != rule.arguments {
		c.broke("arguments", "%s has %d arguments, not %d", c.function, rule.arguments, len(c.args))
	}
	if len(c.answer) > 0 {
		c.broke("answer", "a transaction returns nothing")
	}
	if event := c.event.GetEventName(); event != rule.event && (!rule.repeats || event != "") {
		c.broke("event", "the event is %q, not %s", event, rule.event)
	}
	if rule.tick && len(c.writes) > 0 {
		c.checkTick()
	}
}

func (c *call) checkEndorsers(rule functionRule) {
	have := c.endorsed()
	if rule.endorsers == nil {
		if !slices.Contains(have, c.issuer) || len(have) < 2 {
			c.broke("endorsers", "%s is endorsed by %s and another, not by %s", c.function, c.issuer, strings.Join(have, ", "))
		}
		return
	}
	want := slices.Compact(slices.Sorted(slices.Values(rule.endorsers(c))))
	if !slices.Equal(have, want) {
		c.broke("endorsers", "%s is endorsed by %s, not by %s", c.function, strings.Join(want, ", "), strings.Join(have, ", "))
	}
}

// checkKeys applies to each key that is written the rule of its prefix.
func (c *call) checkKeys() {
	for _, key := range slices.Sorted(maps.Keys(c.writes)) {
		rule, rest, known := ruleOf(key)
		value, old := c.writes[key].GetValue(), c.old(key)
		switch {
		case c.writes[key].GetIsDelete():
			c.broke("deleted", "%s is deleted", key)
			continue
		case !known:
			c.broke("unknown-key", "the rules have no key %s", key)
			continue
		}
		if !slices.Contains(rule.by, c.function) {
			c.broke("function-writes", "%q does not write %s", c.function, key)
		}
		if rule.once && old != nil {
			c.broke("overwritten", "%s is written once and was there", key)
		}
		if rule.read && !c.reads[key] && (rule.blind == "" || rule.blind != c.function) {
			c.broke("blind-write", "%s is written without having been read", key)
		}
		rule.check(c, write{key: key, rest: rest, value: value, old: old})
	}
}

// checkPrivateKeys compares what was written into collections.
func (c *call) checkPrivateKeys(rule functionRule) {
	want := map[privateKey]string{}
	if rule.private != nil {
		for _, key := range rule.private(c) {
			want[key.hashed()] = key.key
		}
	}
	for key, name := range want {
		if w := c.private[key]; w == nil || w.GetIsDelete() || w.GetIsPurge() {
			c.broke("private-writes", "%s is not written into the collection of %s", name, key.owner)
		}
	}
	extra := map[string]int{}
	for key, w := range c.private {
		name, known := want[key]
		if !known {
			extra[key.owner]++
			continue
		}
		there := c.auditor.state.get(address{c.namespace, implicitPrefix + key.owner, key.key}) != nil
		if there && !w.GetIsDelete() && !rewritten(name) {
			c.broke("overwritten", "%s in the collection of %s is written once and was there", name, key.owner)
		}
	}
	for _, owner := range slices.Sorted(maps.Keys(extra)) {
		c.broke("private-writes", "%d keys that %s does not write are written into the collection of %s", extra[owner], c.function, owner)
	}
	c.checkForgotten()
}

// checkForgotten reports private records that were deleted: no function does
// so.
func (c *call) checkForgotten() {
	deleted := map[string]int{}
	for key, w := range c.private {
		if w.GetIsDelete() || w.GetIsPurge() {
			deleted[key.owner]++
		}
	}
	for _, owner := range slices.Sorted(maps.Keys(deleted)) {
		c.broke("private-deleted", "%d private records of %s are deleted", deleted[owner], owner)
	}
}

// authorisation and admission are the public requests of the functions that have them.
func (c *call) authorisation() (req coupon.AuthoriseRequest) {
	c.request(&req)
	return req
}

func (c *call) admission() (req coupon.AdmitRequest) {
	c.request(&req)
	return req
}
