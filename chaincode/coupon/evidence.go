// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

// Case is what the ledger has of a frame that a report is about.
type Case struct {
	// Before is the record of the frame before, Closed that of the frame itself,
	// nil while it is open.
	Before Frame
	Closed *Frame
	// MaxAge is the campaign's greatest frame age, 0 for none, and Now the time
	// of the report; both in milliseconds.
	MaxAge, Now int64
	// Content is what the frame was closed with, if that is known to be true.
	Content *FrameContent
	// First is q_0 of the frame; nil on peers that have not the issuer's key,
	// which rely on its peer.
	First *Hash
}

// placed is an exhibit that was found in the frame's log.
type placed struct {
	Entry
	index, size int64
}

// CheckEvidence refuses with NO_MISCONDUCT what does not show the kind. Beside
// the records of the ledger it rests on entries that the receipts show to be in
// the log of the closed frame:
//
//	log_not_served  none: a frame with coupons was closed
//	wrong_serials   one, whose number is not that of its place
//	wrong_chain     two that follow each other, or the first or the last one
//	wrong_times     two that follow each other, or one whose time is not in the frame
//	late_frame      one, which shows that the frame was not empty
//	missing_frame   none: the frame is open for too long
func CheckEvidence(kind MisconductKind, exhibits []Exhibit, c Case) error {
	if kind == MissingFrame {
		return c.checkMissing(exhibits)
	}
	if c.Closed == nil {
		return Refuse(ReasonFrameNotClosed, "frame", "the frame is not closed")
	}
	entries, err := c.place(exhibits)
	if err != nil {
		return err
	}
	shown := false
	switch kind {
	case LogNotServed:
		shown = len(entries) == 0 && c.Closed.Log != LogDigest(EmptyRoot, 0)
	case WrongSerials:
		shown = len(entries) == 1 && c.wrongSerial(entries[0])
	case WrongChain:
		shown = c.wrongChain(entries)
	case WrongTimes:
		shown = c.wrongTimes(entries)
	case LateFrame:
		shown = len(entries) == 1 && c.late(c.Closed.Time)
	}
	if !shown {
		return Refuse(ReasonNoMisconduct, "exhibits", "the evidence does not show this misconduct")
	}
	return nil
}

func (c Case) checkMissing(exhibits []Exhibit) error {
	if c.Closed != nil {
		return Refuse(ReasonNoMisconduct, "frame", "the frame is closed")
	}
	if len(exhibits) > 0 || !c.late(c.Now) {
		return Refuse(ReasonNoMisconduct, "frame", "the frame may still be open")
	}
	return nil
}

// late says whether a frame with coupons must have been closed before.
func (c Case) late(at int64) bool {
	return c.MaxAge > 0 && at > c.Before.Time+c.MaxAge+FrameTolerance
}

// place refuses with WRONG_RECEIPT exhibits that are not in the frame's log.
func (c Case) place(exhibits []Exhibit) ([]placed, error) {
	if len(exhibits) > 2 {
		return nil, Refuse(ReasonTooMany, "exhibits", "at most 2 entries of the log")
	}
	entries := make([]placed, len(exhibits))
	for i, x := range exhibits {
		r, err := ParseReceipt(x.Receipt)
		if err != nil {
			return nil, err
		}
		e := x.Entry(c.Closed.Lane)
		if LogDigest(r.Root(e.Leaf()), r.Size) != c.Closed.Log {
			return nil, Refuse(ReasonWrongReceipt, "exhibits", "the entry is not in the closed frame's log")
		}
		entries[i] = placed{Entry: e, index: r.Index, size: r.Size}
	}
	return entries, nil
}

// adjacent says whether there are two entries of which the second follows the
// first.
func adjacent(entries []placed) bool {
	return len(entries) == 2 && entries[1].index == entries[0].index+1
}

// wrongSerial compares with what the frame was closed with: its last number and
// its count.
func (c Case) wrongSerial(e placed) bool {
	return c.Content != nil && e.SN != c.Content.LastSN-c.Content.Count+1+e.index
}

func (c Case) wrongChain(entries []placed) bool {
	if len(entries) == 1 {
		e := entries[0]
		if e.index == e.size-1 && e.Q != c.Closed.Last {
			return true
		}
		return e.index == 0 && (c.First == nil || NextLink(*c.First, e.UData) != e.Q)
	}
	return adjacent(entries) && NextLink(entries[0].Q, entries[1].UData) != entries[1].Q
}

func (c Case) wrongTimes(entries []placed) bool {
	if len(entries) == 1 {
		return !c.InFrame(entries[0].Time)
	}
	return adjacent(entries) && entries[1].Time < entries[0].Time
}

// InFrame says whether a coupon of the closed frame can have been released at
// the time: from its opening on, for the campaign's greatest frame age, and
// before its closing, but for FrameTolerance.
func (c Case) InFrame(at int64) bool {
	return at >= c.Before.Time && (c.MaxAge == 0 || at <= c.Before.Time+c.MaxAge) && at <= c.Closed.Time+FrameTolerance
}

// Late says whether the closed frame, if it has coupons, was closed too late.
func (c Case) Late() bool { return c.Closed != nil && c.late(c.Closed.Time) }

// Overdue says whether the frame is open for longer than coupons may wait.
func (c Case) Overdue() bool { return c.Closed == nil && c.late(c.Now) }
