// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package campaigntest

import (
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/merkletest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// Lane is a lane of a dynamic campaign whose emitter is played by the test: an
// honest one, unless the test changes its fields.
type Lane struct {
	*Campaign
	// Frame is the one that is open, Beacon its beacon, Opened when it opened,
	// Unix milliseconds.
	Frame  coupon.FrameRef
	Beacon coupon.Hash
	Opened int64
	// Q is the last link of the chain, SN the last serial number, Log what the
	// open frame has.
	Q   coupon.Hash
	SN  int64
	Log []coupon.Entry

	closed map[coupon.FrameRef][]coupon.Entry
}

// OpenLane opens a lane of the framework and its frame 1.
func (p *Campaign) OpenLane(t testing.TB, lane uint16) *Lane {
	t.Helper()
	l := &Lane{
		Campaign: p, Frame: coupon.FrameRef{Framework: p.Framework.ID, Lane: lane},
		closed: make(map[coupon.FrameRef][]coupon.Entry),
	}
	p.submitAs(t, p.Framework.Emitter, ledger.Call{
		Function: "OpenLane", Argument: coupon.LaneRequest{Framework: l.Frame.Framework, Lane: lane},
		Endorsers: p.with(p.Framework.Emitter),
	})
	l.begin(t)
	return l
}

// Close closes the open frame and opens the next.
func (l *Lane) Close(t testing.TB) {
	t.Helper()
	l.consortium.Clock.Advance(time.Millisecond) // frames are closed one after the other
	l.submitAs(t, l.Framework.Emitter, ledger.Call{
		Function: "CloseFrame", Argument: l.Frame,
		Input: coupon.FrameContent{
			Salt: coupon.Hash(RandomKey()), Last: l.Q, LastSN: l.SN, Count: int64(len(l.Log)), Root: merkletest.Root(merkletest.Encoded(l.Log)),
		},
		Endorsers: l.with(l.Framework.Emitter),
	})
	l.closed[l.Frame] = l.Log
	l.begin(t)
}

// Record is the ledger's record of a closed frame.
func (l *Lane) Record(t testing.TB, frame coupon.FrameRef) coupon.Frame {
	t.Helper()
	var record coupon.Frame
	err := l.consortium.For(t, l.Framework.Emitter).Evaluate(t.Context(), ledger.Call{
		Namespace: config.Namespace(l.Issuer), Function: "GetFrame", Argument: frame,
	}, &record)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func (l *Lane) begin(t testing.TB) {
	t.Helper()
	before := l.Record(t, l.Frame)
	l.Frame = l.Frame.Next()
	l.Beacon = l.Frame.Beacon(coupon.DeriveBeaconKey(l.Key), before)
	l.Opened, l.Q, l.Log = before.Time, coupon.FirstLink(before.Last, l.Beacon), nil
}

// Release makes the next coupon of the lane for u_data.
func (l *Lane) Release(uData coupon.PublicKey) coupon.Coupon {
	l.SN++
	l.Q = coupon.NextLink(l.Q, uData[:])
	c := coupon.Coupon{
		Kind: coupon.KindDynamic, Framework: l.Framework.ID, Lane: l.Frame.Lane, SN: l.SN, Owner: uData,
		Release: coupon.Release{
			Frame: l.Frame.Frame, Time: max(l.consortium.Clock.Now().UnixMilli(), l.Opened), Q: l.Q,
		},
		MandateMAC: l.mandateMAC,
	}
	l.Log = append(l.Log, c.Entry())
	return l.Seal(c)
}

// Proof makes the next coupon of the lane a purchase proof.
func (l *Lane) Proof(product coupon.Product) coupon.Coupon {
	c := l.Release(coupon.PublicKey(RandomKey()))
	c.Kind, c.Product = coupon.KindProof, product
	return l.Seal(c)
}

// Seal makes the coupon's MAC anew, with the beacon of the open frame.
func (l *Lane) Seal(c coupon.Coupon) coupon.Coupon {
	c.EmitterMAC = c.MAC(l.emitterKey, l.Framework.Mandate().Data(), l.Beacon)
	return c
}

// Receipt is the text of the coupon's receipt. Its frame is closed.
func (l *Lane) Receipt(t testing.TB, c coupon.Coupon) string {
	t.Helper()
	log := l.closed[coupon.FrameOf(c)]
	for i, e := range log {
		if e.SN == c.SN {
			return coupon.Receipt{Size: int64(len(log)), Index: int64(i), Path: merkletest.Path[coupon.Hash](i, merkletest.Encoded(log))}.Text()
		}
	}
	t.Fatalf("no closed frame has the coupon %d", c.SN)
	return ""
}
