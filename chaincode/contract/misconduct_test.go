// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/merkletest"
	"ecoupon/chaincode/stubtest"
)

// deed is what an emitter does in frame 1, and what is said of it.
type deed struct {
	kind coupon.MisconductKind
	// does has three coupons released, and the frame closed.
	does func(l *lane)
	// exhibits are places in the log; content says that it is shown, too.
	exhibits []int
	content  bool
}

// release3 releases three coupons a second apart, spoilt by place.
func release3(l *lane, spoil map[int]func(*coupon.Coupon)) {
	for i := range 3 {
		l.clock.advance(time.Second)
		if f := spoil[i]; f != nil {
			l.release(f)
			continue
		}
		l.release()
	}
}

func spoilt(spoil map[int]func(*coupon.Coupon)) func(*lane) {
	return func(l *lane) { release3(l, spoil) }
}

func otherLink(c *coupon.Coupon)   { c.Release.Q[0] ^= 1 }
func earlier(c *coupon.Coupon)     { c.Release.Time -= 1500 }
func tooLate(c *coupon.Coupon)     { c.Release.Time += maxFrameAge }
func aheadOfIt(c *coupon.Coupon)   { c.Release.Time += coupon.FrameTolerance + 1 }
func beforeIt(c *coupon.Coupon)    { c.Release.Time = 1 }
func otherSerial(c *coupon.Coupon) { c.SN += 7 }

// deeds are all kinds, each shown in each way.
var deeds = map[string]deed{
	"no log":                 {kind: coupon.LogNotServed, does: spoilt(nil)},
	"a wrong serial":         {kind: coupon.WrongSerials, does: spoilt(map[int]func(*coupon.Coupon){1: otherSerial}), exhibits: []int{1}, content: true},
	"a broken chain":         {kind: coupon.WrongChain, does: spoilt(map[int]func(*coupon.Coupon){1: otherLink}), exhibits: []int{0, 1}},
	"a chain from elsewhere": {kind: coupon.WrongChain, does: spoilt(map[int]func(*coupon.Coupon){0: otherLink}), exhibits: []int{0}},
	"a chain that ends not":  {kind: coupon.WrongChain, does: spoilt(map[int]func(*coupon.Coupon){2: otherLink}), exhibits: []int{2}},
	"times out of order":     {kind: coupon.WrongTimes, does: spoilt(map[int]func(*coupon.Coupon){1: earlier}), exhibits: []int{0, 1}},
	"before the frame":       {kind: coupon.WrongTimes, does: spoilt(map[int]func(*coupon.Coupon){0: beforeIt}), exhibits: []int{0}},
	"later than the frame":   {kind: coupon.WrongTimes, does: spoilt(map[int]func(*coupon.Coupon){2: tooLate}), exhibits: []int{2}},
	"ahead of the closing":   {kind: coupon.WrongTimes, does: spoilt(map[int]func(*coupon.Coupon){2: aheadOfIt}), exhibits: []int{2}},
	"closed late with a coupon": {kind: coupon.LateFrame, exhibits: []int{0}, does: func(l *lane) {
		l.release()
		l.clock.advance((maxFrameAge + coupon.FrameTolerance + 1) * time.Millisecond)
	}},
}

// report is a report of the deed, which is done.
func (d deed) report(c *consortium) call {
	c.open(decaying)
	l := c.newLane(decaying)
	d.does(l)
	closed, log, content := l.frame, l.log, l.content()
	l.run(closeFrame(closed, content))
	in := coupon.EvidenceInput{Salt: c.salt(), Statement: "it was found", Exhibits: []coupon.Exhibit{}}
	for _, i := range d.exhibits {
		in.Exhibits = append(in.Exhibits, exhibit(log, i))
	}
	if d.content {
		in.Content = &content
	}
	return c.reporting(closed, d.kind, in)
}

func exhibit(log []coupon.Entry, i int) coupon.Exhibit {
	return coupon.ExhibitOf(log[i], coupon.Receipt{
		Size: int64(len(log)), Index: int64(i), Path: merkletest.Path[coupon.Hash](i, encoded(log)),
	})
}

func (c *consortium) reporting(ref coupon.FrameRef, kind coupon.MisconductKind, in coupon.EvidenceInput) call {
	return call{
		function: "ReportMisconduct", by: issuer, endorsers: []string{issuer, clearing}, input: in,
		argument: coupon.MisconductRequest{FrameRef: ref, Kind: kind, Deadline: c.clock.ms.Load() + 2*coupon.MinAnswerTime},
	}
}

func reportedID(k call) coupon.MisconductID {
	r := k.argument.(coupon.MisconductRequest)
	return coupon.NewMisconductID(r.FrameRef, r.Kind)
}

func (c *consortium) answering(id coupon.MisconductID) call {
	return call{
		function: "AnswerMisconduct", argument: coupon.MisconductQuery{ID: id},
		input: coupon.AnswerInput{Salt: c.salt(), Statement: "we did not"},
		by:    advertiser, endorsers: []string{advertiser, clearing},
	}
}

func resolving(id coupon.MisconductID, state coupon.MisconductState) call {
	return call{
		function: "ResolveMisconduct", argument: coupon.ResolveRequest{ID: id, State: state},
		by: issuer, endorsers: []string{issuer, clearing},
	}
}

// rest lets time pass with a tick at its end.
func (c *consortium) rest(d time.Duration) {
	c.t.Helper()
	c.clock.advance(d)
	c.run(tick())
}

func (c *consortium) misconduct(id coupon.MisconductID) (m coupon.Misconduct) {
	c.t.Helper()
	c.evaluate(call{function: "GetMisconduct", argument: coupon.MisconductQuery{ID: id}, by: retailer, role: "auditor", endorsers: []string{retailer}}, &m)
	return m
}

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

// What the log does not have, or what is no fault, is no evidence.
func TestReportsWithoutEvidenceAreRefused(t *testing.T) {
	t.Parallel()
	var refusals []refusal
	for name, d := range deeds {
		if d.kind != coupon.LogNotServed && d.kind != coupon.LateFrame {
			honest := d
			honest.does = spoilt(nil)
			// That the first link follows from the beacon only the issuer sees.
			seenBy := ""
			if name == "a chain from elsewhere" {
				seenBy = issuer
			}
			refusals = append(refusals, refusal{name: name + ", honestly", want: coupon.ReasonNoMisconduct, field: "exhibits", seenBy: seenBy, prepare: honest.report})
		}
		if len(d.exhibits) > 0 {
			refusals = append(refusals, refusal{name: name + ", altered", want: coupon.ReasonWrongReceipt, field: "exhibits", prepare: func(c *consortium) call {
				k := d.report(c)
				in := k.input.(coupon.EvidenceInput)
				in.Exhibits[0].Time++
				return k
			}}, refusal{name: name + ", not shown", want: coupon.ReasonNoMisconduct, field: "exhibits", prepare: func(c *consortium) call {
				d := d
				d.exhibits = nil
				return d.report(c)
			}})
		}
	}
	testRefusals(t, append(refusals,
		refusal{name: "closed in time", want: coupon.ReasonNoMisconduct, field: "exhibits",
			prepare: deed{kind: coupon.LateFrame, exhibits: []int{0}, does: spoilt(nil)}.report},
		refusal{name: "an empty frame's log", want: coupon.ReasonNoMisconduct, field: "exhibits",
			prepare: deed{kind: coupon.LogNotServed, does: func(l *lane) { l.clock.advance(time.Second) }}.report},
		refusal{name: "entries apart", want: coupon.ReasonNoMisconduct, field: "exhibits",
			prepare: deed{kind: coupon.WrongChain, exhibits: []int{0, 2}, does: spoilt(map[int]func(*coupon.Coupon){1: otherLink})}.report},
		refusal{name: "three entries", want: coupon.ReasonTooMany, field: "exhibits",
			prepare: deed{kind: coupon.WrongChain, exhibits: []int{0, 1, 2}, does: spoilt(nil)}.report},
		refusal{name: "no receipt", want: coupon.ReasonMalformedReceipt, prepare: spoiltReport("a broken chain", func(in *coupon.EvidenceInput) { in.Exhibits[0].Receipt = "" })},
		refusal{name: "serials without content", want: coupon.ReasonNoMisconduct, field: "exhibits",
			prepare: spoiltReport("a wrong serial", func(in *coupon.EvidenceInput) { in.Content = nil })},
		refusal{name: "other content", want: coupon.ReasonRecordMismatch, field: "content",
			prepare: spoiltReport("a wrong serial", func(in *coupon.EvidenceInput) { in.Content.LastSN++ })},
	))
}

// spoiltReport is a good report, spoilt.
func spoiltReport(name string, spoil func(*coupon.EvidenceInput)) func(*consortium) call {
	return func(c *consortium) call {
		k := deeds[name].report(c)
		in := k.input.(coupon.EvidenceInput)
		spoil(&in)
		k.input = in
		return k
	}
}

func alteredReport(change func(*call, *coupon.MisconductRequest)) func(*consortium) call {
	return func(c *consortium) call {
		k := deeds["no log"].report(c)
		r := k.argument.(coupon.MisconductRequest)
		change(&k, &r)
		k.argument = r
		return k
	}
}

func TestReportsAreRefused(t *testing.T) {
	t.Parallel()
	testRefusals(t, []refusal{
		{name: "no such kind", want: coupon.ReasonInvalidRequest, field: "kind",
			prepare: alteredReport(func(_ *call, r *coupon.MisconductRequest) { r.Kind = "rudeness" })},
		{name: "no salt", want: coupon.ReasonInvalidRequest, field: "salt", prepare: spoiltReport("no log", func(in *coupon.EvidenceInput) { in.Salt = coupon.Hash{} })},
		{name: "no statement", want: coupon.ReasonInvalidRequest, field: "statement", prepare: spoiltReport("no log", func(in *coupon.EvidenceInput) { in.Statement = "" })},
		{name: "no party's peer", want: coupon.ReasonWrongPeer, prepare: alteredReport(func(k *call, _ *coupon.MisconductRequest) { k.endorsers = []string{advertiser} })},
		{name: "unknown framework", want: coupon.ReasonUnknownFramework, field: "framework_id",
			prepare: alteredReport(func(_ *call, r *coupon.MisconductRequest) { r.Framework[0] ^= 1 })},
		{name: "frame 0", want: coupon.ReasonInvalidRequest, field: "frame", prepare: alteredReport(func(_ *call, r *coupon.MisconductRequest) { r.Frame = 0 })},
		{name: "not opened", want: coupon.ReasonFrameNotOpen, field: "frame", prepare: alteredReport(func(_ *call, r *coupon.MisconductRequest) { r.Frame = 3 })},
		{name: "not closed", want: coupon.ReasonFrameNotClosed, field: "frame", prepare: alteredReport(func(_ *call, r *coupon.MisconductRequest) { r.Frame = 2 })},
		{name: "no time to answer", want: coupon.ReasonInvalidRequest, field: "deadline",
			prepare: alteredReport(func(_ *call, r *coupon.MisconductRequest) { r.Deadline -= coupon.MinAnswerTime + 1 })},
		{name: "never to be answered", want: coupon.ReasonInvalidRequest, field: "deadline",
			prepare: alteredReport(func(_ *call, r *coupon.MisconductRequest) { r.Deadline += coupon.MaxAnswerTime })},
		{name: "missing, and closed", want: coupon.ReasonNoMisconduct, field: "frame",
			prepare: alteredReport(func(_ *call, r *coupon.MisconductRequest) { r.Kind = coupon.MissingFrame })},
		{name: "missing, too early", want: coupon.ReasonNoMisconduct, field: "frame",
			prepare: alteredReport(func(_ *call, r *coupon.MisconductRequest) { r.Kind, r.Frame = coupon.MissingFrame, 2 })},
		{name: "old tick", want: coupon.ReasonTickStale, prepare: func(c *consortium) call {
			k := deeds["no log"].report(c)
			c.clock.advance(11 * time.Minute)
			return k
		}},
		{name: "missing, of static coupons", want: coupon.ReasonNoMisconduct, field: "framework_id", prepare: func(c *consortium) call {
			l := c.newLane(bearer)
			c.clock.advance(time.Minute)
			return c.reporting(l.frame, coupon.MissingFrame, coupon.EvidenceInput{
				Salt: c.salt(), Statement: "it is open", Exhibits: []coupon.Exhibit{},
			})
		}},
		{name: "late for a stopped mandate", want: coupon.ReasonNoMisconduct, field: "framework_id", prepare: func(c *consortium) call {
			k := deeds["closed late with a coupon"].report(c)
			c.run(suspend(decaying))
			return k
		}},
		{name: "late for a mandate that was stopped", want: coupon.ReasonNoMisconduct, field: "framework_id", prepare: func(c *consortium) call {
			k := deeds["closed late with a coupon"].report(c)
			c.run(suspend(decaying))
			c.run(call{function: "ReinstateEmitter", argument: coupon.MandateRequest{Framework: decaying.mandate().ID()}, by: issuer, endorsers: []string{issuer, clearing}})
			return k
		}},
		{name: "the emitter clears", want: coupon.ReasonWrongOrganisation, field: "framework_id", prepare: func(c *consortium) call {
			k := deeds["no log"].report(c)
			c.overwrite("parties", `{"format":1,"issuer":"IssuerMSP","clearing":"AdvertiserMSP"}`)
			k.endorsers = []string{issuer}
			return k
		}},
	})
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

func TestAnswersAndResolutionsAreRefused(t *testing.T) {
	t.Parallel()
	reported := func(of func(*consortium, coupon.MisconductID) call) func(*consortium) call {
		return func(c *consortium) call {
			k := deeds["no log"].report(c)
			c.run(k)
			return of(c, reportedID(k))
		}
	}
	answer := func(change func(c *consortium, k *call)) func(*consortium) call {
		return reported(func(c *consortium, id coupon.MisconductID) call {
			k := c.answering(id)
			change(c, &k)
			return k
		})
	}
	resolve := func(change func(c *consortium, k *call)) func(*consortium) call {
		return reported(func(c *consortium, id coupon.MisconductID) call {
			k := resolving(id, coupon.MisconductWithdrawn)
			change(c, &k)
			return k
		})
	}
	query := func(function, on string) func(*consortium) call {
		return reported(func(c *consortium, id coupon.MisconductID) call {
			return call{function: function, argument: coupon.MisconductQuery{ID: id}, by: clearing, endorsers: []string{on}}
		})
	}
	nothing := coupon.MisconductQuery{ID: coupon.MisconductID{1}}
	testRefusals(t, []refusal{
		{name: "answer to nothing", want: coupon.ReasonNotFound, field: "misconduct_id", prepare: answer(func(_ *consortium, k *call) { k.argument = nothing })},
		{name: "another's answer", want: coupon.ReasonWrongOrganisation, field: "misconduct_id", prepare: answer(func(_ *consortium, k *call) { k.by = retailer })},
		{name: "answer on the issuer's peer", want: coupon.ReasonWrongPeer, prepare: answer(func(_ *consortium, k *call) { k.endorsers = []string{issuer} })},
		{name: "answer without a salt", want: coupon.ReasonInvalidRequest, field: "salt",
			prepare: answer(func(_ *consortium, k *call) { k.input = coupon.AnswerInput{Statement: "no"} })},
		{name: "answer without words", want: coupon.ReasonInvalidRequest, field: "statement",
			prepare: answer(func(c *consortium, k *call) { k.input = coupon.AnswerInput{Salt: c.salt()} })},
		{name: "answer to what is resolved", want: coupon.ReasonAlreadyResolved, field: "misconduct_id", prepare: answer(func(c *consortium, k *call) {
			c.run(resolving(k.argument.(coupon.MisconductQuery).ID, coupon.MisconductWithdrawn))
		})},
		{name: "resolve nothing", want: coupon.ReasonNotFound, field: "misconduct_id",
			prepare: resolve(func(_ *consortium, k *call) {
				k.argument = coupon.ResolveRequest{ID: nothing.ID, State: coupon.MisconductUpheld}
			})},
		{name: "resolve to open", want: coupon.ReasonInvalidRequest, field: "state", prepare: resolve(func(_ *consortium, k *call) {
			k.argument = coupon.ResolveRequest{ID: k.argument.(coupon.ResolveRequest).ID, State: coupon.MisconductOpen}
		})},
		{name: "resolve on another peer", want: coupon.ReasonWrongPeer, prepare: resolve(func(_ *consortium, k *call) { k.endorsers = []string{retailer} })},
		{name: "resolve on an old tick", want: coupon.ReasonTickStale, prepare: resolve(func(c *consortium, _ *call) { c.clock.advance(11 * time.Minute) })},
		{name: "report of nothing", want: coupon.ReasonNotFound, field: "misconduct_id",
			prepare: func(*consortium) call {
				return call{function: "GetMisconduct", argument: nothing, by: retailer, endorsers: []string{retailer}}
			}},
		{name: "too large a page", want: coupon.ReasonInvalidRequest, field: "size", prepare: func(*consortium) call {
			return call{function: "ListMisconduct", argument: coupon.PageQuery{Size: coupon.MaxPage + 1}, by: retailer, endorsers: []string{retailer}}
		}},
		{name: "evidence to others", want: coupon.ReasonWrongOrganisation, field: "misconduct_id", prepare: reported(func(_ *consortium, id coupon.MisconductID) call {
			return call{function: "GetEvidence", argument: coupon.MisconductQuery{ID: id}, by: retailer, endorsers: []string{issuer}}
		})},
		{name: "evidence on another peer", want: coupon.ReasonNotFound, field: "misconduct_id", prepare: query("GetEvidence", advertiser)},
		{name: "answer to what is not answered", want: coupon.ReasonNotFound, field: "misconduct_id", prepare: query("GetAnswer", clearing)},
	})
	c := founded(t)
	k := deeds["no log"].report(c)
	c.run(k)
	// Neither can do without the clearing house.
	alone := c.answering(reportedID(k))
	alone.endorsers = []string{advertiser}
	c.commit([]*stubtest.Transaction{c.endorse(alone)}, policy)
	alone = resolving(reportedID(k), coupon.MisconductWithdrawn)
	alone.endorsers = []string{issuer}
	c.commit([]*stubtest.Transaction{c.endorse(alone)}, policy)
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
