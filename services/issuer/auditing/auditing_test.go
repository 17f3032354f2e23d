// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package auditing_test

import (
	"slices"
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/merkletest"
	"ecoupon/services/issuer/auditing"
)

const (
	opened = 1_000_000
	maxAge = 10_000
)

// frame is a closed frame with its log.
type frame struct {
	coupon.Case
	log []coupon.Entry
}

// made is a frame of five coupons after three others, changed before it is
// closed.
func made(change func(*frame)) *frame {
	first := coupon.Hash{7}
	f := &frame{Case: coupon.Case{
		Before: coupon.Frame{Time: opened}, MaxAge: maxAge, First: &first,
		Closed: &coupon.Frame{Time: opened + 9000}, Content: &coupon.FrameContent{},
	}}
	q := first
	for i := range int64(5) {
		uData := make([]byte, 32)
		uData[0] = byte(i)
		q = coupon.NextLink(q, uData)
		f.log = append(f.log, coupon.Entry{SN: 4 + i, Time: opened + 1000*i, UData: uData, Q: q})
	}
	f.Closed.Last = q
	if change != nil {
		change(f)
	}
	f.Content.Count = int64(len(f.log))
	if f.Content.LastSN == 0 {
		f.Content.LastSN = 3 + f.Content.Count
	}
	f.Closed.Log = coupon.LogDigest(merkletest.Root(merkletest.Encoded(f.log)), f.Content.Count)
	return f
}

func kinds(faults []auditing.Fault) []coupon.MisconductKind {
	found := []coupon.MisconductKind{}
	for _, f := range faults {
		found = append(found, f.Kind)
	}
	return found
}

// What is found in a frame's log is what the ledger accepts as evidence.
func TestFramesAreJudged(t *testing.T) {
	t.Parallel()
	const (
		serials, chain, times, late = coupon.WrongSerials, coupon.WrongChain, coupon.WrongTimes, coupon.LateFrame
	)
	for _, c := range []struct {
		name   string
		change func(*frame)
		want   []coupon.MisconductKind
	}{
		{name: "honest"},
		{name: "empty", change: func(f *frame) { f.log, f.Closed.Last = nil, *f.First }},
		{"first dropped", func(f *frame) { f.log = f.log[1:] }, []coupon.MisconductKind{serials, chain}},
		{"one dropped", func(f *frame) { f.log = slices.Delete(f.log, 2, 3) }, []coupon.MisconductKind{serials, chain}},
		{"last dropped", func(f *frame) { f.log = f.log[:4] }, []coupon.MisconductKind{chain}},
		{"one inserted", func(f *frame) { f.log = slices.Insert(f.log, 2, f.log[2]) }, []coupon.MisconductKind{serials, chain}},
		{"two exchanged", func(f *frame) { f.log[1], f.log[2] = f.log[2], f.log[1] }, []coupon.MisconductKind{serials, chain, times}},
		{"other numbers", func(f *frame) { f.Content.LastSN = 9 }, []coupon.MisconductKind{serials}},
		{"first link", func(f *frame) { f.log[0].Q[0] ^= 1 }, []coupon.MisconductKind{chain}},
		{"other u_data", func(f *frame) { f.log[3].UData[5] ^= 1 }, []coupon.MisconductKind{chain}},
		{"other last link", func(f *frame) { f.Closed.Last[0] ^= 1 }, []coupon.MisconductKind{chain}},
		{"time goes back", func(f *frame) { f.log[3].Time = f.log[2].Time - 1 }, []coupon.MisconductKind{times}},
		{"before the frame", func(f *frame) { f.log[0].Time = opened - 1 }, []coupon.MisconductKind{times}},
		{"after the frame", func(f *frame) { f.log[4].Time = opened + maxAge + 1 }, []coupon.MisconductKind{times}},
		{"after its closing", func(f *frame) { f.log[4].Time, f.Closed.Time = opened+maxAge, opened+maxAge-coupon.FrameTolerance-1 }, []coupon.MisconductKind{times}},
		{name: "just before the end", change: func(f *frame) { f.Closed.Time = opened + maxAge + coupon.FrameTolerance }},
		{"late", func(f *frame) { f.Closed.Time = opened + maxAge + coupon.FrameTolerance + 1 }, []coupon.MisconductKind{late}},
		{name: "late and empty", change: func(f *frame) { f.log, f.Closed.Last, f.Closed.Time = nil, *f.First, 2*opened }},
		{name: "late without a limit", change: func(f *frame) { f.MaxAge, f.Closed.Time = 0, 2*opened }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := made(c.change)
			faults, err := auditing.Frame(f.Case, f.log)
			if err != nil || !slices.Equal(kinds(faults), c.want) {
				t.Fatalf("found %v, want %v: %v", kinds(faults), c.want, err)
			}
			for _, fault := range faults {
				facts := f.Case
				facts.Content = fault.Content
				if err := coupon.CheckEvidence(fault.Kind, fault.Exhibits, facts); err != nil {
					t.Errorf("%s is not accepted: %v", fault.Kind, err)
				}
			}
		})
	}
}

// Of a log that is not the frame's nothing is said but that.
func TestOtherLogsAreNone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]coupon.Entry) []coupon.Entry{
		"none":        func([]coupon.Entry) []coupon.Entry { return nil },
		"one missing": func(log []coupon.Entry) []coupon.Entry { return log[1:] },
		"one more":    func(log []coupon.Entry) []coupon.Entry { return append(log, log[0]) },
		"another":     func(log []coupon.Entry) []coupon.Entry { log[2].Time++; return log },
	} {
		f := made(nil)
		faults, err := auditing.Frame(f.Case, change(slices.Clone(f.log)))
		if err != nil || !slices.Equal(kinds(faults), []coupon.MisconductKind{coupon.LogNotServed}) {
			t.Errorf("%s: found %v, %v", name, kinds(faults), err)
			continue
		}
		if err := coupon.CheckEvidence(faults[0].Kind, faults[0].Exhibits, f.Case); err != nil {
			t.Errorf("%s is not accepted: %v", name, err)
		}
	}
}

func TestWhatCanBeReported(t *testing.T) {
	t.Parallel()
	for _, kind := range coupon.MisconductKinds() {
		if !auditing.Kind(kind).Reportable() {
			t.Errorf("%s cannot be reported", kind)
		}
	}
	for _, kind := range []auditing.Kind{
		auditing.CouponNotInLog, auditing.SerialTwice, auditing.CouponNotValid, auditing.WrongReleaseTime, auditing.OfferNotServed,
	} {
		if kind.Reportable() {
			t.Errorf("%s rests on coupons, and can be reported", kind)
		}
	}
}
