// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"encoding/json"

	"ecoupon/chaincode/coupon"
)

// misconductID is the report that the event is about.
func (c *call) misconductID() string {
	var e coupon.MisconductEvent
	c.announced(&e)
	return e.ID.String()
}

// misconductOf returns a report as it is before the transaction.
func (c *call) misconductOf(id string) (m coupon.Misconduct, found bool) {
	text := c.old("misconduct/" + id)
	return m, text != nil && json.Unmarshal(text, &m) == nil
}

// accused is the emitter whom the report that is answered is about.
func (c *call) accused() string {
	m, found := c.misconductOf(c.misconductID())
	if !found {
		c.broke("misconduct", "there is no report %s", c.misconductID())
	}
	return m.Emitter
}

// The private writes of reports: evidence with both parties to it, the answer
// with emitter and clearing house, and that the latter took part in the end.

func evidenceRecords(c *call) []privateKey {
	var out []privateKey
	for _, owner := range c.issuerAndClearing() {
		out = append(out, privateKey{owner, "misconduct/" + c.misconductID()})
	}
	return out
}

func answerRecords(c *call) []privateKey {
	var out []privateKey
	for _, owner := range c.creatorAndClearing() {
		out = append(out, privateKey{owner, "misconduct-answer/" + c.misconductID()})
	}
	return out
}

func resolutionVotes(c *call) []privateKey {
	return []privateKey{{c.clearing, "misconduct-resolved/" + c.misconductID()}}
}

// answered looks at what is answered and when.
func answered(c *call) {
	m, found := c.misconductOf(c.misconductID())
	if found && (m.State != coupon.MisconductOpen || c.now() >= m.Deadline) {
		c.broke("misconduct", "report %s is %s and answered at %d, its deadline is %d", m.ID, m.State, c.now(), m.Deadline)
	}
}

// checkMisconduct follows a report from open to its end.
func checkMisconduct(c *call, w write) {
	var m, before coupon.Misconduct
	if !c.record(w.key, w.value, &m) {
		return
	}
	if m.ID.String() != w.rest || coupon.NewMisconductID(m.FrameRef, m.Kind) != m.ID {
		c.broke("misconduct", "%s is not the id of its report", w.key)
	}
	if w.old != nil {
		if c.record(w.key, w.old, &before) {
			c.checkResolved(w, m, before)
		}
		return
	}
	f, found := c.frameworkOf(m.Framework.String())
	if !found || f.Emitter != m.Emitter || m.Emitter == c.issuer || m.Emitter == c.clearing {
		c.broke("misconduct", "%s is of no emitter of a mandate", w.key)
	}
	if c.function != "ReportMisconduct" || m.State != coupon.MisconductOpen || m.Resolved != 0 || m.Reported != c.now() ||
		m.Deadline < c.now()+coupon.MinAnswerTime || m.Deadline > c.now()+coupon.MaxAnswerTime {
		c.broke("misconduct", "%s is %s from the beginning, reported at %d, to be answered until %d", w.key, m.State, m.Reported, m.Deadline)
	}
	for _, owner := range c.issuerAndClearing() {
		kept := c.private[privateKey{owner, w.key}.hashed()]
		if kept != nil && string(kept.GetValueHash()) != string(m.Evidence[:]) {
			c.broke("digest", "the public digest of %s is not that of the evidence given to %s", w.key, owner)
		}
	}
}

func (c *call) checkResolved(w write, m, before coupon.Misconduct) {
	upheld := m.State == coupon.MisconductUpheld
	if before.State != coupon.MisconductOpen || !upheld && m.State != coupon.MisconductWithdrawn || m.Resolved != c.now() {
		c.broke("misconduct", "%s goes from %s to %s", w.key, before.State, m.State)
	}
	pending := c.now() < before.Deadline
	for _, owner := range []string{before.Emitter, c.clearing} {
		pending = pending && !c.stands(owner, "misconduct-answer/"+w.rest)
	}
	if upheld && pending {
		c.broke("misconduct", "%s is upheld before it is answered and before its deadline", w.key)
	}
	if upheld && m.Kind == coupon.MissingFrame && c.old(frameKey(m.FrameRef)) != nil {
		c.broke("misconduct", "%s is upheld and the frame is closed", w.key)
	}
	before.State, before.Resolved = m.State, m.Resolved
	if before != m {
		c.broke("misconduct", "%s changes otherwise than by its end", w.key)
	}
}

// checkEvidence judges a report anew, by the evidence that a party to it keeps. What needs
// the issuer's key is left out.
func checkEvidence(c *call, rest string, value []byte) {
	var e coupon.Evidence
	key := "misconduct/" + rest
	if !c.record(key, value, &e) {
		return
	}
	if coupon.NewMisconductID(e.FrameRef, e.Kind).String() != rest {
		c.broke("private-record", "the evidence of %s is of another report", key)
	}
	var before coupon.Frame
	f, found := c.frameworkOf(e.Framework.String())
	text := c.old(frameKey(e.Before()))
	if !found || text == nil || !c.record(key, text, &before) {
		c.broke("misconduct", "%s is about a frame that was not open", key)
		return
	}
	campaign, _, _ := c.campaignOf(f.Campaign, f.Version)
	facts := coupon.Case{Before: before, MaxAge: campaign.MaxFrameAge, Now: c.now(), Content: e.Content}
	var closed coupon.Frame
	if text := c.old(frameKey(e.FrameRef)); text != nil && c.record(key, text, &closed) {
		facts.Closed = &closed
	}
	if e.Content != nil && (facts.Closed == nil || closed.Content != e.Content.Digest()) {
		c.broke("misconduct", "%s shows other content than the frame was closed with", key)
	}
	if err := coupon.CheckEvidence(e.Kind, e.Exhibits, facts); err != nil {
		c.broke("misconduct", "the evidence of %s: %s", key, err)
	}
}

func checkAnswer(c *call, rest string, value []byte) {
	var a coupon.Answer
	if c.record("misconduct-answer/"+rest, value, &a) && (a.ID.String() != rest || a.Time != c.now()) {
		c.broke("private-record", "the answer to report %s is not of this transaction", rest)
	}
}
