// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

// meetings are what may happen at the same time.
var meetings = map[string]pair{
	"same coupon":     salesWith(func(s *coupon.Sale, other coupon.Sale) { s.Coupons = other.Coupons }),
	"same invoice":    salesWith(func(s *coupon.Sale, other coupon.Sale) { s.Invoice = other.Invoice }),
	"same request id": salesWith(func(s *coupon.Sale, other coupon.Sale) { s.RequestID = other.RequestID }),
	"void and claim": func(c *consortium) (call, call) {
		text := c.sold()
		return void(text, redemptionOf(c, text)), c.claim(text)
	},
	"void twice": func(c *consortium) (call, call) {
		text := c.sold()
		k := void(text, redemptionOf(c, text))
		return k, k
	},
	"claim twice": func(c *consortium) (call, call) {
		text := c.sold()
		return c.claim(text), c.claim(text)
	},
	"settle twice": func(c *consortium) (call, call) {
		text := c.sold()
		c.run(c.claim(text))
		return c.settle(text), c.settle(text)
	},
	"redeem and pause": func(c *consortium) (call, call) {
		return redeem(c.batch(c.sale(bearer.tender(1)))), change("PauseCampaign", bearer)
	},
	"redeem and close": func(c *consortium) (call, call) {
		return redeem(c.batch(c.sale(bearer.tender(1)))), closing(bearer, 0)
	},
	"redeem and transfer": func(c *consortium) (call, call) {
		g := c.newGift(present)
		return g.redemption(g.presentedBy(1)), g.transfer(g.signed(2))
	},
	"redeem and transfer, in the second step": func(c *consortium) (call, call) {
		g := c.newGift(present)
		g.give(2)
		c.clock.advance(time.Second)
		return g.redemption(g.presentedBy(2)), g.transfer(g.signed(3))
	},
	"redeem and transfer, after a void": func(c *consortium) (call, call) {
		g := c.newGift(present)
		text := c.record(c.run(g.redemption(g.presentedBy(1))))
		c.run(void(text, redemptionOf(c, text)))
		c.clock.advance(time.Second)
		return g.redemption(g.presentedBy(1)), g.transfer(g.signed(2))
	},
	"transfer twice": func(c *consortium) (call, call) {
		g := c.newGift(present)
		return g.transfer(g.signed(2)), g.transfer(g.signed(3))
	},
	"transfer and pause": func(c *consortium) (call, call) {
		g := c.newGift(present)
		return g.transfer(g.signed(2)), change("PauseCampaign", present)
	},
	"pause and close": func(*consortium) (call, call) { return change("PauseCampaign", bearer), closing(bearer, 0) },
	"publish twice":   twice(func(c *consortium) call { c.run(enterKey(fresh)); return publish(fresh) }),
	"enter keys":      twice(func(*consortium) call { return enterKey(fresh) }),
	"authorise twice": twice(func(c *consortium) call { c.published(); return authorise(fresh) }),
	"admit twice":     twice(func(c *consortium) call { return c.admit(bearer, retailer2) }),
	"tick twice":      twice(func(c *consortium) call { c.clock.advance(3 * time.Minute); return tick() }),
	"admit to two campaigns for the first time": func(c *consortium) (call, call) {
		return c.admit(bearer, retailer2), c.admit(bound, retailer2)
	},
}

// twice is a call that is made two times.
func twice(prepare func(c *consortium) call) pair {
	return func(c *consortium) (call, call) {
		k := prepare(c)
		return k, k
	}
}

// salesWith are two batches with a sale each that have something in common.
func salesWith(change func(s *coupon.Sale, other coupon.Sale)) pair {
	return func(c *consortium) (call, call) {
		first, second := c.sale(bearer.tender(1)), c.sale(bearer.tender(2))
		change(&second, first)
		return redeem(c.batch(first, c.sale(bearer.tender(8)))), redeem(c.batch(c.sale(bearer.tender(9)), second))
	}
}

// TestOfTwoThatMeetOneCounts endorses two transactions on the same state. The
// first to be ordered counts, whichever it is, in one block or in two.
func TestOfTwoThatMeetOneCounts(t *testing.T) {
	t.Parallel()
	for name, meet := range meetings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, swapped := range []bool{false, true} {
				for _, apart := range []bool{false, true} {
					meet.run(t, swapped, apart)
				}
			}
		})
	}
}

// pair makes two calls on the same state.
type pair func(c *consortium) (first, second call)

// run endorses both, and commits them in one block or apart.
func (meet pair) run(t *testing.T, swapped, apart bool) {
	t.Helper()
	c := founded(t)
	first, second := meet(c)
	txs := []*stubtest.Transaction{c.endorse(first), c.endorse(second)}
	if swapped {
		slices.Reverse(txs)
	}
	late := conflict
	closes := second.function == "PauseCampaign" || second.function == "CloseCampaign"
	if closes && (first.function == "Redeem" || first.function == "Transfer") && !swapped {
		late = valid // a redemption or a transfer changes nothing for a pause or a close
	}
	if apart {
		c.commit(txs[:1], valid)
		c.commit(txs[1:], late)
		return
	}
	c.commit(txs, valid, late)
}

// TestPartiesAreNamedOnce has two clearing houses named at once.
func TestPartiesAreNamedOnce(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	k := setParties()
	k.argument, k.endorsers = coupon.PartiesRequest{Clearing: advertiser}, []string{issuer, advertiser}
	c.commit([]*stubtest.Transaction{c.endorse(setParties()), c.endorse(k)}, valid, conflict)
}

// TestSettlementNeedsItsMarksAtCommit: a mark that goes, or comes back, after
// the settlement was endorsed stops it.
func TestSettlementNeedsItsMarksAtCommit(t *testing.T) {
	t.Parallel()
	c := founded(t)
	text := c.sold()
	c.run(c.claim(text))
	late := c.endorse(c.settle(text))
	c.overwritePrivate(retailer, "claimed/"+decodeRecord(t, text).ID.String(), "")
	c.commit([]*stubtest.Transaction{late}, conflict)
	again := c.endorse(c.claim(text))
	c.commit([]*stubtest.Transaction{again}, valid)
	second := c.endorse(c.settle(text))
	third := c.endorse(c.settle(text))
	c.commit([]*stubtest.Transaction{second}, valid)
	c.commit([]*stubtest.Transaction{third}, conflict)
}

// TestVoidChangesWhatIsClaimed: a claim or settlement of a batch of which a
// sale was undone meanwhile is not valid.
func TestVoidChangesWhatIsClaimed(t *testing.T) {
	t.Parallel()
	c := founded(t)
	text := c.record(c.run(redeem(c.batch(c.sale(bearer.tender(1)), c.sale(bearer.tender(2))))))
	held := c.endorse(c.claim(text))
	c.run(void(text, redemptionOf(c, text)))
	c.commit([]*stubtest.Transaction{held}, conflict)
	held = c.endorse(void(text, decodeRecord(t, text).Redemptions[1].ID))
	c.run(c.claim(text))
	c.commit([]*stubtest.Transaction{held}, conflict)
}

// TestTickEndsWhatWasHeldBack: everything whose outcome depends on time is
// endorsed, held back, and worth nothing after the next tick.
func TestTickEndsWhatWasHeldBack(t *testing.T) {
	t.Parallel()
	c := founded(t)
	text, g := c.sold(), c.newGift(present)
	held := []*stubtest.Transaction{
		c.endorse(redeem(c.batch(c.sale(bearer.tender(500), c.presented(bound, 500))))),
		c.endorse(void(text, redemptionOf(c, text))),
		c.endorse(closing(bearer, 0)),
		c.endorse(g.transfer(g.signed(2))),
	}
	for _, tx := range held {
		if !slices.Contains(tx.Reads(), "tick") {
			t.Errorf("%s does not read the tick", tx.Args[0])
		}
	}
	c.clock.advance(2 * time.Minute)
	held = append(held, c.endorse(tick()))
	c.run(tick())
	c.commit(held, conflict, conflict, conflict, conflict, conflict)
}

// TestManyTillsOneCoupon redeems one coupon from many goroutines.
func TestManyTillsOneCoupon(t *testing.T) {
	t.Parallel()
	c := founded(t)
	var (
		tills sync.WaitGroup
		mu    sync.Mutex
		spent int
	)
	for range 8 {
		p := c.proposal(redeem(c.batch(c.sale(bearer.tender(1)))))
		tills.Go(func() {
			for range 3 {
				tx, err := c.Endorse(p)
				if err != nil {
					return // the others were faster
				}
				result, err := c.SubmitAndWait(t.Context(), tx)
				if err != nil {
					t.Error(err)
				}
				if result.Valid() {
					mu.Lock()
					spent++
					mu.Unlock()
				}
			}
		})
	}
	tills.Wait()
	if spent != 1 {
		t.Errorf("the coupon was redeemed %d times", spent)
	}
}
