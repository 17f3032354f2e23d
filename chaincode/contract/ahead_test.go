// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// values are a coupon's, now and in one hour, as Check tells them.
type values struct{ now, later int64 }

// look asks for the values of a sale's coupons before there is an invoice.
func (c *consortium) look(s coupon.Sale) (seen []values, refused []coupon.Refusal) {
	c.t.Helper()
	looked := checked(s)
	looked.RequestID, looked.Invoice = "", nil
	var result coupon.CheckResult
	c.evaluate(check(looked), &result)
	for _, v := range result.Sales[0].Coupons {
		seen = append(seen, values{v.Value, v.ValueInOneHour})
	}
	return seen, result.Sales[0].Refused
}

func TestValueInOneHourIsTheValueThen(t *testing.T) {
	t.Parallel()
	for schedule, want := range map[string]values{
		`{"type":"linear","from":"release","end":5400000,"to":10}`:                                       {90, 30},
		`{"type":"linear","from":"begin","end":7200000,"to":0}`:                                          {67, 17},
		`{"type":"stepped","from":"release","steps":[{"after":60000,"to":70},{"after":3700000,"to":5}]}`: {70, 5},
		`{"type":"stepped","from":"release","steps":[{"after":3660000,"to":180}]}`:                       {100, 180},
		`{"type":"early_bird","first":1,"to":300}`:                                                       {300, 300},
	} {
		c := founded(t)
		o := dynamicOffer("ahead", schedule).with(func(k *coupon.Campaign) { k.Begin = c.clock.ms.Load() - 1_800_000 })
		c.open(o)
		l := c.newLane(o)
		cp := l.release()
		log := l.log
		c.clock.advance(10 * time.Minute)
		c.run(tick())
		l.close()
		s := c.sale(l.tendered(cp, log))
		before, refused := c.look(s)
		if len(refused) != 0 || before[0] != want {
			t.Errorf("%s: %v, refused %v, want %v", schedule, before, refused, want)
		}
		c.clock.advance(time.Hour)
		c.run(tick())
		if after, refused := c.look(s); len(refused) != 0 || after[0].now != before[0].later {
			t.Errorf("%s: said to be worth %d in an hour, and is worth %v, refused %v", schedule, before[0].later, after, refused)
		}
	}
}

func TestValueInOneHourOfWhatIsOverThen(t *testing.T) {
	t.Parallel()
	c := founded(t)
	now := c.clock.ms.Load()
	hour := time.Hour.Milliseconds()
	ends := makeOffer("ends", coupon.HolderBearer).with(func(k *coupon.Campaign) { k.End = now + hour })
	lasts := makeOffer("lasts", coupon.HolderBearer).with(func(k *coupon.Campaign) { k.End = now + hour + 1 })
	closes := makeOffer("closes", coupon.HolderBearer)
	stays := makeOffer("stays", coupon.HolderBearer)
	for _, o := range []offer{ends, lasts, closes, stays} {
		c.open(o)
	}
	c.run(closing(closes, now+hour))
	c.run(closing(stays, now+hour+1))
	seen, refused := c.look(c.sale(ends.tender(1), lasts.tender(1), closes.tender(1), stays.tender(1)))
	if len(refused) != 0 {
		t.Fatal(refused)
	}
	for i, want := range []values{{100, 0}, {100, 100}, {100, 0}, {100, 100}} {
		if seen[i] != want {
			t.Errorf("coupon %d: %v, want %v", i, seen[i], want)
		}
	}
}

func TestNoValueInOneHour(t *testing.T) {
	t.Parallel()
	c := founded(t)
	// Two coupons and units for one: which of them counts is not what time
	// changes, and nothing is promised of a coupon that is refused.
	s := c.sale(bearer.tender(1), bearer.tender(2))
	s.Basket.Lines[0].Quantity = 1
	seen, refused := c.look(s)
	if len(refused) != 1 || refused[0].Reason != coupon.ReasonNotInBasket || refused[0].Coupon != 1 {
		t.Fatalf("refused %v", refused)
	}
	if want := (values{100, 100}); seen[0] != want || seen[1] != (values{}) {
		t.Errorf("%v, want %v and nothing", seen, want)
	}
	s = c.sale(bearer.tender(3))
	var result coupon.CheckResult
	c.evaluate(check(checked(s)), &result)
	if v := result.Sales[0].Coupons[0]; v.Value != 100 || v.ValueInOneHour != 0 {
		t.Errorf("with an invoice: %+v", v)
	}
}
