// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import "slices"

// scheduleDocument tells a member that is not there from one that is 0 or
// empty.
type scheduleDocument struct {
	Type  ScheduleType   `json:"type"`
	From  *Origin        `json:"from"`
	Start *int64         `json:"start"`
	End   *int64         `json:"end"`
	To    *int64         `json:"to"`
	First *int64         `json:"first"`
	Steps []stepDocument `json:"steps"`
}

type stepDocument struct {
	After *int64 `json:"after"`
	To    *int64 `json:"to"`
}

// schedule refuses with BAD_TERMS a schedule that lacks what its type needs or
// has anything else; only the start of a linear one may be left out, and is 0
// then. Number is the benefit's, limit the highest that it may be.
func (d scheduleDocument) schedule(number, limit int64) (*Schedule, error) {
	if !slices.Contains([]ScheduleType{Linear, Stepped, EarlyBird, Random}, d.Type) {
		return nil, badSchedule("type", "a schedule is linear, stepped, early_bird or random")
	}
	if err := d.checkMembers(); err != nil {
		return nil, err
	}
	s := &Schedule{Type: d.Type, To: d.To}
	if d.From != nil {
		s.From = *d.From
	}
	for _, member := range []struct{ from, to *int64 }{{d.Start, &s.Start}, {d.End, &s.End}, {d.First, &s.First}} {
		if member.from != nil {
			*member.to = *member.from
		}
	}
	for i, step := range d.Steps {
		switch {
		case step.After == nil:
			return nil, badSchedule(index("steps", i)+".after", "is missing")
		case step.To == nil:
			return nil, badSchedule(index("steps", i)+".to", "is missing")
		}
		s.Steps = append(s.Steps, Step{After: *step.After, To: *step.To})
	}
	return s, s.check(number, limit)
}

func (d scheduleDocument) checkMembers() error {
	for _, m := range []struct {
		name     string
		given    bool
		optional bool
		of       []ScheduleType
	}{
		{"from", d.From != nil, false, []ScheduleType{Linear, Stepped}},
		{"start", d.Start != nil, true, []ScheduleType{Linear}},
		{"end", d.End != nil, false, []ScheduleType{Linear}},
		{"to", d.To != nil, false, []ScheduleType{Linear, EarlyBird, Random}},
		{"first", d.First != nil, false, []ScheduleType{EarlyBird}},
		{"steps", d.Steps != nil, false, []ScheduleType{Stepped}},
	} {
		switch of := slices.Contains(m.of, d.Type); {
		case of && !m.given && !m.optional:
			return badSchedule(m.name, "this schedule needs it")
		case !of && m.given:
			return badSchedule(m.name, "this schedule has no %s", m.name)
		}
	}
	return nil
}

// check looks at the values of the members, which are those of the type.
func (s *Schedule) check(number, limit int64) error {
	timed := s.Type == Linear || s.Type == Stepped
	if timed && s.From != FromRelease && s.From != FromBegin {
		return badSchedule("from", "times count from release or from begin")
	}
	if s.To != nil && (*s.To < 0 || *s.To > limit) {
		return badSchedule("to", "0 to %d", limit)
	}
	switch s.Type {
	case Linear:
		if s.Start < 0 || s.End <= s.Start || s.End > MaxScheduleSpan {
			return badSchedule("end", "0 <= start < end <= %d", int64(MaxScheduleSpan))
		}
		if *s.To == number {
			return badSchedule("to", "another number than the benefit's own, which is %d", number)
		}
		return nil
	case Stepped:
		return s.checkSteps(limit)
	default:
		if s.Type == EarlyBird && s.First < 1 {
			return badSchedule("first", "early_bird is for at least 1 coupon")
		}
		if *s.To <= number {
			return badSchedule("to", "more than the benefit's own number, which is %d", number)
		}
		return nil
	}
}

func (s *Schedule) checkSteps(limit int64) error {
	if len(s.Steps) < 1 || len(s.Steps) > MaxSteps {
		return badSchedule("steps", "1 to %d steps", MaxSteps)
	}
	last := int64(0)
	for i, step := range s.Steps {
		if step.After <= last || step.After > MaxScheduleSpan {
			return badSchedule(index("steps", i)+".after", "steps are in the order of their times, from 1 to %d", int64(MaxScheduleSpan))
		}
		if step.To < 0 || step.To > limit {
			return badSchedule(index("steps", i)+".to", "0 to %d", limit)
		}
		last = step.After
	}
	return nil
}

func badSchedule(field, format string, a ...any) error {
	return Refuse(ReasonBadTerms, "benefit.schedule."+field, format, a...)
}
