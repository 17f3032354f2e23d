// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/issuing"
)

// Frames say how often frames are closed. Zero values mean the defaults.
type Frames struct {
	// Interval is how long coupons wait for their frame to be closed.
	Interval time.Duration
	// StaticInterval is how long static coupons, which nobody waits for, may be
	// given out without their lane's frame being closed. Should the mandate be
	// revoked, those since the last closing are lost.
	StaticInterval time.Duration
	// IdleInterval is how long a frame without coupons is left open. A request
	// that comes when it is older than its campaign allows has it closed, and
	// waits for the next: the ledger hears of idle lanes rarely.
	IdleInterval time.Duration
}

// Defaults of Frames. Each closing is a transaction, of each lane.
const (
	defaultFrameInterval       = 10 * time.Second
	defaultIdleFrameInterval   = 5 * time.Minute
	defaultStaticFrameInterval = time.Minute
)

func (f Frames) withDefaults() Frames {
	if f.Interval == 0 {
		f.Interval = defaultFrameInterval
	}
	if f.IdleInterval == 0 {
		f.IdleInterval = defaultIdleFrameInterval
	}
	if f.StaticInterval == 0 {
		f.StaticInterval = defaultStaticFrameInterval
	}
	return f
}

// lead has the lanes of each offer led by its keeper, those that are learnt
// later too, until ctx ends.
func (a *Advertiser) lead(ctx context.Context) error {
	var running errgroup.Group
	running.Go(func() error {
		if err := a.ledger.Resume(ctx); err != nil && ctx.Err() == nil {
			// Keepers send again what has not reached the ledger.
			a.logger.WarnContext(ctx, "what was sent before cannot be asked for", "error", err)
		}
		return nil
	})
	begun := make(map[coupon.FrameworkID]bool)
	for ctx.Err() == nil {
		for _, o := range a.sorted() {
			if begun[o.Framework.ID] {
				continue
			}
			begun[o.Framework.ID] = true
			running.Go(func() error {
				if o.keeper != nil {
					o.keeper.run(ctx)
				} else {
					o.lanes.count(ctx)
				}
				return nil
			})
		}
		select {
		case <-a.changed:
		case <-ctx.Done():
		}
	}
	return running.Wait()
}

// CloseFrames closes the newest frame of a framework, or of all that may close
// frames where it is nil, and returns when the ledger has closed them: all coupons
// that were given out before are in closed frames then. Lanes of static coupons
// that have none outside are left out.
func (a *Advertiser) CloseFrames(ctx context.Context, only *coupon.FrameworkID) ([]coupon.Frame, error) {
	var led, counted []*keeper
	for _, o := range a.sorted() {
		if only != nil && o.Framework.ID != *only {
			continue
		}
		if err := o.state.CheckStatus("framework_id"); err != nil {
			if only != nil {
				return nil, err
			}
			continue
		}
		if o.keeper != nil {
			led = append(led, o.keeper)
		} else {
			counted = append(counted, o.lanes)
		}
	}
	if only != nil && len(led)+len(counted) == 0 {
		return nil, coupon.Refuse(coupon.ReasonUnknownFramework, "framework_id", "there is no such offer")
	}
	closed, err := closeLed(ctx, led)
	if err != nil {
		return nil, err
	}
	for _, k := range counted {
		more, err := k.pass(ctx, true)
		if err != nil {
			return nil, err
		}
		closed = append(closed, more...)
	}
	return closed, nil
}

// closeLed has the keepers close their newest frames, and waits until they have.
func closeLed(ctx context.Context, keepers []*keeper) ([]coupon.Frame, error) {
	wanted := make(map[*keeper]coupon.FrameRef)
	for _, k := range keepers {
		if at, _ := k.position(); at.newest.Frame > 0 {
			k.demand(at.newest)
			wanted[k] = at.newest
		}
	}
	var closed []coupon.Frame
	for _, k := range keepers {
		ref, demanded := wanted[k]
		if !demanded {
			continue
		}
		frame, err := k.awaitClosed(ctx, ref)
		if err != nil {
			return nil, err
		}
		closed = append(closed, frame)
	}
	return closed, nil
}

func (k *keeper) awaitClosed(ctx context.Context, ref coupon.FrameRef) (coupon.Frame, error) {
	for {
		_, changed := k.position()
		f, err := k.serials.Frame(ctx, ref)
		if err == nil {
			return f.Record(), nil
		}
		if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonFrameNotClosed {
			return coupon.Frame{}, err
		}
		at, err := k.serials.Standing(ctx, ref.Framework, ref.Lane)
		if err != nil {
			return coupon.Frame{}, err
		}
		if at.Lost {
			return coupon.Frame{}, coupon.Refuse(coupon.ReasonFrameConflict, "frame", "another has gone on in the lane")
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return coupon.Frame{}, ctx.Err()
		}
	}
}

// Receipt returns the receipt of a coupon by its place, and its closed frame.
// It refuses with FRAME_NOT_CLOSED until then.
func (a *Advertiser) Receipt(ctx context.Context, framework coupon.FrameworkID, serial issuing.Serial) (coupon.Receipt, coupon.Frame, error) {
	o, found := a.offer(framework)
	if !found || o.keeper == nil {
		return coupon.Receipt{}, coupon.Frame{}, coupon.Refuse(coupon.ReasonUnknownFramework, "framework_id", "there is no such offer of dynamic coupons")
	}
	return a.serials.Receipt(ctx, framework, serial)
}

// LogQuery asks for a page of the log of a closed frame.
type LogQuery struct {
	coupon.FrameRef
	// After is the serial number after which the page begins; 0 for the first.
	After int64
	// Size is the most entries of the page, at least 1.
	Size int
}

// LogPage is a page of the log of a closed frame. Next is the After of the next
// page, 0 on the last.
type LogPage struct {
	Frame   coupon.Frame
	Entries []coupon.Entry
	Next    int64
}

// Log returns a page of the log of a closed frame, to the advertiser itself and
// to the issuer of the framework: others are refused with WRONG_ORGANISATION.
func (a *Advertiser) Log(ctx context.Context, caller string, query LogQuery) (LogPage, error) {
	o, found := a.offer(query.Framework)
	if !found || o.keeper == nil {
		return LogPage{}, coupon.Refuse(coupon.ReasonUnknownFramework, "framework_id", "there is no such offer of dynamic coupons")
	}
	if caller != a.self && caller != o.Framework.Issuer {
		return LogPage{}, coupon.Refuse(coupon.ReasonWrongOrganisation, "framework_id", "the framework is another issuer's")
	}
	entries, f, err := a.serials.Entries(ctx, query.FrameRef, query.After, query.Size)
	if err != nil {
		return LogPage{}, err
	}
	page := LogPage{Frame: f.Record(), Entries: entries}
	if n := len(entries); n > 0 && entries[n-1].SN < f.Content.LastSN {
		page.Next = entries[n-1].SN
	}
	return page, nil
}
