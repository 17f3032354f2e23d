// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/merkletest"
	"ecoupon/network/desk"
)

// lane is led by an advertiser without its service: it dates, logs and closes as
// it likes, and has the beacons that the ledger gives it.
type lane struct {
	*arena
	offer
	number uint16
	frame  uint32
	// opened is the ledger's time of the frame's opening, Unix milliseconds.
	opened  int64
	beacon  coupon.Hash
	last, q coupon.Hash // q value before the frame, and of the newest coupon
	sn      int64
	entries [][]byte // the log of the frame
}

// openLane opens a lane; dated is how far the transaction's time is from the
// clock.
func (a *arena) openLane(ctx context.Context, o offer, number uint16, ahead time.Duration) *lane {
	l := &lane{arena: a, offer: o, number: number}
	s := l.step("OpenLane", coupon.LaneRequest{Framework: o.ID, Lane: number}, nil)
	s.dated = ahead
	l.done(ctx, s)
	l.enter(ctx)
	return l
}

func (l *lane) step(function string, request, input any) step {
	return step{
		Call: desk.Call{Function: function, Arguments: argument(request), Input: input, Endorsers: []string{issuer, l.Emitter}},
		by:   l.Emitter, as: "advertiser",
	}
}

func (l *lane) ref() coupon.FrameRef {
	return coupon.FrameRef{Framework: l.ID, Lane: l.number, Frame: l.frame}
}

// enter goes on to the next frame, which must be open.
func (l *lane) enter(ctx context.Context) {
	l.frame++
	ask := l.step("Beacon", l.ref(), nil)
	ask.Endorsers = []string{issuer}
	var result coupon.BeaconResult
	eventually(ctx, "the beacon is given", patience, func() bool {
		text, err := l.ask(ctx, ask)
		return err == nil && json.Unmarshal(text, &result) == nil
	})
	l.beacon, l.opened, l.last = result.Beacon, result.Before.Time, result.Before.Last
	l.q = coupon.FirstLink(l.last, l.beacon)
	l.entries = nil
}

// release makes the next coupon, with the time it is told, and logs it.
func (l *lane) release(w owner, at int64) coupon.Coupon {
	l.sn++
	l.q = coupon.NextLink(l.q, w.public[:])
	c := l.made(w, l.sn, at, l.q)
	l.entries = append(l.entries, c.Entry().Encoded())
	return c
}

// made is a coupon in the open frame that is not logged.
func (l *lane) made(w owner, sn, at int64, q coupon.Hash) coupon.Coupon {
	return l.sealed(coupon.Coupon{
		Kind: coupon.KindDynamic, Framework: l.ID, Lane: l.number, SN: sn, Owner: w.public,
		Release: coupon.Release{Frame: l.frame, Time: at, Q: q},
	}, l.beacon)
}

// content is what the frame is honestly closed with.
func (l *lane) content() coupon.FrameContent {
	return coupon.FrameContent{
		Salt: random(), Last: l.q, LastSN: l.sn, Count: int64(len(l.entries)), Root: merkletest.Root(l.entries),
	}
}

// closing closes the frame with the content.
func (l *lane) closing(content coupon.FrameContent) step {
	return l.step("CloseFrame", l.ref(), content)
}

// next closes the frame honestly, and enters the next.
func (l *lane) next(ctx context.Context, ahead time.Duration) {
	s := l.closing(l.content())
	s.dated = ahead
	l.done(ctx, s)
	l.enter(ctx)
}

func random() (h coupon.Hash) {
	_, err := rand.Read(h[:])
	check(err)
	return h
}

// receipt proves a coupon in the log of the frame that is about to be closed.
func (l *lane) receipt(index int) string {
	return coupon.Receipt{
		Index: int64(index), Size: int64(len(l.entries)), Path: merkletest.Path[coupon.Hash](index, l.entries),
	}.Text()
}

// soldAt redeems a coupon once its time has come.
func (l *lane) soldAt(ctx context.Context, c coupon.Coupon, receipts ...string) outcome {
	until(ctx, c.Release.Time)
	r := withReceipts(request(c.Text()), receipts...)
	for {
		// A till repeats the same request until it has an answer.
		o := l.sell(ctx, retailer, r)
		if o.with != string(coupon.ReasonLedgerUnavailable) && o.with != string(coupon.ReasonOutcomeUnknown) || ctx.Err() != nil {
			return o
		}
	}
}

func nonce() coupon.Nonce {
	h := random()
	return coupon.Nonce(h[:16])
}

// until waits for a time, Unix milliseconds.
func until(ctx context.Context, at int64) {
	if wait := time.Until(time.UnixMilli(at)); wait > 0 {
		select {
		case <-ctx.Done():
			check(errors.New("interrupted"))
		case <-time.After(wait):
		}
	}
}
