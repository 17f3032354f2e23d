// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package history records what tills asked and were told, and checks that it
// could have come from one place that does one thing after the other: a coupon
// is spent at most once, a void undoes it, and a voided coupon can be redeemed
// again.
//
// Each operation is one call on one coupon. A redemption of several coupons is
// one operation on each of them. A call without a definite answer may have had
// its effect at any time since it was made, however late, or may have none.
package history

import (
	"sync"
	"time"
)

// Kind is what was asked.
type Kind uint8

// The kinds of operations.
const (
	// Redeem asks to spend the coupon in a redemption.
	Redeem Kind = iota
	// Void asks to undo a redemption of the coupon.
	Void
	// Look reads from the ledger which redemption the coupon is spent by.
	Look
)

// Outcome is what was answered.
type Outcome uint8

// The outcomes. Done, Unknown and NotNow are of all kinds.
const (
	// Done is a success. For a Look it says that Request is the redemption that
	// the coupon is spent by; 0 if by none.
	Done Outcome = iota
	// Unknown is no answer, or one that says so: it may have had its effect or
	// have it later.
	Unknown
	// NotNow is an answer that asks to send the same again. It is taken like
	// Unknown, but not counted as such.
	NotNow
	// Used refuses a Redeem because the coupon is spent by another redemption.
	Used
	// Voided refuses a Redeem because this very redemption was voided, or a Void
	// because the redemption was voided before.
	Voided
	// Refused is a refusal for any other reason; it had no effect.
	Refused
)

// Operation is one call on one coupon.
type Operation struct {
	// Coupon, Request and Client are numbers that the recorder's user gives out,
	// from 1. Request names the redemption that is asked for, undone or seen.
	Coupon, Request, Client int
	Kind                    Kind
	Outcome                 Outcome
	// Call and Return are when it was asked and answered, or given up.
	Call, Return time.Duration
}

// open reports whether the operation may have an effect after its return.
func (o Operation) open() bool { return o.Outcome == Unknown || o.Outcome == NotNow }

// History is a set of operations. Its methods may be called by any number of
// goroutines.
type History struct {
	mu         sync.Mutex
	operations []Operation
}

// Add notes operations.
func (h *History) Add(operations ...Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, operations...)
}

// Operations returns what was noted, in the order in which it was.
func (h *History) Operations() []Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.operations[:len(h.operations):len(h.operations)]
}

// Shares says how much of a history makes it worth a check. Looks are not
// counted.
type Shares struct {
	Operations int
	// Unknown had no definite answer.
	Unknown int
	// Concurrent overlapped in time with another on the same coupon.
	Concurrent int
}

// minShare is one in so many operations that have to be of each sort.
const minShare = 20

// Counts reports whether enough of the operations, one in twenty, had unknown
// outcomes, and as many were concurrent attempts on one coupon.
func (s Shares) Counts() bool {
	return s.Operations > 0 && s.Unknown*minShare >= s.Operations && s.Concurrent*minShare >= s.Operations
}

// Add returns the sum.
func (s Shares) Add(o Shares) Shares {
	return Shares{s.Operations + o.Operations, s.Unknown + o.Unknown, s.Concurrent + o.Concurrent}
}

// SharesOf counts.
func SharesOf(operations []Operation) Shares {
	var s Shares
	for _, list := range byCoupon(operations) {
		overlapping := make([]bool, len(list))
		// In the order of their calls, what overlaps with any before overlaps
		// with the one that returned last.
		last := -1
		for i, o := range list {
			if o.Kind == Look {
				continue
			}
			s.Operations++
			if o.Outcome == Unknown {
				s.Unknown++
			}
			if last >= 0 && o.Call <= list[last].Return {
				overlapping[i], overlapping[last] = true, true
			}
			if last < 0 || o.Return > list[last].Return {
				last = i
			}
		}
		for _, is := range overlapping {
			if is {
				s.Concurrent++
			}
		}
	}
	return s
}
