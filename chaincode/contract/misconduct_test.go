// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

func TestEveryKindOfMisconductIsReported(t *testing.T) {
	t.Parallel()
	for name, d := range deeds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := founded(t)
			k := d.report(c)
			c.run(k)
			m := c.misconduct(reportedID(k))
			if m.Kind != d.kind || m.State != coupon.MisconductOpen || m.Emitter != advertiser || m.Resolved != 0 {
				t.Errorf("the record is %+v", m)
			}
			var event coupon.MisconductEvent
			if c.lastEvent("MisconductReported", &event); event.ID != m.ID || event.Emitter != advertiser {
				t.Errorf("the event is %+v", event)
			}
			for _, on := range []string{issuer, clearing} {
				for _, by := range []string{issuer, advertiser, clearing} {
					payload, err := c.Evaluate(c.proposal(call{
						function: "GetEvidence", argument: coupon.MisconductQuery{ID: m.ID}, by: by, endorsers: []string{on},
					}))
					if err != nil || coupon.Hash(sha256.Sum256(payload)) != m.Evidence {
						t.Errorf("%s is shown on the peer of %s: %s, %v", by, on, payload, err)
					}
				}
			}
			c.refused(k, coupon.ReasonAlreadyExists)
		})
	}
}

// A report needs the clearing house: without it the ledger does not take it.
func TestReportsNeedTheClearingHouse(t *testing.T) {
	t.Parallel()
	c := founded(t)
	k := deeds["no log"].report(c)
	k.endorsers = []string{issuer}
	c.commit([]*stubtest.Transaction{c.endorse(k)}, policy)
}

func TestMissingFrames(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.open(decaying)
	l := c.newLane(decaying)
	l.release()
	c.clock.advance((maxFrameAge + coupon.FrameTolerance + 1) * time.Millisecond)
	k := c.reporting(l.frame, coupon.MissingFrame, coupon.EvidenceInput{Salt: c.salt(), Statement: "a coupon of it was redeemed", Exhibits: []coupon.Exhibit{}})
	spoilt := k
	spoilt.input = coupon.EvidenceInput{Salt: c.salt(), Statement: "with an entry", Exhibits: []coupon.Exhibit{exhibit(l.log, 0)}}
	c.refused(spoilt, coupon.ReasonNoMisconduct)
	c.run(k)
	content := l.content()
	c.rest(3 * time.Hour)
	upheld := resolving(reportedID(k), coupon.MisconductUpheld)
	c.endorse(upheld)
	c.run(closeFrame(l.frame, content))
	c.refused(upheld, coupon.ReasonNoMisconduct)
	c.run(resolving(reportedID(k), coupon.MisconductWithdrawn))
}

func TestMisconductIsAnsweredAndResolved(t *testing.T) {
	t.Parallel()
	c := founded(t)
	k := deeds["no log"].report(c)
	c.run(k)
	id := reportedID(k)
	c.refused(resolving(id, coupon.MisconductUpheld), coupon.ReasonAnswerPending)
	// Neither issuer nor tick is needed to answer.
	c.clock.advance(time.Hour)
	c.run(c.answering(id))
	var a coupon.Answer
	for _, on := range []string{advertiser, clearing} {
		c.evaluate(call{function: "GetAnswer", argument: coupon.MisconductQuery{ID: id}, by: issuer, endorsers: []string{on}}, &a)
		if a.Statement != "we did not" || a.Time != c.clock.ms.Load() || a.ID != id {
			t.Errorf("the answer is %+v", a)
		}
	}
	c.refused(c.answering(id), coupon.ReasonAlreadyExists)
	c.rest(0)
	c.run(resolving(id, coupon.MisconductUpheld))
	if m := c.misconduct(id); m.State != coupon.MisconductUpheld || m.Resolved != c.clock.ms.Load() {
		t.Errorf("the record is %+v", m)
	}
	c.refused(resolving(id, coupon.MisconductWithdrawn), coupon.ReasonAlreadyResolved)
	var page coupon.MisconductPage
	c.evaluate(call{function: "ListMisconduct", argument: coupon.PageQuery{Size: 1}, by: retailer, endorsers: []string{retailer}}, &page)
	if len(page.Misconduct) != 1 || page.Misconduct[0].ID != id {
		t.Errorf("listed: %+v", page)
	}
	next := coupon.PageQuery{Size: 1, After: page.Next}
	if c.evaluate(call{function: "ListMisconduct", argument: next, by: retailer, endorsers: []string{retailer}}, &page); len(page.Misconduct) != 0 || page.Next != "" {
		t.Errorf("the page after the last has %+v", page)
	}
}

// What is not answered in time is upheld; an answer is then too late.
func TestMisconductThatIsNotAnswered(t *testing.T) {
	t.Parallel()
	c := founded(t)
	k := deeds["no log"].report(c)
	c.run(k)
	c.rest(2*time.Hour - time.Millisecond)
	c.refused(resolving(reportedID(k), coupon.MisconductUpheld), coupon.ReasonAnswerPending)
	late := c.endorse(c.answering(reportedID(k)))
	c.clock.advance(time.Millisecond)
	c.refused(c.answering(reportedID(k)), coupon.ReasonDeadlinePassed)
	c.run(resolving(reportedID(k), coupon.MisconductUpheld))
	// An endorsement that was held back finds the report resolved.
	c.commit([]*stubtest.Transaction{late}, conflict)
}

// A batch's record names the entry of each dynamic coupon.
func TestRecordsNameTheEntriesOfDynamicCoupons(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.open(decaying)
	l := c.newLane(decaying)
	made := l.release()
	var record coupon.BatchRecord
	text := c.record(c.run(redeem(c.batch(c.sale(l.tendered(made, nil), bearer.tender(1))))))
	if err := coupon.DecodeStrict([]byte(text), &record); err != nil {
		t.Fatal(err)
	}
	lines := record.Redemptions[0].Coupons
	if lines[0].Leaf == nil || *lines[0].Leaf != made.Entry().Leaf() || lines[0].Frame != 1 || lines[1].Leaf != nil || lines[1].Frame != 0 {
		t.Errorf("the record has %+v", lines)
	}
}

// Static coupons have no log that could be missed.
func TestFramesOfStaticCouponsHaveNoLog(t *testing.T) {
	t.Parallel()
	c := founded(t)
	l := c.newLane(bearer)
	l.clock.advance(time.Second)
	content := l.content()
	content.LastSN, content.Count = 3, 3
	ref := l.frame
	c.run(closeFrame(ref, content))
	c.refused(c.reporting(ref, coupon.LogNotServed, coupon.EvidenceInput{
		Salt: c.salt(), Statement: "no log", Exhibits: []coupon.Exhibit{},
	}), coupon.ReasonNoMisconduct)
}
