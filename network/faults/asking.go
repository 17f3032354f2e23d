// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/faults/history"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// ask is a request for a redemption; it may be sent several times.
type ask struct {
	at      *shop
	request *retailerv1.RedeemRequest
	coupons []serial
	// number names the redemption in histories.
	number int
}

func (p *play) newAsk(at *shop, r *retailerv1.RedeemRequest, coupons []serial) *ask {
	return &ask{at, r, coupons, p.book.nextNumber()}
}

// send sends the request once and records what was answered.
func (p *play) send(ctx context.Context, as retailerv1.RetailerServiceClient, a *ask) (*retailerv1.RedeemResponse, error) {
	asked := p.book.now()
	answer, err := as.Redeem(ctx, a.request)
	p.book.record(a.coupons, history.Operation{Kind: history.Redeem, Request: a.number, Client: a.number, Call: asked}, err)
	return answer, err
}

// sendVoid asks once for a void and records what was answered.
func (p *play) sendVoid(ctx context.Context, s *sold, void *retailerv1.VoidRequest, client int) error {
	asked := p.book.now()
	_, err := s.shop.operator.Void(ctx, void)
	p.book.record(s.coupons, history.Operation{Kind: history.Void, Request: s.number, Client: client, Call: asked}, err)
	return err
}

// outcomeOf says what an answer means for the coupon at an index of the request.
func outcomeOf(err error, index int) history.Outcome {
	switch {
	case err == nil:
		return history.Done
	case isUnknown(err):
		return history.Unknown
	case undecided(err) != "":
		return history.NotNow
	}
	reasons := desk.Reasons(err)
	if slices.Contains(reasons, string(coupon.ReasonVoided)) {
		return history.Voided
	}
	for _, d := range status.Convert(err).Details() {
		list, ok := d.(*typev1.RefusedCoupons)
		if !ok {
			continue
		}
		for _, refused := range list.GetRefused() {
			if int(refused.GetIndex()) == index && refused.GetReason() == typev1.ErrorReason_ERROR_REASON_ALREADY_REDEEMED {
				return history.Used
			}
		}
	}
	return history.Refused
}

// isUnknown reports that a request may have had an effect, as opposed to an
// answer that asks to send it again.
func isUnknown(err error) bool {
	reasons := desk.Reasons(err)
	switch status.Code(err) {
	case codes.DeadlineExceeded, codes.Canceled:
		return true
	case codes.Unavailable:
		return len(reasons) == 0 || slices.Contains(reasons, string(coupon.ReasonOutcomeUnknown))
	default:
		return false
	}
}

// track is where operations on a coupon are recorded, and its number there.
type track struct {
	history *history.History
	number  int
}

// now is the time of histories.
func (b *book) now() time.Duration { return time.Since(b.began) }

func (b *book) nextNumber() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.numbers++
	return b.numbers
}

// open has the coupons that are first used from now on recorded in another
// history, and returns it.
func (b *book) open() *history.History {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.history = new(history.History)
	return b.history
}

// record adds a call that has returned now to the histories of its coupons.
// Coupons that were never the customer's, such as forged ones, have none.
func (b *book) record(coupons []serial, o history.Operation, err error) {
	o.Return = b.now()
	for i, c := range coupons {
		t := b.trackOf(c)
		o.Coupon, o.Outcome = t.number, outcomeOf(err, i)
		t.history.Add(o)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.operations++
}

func (b *book) trackOf(c serial) track {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, found := b.tracks[c]
	if !found {
		b.numbers++
		t = track{b.history, b.numbers}
		b.tracks[c] = t
	}
	return t
}

// done is how many calls were recorded.
func (b *book) done() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.operations
}
