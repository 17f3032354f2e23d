// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/merkletest"
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
		Size: int64(len(log)), Index: int64(i), Path: merkletest.Path[coupon.Hash](i, merkletest.Encoded(log)),
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
