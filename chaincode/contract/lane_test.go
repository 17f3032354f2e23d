// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"crypto/ed25519"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/merkletest"
)

// maxFrameAge is that of the tests' dynamic campaigns.
const maxFrameAge = 10_000

// decaying is a dynamic bearer offer: 1.00 EUR, over an hour from release down
// to 0.20 EUR.
var decaying = dynamicOffer("decaying", `{"type":"linear","from":"release","end":3600000,"to":20}`)

// dynamicOffer is makeOffer's with a schedule.
func dynamicOffer(campaign, schedule string) offer {
	return makeOffer(campaign, coupon.HolderBearer).with(func(k *coupon.Campaign) {
		k.Kinds, k.MaxFrameAge = []coupon.Kind{coupon.KindDynamic}, maxFrameAge
		k.Terms = `{"format":1,"currency":"EUR","gtins":["` + coffee + `"],"quantity":1,` +
			`"benefit":{"type":"amount_off","amount":100,"schedule":` + schedule + `}}`
	})
}

// lane is what an advertiser knows of a lane that it runs.
type lane struct {
	*consortium
	offer
	frame  coupon.FrameRef
	opened int64
	beacon coupon.Hash
	last   coupon.Hash // of the frame before
	q      coupon.Hash
	sn     int64
	log    []coupon.Entry
}

// newLane opens lane 0 of an offer that is open, and frame 1.
func (c *consortium) newLane(o offer) *lane {
	c.t.Helper()
	l := &lane{consortium: c, offer: o, frame: coupon.FrameRef{Framework: o.mandate().ID()}}
	c.run(l.opening())
	l.begin()
	return l
}

func (l *lane) opening() call {
	return call{
		function: "OpenLane", by: l.emitter(), endorsers: l.parties(),
		argument: coupon.LaneRequest{Framework: l.frame.Framework, Lane: l.frame.Lane},
	}
}

func askBeacon(ref coupon.FrameRef) call {
	return call{function: "Beacon", argument: ref, by: advertiser, endorsers: []string{issuer}}
}

// begin fetches the next frame's beacon.
func (l *lane) begin() {
	l.t.Helper()
	var result coupon.BeaconResult
	l.frame = l.frame.Next()
	ask := askBeacon(l.frame)
	ask.by = l.emitter()
	l.evaluate(ask, &result)
	l.beacon, l.opened, l.last = result.Beacon, result.Before.Time, result.Before.Last
	l.q, l.log = coupon.FirstLink(l.last, l.beacon), nil
}

// release makes the next coupon; change may spoil it before its MAC is made.
func (l *lane) release(change ...func(*coupon.Coupon)) coupon.Coupon {
	m := l.mandate()
	l.sn++
	c := coupon.Coupon{
		Kind: m.Kind, Framework: m.ID(), Lane: l.frame.Lane, SN: l.sn,
		Owner:      coupon.PublicKey(wallet(int(l.sn)).Public().(ed25519.PublicKey)),
		Release:    coupon.Release{Frame: l.frame.Frame, Time: max(l.clock.ms.Load(), l.opened)},
		MandateMAC: m.MAC(coupon.DeriveFrameworkKey(l.key)),
	}
	l.q = coupon.NextLink(l.q, c.Owner[:])
	c.Release.Q = l.q
	for _, f := range change {
		f(&c)
	}
	l.log = append(l.log, c.Entry())
	c.EmitterMAC = c.MAC(l.emitterKey(), m.Data(), l.beacon)
	return c
}

// content is what the advertiser says of the frame.
func (l *lane) content() coupon.FrameContent {
	return coupon.FrameContent{
		Salt: l.salt(), Last: l.q, LastSN: l.sn, Count: int64(len(l.log)), Root: merkletest.Root(merkletest.Encoded(l.log)),
	}
}

func closeFrame(ref coupon.FrameRef, content coupon.FrameContent) call {
	return call{
		function: "CloseFrame", argument: ref, input: content,
		by: advertiser, endorsers: []string{issuer, advertiser},
	}
}

func (l *lane) closing() call {
	k := closeFrame(l.frame, l.content())
	k.by, k.endorsers = l.emitter(), l.parties()
	return k
}

// close closes the frame and begins the next.
func (l *lane) close() {
	l.t.Helper()
	l.run(l.closing())
	l.begin()
}

// tendered is a coupon as a retailer proposes it, with a receipt if there is a
// log that has it.
func (l *lane) tendered(c coupon.Coupon, log []coupon.Entry) coupon.Tendered {
	t := coupon.Tendered{Text: c.Text(), Tag: l.tag(c)}
	for i, e := range log {
		if e.SN == c.SN {
			r := coupon.Receipt{Size: int64(len(log)), Index: int64(i), Path: merkletest.Path[coupon.Hash](i, merkletest.Encoded(log))}
			t.Receipt = r.Text()
		}
	}
	return t
}
