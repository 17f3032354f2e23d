// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// worth redeems a coupon and returns its value in the record.
func (l *lane) worth(t coupon.Tendered) int64 {
	l.t.Helper()
	record := decodeRecord(l.t, l.record(l.run(redeem(l.batch(l.sale(t))))))
	return record.Redemptions[0].Coupons[0].Value
}

func TestDynamicCouponsAreWorthLess(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.open(decaying)
	l := c.newLane(decaying)
	c.clock.advance(time.Second)
	first, second, third := l.release(), l.release(), l.release()
	if worth := l.worth(l.tendered(first, nil)); worth != 100 {
		t.Errorf("at once, in a frame that is open: %d", worth)
	}
	l.close()
	c.clock.advance(30 * time.Minute)
	c.run(tick())
	if worth := l.worth(l.tendered(second, nil)); worth != 60 {
		t.Errorf("after half an hour: %d", worth)
	}
	c.clock.advance(31 * time.Minute)
	c.run(tick())
	if worth := l.worth(l.tendered(third, nil)); worth != 20 {
		t.Errorf("after more than an hour: %d", worth)
	}
	c.assertSpent(l, first)
}

// assertSpent expects a coupon that is spent to be refused as such.
func (c *consortium) assertSpent(l *lane, cp coupon.Coupon) {
	c.t.Helper()
	k := redeem(c.batch(c.sale(l.tendered(cp, nil))))
	c.assertRefusals(c.t, issuer, c.refusal(k), one(0, coupon.ReasonAlreadyRedeemed, ""))
}

func TestBoundDynamicCouponsArePresented(t *testing.T) {
	t.Parallel()
	o := dynamicOffer("loyal-decay", `{"type":"linear","from":"release","end":3600000,"to":20}`).
		with(func(k *coupon.Campaign) { k.Holder = coupon.HolderBound })
	c := founded(t)
	c.open(o)
	l := c.newLane(o)
	cp, stolen := l.release(), l.release(func(cp *coupon.Coupon) { cp.Owner = coupon.PublicKey{1} })
	bare := redeem(c.batch(c.sale(l.tendered(cp, nil))))
	c.assertRefusals(t, issuer, c.refusal(bare), one(0, coupon.ReasonPresentationRequired, ""))

	present := func(cp coupon.Coupon, owner int) coupon.Tendered {
		p := coupon.Presentation{Coupon: cp, PresentedAt: c.clock.ms.Load(), Nonce: coupon.Nonce{9}, Retailer: retailer}
		if err := p.Sign(wallet(owner)); err != nil {
			t.Fatal(err)
		}
		return coupon.Tendered{Text: p.Text(), Tag: l.tag(cp)}
	}
	another := redeem(c.batch(c.sale(present(cp, 2))))
	c.assertRefusals(t, issuer, c.refusal(another), one(0, coupon.ReasonWrongSignature, ""))
	smallOrder := redeem(c.batch(c.sale(present(stolen, 2))))
	c.assertRefusals(t, issuer, c.refusal(smallOrder), one(0, coupon.ReasonBadOwnerKey, ""))
	if worth := l.worth(present(cp, 1)); worth != 100 {
		t.Errorf("presented by its owner: %d", worth)
	}
}

func TestEarlierIsWorthMoreWithAReceipt(t *testing.T) {
	t.Parallel()
	for schedule, want := range map[string][2]int64{
		`{"type":"early_bird","first":1,"to":300}`:                                {300, 100},
		`{"type":"linear","from":"release","end":600000,"to":200}`:                {150, 150},
		`{"type":"stepped","from":"release","steps":[{"after":240000,"to":180}]}`: {180, 180},
	} {
		c := founded(t)
		o := dynamicOffer("early", schedule)
		c.open(o)
		l := c.newLane(o)
		first, second := l.release(), l.release()
		log := l.log
		c.clock.advance(5 * time.Minute)
		c.run(tick())
		without := redeem(c.batch(c.sale(l.tendered(first, nil))))
		c.assertRefusals(t, issuer, c.refusal(without), one(0, coupon.ReasonReceiptRequired, "receipt"))
		l.close()
		if got := [2]int64{l.worth(l.tendered(first, log)), l.worth(l.tendered(second, log))}; got != want {
			t.Errorf("%s: %v, want %v", schedule, got, want)
		}
	}
}

func TestRandomValuesAreFixedByTheClosedFrame(t *testing.T) {
	t.Parallel()
	c := founded(t)
	o := dynamicOffer("lottery", `{"type":"random","to":500}`)
	c.open(o)
	l := c.newLane(o)
	values := map[int64]bool{}
	var coupons []coupon.Coupon
	for range 8 {
		coupons = append(coupons, l.release())
	}
	log := l.log
	c.clock.advance(time.Second)
	l.close()
	for _, cp := range coupons {
		tendered := l.tendered(cp, log)
		s := c.sale(tendered)
		var result coupon.CheckResult
		c.evaluate(check(checked(s)), &result)
		verdict := result.Sales[0].Coupons[0]
		if want := cp.Draw(l.beacon); verdict.Draw == nil || *verdict.Draw != want {
			t.Fatalf("Check gives the random value %v, want %v", verdict.Draw, want)
		}
		wrong := coupon.Hash{1}
		t.Logf("must be refused with %s", coupon.ReasonTagMismatch)
		tendered.Draw = &wrong
		k := redeem(c.batch(c.sale(tendered)))
		k.endorsers = []string{issuer}
		c.assertRefusals(t, issuer, c.refusal(k), one(0, coupon.ReasonTagMismatch, "draw"))
		tendered.Draw = nil
		k = redeem(c.batch(c.sale(tendered)))
		for _, k.endorsers = range [][]string{{issuer}, {retailer}} {
			c.assertRefusals(t, k.endorsers[0], c.refusal(k), one(0, coupon.ReasonTagMismatch, "draw"))
		}
		tendered.Draw = verdict.Draw
		value := l.worth(tendered)
		if value != verdict.Value || value < 100 || value > 500 {
			t.Errorf("Check said %d, and it is worth %d", verdict.Value, value)
		}
		values[value] = true
	}
	if len(values) < 4 {
		t.Errorf("eight random values are just %v", values)
	}
}

// badRelease is a coupon that is refused, in frame 2 of a lane whose first frame
// was closed 11 s ago, empty.
type badRelease struct {
	name   string
	offer  offer
	tender func(l *lane) coupon.Tendered
	want   coupon.Reason
	field  string
	seenBy string
}

// rising gives more to the first coupon, so that it takes a receipt.
var rising = dynamicOffer("early", `{"type":"early_bird","first":1,"to":300}`)

var badReleases = []badRelease{
	{"frame that is not open", decaying, made(func(_ *lane, c *coupon.Coupon) { c.Release.Frame = 3 }), coupon.ReasonFrameNotOpen, "", ""},
	{"lane that the framework lacks", decaying, made(func(_ *lane, c *coupon.Coupon) { c.Lane = 1 }), coupon.ReasonUnknownLane, "", ""},
	{"before its frame", decaying, made(func(l *lane, c *coupon.Coupon) { c.Release.Time = l.opened - 1 }), coupon.ReasonWrongReleaseTime, "", ""},
	{"long after its frame's beginning", decaying, made(func(l *lane, c *coupon.Coupon) {
		c.Release.Time = l.opened + maxFrameAge + 1
	}), coupon.ReasonWrongReleaseTime, "", ""},
	{"ahead of now", decaying, made(func(l *lane, c *coupon.Coupon) { c.Release.Time = l.clock.ms.Load() + 5001 }), coupon.ReasonWrongReleaseTime, "", ""},
	{"another frame", decaying, forged(func(_ *lane, c *coupon.Coupon) { c.Release.Frame = 1 }), coupon.ReasonWrongReleaseTime, "", ""},
	{"another time", decaying, forged(func(_ *lane, c *coupon.Coupon) { c.Release.Time++ }), coupon.ReasonWrongMAC, "", issuer},
	{"another u_data", decaying, forged(func(_ *lane, c *coupon.Coupon) { c.Owner[0] ^= 1 }), coupon.ReasonWrongMAC, "", issuer},
	{"another q", decaying, forged(func(_ *lane, c *coupon.Coupon) { c.Release.Q[0] ^= 1 }), coupon.ReasonWrongMAC, "", issuer},
	{"made with the beacon before", decaying, func(l *lane) coupon.Tendered {
		beacon := l.beacon
		l.clock.advance(time.Second)
		l.close()
		l.beacon = beacon
		return l.tendered(l.release(atOpening(l)), nil)
	}, coupon.ReasonWrongMAC, "", issuer},
	{"static coupon in its framework", decaying, func(l *lane) coupon.Tendered {
		c := coupon.Coupon{Kind: coupon.KindStatic, Framework: l.frame.Framework, SN: 9, MandateMAC: l.release().MandateMAC}
		c.EmitterMAC = c.MAC(l.emitterKey(), l.mandate().Data(), coupon.Hash{})
		return l.tendered(c, nil)
	}, coupon.ReasonUnsupportedKind, "", ""},
	{"presented, where bearer", decaying, func(l *lane) coupon.Tendered {
		c := l.release(atOpening(l))
		p := coupon.Presentation{Coupon: c, PresentedAt: l.clock.ms.Load(), Retailer: retailer}
		_ = p.Sign(wallet(int(c.SN)))
		return coupon.Tendered{Text: p.Text(), Tag: l.tag(c)}
	}, coupon.ReasonWrongHolder, "", ""},
	{"no receipt", rising, made(func(*lane, *coupon.Coupon) {}), coupon.ReasonReceiptRequired, "receipt", ""},
	{"receipt that is none", rising, func(l *lane) coupon.Tendered {
		c := l.tendered(l.release(), nil)
		c.Receipt = "er1.x"
		return c
	}, coupon.ReasonMalformedReceipt, "", ""},
	{"receipt before the frame is closed", rising, func(l *lane) coupon.Tendered {
		c := l.release(atOpening(l))
		return l.tendered(c, l.log)
	}, coupon.ReasonFrameNotClosed, "", ""},
	{"receipt of a log that was not closed", rising, func(l *lane) coupon.Tendered {
		l.release(atOpening(l))
		c := l.release(atOpening(l))
		log := l.log
		l.log, l.sn = l.log[:1], l.sn-1
		l.q = l.log[0].Q
		l.clock.advance(time.Second)
		l.close()
		return l.tendered(c, log)
	}, coupon.ReasonWrongReceipt, "receipt", ""},
}

func TestReleasesAreRefused(t *testing.T) {
	t.Parallel()
	for _, r := range badReleases {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			t.Logf("must be refused with %s", r.want)
			c := founded(t)
			c.open(r.offer)
			l := c.newLane(r.offer)
			c.clock.advance(time.Minute)
			l.close()
			c.clock.advance(11 * time.Second)
			b := c.batch(c.sale(r.tender(l)))
			for _, mspID := range []string{issuer, retailer} {
				k := redeem(b)
				k.endorsers = []string{mspID}
				if r.seenBy != "" && r.seenBy != mspID {
					c.endorse(k)
					continue
				}
				c.assertRefusals(t, mspID, c.refusal(k), one(0, r.want, r.field))
			}
			c.assertCheck(t, b, one(0, r.want, r.field))
		})
	}
}

// atOpening dates a coupon by the opening of its frame.
func atOpening(l *lane) func(*coupon.Coupon) {
	return func(c *coupon.Coupon) { c.Release.Time = l.opened }
}

// made releases a coupon as its emitter likes.
func made(change func(*lane, *coupon.Coupon)) func(*lane) coupon.Tendered {
	return func(l *lane) coupon.Tendered {
		c := l.release(func(c *coupon.Coupon) {
			c.Release.Time = l.opened
			change(l, c)
		})
		return l.tendered(c, nil)
	}
}

// forged changes a coupon after its release.
func forged(change func(*lane, *coupon.Coupon)) func(*lane) coupon.Tendered {
	return func(l *lane) coupon.Tendered {
		c := l.release(atOpening(l))
		change(l, &c)
		return l.tendered(c, nil)
	}
}
