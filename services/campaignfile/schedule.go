// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package campaignfile

import (
	"fmt"
	"slices"
	"strconv"

	"ecoupon/chaincode/coupon"
)

// schedule reads how the number of a benefit varies; number reads a number of
// its kind.
func (r *reader) schedule(d schedule, number func(s scalar, field string) int64) *coupon.Schedule {
	const place = "terms.benefit.schedule."
	s := &coupon.Schedule{Type: coupon.ScheduleType(d.Type.text)}
	known := oneOf(coupon.Linear, coupon.Stepped, coupon.EarlyBird, coupon.Random)
	if !r.present(d.Type, place+"type") {
		return s
	}
	if err := known("", d.Type.text); err != nil {
		r.check(d.Type, place+"type", err)
		return s
	}
	if r.scheduled(s.Type, d.From, "from", coupon.Linear, coupon.Stepped) {
		s.From = coupon.Origin(r.text(d.From, place+"from", oneOf(coupon.FromRelease, coupon.FromBegin)))
	}
	if r.scheduled(s.Type, d.Start, "start", coupon.Linear) && d.Start.line != 0 {
		s.Start = r.duration(d.Start, place+"start")
	}
	if r.scheduled(s.Type, d.End, "end", coupon.Linear) {
		s.End = r.duration(d.End, place+"end")
	}
	if r.scheduled(s.Type, d.To, "to", coupon.Linear, coupon.EarlyBird, coupon.Random) {
		to := number(d.To, place+"to")
		s.To = &to
	}
	if r.scheduled(s.Type, d.First, "first", coupon.EarlyBird) {
		s.First = r.integer(d.First, place+"first")
	}
	if s.Type != coupon.Stepped && len(d.Steps) > 0 {
		r.mistake(d.Steps[0].After.line, place+"steps", "the schedule %s has no steps", s.Type)
	}
	if s.Type == coupon.Stepped && len(d.Steps) == 0 {
		r.mistake(0, place+"steps", "is missing")
	}
	for i, step := range d.Steps {
		field := fmt.Sprintf("%ssteps[%d].", place, i)
		s.Steps = append(s.Steps, coupon.Step{After: r.duration(step.After, field+"after"), To: number(step.To, field+"to")})
	}
	return s
}

// scheduled says whether a schedule of type t has the member, which those of
// some types have, and notes one that is there and does not belong.
func (r *reader) scheduled(t coupon.ScheduleType, s scalar, name string, types ...coupon.ScheduleType) bool {
	belongs := slices.Contains(types, t)
	if !belongs && s.line != 0 {
		r.mistake(s.line, "terms.benefit.schedule."+name, "the schedule %s has no %s", t, name)
	}
	return belongs
}

func (r *reader) duration(s scalar, field string) int64 {
	if !r.present(s, field) {
		return 0
	}
	length, err := ParseDuration(s.text)
	r.check(s, field, err)
	return length
}

// percent reads the percentage that a schedule goes to.
func (r *reader) percent(s scalar, field string) int64 {
	if !r.present(s, field) {
		return 0
	}
	n, err := strconv.ParseInt(s.text, 10, 64)
	if err != nil || n < 0 || n > 100 || strconv.FormatInt(n, 10) != s.text {
		r.mistake(s.line, field, "is a percentage from 0 to 100, not %q", s.text)
	}
	return n
}

// frameAge reads how old a frame may become; static coupons are in none.
func (r *reader) frameAge(s scalar, kind coupon.Kind) int64 {
	const field = "max_frame_age"
	if kind != coupon.KindDynamic && kind != coupon.KindProof {
		if s.line != 0 {
			r.mistake(s.line, field, "only dynamic coupons and purchase proofs have a time of release")
		}
		return 0
	}
	before := len(r.mistakes)
	age := r.duration(s, field)
	if len(r.mistakes) == before && (age < 1 || age > coupon.MaxFrameAge) {
		r.mistake(s.line, field, "is %s to %s, not %q", FormatDuration(1), FormatDuration(coupon.MaxFrameAge), s.text)
	}
	return age
}
