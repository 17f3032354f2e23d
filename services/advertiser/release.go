// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/issuing"
	"ecoupon/services/internal/ledger"
)

// frameWait bounds how long a request waits for a frame to open: several times
// what closing one and fetching a beacon takes.
const frameWait = 5 * time.Second

// release gives the request its place in the frame that is open. While there is
// none it waits, and has a frame that is too old closed; it is refused with
// LEDGER_UNAVAILABLE when none opens in time. Nothing is given out then.
func (a *Advertiser) release(ctx context.Context, o *offer, request issuing.Request) (issuing.Released, error) {
	at, changed := o.keeper.position()
	if at.open != nil {
		released, err := o.keeper.releaseIn(ctx, request, at.open)
		if !wait(err) {
			return released, err
		}
	}
	// A repeat is answered whatever frame there is.
	released, found, err := a.serials.FindReleased(ctx, request)
	if err != nil || found {
		return released, err
	}
	return a.releaseLater(ctx, o, request, at, changed)
}

// releaseLater is release from a position of the keeper on in which there is no
// place for the request.
func (a *Advertiser) releaseLater(ctx context.Context, o *offer, request issuing.Request, at position, changed <-chan struct{}) (issuing.Released, error) {
	waiting, cancel := context.WithTimeout(ctx, frameWait)
	defer cancel()
	for {
		if at.spent != nil && slices.Equal(at.spent, o.keeper.quotas()) {
			return issuing.Released{}, coupon.Refuse(coupon.ReasonSoldOut, "framework_id", "all coupons of the offer are given out")
		}
		select {
		case <-changed:
		case <-waiting.Done():
			if ctx.Err() != nil {
				return issuing.Released{}, ctx.Err()
			}
			return issuing.Released{}, fmt.Errorf("%w: the offer's next frame is not open yet", ledger.ErrUnavailable)
		}
		at, changed = o.keeper.position()
		if at.open == nil {
			continue
		}
		released, err := o.keeper.releaseIn(ctx, request, at.open)
		if !wait(err) {
			return released, err
		}
	}
}

// wait says that the next frame is to be waited for.
func wait(err error) bool {
	return errors.Is(err, errStale) || errors.Is(err, issuing.ErrFrameOver) || errors.Is(err, issuing.ErrLaneOver)
}

// releaseIn releases a coupon in a frame, or makes sure that there will be
// another.
func (k *keeper) releaseIn(ctx context.Context, request issuing.Request, open *issuing.Frame) (issuing.Released, error) {
	in, err := k.place(open)
	if err != nil {
		k.demand(open.FrameRef)
		return issuing.Released{}, err
	}
	request.Quotas = k.quotas() // those that the lane was entered by
	released, err := k.serials.Release(ctx, request, in)
	switch {
	case errors.Is(err, issuing.ErrFrameOver):
		k.demand(open.FrameRef)
	case err != nil || released.Number == open.FirstSN || released.Number >= request.Quotas[in.Lane]:
		// With the first coupon the frame's time begins, with the last it ends.
		k.wake()
	}
	return released, err
}

// released is the dynamic coupon, or the purchase proof, of a place.
func (o *offer) released(at issuing.Released, uData coupon.PublicKey) coupon.Coupon {
	made := coupon.Coupon{
		Kind: o.Framework.Kind, Framework: o.Framework.ID, Lane: at.Lane, SN: at.Number,
		Owner: uData, Release: at.Release, MandateMAC: o.mandate.MAC,
	}
	if at.Sold != nil {
		made.Product = at.Sold.Commitment()
	}
	made.EmitterMAC = made.MAC(o.mandate.Key, o.mData, at.Beacon)
	return made
}
