// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package auditing judges what emitters do: the log of a closed frame by what
// the ledger has of the frame, and single coupons by such logs. It has pure
// functions only.
package auditing

import (
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/issuing"
)

// Kind is what an audit finds: a coupon.MisconductKind, which can be reported on
// the ledger, or one of those below. These rest on coupons, whose MACs the
// issuer could have made itself: they are no proof for anybody else.
type Kind string

// Findings that rest on coupons.
const (
	// CouponNotInLog: a coupon is not in the log of its frame.
	CouponNotInLog Kind = "coupon_not_in_log"
	// SerialTwice: there are two coupons with one serial number.
	SerialTwice Kind = "serial_twice"
	// CouponNotValid: a coupon that the emitter gave has a wrong MAC.
	CouponNotValid Kind = "coupon_not_valid"
	// WrongReleaseTime: a coupon that the emitter gave is dated otherwise than it
	// was given.
	WrongReleaseTime Kind = "wrong_release_time"
	// OfferNotServed: the emitter gives no coupon of an offer that can be had.
	OfferNotServed Kind = "offer_not_served"
	// SalesNotOpened: the emitter does not open the sales of a frame of purchase
	// proofs. What is found of single proofs has the kinds of package openings.
	SalesNotOpened Kind = "sales_not_opened"
)

// Reportable says whether the finding can be reported on the ledger.
func (k Kind) Reportable() bool {
	return coupon.MisconductKind(k).Check("") == nil
}

// Fault is one thing that is wrong with a frame, with the evidence for it.
type Fault struct {
	Kind     coupon.MisconductKind
	Detail   string
	Exhibits []coupon.Exhibit
	// Content is what the frame was closed with, where the evidence needs it.
	Content *coupon.FrameContent
}

// Frame judges a closed frame by its whole log, in the order in which it was
// shown. All fields of the case must be set. It returns at most one fault of
// each kind, the first one: of a log that is not the frame's nothing else is
// said. What it returns is accepted by coupon.CheckEvidence.
func Frame(c coupon.Case, log []coupon.Entry) ([]Fault, error) {
	tree, err := issuing.NewLogged(log)
	if err != nil {
		return nil, err
	}
	if int64(len(log)) != c.Content.Count {
		return []Fault{NoLog(fmt.Sprintf("the log shown has %d entries, the frame %d", len(log), c.Content.Count))}, nil
	}
	if coupon.LogDigest(tree.Root, int64(len(log))) != c.Closed.Log {
		return []Fault{NoLog("the log shown has another root than the closed frame")}, nil
	}
	j := judge{Case: c, log: log, tree: tree}
	j.serials()
	j.chain()
	j.times()
	if c.Late() && len(log) > 0 {
		j.fault(coupon.LateFrame, fmt.Sprintf("the frame was closed %d ms after its opening", c.Closed.Time-c.Before.Time), 0)
	}
	return j.faults, j.err
}

// NoLog is the fault of an emitter that shows no log, or not the frame's.
func NoLog(detail string) Fault {
	return Fault{Kind: coupon.LogNotServed, Detail: detail, Exhibits: []coupon.Exhibit{}}
}

// Missing is the fault of an emitter that does not close a frame.
func Missing(detail string) Fault {
	return Fault{Kind: coupon.MissingFrame, Detail: detail, Exhibits: []coupon.Exhibit{}}
}

// judge collects the faults of a log that is the frame's.
type judge struct {
	coupon.Case
	log    []coupon.Entry
	tree   *issuing.Logged
	faults []Fault
	err    error
}

func (j *judge) fault(kind coupon.MisconductKind, detail string, places ...int) {
	f := Fault{Kind: kind, Detail: detail}
	for _, place := range places {
		receipt, err := j.tree.Receipt(place)
		if err != nil {
			j.err = err
			return
		}
		f.Exhibits = append(f.Exhibits, coupon.ExhibitOf(j.log[place], receipt))
	}
	if kind == coupon.WrongSerials {
		f.Content = j.Content
	}
	j.faults = append(j.faults, f)
}

// serials: numbers go on from the frame before, without gaps.
func (j *judge) serials() {
	first := j.Content.LastSN - j.Content.Count + 1
	for i, e := range j.log {
		if want := first + int64(i); e.SN != want {
			j.fault(coupon.WrongSerials, fmt.Sprintf("entry %d has the number %d, not %d", i, e.SN, want), i)
			return
		}
	}
}

// chain: every link follows from the one before, the first from the frame's
// beacon, and the frame ends with the last.
func (j *judge) chain() {
	q := *j.First
	for i, e := range j.log {
		if coupon.NextLink(q, e.UData) != e.Q {
			detail := fmt.Sprintf("the link of number %d does not follow", e.SN)
			if i == 0 {
				j.fault(coupon.WrongChain, detail, 0)
			} else {
				j.fault(coupon.WrongChain, detail, i-1, i)
			}
			return
		}
		q = e.Q
	}
	if n := len(j.log); n > 0 && q != j.Closed.Last {
		j.fault(coupon.WrongChain, "the frame ends with another link than its log", n-1)
	}
}

// times: none goes back, and all are in the frame.
func (j *judge) times() {
	for i, e := range j.log {
		if !j.InFrame(e.Time) {
			j.fault(coupon.WrongTimes, fmt.Sprintf("number %d was released at %d, which is not in the frame", e.SN, e.Time), i)
			return
		}
		if i > 0 && e.Time < j.log[i-1].Time {
			j.fault(coupon.WrongTimes, fmt.Sprintf("number %d was released before number %d", e.SN, j.log[i-1].SN), i-1, i)
			return
		}
	}
}
