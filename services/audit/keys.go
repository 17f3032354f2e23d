// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"

	"ecoupon/chaincode/coupon"
)

const (
	partiesKey = "parties"
	tickKey    = "tick"
)

// write is one public write under a rule: rest is the key without the rule's
// prefix; old is nil where there was no value.
type write struct {
	key, rest  string
	value, old []byte
}

// keyRule says how the records under one prefix of a public key may change.
type keyRule struct {
	// by lists the functions that write it.
	by []string
	// once: it never changes.
	once bool
	// read: the transaction must have read it; blind is a function that need not.
	read  bool
	blind string
	check func(*call, write)
}

// keyRules has every public key of an issuer's namespace: whole keys, and
// prefixes, which end with a slash. Nothing is ever deleted.
var keyRules = map[string]keyRule{
	partiesKey:        {by: []string{"SetParties"}, once: true, read: true, check: checkParties},
	tickKey:           {by: []string{"Tick"}, read: true, check: checkTickRolled},
	"campaign/":       {by: []string{"PublishCampaign"}, once: true, read: true, check: checkCampaign},
	"campaign-state/": {by: []string{"PublishCampaign", "PauseCampaign", "ResumeCampaign", "CloseCampaign"}, read: true, blind: "PublishCampaign", check: checkCampaignState},
	"framework/":      {by: []string{"AuthoriseEmitter", "RaiseQuota", "RotateKey"}, read: true, check: checkFramework},
	"mandate-state/":  {by: []string{"SuspendEmitter", "ReinstateEmitter", "RevokeEmitter", "RotateKey"}, read: true, check: checkMandateState},
	"emitter/":        {by: []string{"AuthoriseEmitter", "RotateKey"}, once: true, check: checkEmitterIndex},
	"admitted/":       {by: []string{"AdmitRetailer"}, once: true, read: true, check: checkAdmitted},
	"frame/":          {by: []string{"OpenLane", "CloseFrame"}, once: true, read: true, check: checkFrame},
	"spent/":          {by: []string{"Redeem", "Void"}, read: true, check: checkMarker},
	"product/":        {by: []string{"Redeem", "Void"}, read: true, check: checkMarker},
	"transfer/":       {by: []string{"Transfer", "Redeem", "Void"}, read: true, check: checkOwnerMarker},
	"misconduct/":     {by: []string{"ReportMisconduct", "ResolveMisconduct"}, read: true, check: checkMisconduct},
	"institute/":      {by: []string{"RegisterInstitute"}, read: true, check: checkInstitute},
	"invoice/":        {by: []string{"Redeem"}, once: true, read: true, check: checkInvoice},
	"redemption/":     {by: []string{"Redeem"}, once: true, read: true, check: checkRedemption},
	"batch/":          {by: []string{"Redeem"}, once: true, check: checkBatch},
	"settled/":        {by: []string{"Settle"}, once: true, read: true, check: checkSettled},
}

// rewrittenKeys are the private keys that may be written again.
var rewrittenKeys = []string{"admission", "mandate", "institute", "claimed/", "misconduct-answer/"}

func rewritten(key string) bool {
	return slices.ContainsFunc(rewrittenKeys, func(prefix string) bool {
		return key == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(key, prefix)
	})
}

// ruleOf returns the rule of a public key, and the key without the rule's prefix.
func ruleOf(key string) (rule keyRule, rest string, known bool) {
	if rule, known = keyRules[key]; known && !strings.HasSuffix(key, "/") {
		return rule, "", true
	}
	prefix, rest, _ := strings.Cut(key, "/")
	rule, known = keyRules[prefix+"/"]
	return rule, rest, known
}

func checkParties(c *call, w write) {
	var p coupon.Parties
	if !c.record(w.key, w.value, &p) {
		return
	}
	if p.Issuer != c.issuer || p.Clearing == c.issuer || p.Clearing == "" {
		c.broke("parties", "%s names the issuer %q and the clearing house %q", w.key, p.Issuer, p.Clearing)
	}
}

// Times of the ledger's clock, in milliseconds: how old a tick is before the next, and how old it may
// be. clockSlack is by how much a transaction's time may be before the tick's: what endorsers allow
// each side, twice over, as their clocks differ.
const (
	tickInterval = 120_000
	tickLife     = 600_000
	clockSlack   = 2 * (5_000 + 30_000)
)

func checkTickRolled(c *call, w write) {
	var tick, before coupon.Tick
	if !c.record(w.key, w.value, &tick) {
		return
	}
	if tick.At != c.now() {
		c.broke("tick", "the tick says %d, the transaction's time is %d", tick.At, c.now())
	}
	if w.old != nil && c.record(w.key, w.old, &before) && tick.At-before.At < tickInterval {
		c.broke("tick-early", "the tick is rolled %d ms after the one before", tick.At-before.At)
	}
}

// checkTick is for transactions whose outcome depends on time.
func (c *call) checkTick() {
	if !c.reads[tickKey] {
		c.broke("tick-not-read", "%s has not read the tick, so its endorsement could have been held back", c.function)
	}
	var tick coupon.Tick
	text := c.old(tickKey)
	if text == nil {
		c.broke("tick-missing", "there is no tick yet")
		return
	}
	if !c.record(tickKey, text, &tick) {
		return
	}
	if c.now()-tick.At > tickLife {
		c.broke("tick-stale", "the tick was %d ms old", c.now()-tick.At)
	}
	if tick.At-c.now() > clockSlack {
		c.broke("timestamp", "the transaction's time is %d ms before the tick that it read", tick.At-c.now())
	}
}

// checkInvoice, checkRedemption and checkBatch see to it that a batch is one
// whole; redeemed looks at the rest.
func checkInvoice(c *call, w write) {
	c.id(w.key, w.rest)
	if len(w.value) != 17 || c.writes["redemption/"+coupon.RedemptionID(w.value[1:]).String()] == nil {
		c.broke("invoice", "%s does not name a redemption of this batch", w.key)
	}
}

func checkRedemption(c *call, w write) {
	c.id(w.key, w.rest)
	if !bytes.Equal(w.value, idValue(coupon.NewBatchID(c.transaction.id))) {
		c.broke("redemption", "%s does not name this transaction's batch", w.key)
	}
}

func checkBatch(c *call, w write) {
	if w.rest != coupon.NewBatchID(c.transaction.id).String() {
		c.broke("batch", "%s is not the id of this transaction's batch", w.key)
	}
	if len(w.value) != 1+sha256.Size || w.value[0] != valueFormat {
		c.broke("record", "%s is no digest", w.key)
	}
}

func checkSettled(c *call, w write) {
	c.id(w.key, w.rest)
	if len(w.value) != 1+sha256.Size || w.value[0] != valueFormat {
		c.broke("record", "%s is no digest", w.key)
	}
	if c.old("batch/"+w.rest) == nil {
		c.broke("settled", "%s is settled and there is no such batch", w.rest)
	}
}

// checkMarker follows a coupon, or the product of a purchase proof, from unspent
// to spent, to void, and back to spent.
func checkMarker(c *call, w write) {
	c.id(w.key, w.rest)
	m, err := coupon.ParseMarker(w.value)
	if err != nil {
		c.broke("record", "%s: %s", w.key, err)
		return
	}
	var before *coupon.Marker
	if w.old != nil {
		was, err := coupon.ParseMarker(w.old)
		if err != nil {
			c.broke("record", "%s: %s", w.key, err)
			return
		}
		before = &was
	}
	if m.State == coupon.MarkerSpent {
		checkSpending(c, w, m, before)
		return
	}
	switch {
	case before == nil || before.State != coupon.MarkerSpent:
		c.broke("coupon-state", "%s becomes void and was not spent", w.key)
	case m.Batch != before.Batch || m.Redemption != before.Redemption:
		c.broke("coupon-state", "%s becomes void under another redemption than it was spent with", w.key)
	case m.Time != max(c.now(), before.Time):
		c.broke("marker-time", "%s has a time that is not of this transaction", w.key)
	}
}

// maxClockAhead is how far ahead of the transaction a presentation's time may be.
const maxClockAhead = 30_000

func checkSpending(c *call, w write, m coupon.Marker, before *coupon.Marker) {
	if before != nil && before.State == coupon.MarkerSpent {
		c.broke("double-spent", "%s is spent again; it was spent with redemption %s", w.key, before.Redemption)
	}
	if m.Batch != coupon.NewBatchID(c.transaction.id) || c.writes["batch/"+m.Batch.String()] == nil {
		c.broke("marker-batch", "%s is spent with batch %s, which is not this transaction's", w.key, m.Batch)
	}
	if c.writes["redemption/"+m.Redemption.String()] == nil {
		c.broke("marker-batch", "%s is spent with redemption %s, which is not of this batch", w.key, m.Redemption)
	}
	if m.Time < c.now() || m.Time > c.now()+maxClockAhead {
		c.broke("marker-time", "%s has a time that is not of this transaction", w.key)
	}
}
