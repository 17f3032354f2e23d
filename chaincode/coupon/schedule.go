// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// Limits of a schedule.
const (
	// MaxScheduleSpan bounds times of a schedule: ten years, in milliseconds.
	MaxScheduleSpan = 10 * 366 * 24 * 3_600_000
	// MaxSteps bounds the steps of one schedule.
	MaxSteps = 100
)

// ScheduleType says how the number of a benefit varies.
type ScheduleType string

const (
	// Linear goes in a straight line from the benefit's number, at Start, to
	// To, at End, and stays there. The change is rounded down.
	Linear ScheduleType = "linear"
	// Stepped takes the number of the last step that has been reached.
	Stepped ScheduleType = "stepped"
	// EarlyBird gives To to the first coupons of lane 0.
	EarlyBird ScheduleType = "early_bird"
	// Random gives a number from the benefit's to To, fixed when the coupon's
	// frame is closed and not known to anyone before.
	Random ScheduleType = "random"
)

// Origin says when the times of a schedule begin to count.
type Origin string

const (
	// FromRelease counts from the coupon's release.
	FromRelease Origin = "release"
	// FromBegin counts from the beginning of the campaign.
	FromBegin Origin = "begin"
)

// Step is a number that holds from a time on, in milliseconds from the
// schedule's origin.
type Step struct {
	After int64 `json:"after"`
	To    int64 `json:"to"`
}

// Schedule varies the number of a benefit: the amount of an amount off, the
// percentage of a percent off, the cap of a free item, the value of a gift.
// Only the fields of its type are set. Times are in milliseconds.
type Schedule struct {
	Type  ScheduleType `json:"type"`
	From  Origin       `json:"from,omitempty"`
	Start int64        `json:"start,omitempty"`
	End   int64        `json:"end,omitempty"`
	To    *int64       `json:"to,omitempty"`
	First int64        `json:"first,omitempty"`
	Steps []Step       `json:"steps,omitempty"`
}

// Moment is what the value of a coupon depends on besides its terms.
type Moment struct {
	// Now and Begin are the time of redemption and the campaign's beginning,
	// Unix milliseconds.
	Now, Begin int64
	// Released is the coupon's time of release; 0 for a static coupon.
	Released int64
	Lane     uint16
	SN       int64
	// Draw is the coupon's random value; see Draw. It is looked at for
	// Random only.
	Draw Hash
}

// At returns the terms with the number that the schedule gives at the moment,
// and no schedule any more.
func (t Terms) At(m Moment) Terms {
	s := t.Benefit.Schedule
	if s == nil {
		return t
	}
	number := t.Benefit.number()
	*number, t.Benefit.Schedule = s.at(*number, m), nil
	return t
}

// NeedsReceipt says whether earlier coupons may be worth more than later ones
// at some time:
// then redemption takes proof that the coupon is in its closed frame, or
// coupons could be made for a frame that is over.
func (t Terms) NeedsReceipt() bool {
	s := t.Benefit.Schedule
	if s == nil {
		return false
	}
	switch s.Type {
	case EarlyBird, Random:
		return true
	default:
		return s.From == FromRelease && s.grows(*t.Benefit.number())
	}
}

// CheckKind refuses with BAD_TERMS terms that a coupon of the kind cannot
// have: static coupons have no release.
func (t Terms) CheckKind(k Kind) error {
	s := t.Benefit.Schedule
	if s == nil || k != KindStatic || s.From == FromBegin {
		return nil
	}
	return Refuse(ReasonBadTerms, "benefit.schedule", "static coupons can vary only from the beginning of the campaign")
}

// NeedsDraw says whether the value is a random one.
func (t Terms) NeedsDraw() bool {
	return t.Benefit.Schedule != nil && t.Benefit.Schedule.Type == Random
}

// Draw returns the random value of a coupon, from the beacon of the frame after
// its own: fixed once its frame is closed, not known to anyone before.
func (c Coupon) Draw(next Hash) Hash {
	return newEnc(labelRandom).bytes(next[:]).bytes(c.Framework[:]).int(int64(c.Lane)).int(c.SN).bytes(c.Owner[:]).hash()
}

func (s Schedule) at(number int64, m Moment) int64 {
	origin := m.Begin
	if s.From == FromRelease {
		origin = m.Released
	}
	// Nothing happens before the origin, which may be anything that a coupon says.
	elapsed := max(m.Now, origin) - origin
	switch s.Type {
	case Linear:
		done := min(max(elapsed-s.Start, 0), s.End-s.Start)
		if *s.To < number {
			return number - share(number-*s.To, done, s.End-s.Start)
		}
		return number + share(*s.To-number, done, s.End-s.Start)
	case Stepped:
		for _, step := range s.Steps {
			if elapsed >= step.After {
				number = step.To
			}
		}
		return number
	case EarlyBird:
		if m.Lane == 0 && m.SN <= s.First {
			return *s.To
		}
		return number
	case Random:
		return number + int64(drawBelow(uint64(*s.To-number)+1, m.Draw))
	default:
		return number
	}
}

// share returns whole × part / of, rounded down; 0 <= part <= of.
func share(whole, part, of int64) int64 {
	high, low := bits.Mul64(uint64(whole), uint64(part))
	quotient, _ := bits.Div64(high, low, uint64(of))
	return int64(quotient)
}

// drawBelow maps a hash to 0 … n−1, each as likely as the others: it takes the
// first 8 bytes that are below the last multiple of n, and further hashes if
// there are none.
func drawBelow(n uint64, draw Hash) uint64 {
	// 2⁶⁴ mod n; values below it are one too many in each class.
	excess := -n % n
	for {
		for at := 0; at < len(draw); at += 8 {
			if word := binary.BigEndian.Uint64(draw[at:]); word >= excess {
				return word % n
			}
		}
		draw = sha256.Sum256(draw[:])
	}
}

// grows says whether the number is ever higher than it was before.
func (s Schedule) grows(number int64) bool {
	if s.Type == Linear {
		return *s.To > number
	}
	for _, step := range s.Steps {
		if step.To > number {
			return true
		}
		number = step.To
	}
	return false
}

// highest returns the highest number that the schedule gives.
func (s Schedule) highest(number int64) int64 {
	highest := number
	if s.To != nil {
		highest = max(highest, *s.To)
	}
	for _, step := range s.Steps {
		highest = max(highest, step.To)
	}
	return highest
}
