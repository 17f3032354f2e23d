// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const (
	hour = 3_600_000
	day  = 24 * hour
)

// scheduled returns the terms of an amount off that a schedule varies.
func scheduled(t testing.TB, amount int64, schedule string) Terms {
	t.Helper()
	return mustTerms(t, termsWith("benefit", fmt.Sprintf(`{"type":"amount_off","amount":%d,"schedule":%s}`, amount, schedule)))
}

const (
	decay   = `{"type":"linear","from":"release","start":3600000,"end":14400000,"to":20}`
	growth  = `{"type":"linear","from":"release","end":86400000,"to":1000}`
	byDay   = `{"type":"linear","from":"begin","start":86400000,"end":172800000,"to":0}`
	stepped = `{"type":"stepped","from":"release","steps":[{"after":60000,"to":80},{"after":3600000,"to":0},{"after":7200000,"to":90}]}`
	early   = `{"type":"early_bird","first":100,"to":300}`
	lottery = `{"type":"random","to":104}`
)

func TestScheduledValues(t *testing.T) {
	t.Parallel()
	const released, begin = 1_900_000_000_000, 1_800_000_000_000
	for _, c := range []struct {
		name         string
		amount       int64
		schedule     string
		sinceRelease int64
		sinceBegin   int64
		lane         uint16
		sn           int64
		want         int64
	}{
		{name: "decay at release", amount: 100, schedule: decay, want: 100},
		{name: "decay at its start", amount: 100, schedule: decay, sinceRelease: hour, want: 100},
		{name: "decay, less than one unit", amount: 100, schedule: decay, sinceRelease: hour + 134_999, want: 100},
		{name: "decay, one unit", amount: 100, schedule: decay, sinceRelease: hour + 135_000, want: 99},
		{name: "decay half-way", amount: 100, schedule: decay, sinceRelease: hour + 3*hour/2, want: 60},
		{name: "decay just before its end", amount: 100, schedule: decay, sinceRelease: 4*hour - 1, want: 21},
		{name: "decay at its end", amount: 100, schedule: decay, sinceRelease: 4 * hour, want: 20},
		{name: "decay long after", amount: 100, schedule: decay, sinceRelease: 1000 * day, want: 20},
		{name: "decay before release", amount: 100, schedule: decay, sinceRelease: -hour, want: 100},
		{name: "growth at release", amount: 100, schedule: growth, want: 100},
		{name: "growth, less than one unit", amount: 100, schedule: growth, sinceRelease: 95_999, want: 100},
		{name: "growth, one unit", amount: 100, schedule: growth, sinceRelease: 96_000, want: 101},
		{name: "growth after a third", amount: 100, schedule: growth, sinceRelease: 8 * hour, want: 400},
		{name: "growth just before its end", amount: 100, schedule: growth, sinceRelease: day - 1, want: 999},
		{name: "growth at its end", amount: 100, schedule: growth, sinceRelease: day, want: 1000},
		{name: "by calendar before the beginning", amount: 100, schedule: byDay, sinceBegin: -day, want: 100},
		{name: "by calendar on the first day", amount: 100, schedule: byDay, sinceBegin: hour, want: 100},
		{name: "by calendar on the second noon", amount: 100, schedule: byDay, sinceBegin: day + 12*hour, want: 50},
		{name: "by calendar, down to nothing", amount: 100, schedule: byDay, sinceBegin: 2 * day, want: 0},
		{name: "no step yet", amount: 100, schedule: stepped, sinceRelease: 59_999, want: 100},
		{name: "first step", amount: 100, schedule: stepped, sinceRelease: 60_000, want: 80},
		{name: "first step still", amount: 100, schedule: stepped, sinceRelease: hour - 1, want: 80},
		{name: "second step", amount: 100, schedule: stepped, sinceRelease: hour, want: 0},
		{name: "last step", amount: 100, schedule: stepped, sinceRelease: 2 * hour, want: 90},
		{name: "last step for ever", amount: 100, schedule: stepped, sinceRelease: 10_000 * day, want: 90},
		{name: "first bird", amount: 100, schedule: early, sn: 1, want: 300},
		{name: "last early bird", amount: 100, schedule: early, sn: 100, want: 300},
		{name: "late bird", amount: 100, schedule: early, sn: 101, want: 100},
		{name: "early in another lane", amount: 100, schedule: early, lane: 1, sn: 1, want: 100},
		{name: "extreme growth", amount: 1, sinceRelease: MaxScheduleSpan - 1, want: MaxMinor - 4,
			schedule: fmt.Sprintf(`{"type":"linear","from":"release","end":%d,"to":%d}`, int64(MaxScheduleSpan), int64(MaxMinor))},
		{name: "extreme decay", amount: MaxMinor, sinceRelease: 1, want: MaxMinor - 3,
			schedule: fmt.Sprintf(`{"type":"linear","from":"release","end":%d,"to":0}`, int64(MaxScheduleSpan))},
	} {
		m := Moment{Now: released + c.sinceRelease, Released: released, Begin: begin, Lane: c.lane, SN: c.sn}
		if c.sinceBegin != 0 {
			m.Now = begin + c.sinceBegin
		}
		terms := scheduled(t, c.amount, c.schedule)
		got := terms.At(m)
		if got.Benefit.Amount != c.want || got.Benefit.Schedule != nil {
			t.Errorf("%s: %d, want %d", c.name, got.Benefit.Amount, c.want)
		}
		if terms.Benefit.Amount != c.amount || terms.Benefit.Schedule == nil {
			t.Errorf("%s: the terms have changed", c.name)
		}
	}
}

// TestNoReleaseIsTooFarAhead has the latest release that a coupon can name.
func TestNoReleaseIsTooFarAhead(t *testing.T) {
	t.Parallel()
	for _, schedule := range []string{decay, stepped} {
		if got := scheduled(t, 100, schedule).At(Moment{Now: 0, Released: math.MaxInt64}).Benefit.Amount; got != 100 {
			t.Errorf("%s: %d", schedule, got)
		}
	}
}

// TestScheduleVariesTheBenefitsNumber has each type of benefit half-way.
func TestScheduleVariesTheBenefitsNumber(t *testing.T) {
	t.Parallel()
	const schedule = `"schedule":{"type":"linear","from":"begin","end":1000,"to":10}`
	for benefit, want := range map[string]Benefit{
		`{"type":"amount_off","amount":50,` + schedule + `}`:             {Type: AmountOff, Amount: 30},
		`{"type":"percent_off","percent":50,"cap":300,` + schedule + `}`: {Type: PercentOff, Percent: 30, Cap: 300},
		`{"type":"free_item","cap":50,` + schedule + `}`:                 {Type: FreeItem, Cap: 30},
		`{"type":"gift","value":50,` + schedule + `}`:                    {Type: Gift, Value: 30},
	} {
		if got := mustTerms(t, termsWith("benefit", benefit)).At(Moment{Now: 500}).Benefit; got != want {
			t.Errorf("%s: %+v, want %+v", benefit, got, want)
		}
	}
	fixed := mustTerms(t, termsWith("", ""))
	if got := fixed.At(Moment{Now: 500}).Benefit; got != fixed.Benefit {
		t.Errorf("terms without a schedule become %+v", got)
	}
}

func TestWhatSchedulesNeed(t *testing.T) {
	t.Parallel()
	growing := `{"type":"stepped","from":%q,"steps":[{"after":1,"to":50},{"after":2,"to":51}]}`
	for _, c := range []struct {
		schedule          string
		receipt, draw     bool
		forStatic         bool
		highest, ofAmount int64
	}{
		{decay, false, false, false, 100, 100},
		{growth, true, false, false, 1000, 100},
		{byDay, false, false, true, 100, 100},
		{`{"type":"linear","from":"begin","end":1,"to":200}`, false, false, true, 200, 100},
		{stepped, true, false, false, 100, 100},
		{`{"type":"stepped","from":"release","steps":[{"after":1,"to":50},{"after":2,"to":50}]}`, false, false, false, 100, 100},
		{fmt.Sprintf(growing, "release"), true, false, false, 100, 100},
		{fmt.Sprintf(growing, "release"), true, false, false, 51, 20},
		{fmt.Sprintf(growing, "begin"), false, false, true, 51, 20},
		{early, true, false, false, 300, 100},
		{lottery, true, true, false, 104, 100},
	} {
		terms := scheduled(t, c.ofAmount, c.schedule)
		if terms.NeedsReceipt() != c.receipt {
			t.Errorf("%s: needs a receipt: %v", c.schedule, !c.receipt)
		}
		if terms.NeedsDraw() != c.draw {
			t.Errorf("%s: needs a draw: %v", c.schedule, !c.draw)
		}
		if got := terms.HighestValue(); got != c.highest {
			t.Errorf("%s: at most %d, want %d", c.schedule, got, c.highest)
		}
		static := ReasonBadTerms
		if c.forStatic {
			static = ""
		}
		err := terms.CheckKind(KindStatic)
		wantReason(t, c.schedule+" for static coupons", err, static)
		if err != nil && fieldOf(err) != "benefit.schedule" {
			t.Errorf("%s: field %q", c.schedule, fieldOf(err))
		}
		wantReason(t, c.schedule, terms.CheckKind(KindDynamic), "")
		wantReason(t, c.schedule, terms.CheckKind(KindProof), "")
	}
	fixed := mustTerms(t, termsWith("", ""))
	if fixed.NeedsReceipt() || fixed.NeedsDraw() || fixed.CheckKind(KindStatic) != nil {
		t.Error("terms without a schedule need something")
	}
}

// TestRandomValuesAreUniform draws from 100 to 104: with 5,000 draws each value
// is expected 1,000 times, with a standard deviation of 28.
func TestRandomValuesAreUniform(t *testing.T) {
	t.Parallel()
	terms := scheduled(t, 100, lottery)
	count := make(map[int64]int)
	for sn := range int64(5000) {
		c := Coupon{Kind: KindDynamic, Framework: FrameworkID{1}, SN: sn + 1, Owner: PublicKey(secretOf("u_data %d", sn))}
		count[terms.At(Moment{Draw: c.Draw(Hash{2})}).Benefit.Amount]++
	}
	for value, n := range count {
		if value < 100 || value > 104 || n < 850 || n > 1150 {
			t.Errorf("%d came %d times", value, n)
		}
	}
	if len(count) != 5 {
		t.Errorf("%d values came", len(count))
	}
}

func TestDrawDependsOnEverything(t *testing.T) {
	t.Parallel()
	base := Coupon{Kind: KindDynamic, Framework: FrameworkID{1}, Lane: 2, SN: 3, Owner: PublicKey{4}}
	draws := []Hash{base.Draw(Hash{5}), base.Draw(Hash{6})}
	for _, f := range []func(c *Coupon){
		func(c *Coupon) { c.Framework[15] ^= 1 }, func(c *Coupon) { c.Lane++ }, func(c *Coupon) { c.SN++ },
		func(c *Coupon) { c.Owner[31] ^= 1 },
	} {
		c := base
		f(&c)
		draws = append(draws, c.Draw(Hash{5}))
	}
	for i, d := range draws {
		if slices.Contains(draws[:i], d) {
			t.Errorf("draw %d is there before", i)
		}
	}
}

// TestDrawBelowHasNoBias looks at both sides of the boundary: 2⁶⁴ words map to
// n values evenly only if 2⁶⁴ mod n of them, the lowest, are passed over.
func TestDrawBelowHasNoBias(t *testing.T) {
	t.Parallel()
	words := func(w ...uint64) (draw Hash) {
		for i, word := range w {
			binary.BigEndian.PutUint64(draw[8*i:], word)
		}
		return draw
	}
	const half = 1 << 63
	for _, c := range []struct {
		n    uint64
		draw Hash
		want uint64
	}{
		{1, words(0), 0},
		{1, words(math.MaxUint64), 0},
		{2, words(0, 1), 0},
		{3, words(0, 5), 2}, // 2⁶⁴ mod 3 is 1
		{3, words(1, 5), 1},
		{3, words(math.MaxUint64), 0},
		{10, words(5, 4, 3, 7), 7}, // 2⁶⁴ mod 10 is 6
		{10, words(6), 6},
		{10, words(math.MaxUint64), 5},
		{half, words(0, 1), 0},
		{half + 1, words(half-2, 0, 1, half-1), half - 1}, // 2⁶⁴ mod (2⁶³+1) is 2⁶³−1
		{half + 1, words(half), half},
		{half + 1, words(half + 1), 0},
	} {
		if got := drawBelow(c.n, c.draw); got != c.want {
			t.Errorf("%x below %d is %d, want %d", c.draw, c.n, got, c.want)
		}
	}
	poor := words(0, 1, 2, half-2)
	next := Hash(sha256.Sum256(poor[:]))
	if got, want := drawBelow(half+1, poor), drawBelow(half+1, next); got != want {
		t.Errorf("without a word that is high enough %d, not %d of the next hash", got, want)
	}
}

func TestScheduledValuesStayBetweenTheExtremes(t *testing.T) {
	t.Parallel()
	number := rapid.Int64Range(1, MaxMinor)
	rapid.Check(t, func(r *rapid.T) {
		from, to := number.Draw(r, "from"), number.Draw(r, "to")
		if from == to {
			return
		}
		start := rapid.Int64Range(0, MaxScheduleSpan-1).Draw(r, "start")
		end := rapid.Int64Range(start+1, MaxScheduleSpan).Draw(r, "end")
		terms := scheduled(t, from, fmt.Sprintf(`{"type":"linear","from":"release","start":%d,"end":%d,"to":%d}`, start, end, to))
		early := rapid.Int64Range(0, 2*MaxScheduleSpan).Draw(r, "early")
		late := rapid.Int64Range(early, 2*MaxScheduleSpan).Draw(r, "late")
		first, second := terms.At(Moment{Now: early}).Benefit.Amount, terms.At(Moment{Now: late}).Benefit.Amount
		if min(first, second) < min(from, to) || max(first, second) > terms.HighestValue() {
			r.Fatalf("%d and %d are beyond %d and %d", first, second, from, to)
		}
		if to > from && second < first || to < from && second > first {
			r.Fatalf("from %d to %d, but first %d, then %d", from, to, first, second)
		}
		if late >= end && second != to || early <= start && first != from {
			r.Fatalf("from %d to %d, but %d at %d and %d at %d", from, to, first, early, second, late)
		}
	})
}

func TestRandomValuesStayInRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		from := rapid.Int64Range(1, MaxMinor-1).Draw(r, "from")
		to := rapid.Int64Range(from+1, MaxMinor).Draw(r, "to")
		terms := scheduled(t, from, fmt.Sprintf(`{"type":"random","to":%d}`, to))
		got := terms.At(Moment{Draw: draw32(r, "draw")}).Benefit.Amount
		if got < from || got > to {
			r.Fatalf("%d is not in %d to %d", got, from, to)
		}
	})
}
