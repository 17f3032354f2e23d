// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// scheduledOffer begins when the tests do, with a benefit that varies.
func scheduledOffer(c *consortium, benefit string) offer {
	return makeOffer("scheduled", coupon.HolderBearer).with(func(k *coupon.Campaign) {
		k.Begin = c.clock.ms.Load()
		k.Terms = `{"format":1,"currency":"EUR","gtins":["` + coffee + `"],"quantity":1,"benefit":` + benefit + `}`
	})
}

// TestCalendarSchedules redeems a coupon of the same offer at several times
// since the campaign's beginning: Check and both endorsers of the batch agree
// on what it is worth then.
func TestCalendarSchedules(t *testing.T) {
	t.Parallel()
	type use struct {
		after time.Duration
		want  int64
	}
	for _, test := range []struct {
		name, benefit string
		uses          []use
	}{
		{"linear decay", `{"type":"amount_off","amount":200,"schedule":{"type":"linear","from":"begin","start":3600000,"end":10800000,"to":50}}`,
			[]use{{0, 200}, {time.Hour, 200}, {90 * time.Minute, 163}, {2 * time.Hour, 125}, {3*time.Hour - 48*time.Second, 51}, {3 * time.Hour, 50}, {30 * time.Hour, 50}}},
		{"growth", `{"type":"gift","value":100,"schedule":{"type":"linear","from":"begin","end":3600000,"to":400}}`,
			[]use{{0, 100}, {20 * time.Minute, 200}, {time.Hour, 400}, {2 * time.Hour, 400}}},
		{"steps", `{"type":"percent_off","percent":50,"cap":400,"schedule":{"type":"stepped","from":"begin","steps":[{"after":60000,"to":20},{"after":3600000,"to":0}]}}`,
			[]use{{0, 250}, {time.Minute - time.Millisecond, 250}, {time.Minute, 100}, {time.Hour, 0}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := founded(t)
			o := scheduledOffer(c, test.benefit)
			c.open(o)
			ticked := time.Duration(0)
			for i, use := range test.uses {
				c.clock.ms.Store(o.campaign.Begin + use.after.Milliseconds())
				if use.after-ticked >= 2*time.Minute {
					c.run(tick())
					ticked = use.after
				}
				// The bearer offer beside it is worth the same at all times.
				sn := int64(i + 1)
				sale := c.sale(o.tender(sn), bearer.tender(sn))
				var result coupon.CheckResult
				c.evaluate(check(checked(sale)), &result)
				shown := result.Sales[0].Coupons
				if len(shown) != 2 || shown[0].Value != use.want || shown[1].Value != 100 {
					t.Fatalf("after %s Check shows %+v, want %d and 100", use.after, result.Sales[0], use.want)
				}
				record := decodeRecord(t, c.record(c.run(redeem(c.batch(sale)))))
				spent := record.Redemptions[0].Coupons
				if spent[0].Value != use.want || spent[1].Value != 100 {
					t.Errorf("after %s the record has %d and %d, want %d and 100", use.after, spent[0].Value, spent[1].Value, use.want)
				}
			}
		})
	}
}

// TestScheduleIsOfTheTimeOfRedemption proposes with a timestamp before the last
// step: endorsers judge by it, as long as it is close to their clocks.
func TestScheduleIsOfTheTimeOfRedemption(t *testing.T) {
	t.Parallel()
	c := founded(t)
	o := scheduledOffer(c, `{"type":"amount_off","amount":200,"schedule":{"type":"stepped","from":"begin","steps":[{"after":60000,"to":10}]}}`)
	c.open(o)
	c.clock.advance(time.Minute + 20*time.Second)
	k := redeem(c.batch(c.sale(o.tender(1))))
	k.at = c.clock.now().Add(-31 * time.Second)
	c.refused(k, coupon.ReasonClockSkew)
	k.at = c.clock.now().Add(-30 * time.Second)
	if got := decodeRecord(t, c.record(c.run(k))).Redemptions[0].Coupons[0].Value; got != 200 {
		t.Errorf("before the step it is worth %d", got)
	}
	later := redeem(c.batch(c.sale(o.tender(2))))
	if got := decodeRecord(t, c.record(c.run(later))).Redemptions[0].Coupons[0].Value; got != 10 {
		t.Errorf("after the step it is worth %d", got)
	}
}

func TestSchedulesOfStaticCouponsAreRefused(t *testing.T) {
	t.Parallel()
	refused := func(name, schedule, field string) refusal {
		return refusal{name: name, want: coupon.ReasonBadTerms, field: field, prepare: func(c *consortium) call {
			o := scheduledOffer(c, `{"type":"amount_off","amount":200,"schedule":`+schedule+`}`)
			c.run(enterKey(o))
			return publish(o)
		}}
	}
	const field = "benefit.schedule"
	testRefusals(t, []refusal{
		refused("decay from release", `{"type":"linear","from":"release","end":1000,"to":100}`, field),
		refused("growth from release", `{"type":"linear","from":"release","end":1000,"to":300}`, field),
		refused("steps from release", `{"type":"stepped","from":"release","steps":[{"after":1,"to":1}]}`, field),
		refused("early bird", `{"type":"early_bird","first":10,"to":300}`, field),
		refused("random", `{"type":"random","to":300}`, field),
		refused("no schedule at all", `{"type":"linear","from":"begin","to":300}`, field+".end"),
	})
}

// released makes a static coupon's text one of a dynamic coupon or a proof.
func released(kind coupon.Kind) func(*coupon.Coupon) {
	return func(cp *coupon.Coupon) {
		cp.Kind = kind
		cp.Release = coupon.Release{Frame: 1, Time: 1772442000000, Q: coupon.Hash{1}}
	}
}

func TestCouponsOfAnotherKindAreRefused(t *testing.T) {
	t.Parallel()
	testBadBatches(t, []badBatch{
		{name: "dynamic", want: one(0, coupon.ReasonUnsupportedKind, ""), spoil: replace(bearer, released(coupon.KindDynamic))},
		{name: "proof", want: one(0, coupon.ReasonUnsupportedKind, ""), spoil: replace(bearer, released(coupon.KindProof))},
		{name: "dynamic, presented", want: one(1, coupon.ReasonUnsupportedKind, ""), spoil: func(c *consortium, b *coupon.BatchInput) {
			cp := bound.mint(2, ownedBy(wallet(2)), released(coupon.KindDynamic), func(cp *coupon.Coupon) { cp.Bound = false })
			p := coupon.Presentation{Coupon: cp, PresentedAt: c.clock.ms.Load(), Retailer: retailer}
			if err := p.Sign(wallet(2)); err != nil {
				c.t.Fatal(err)
			}
			b.Sales[0].Coupons[1] = coupon.Tendered{Text: p.Text(), Tag: bound.tag(cp)}
		}},
	})
}
