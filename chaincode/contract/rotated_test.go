// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// next is the mandate of the epoch after that of o's.
func (o offer) next() coupon.Mandate {
	m := o.mandate()
	m.Epoch++
	return m
}

func rotate(o offer, quotas ...int64) call {
	m := o.next()
	return call{
		function: "RotateKey", by: issuer, endorsers: []string{issuer, advertiser},
		argument: coupon.RotateRequest{Framework: o.mandate().ID(), Quotas: quotas},
		input: coupon.EmitterKeyInput{
			Key: coupon.DeriveEmitterKey(o.key, o.campaign.ID, advertiser, m.Epoch),
			MAC: m.MAC(coupon.DeriveFrameworkKey(o.key)),
		},
	}
}

func TestARotatedKeyIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	c := founded(t)
	old := c.run(redeem(c.batch(c.sale(bearer.tender(1)))))
	if old == nil {
		t.Fatal("no redemption")
	}
	c.run(rotate(bearer, 10))
	var event coupon.KeyRotatedEvent
	if c.lastEvent("KeyRotated", &event); event.Before != bearer.mandate().ID() || event.Framework != bearer.next().ID() {
		t.Errorf("the event is %+v", event)
	}
	state := c.state(bearer.mandate().ID())
	if state.Status != coupon.MandateActive || state.Next == nil || *state.Next != event.Framework || state.Rotated != c.clock.ms.Load() {
		t.Errorf("the mandate before is %+v", state)
	}
	c.run(redeem(c.batch(c.sale(bearer.tender(2)))))
	made := mintUnder(bearer, bearer.next(), 10)
	c.run(redeem(c.batch(c.sale(coupon.Tendered{Text: made.Text(), Tag: bearer.tag(made)}))))
	above := mintUnder(bearer, bearer.next(), 11)
	c.refusedAtTill(coupon.Tendered{Text: above.Text(), Tag: bearer.tag(above)}, coupon.ReasonQuotaExceeded, "")
	forged := mintUnder(bearer, bearer.next(), 9)
	forged.EmitterMAC = forged.MAC(bearer.emitterKey(), bearer.next().Data(), coupon.Hash{})
	c.assertRefusals(t, issuer, c.refusal(redeem(c.batch(c.sale(coupon.Tendered{Text: forged.Text(), Tag: bearer.tag(forged)})))),
		one(0, coupon.ReasonWrongMAC, ""))
	c.run(c.revoke(bearer))
	c.refusedAtTill(bearer.tender(3), coupon.ReasonLaneEnded, "")
	another := mintUnder(bearer, bearer.next(), 8)
	c.run(redeem(c.batch(c.sale(coupon.Tendered{Text: another.Text(), Tag: bearer.tag(another)}))))
}

// mintUnder is offer.mint under another of its mandates.
func mintUnder(o offer, m coupon.Mandate, sn int64) coupon.Coupon {
	made := coupon.Coupon{Kind: coupon.KindStatic, Framework: m.ID(), SN: sn, MandateMAC: m.MAC(coupon.DeriveFrameworkKey(o.key))}
	made.EmitterMAC = made.MAC(coupon.DeriveEmitterKey(o.key, m.Campaign, m.Emitter, m.Epoch), m.Data(), coupon.Hash{})
	return made
}

func TestARevokedMandateIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.run(c.revoke(bearer))
	c.run(rotate(bearer, 10))
	made := mintUnder(bearer, bearer.next(), 1)
	c.run(redeem(c.batch(c.sale(coupon.Tendered{Text: made.Text(), Tag: bearer.tag(made)}))))
	if got := c.state(bearer.mandate().ID()); got.Status != coupon.MandateRevoked {
		t.Errorf("the revoked mandate is %+v", got)
	}
}

func TestARotatedLaneServesOutItsFrame(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.open(decaying)
	l := c.newLane(decaying)
	l.release()
	c.clock.advance(time.Second)
	c.run(rotate(decaying, quota))
	l.release()
	c.clock.advance(time.Second)
	c.run(closeFrame(l.frame, l.content()))
	c.refused(askBeacon(l.frame.Next()), coupon.ReasonSuperseded)
	var result coupon.BeaconResult
	asIssuer := askBeacon(l.frame.Next())
	asIssuer.by = issuer
	c.evaluate(asIssuer, &result)
	c.clock.advance(time.Second)
	empty := coupon.FrameContent{
		Salt: c.salt(), Last: coupon.FirstLink(result.Before.Last, result.Beacon), LastSN: 2, Root: coupon.EmptyRoot,
	}
	for _, mspID := range []string{issuer, advertiser} {
		k := closeFrame(l.frame.Next(), empty)
		k.endorsers = []string{mspID}
		c.refused(k, coupon.ReasonSuperseded)
	}
}
