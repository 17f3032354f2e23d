// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

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
