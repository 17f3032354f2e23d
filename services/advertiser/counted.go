// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ecoupon/chaincode/coupon"
)

// count closes frames of static coupons until ctx ends. Nobody waits for them:
// they say how far a lane has come, which is where it ends should the mandate be
// revoked. A lane is opened with its first coupon, and left alone while it has no
// new ones.
func (k *keeper) count(ctx context.Context) {
	note := func(err error) {
		if err != nil && ctx.Err() == nil {
			k.logger.WarnContext(ctx, "frames of static coupons cannot be closed", "framework", k.framework.ID, "error", err)
		}
	}
	for ctx.Err() == nil {
		_, err := k.pass(ctx, true)
		note(err)
		timer := time.NewTimer(k.frames.StaticInterval)
		for waiting := true; waiting; {
			select {
			case <-k.woken:
				_, err := k.pass(ctx, false)
				note(err)
			case <-timer.C:
				waiting = false
			case <-ctx.Done():
				waiting = false
			}
		}
		timer.Stop()
	}
}

// pass opens each lane that has given out coupons, and, if it is to close, closes
// a frame of each that has given out some since its last one; it returns these
// frames. What cannot be closed is tried again with the next pass.
func (k *keeper) pass(ctx context.Context, closing bool) ([]coupon.Frame, error) {
	k.passing.Lock()
	defer k.passing.Unlock()
	var closed []coupon.Frame
	var faults error
	for _, lane := range k.serials.Lanes(k.quotas()) {
		l := k.counting[lane]
		if l == nil {
			l = &leading{keeper: k, lane: lane}
			k.counting[lane] = l
		}
		frames, err := l.catchUp(ctx, closing)
		closed = append(closed, frames...)
		if ctx.Err() != nil {
			return closed, ctx.Err()
		}
		if err != nil && !ended(err) {
			faults = errors.Join(faults, fmt.Errorf("lane %d: %w", lane, err))
		}
	}
	return closed, faults
}

// ended says that the ledger takes no frames of the mandate any more, or not now.
func ended(err error) bool {
	switch reason, _ := coupon.ReasonOf(err); reason {
	case coupon.ReasonEmitterSuspended, coupon.ReasonEmitterRevoked, coupon.ReasonSuperseded:
		return true
	default:
		return false
	}
}

// catchUp opens the lane if there are coupons, and, if it is to close, closes its
// frame if there are some outside.
func (l *leading) catchUp(ctx context.Context, closing bool) (closed []coupon.Frame, err error) {
	for ctx.Err() == nil {
		at, err := l.serials.Standing(ctx, l.framework.ID, l.lane)
		if err != nil || at.Lost {
			return closed, err
		}
		f := at.Frame
		if f == nil && at.LastSN == 0 {
			return closed, nil
		}
		if f != nil && !l.checked {
			if err := l.check(ctx, *f); err != nil {
				return closed, l.loseIf(ctx, err)
			}
			l.checked = true
		}
		switch {
		case f == nil:
			err = l.enterUnopened(ctx)
		case f.Content == nil:
			err = l.serials.CloseCounted(ctx, f.FrameRef)
		case f.Closed == 0:
			if err = l.close(ctx, *f); err == nil && f.Frame > 0 {
				if at, err = l.serials.Standing(ctx, l.framework.ID, l.lane); err == nil {
					closed = append(closed, at.Frame.Record())
				}
			}
		case !closing || at.LastSN <= f.Content.LastSN:
			return closed, nil
		default:
			err = l.beginAfter(ctx, *f)
		}
		if err != nil {
			return closed, l.loseIf(ctx, err)
		}
	}
	return closed, ctx.Err()
}
