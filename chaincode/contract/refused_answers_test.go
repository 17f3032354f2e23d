// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

// reported is a call about what was reported.
func reported(of func(*consortium, coupon.MisconductID) call) func(*consortium) call {
	return func(c *consortium) call {
		k := deeds["no log"].report(c)
		c.run(k)
		return of(c, reportedID(k))
	}
}

// noMisconduct is what nobody reported.
var noMisconduct = coupon.MisconductQuery{ID: coupon.MisconductID{1}}

func TestAnswersAreRefused(t *testing.T) {
	t.Parallel()
	answer := func(change func(c *consortium, k *call)) func(*consortium) call {
		return reported(func(c *consortium, id coupon.MisconductID) call {
			k := c.answering(id)
			change(c, &k)
			return k
		})
	}
	testRefusals(t, []refusal{
		{name: "answer to nothing", want: coupon.ReasonNotFound, field: "misconduct_id", prepare: answer(func(_ *consortium, k *call) { k.argument = noMisconduct })},
		{name: "another's answer", want: coupon.ReasonWrongOrganisation, field: "misconduct_id", prepare: answer(func(_ *consortium, k *call) { k.by = retailer })},
		{name: "answer on the issuer's peer", want: coupon.ReasonWrongPeer, prepare: answer(func(_ *consortium, k *call) { k.endorsers = []string{issuer} })},
		{name: "answer without a salt", want: coupon.ReasonInvalidRequest, field: "salt",
			prepare: answer(func(_ *consortium, k *call) { k.input = coupon.AnswerInput{Statement: "no"} })},
		{name: "answer without words", want: coupon.ReasonInvalidRequest, field: "statement",
			prepare: answer(func(c *consortium, k *call) { k.input = coupon.AnswerInput{Salt: c.salt()} })},
		{name: "answer to what is resolved", want: coupon.ReasonAlreadyResolved, field: "misconduct_id", prepare: answer(func(c *consortium, k *call) {
			c.run(resolving(k.argument.(coupon.MisconductQuery).ID, coupon.MisconductWithdrawn))
		})},
	})
}

func TestResolutionsAreRefused(t *testing.T) {
	t.Parallel()
	resolve := func(change func(c *consortium, k *call)) func(*consortium) call {
		return reported(func(c *consortium, id coupon.MisconductID) call {
			k := resolving(id, coupon.MisconductWithdrawn)
			change(c, &k)
			return k
		})
	}
	testRefusals(t, []refusal{
		{name: "resolve nothing", want: coupon.ReasonNotFound, field: "misconduct_id",
			prepare: resolve(func(_ *consortium, k *call) {
				k.argument = coupon.ResolveRequest{ID: noMisconduct.ID, State: coupon.MisconductUpheld}
			})},
		{name: "resolve to open", want: coupon.ReasonInvalidRequest, field: "state", prepare: resolve(func(_ *consortium, k *call) {
			k.argument = coupon.ResolveRequest{ID: k.argument.(coupon.ResolveRequest).ID, State: coupon.MisconductOpen}
		})},
		{name: "resolve on another peer", want: coupon.ReasonWrongPeer, prepare: resolve(func(_ *consortium, k *call) { k.endorsers = []string{retailer} })},
		{name: "resolve on an old tick", want: coupon.ReasonTickStale, prepare: resolve(func(c *consortium, _ *call) { c.clock.advance(11 * time.Minute) })},
	})
}

func TestQuestionsAboutMisconductAreRefused(t *testing.T) {
	t.Parallel()
	ask := func(function, by, on string) func(*consortium) call {
		return reported(func(_ *consortium, id coupon.MisconductID) call {
			return call{function: function, argument: coupon.MisconductQuery{ID: id}, by: by, endorsers: []string{on}}
		})
	}
	testRefusals(t, []refusal{
		{name: "report of nothing", want: coupon.ReasonNotFound, field: "misconduct_id",
			prepare: func(*consortium) call {
				return call{function: "GetMisconduct", argument: noMisconduct, by: retailer, endorsers: []string{retailer}}
			}},
		{name: "too large a page", want: coupon.ReasonInvalidRequest, field: "size", prepare: func(*consortium) call {
			return call{function: "ListMisconduct", argument: coupon.PageQuery{Size: coupon.MaxPage + 1}, by: retailer, endorsers: []string{retailer}}
		}},
		{name: "evidence to others", want: coupon.ReasonWrongOrganisation, field: "misconduct_id", prepare: ask("GetEvidence", retailer, issuer)},
		{name: "evidence on another peer", want: coupon.ReasonNotFound, field: "misconduct_id", prepare: ask("GetEvidence", clearing, advertiser)},
		{name: "answer to what is not answered", want: coupon.ReasonNotFound, field: "misconduct_id", prepare: ask("GetAnswer", clearing, clearing)},
	})
}

// Neither the emitter nor the issuer can do without the clearing house.
func TestAnswersAndResolutionsNeedTheClearingHouse(t *testing.T) {
	t.Parallel()
	c := founded(t)
	k := deeds["no log"].report(c)
	c.run(k)
	alone := c.answering(reportedID(k))
	alone.endorsers = []string{advertiser}
	c.commit([]*stubtest.Transaction{c.endorse(alone)}, policy)
	alone = resolving(reportedID(k), coupon.MisconductWithdrawn)
	alone.endorsers = []string{issuer}
	c.commit([]*stubtest.Transaction{c.endorse(alone)}, policy)
}
