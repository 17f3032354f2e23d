// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package reason turns the reasons of refusals into sentences for people: what
// happened, and what to do about it. Inside the services a refusal is a word
// for programs; only what a person reads, a command line or a page, uses this
// package. docs/errors.md is the same table.
package reason

import (
	"slices"

	"ecoupon/chaincode/coupon"
)

// The public classes, which tills see in place of most exact reasons.
const (
	NotValid         coupon.Reason = "NOT_VALID"
	AlreadyUsed      coupon.Reason = "ALREADY_USED"
	NotForThisBasket coupon.Reason = "NOT_FOR_THIS_BASKET"
	NotNow           coupon.Reason = "NOT_NOW"
	TryAgain         coupon.Reason = "TRY_AGAIN"
)

// Who may come to see a reason.
type Who string

// Those who come to see reasons.
const (
	Customer   Who = "customer"
	Till       Who = "till"
	Retailer   Who = "retailer"
	Issuer     Who = "issuer"
	Advertiser Who = "advertiser"
	Clearing   Who = "clearing house"
	Operator   Who = "operator"
)

// everyDesk is whoever calls a service of the organisations.
var everyDesk = []Who{Retailer, Issuer, Advertiser, Clearing}

// Entry is a reason in words.
type Entry struct {
	Reason coupon.Reason
	// Meaning is a sentence that says what happened.
	Meaning string
	// Advice is a sentence that says what to do, and who should.
	Advice string
	// Seen says who gets the reason in an answer; a till that gets a public
	// class in its place is not among them.
	Seen []Who
}

// Of returns the entry of a reason or public class; false for a word that is
// neither, as a newer service may send it.
func Of(r coupon.Reason) (Entry, bool) {
	for _, list := range lists {
		if i := slices.IndexFunc(list.Entries, func(e Entry) bool { return e.Reason == r }); i >= 0 {
			return list.Entries[i], true
		}
	}
	return Entry{}, false
}

// Sentence returns meaning and advice of a reason; for an unknown one, a
// sentence that names it.
func Sentence(r coupon.Reason) string {
	e, known := Of(r)
	if !known {
		return "The service refused with a reason that this release does not know, " + string(r) + ". Update this program."
	}
	return e.Meaning + " " + e.Advice
}

// List is entries that belong together.
type List struct {
	Title   string
	Entries []Entry
}

// Lists returns the whole table: every reason and public class, each once.
func Lists() []List {
	return slices.Clone(lists)
}
