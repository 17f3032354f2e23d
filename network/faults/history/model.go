// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"
)

// state is that of one coupon.
type state struct {
	// spentBy is the redemption that holds the coupon, 0 for none.
	spentBy int
	// voided lists the redemptions that held it before, in a form that can be
	// compared.
	voided string
}

func (s state) wasVoided(request int) bool {
	return strings.Contains(s.voided, mark(request))
}

// void is the state after the redemption that holds the coupon is undone.
func (s state) void() state {
	return state{voided: s.voided + mark(s.spentBy)}
}

func mark(request int) string { return "<" + strconv.Itoa(request) + ">" }

// step says whether the coupon could have been asked this in this state with
// this outcome, and in which state it is then.
func (s state) step(o Operation) (possible bool, next state) {
	switch o.Kind {
	case Look:
		return s.spentBy == o.Request, s
	case Redeem:
		return s.redeem(o)
	default:
		return s.undo(o)
	}
}

func (s state) redeem(o Operation) (possible bool, next state) {
	free := s.spentBy == 0 && !s.wasVoided(o.Request)
	switch o.Outcome {
	case Done:
		if free {
			return true, state{spentBy: o.Request, voided: s.voided}
		}
		return s.spentBy == o.Request, s
	case Used:
		return s.spentBy != 0 && s.spentBy != o.Request, s
	case Voided:
		return s.wasVoided(o.Request), s
	case Refused:
		return s.spentBy != o.Request && !s.wasVoided(o.Request), s
	default: // it has its effect here, if it can; that it has none is as if it came after all others
		if free {
			return true, state{spentBy: o.Request, voided: s.voided}
		}
		return true, s
	}
}

func (s state) undo(o Operation) (possible bool, next state) {
	holds := s.spentBy == o.Request
	switch o.Outcome {
	case Done:
		if holds {
			return true, s.void()
		}
		return s.wasVoided(o.Request), s
	case Voided:
		return s.wasVoided(o.Request), s
	case Refused, Used:
		return true, s
	default:
		if holds {
			return true, s.void()
		}
		return true, s
	}
}

// model is what porcupine checks a coupon's operations against.
var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(s, input, _ any) (bool, any) {
		possible, next := s.(state).step(input.(Operation))
		return possible, next
	},
	DescribeOperation: func(input, _ any) string { return input.(Operation).String() },
	DescribeState: func(s any) string {
		now := s.(state)
		text := "unspent"
		if now.spentBy != 0 {
			text = fmt.Sprintf("spent by %d", now.spentBy)
		}
		if now.voided != "" {
			text += ", voided: " + now.voided
		}
		return text
	},
}

// String tells the operation as a person would.
func (o Operation) String() string {
	verb := [...]string{Redeem: "redeem", Void: "void", Look: "look"}[o.Kind]
	said := [...]string{
		Done: "done", Unknown: "unknown", NotNow: "not now", Used: "already used", Voided: "voided", Refused: "refused",
	}[o.Outcome]
	return fmt.Sprintf("%s %d: %s", verb, o.Request, said)
}

// byCoupon returns the operations on each coupon in the order of their calls,
// coupons in the order of their numbers.
func byCoupon(operations []Operation) [][]Operation {
	sorted := slices.Clone(operations)
	slices.SortStableFunc(sorted, func(a, b Operation) int {
		if a.Coupon != b.Coupon {
			return a.Coupon - b.Coupon
		}
		return int(a.Call - b.Call)
	})
	var coupons [][]Operation
	for begin := 0; begin < len(sorted); {
		end := begin
		for end < len(sorted) && sorted[end].Coupon == sorted[begin].Coupon {
			end++
		}
		coupons = append(coupons, sorted[begin:end:end])
		begin = end
	}
	return coupons
}
