// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
)

// ReportMisconduct puts on the ledger what an emitter has done, or not done, in
// a frame. It rests on the emitter's own frames and on entries of their logs, or
// on their absence; see coupon.CheckEvidence, which both endorsers run. The
// caller is the issuer; issuer and clearing house endorse it, as the evidence
// goes into both their collections. A kind is reported once for a frame.
//
// Argument: coupon.MisconductRequest. Input: coupon.EvidenceInput. Event:
// MisconductReported.
func (c *Contract) ReportMisconduct(ctx *Context, request string) error {
	var req coupon.MisconductRequest
	if err := ctx.argument(request, &req); err != nil {
		return err
	}
	var in coupon.EvidenceInput
	if err := ctx.input(&in); err != nil {
		return err
	}
	if err := req.Kind.Check("kind"); err != nil {
		return err
	}
	if err := checkStatement(in.Salt, in.Statement); err != nil {
		return err
	}
	framework, witness, err := ctx.accused(req.FrameRef)
	if err != nil {
		return err
	}
	m := coupon.Misconduct{
		ID: coupon.NewMisconductID(req.FrameRef, req.Kind), FrameRef: req.FrameRef, Emitter: framework.Emitter,
		Kind: req.Kind, Reported: ctx.now, Deadline: req.Deadline, State: coupon.MisconductOpen,
	}
	if _, found, err := ctx.world.Misconduct(m.ID); err != nil {
		return err
	} else if found {
		return coupon.Refuse(coupon.ReasonAlreadyExists, "kind", "this was reported of the frame before")
	}
	if err := ctx.readTick(); err != nil {
		return err
	}
	if left := req.Deadline - ctx.now; left < coupon.MinAnswerTime || left > coupon.MaxAnswerTime {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "deadline", "the emitter has 1 hour to 90 days to answer")
	}
	if err := ctx.checkEvidence(framework, req, in); err != nil {
		return err
	}
	evidence := coupon.Evidence{FrameRef: req.FrameRef, Kind: req.Kind, EvidenceInput: in}
	if err := ctx.world.PutMisconduct(m, evidence, ctx.issuer, witness); err != nil {
		return err
	}
	return ctx.emit("MisconductReported", coupon.MisconductEvent{ID: m.ID, Emitter: m.Emitter})
}

func checkStatement(salt coupon.Hash, statement string) error {
	if salt == (coupon.Hash{}) {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "salt", "the salt is all zero")
	}
	return coupon.CheckStatement("statement", statement)
}

// accused returns the framework of a frame and who witnesses what is said of its
// emitter: the clearing house, which cannot witness what is said of itself.
func (c *Context) accused(ref coupon.FrameRef) (f coupon.Framework, witness string, err error) {
	parties, err := c.parties()
	if err != nil {
		return f, "", err
	}
	if err := c.checkPeer(c.issuer, parties.Clearing); err != nil {
		return f, "", err
	}
	if f, err = c.framework(ref.Framework); err != nil {
		return f, "", err
	}
	if f.Emitter == parties.Clearing || f.Emitter == c.issuer {
		return f, "", coupon.Refuse(coupon.ReasonWrongOrganisation, "framework_id", "the emitter would be a party to the report of itself")
	}
	if ref.Frame < 1 {
		return f, "", coupon.Refuse(coupon.ReasonInvalidRequest, "frame", "frames with a log count from 1")
	}
	return f, parties.Clearing, nil
}

// checkEvidence judges a report by what the ledger has of the frame.
func (c *Context) checkEvidence(f coupon.Framework, req coupon.MisconductRequest, in coupon.EvidenceInput) error {
	campaign, err := c.campaign(refOf(f))
	if err != nil {
		return err
	}
	frames, err := c.world.Frames([]coupon.FrameRef{req.Before(), req.FrameRef})
	if err != nil {
		return err
	}
	before, opened := frames[req.Before()]
	if !opened {
		return coupon.Refuse(coupon.ReasonFrameNotOpen, "frame", "the frame before is not closed")
	}
	if err := c.checkFree(f, req.Kind, before); err != nil {
		return err
	}
	facts := coupon.Case{Before: before, MaxAge: campaign.Campaign.MaxFrameAge, Now: c.now}
	if closed, found := frames[req.FrameRef]; found {
		facts.Closed = &closed
	}
	if in.Content != nil && facts.Closed != nil {
		if in.Content.Digest() != facts.Closed.Content {
			return coupon.Refuse(coupon.ReasonRecordMismatch, "content", "the frame was closed with other content")
		}
		facts.Content = in.Content
	}
	if facts.First, err = c.firstLink(f, req.FrameRef, before); err != nil {
		return err
	}
	return coupon.CheckEvidence(req.Kind, in.Exhibits, facts)
}

// checkFree refuses to hold against an emitter that it did not close a frame
// in time while its mandate was stopped: then it could not.
func (c *Context) checkFree(f coupon.Framework, kind coupon.MisconductKind, before coupon.Frame) error {
	if kind != coupon.LateFrame && kind != coupon.MissingFrame {
		return nil
	}
	if f.Kind == coupon.KindStatic {
		return coupon.Refuse(coupon.ReasonNoMisconduct, "framework_id", "frames of static coupons are closed at no given time")
	}
	_, state, err := c.mandate(f.ID)
	if err != nil {
		return err
	}
	if state.CheckIssuing("") != nil || state.Since > before.Time {
		return coupon.Refuse(coupon.ReasonNoMisconduct, "framework_id", "the mandate was stopped while the frame was open")
	}
	return nil
}

// firstLink returns q_0 of a frame on the issuer's peer, which has the key that
// its beacon takes; elsewhere nil.
func (c *Context) firstLink(f coupon.Framework, ref coupon.FrameRef, before coupon.Frame) (*coupon.Hash, error) {
	kM, err := c.campaignKey(refOf(f))
	if err != nil || c.self != c.issuer {
		return nil, err
	}
	first := coupon.FirstLink(before.Last, ref.Beacon(coupon.DeriveBeaconKey(kM), before))
	return &first, nil
}

// AnswerMisconduct says what the emitter has to say of a report, before its
// deadline. It writes only into the collections of emitter and clearing house,
// which endorse it: so no issuer can suppress an answer, and it does not depend
// on the issuer's tick. Held back, it could come too late only, and what was
// resolved meanwhile makes it invalid.
//
// Argument: coupon.MisconductQuery. Input: coupon.AnswerInput. Event:
// MisconductAnswered.
func (c *Contract) AnswerMisconduct(ctx *Context, request string) error {
	var q coupon.MisconductQuery
	if err := ctx.argument(request, &q); err != nil {
		return err
	}
	var in coupon.AnswerInput
	if err := ctx.input(&in); err != nil {
		return err
	}
	if err := checkStatement(in.Salt, in.Statement); err != nil {
		return err
	}
	m, witness, err := ctx.openReport(q.ID)
	if err != nil {
		return err
	}
	if ctx.caller != m.Emitter {
		return coupon.Refuse(coupon.ReasonWrongOrganisation, "misconduct_id", "the report is about another emitter")
	}
	if err := ctx.checkPeer(m.Emitter, witness); err != nil {
		return err
	}
	if ctx.now >= m.Deadline {
		return coupon.Refuse(coupon.ReasonDeadlinePassed, "misconduct_id", "the time to answer is over")
	}
	if answered, err := ctx.answered(m, witness); err != nil {
		return err
	} else if answered == 2 {
		return coupon.Refuse(coupon.ReasonAlreadyExists, "misconduct_id", "the report is answered")
	}
	if err := ctx.world.PutAnswer(coupon.Answer{ID: m.ID, Time: ctx.now, AnswerInput: in}, m.Emitter, witness); err != nil {
		return err
	}
	return ctx.emit("MisconductAnswered", coupon.MisconductEvent{ID: m.ID, Emitter: m.Emitter})
}

// answered counts the copies of the answer that stand, 0 to 2.
func (c *Context) answered(m coupon.Misconduct, witness string) (copies int, err error) {
	for _, owner := range []string{m.Emitter, witness} {
		present, err := c.world.AnswerPresent(owner, m.ID)
		if err != nil {
			return 0, err
		}
		if present {
			copies++
		}
	}
	return copies, nil
}

// openReport returns a report that is not resolved, and who witnesses it.
func (c *Context) openReport(id coupon.MisconductID) (m coupon.Misconduct, witness string, err error) {
	parties, err := c.parties()
	if err != nil {
		return m, "", err
	}
	if m, err = c.report(id); err != nil {
		return m, "", err
	}
	if m.State != coupon.MisconductOpen {
		return m, "", coupon.Refuse(coupon.ReasonAlreadyResolved, "misconduct_id", "the report is %s", m.State)
	}
	return m, parties.Clearing, nil
}

// report returns the record of a report, or refuses with NOT_FOUND.
func (c *Context) report(id coupon.MisconductID) (coupon.Misconduct, error) {
	m, found, err := c.world.Misconduct(id)
	if err == nil && !found {
		err = coupon.Refuse(coupon.ReasonNotFound, "misconduct_id", "there is no such report")
	}
	return m, err
}

// ResolveMisconduct ends a report, for good: it is withdrawn at any time, or
// upheld once the emitter has answered or its time is over. The caller is the
// issuer; issuer and clearing house endorse it.
//
// Argument: coupon.ResolveRequest. Event: MisconductResolved.
func (c *Contract) ResolveMisconduct(ctx *Context, request string) error {
	var req coupon.ResolveRequest
	if err := ctx.argument(request, &req); err != nil {
		return err
	}
	if req.State != coupon.MisconductUpheld && req.State != coupon.MisconductWithdrawn {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "state", "a report is upheld or withdrawn")
	}
	m, witness, err := ctx.openReport(req.ID)
	if err != nil {
		return err
	}
	if err := ctx.checkPeer(ctx.issuer, witness); err != nil {
		return err
	}
	if err := ctx.readTick(); err != nil {
		return err
	}
	if req.State == coupon.MisconductUpheld {
		if err := ctx.checkUpheld(m, witness); err != nil {
			return err
		}
	}
	m.State, m.Resolved = req.State, ctx.now
	if err := ctx.world.PutResolved(m, witness, ctx.GetStub().GetTxID()); err != nil {
		return err
	}
	return ctx.emit("MisconductResolved", coupon.MisconductEvent{ID: m.ID, Emitter: m.Emitter})
}

// checkUpheld refuses to uphold what the emitter can still answer, and what is
// over by itself: a frame that was missing and is closed now.
func (c *Context) checkUpheld(m coupon.Misconduct, witness string) error {
	copies, err := c.answered(m, witness)
	if err != nil {
		return err
	}
	if copies == 0 && c.now < m.Deadline {
		return coupon.Refuse(coupon.ReasonAnswerPending, "misconduct_id", "the emitter can still answer")
	}
	if m.Kind != coupon.MissingFrame {
		return nil
	}
	if _, closed, err := c.world.Frame(m.FrameRef); err != nil {
		return err
	} else if closed {
		return coupon.Refuse(coupon.ReasonNoMisconduct, "misconduct_id", "the frame is closed now")
	}
	return nil
}
