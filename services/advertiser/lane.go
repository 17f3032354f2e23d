// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/issuing"
	"ecoupon/services/internal/ledger"
)

// errOthers says that a lane is another's.
var errOthers = errors.New("the ledger does not go on from this store")

// leading is the keeper at one of its lanes.
type leading struct {
	*keeper
	lane uint16
	// checked says that the ledger was seen not to be ahead.
	checked bool
	// entered says that this is the process that found the lane unopened, sent
	// that it has sent the opening.
	entered, sent bool
}

// step does what is next for the lane; over says that nothing is.
func (l *leading) step(ctx context.Context) (over bool, err error) {
	at, err := l.serials.Standing(ctx, l.framework.ID, l.lane)
	if err != nil {
		return false, err
	}
	if at.Lost {
		err := l.finish(ctx, at.Frame)
		_, refused := coupon.ReasonOf(err)
		return err == nil || refused, err
	}
	f := at.Frame
	if f != nil && !l.checked {
		if err := l.check(ctx, *f); err != nil {
			return false, l.loseIf(ctx, err)
		}
		l.checked = true
	}
	switch {
	case f == nil:
		err = l.enter(ctx)
	case f.Content == nil:
		err = l.serve(ctx, *f)
	case f.Closed == 0:
		err = l.close(ctx, *f)
	case at.LastSN >= l.quota():
		return true, nil
	default:
		err = l.begin(ctx, *f)
	}
	if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonEmitterRevoked {
		l.logger.InfoContext(ctx, "a lane has ended: the mandate is revoked", "framework", l.framework.ID, "lane", l.lane)
		return true, nil
	}
	return false, l.loseIf(ctx, err)
}

// quota is the lane's by now.
func (l *leading) quota() int64 {
	if quotas := l.quotas(); int(l.lane) < len(quotas) {
		return quotas[l.lane]
	}
	return 0
}

// usedUp returns the quotas if no lane has a number left by them, else nil.
func (l *leading) usedUp(ctx context.Context) ([]int64, error) {
	quotas := l.quotas()
	for _, lane := range l.serials.Lanes(quotas) {
		at, err := l.serials.Standing(ctx, l.framework.ID, lane)
		if err != nil || !at.Lost && at.LastSN < quotas[lane] {
			return nil, err
		}
	}
	return quotas, nil
}

// finish closes the open frame of a lane that is left, with the coupons that the
// store has of it, unless the ledger has gone on: then it is another's.
func (l *leading) finish(ctx context.Context, f *issuing.Frame) error {
	if f == nil || f.Closed != 0 || f.Frame == 0 {
		return nil
	}
	if _, found, err := l.onLedger(ctx, f.FrameRef, l.self); err != nil || found {
		return err
	}
	if err := l.serials.Finish(ctx, f.FrameRef); err != nil {
		return err
	}
	at, err := l.serials.Standing(ctx, l.framework.ID, l.lane)
	if err != nil {
		return err
	}
	if at.Frame == nil || at.Frame.Content == nil {
		return issuing.ErrFrameOver
	}
	if err := l.close(ctx, *at.Frame); err != nil && !errors.Is(err, errOthers) {
		return err
	}
	l.logger.WarnContext(ctx, "the last frame of a lane that is left is closed", "framework", l.framework.ID, "lane", l.lane, "frame", f.Frame)
	return nil
}

// loseIf leaves the lane if the error says that it is another's.
func (l *leading) loseIf(ctx context.Context, err error) error {
	if !errors.Is(err, errOthers) {
		return err
	}
	l.logger.ErrorContext(ctx, "a lane is left: another has gone on in it", "framework", l.framework.ID, "lane", l.lane, "error", err)
	err = l.serials.Lose(ctx, l.framework.ID, l.lane, l.quota())
	l.move(func(*position) {})
	return err
}

// check sees to it that the ledger has no frame that the store does not know of.
func (l *leading) check(ctx context.Context, f issuing.Frame) error {
	unknown := f.FrameRef
	if f.Content != nil {
		unknown = f.Next()
	}
	_, found, err := l.onLedger(ctx, unknown, l.self)
	if err == nil && found {
		err = fmt.Errorf("%w: frame %d is closed there", errOthers, unknown.Frame)
	}
	return err
}

// enter waits until the offer can be had, and enters the lane.
func (l *leading) enter(ctx context.Context) error {
	if err := l.active(ctx); err != nil {
		return err
	}
	return l.enterUnopened(ctx)
}

// enterUnopened makes sure that nobody has opened the lane. Both peers are
// asked, as one can be behind.
func (l *leading) enterUnopened(ctx context.Context) error {
	ref := coupon.FrameRef{Framework: l.framework.ID, Lane: l.lane}
	for _, peer := range []string{l.self, l.framework.Issuer} {
		_, found, err := l.onLedger(ctx, ref, peer)
		if err != nil {
			return err
		}
		if found {
			return fmt.Errorf("%w: the lane is open there", errOthers)
		}
	}
	l.entered = true
	return l.serials.Enter(ctx, ref.Framework, ref.Lane)
}

// serve lets coupons be released in the frame until it is to be closed.
func (l *leading) serve(ctx context.Context, f issuing.Frame) error {
	l.move(func(at *position) { at.open, at.newest = &f, f.FrameRef })
	for {
		at, err := l.serials.Standing(ctx, l.framework.ID, l.lane)
		if err != nil {
			return err
		}
		remaining := l.remaining(f, at)
		if remaining <= 0 || l.isDemanded(f.FrameRef) {
			spent, err := l.usedUp(ctx)
			if err != nil {
				return err
			}
			l.move(func(at *position) { at.open, at.spent = nil, spent })
			_, err = l.serials.Close(ctx, f.FrameRef)
			return err
		}
		l.sleep(ctx, remaining, l.woken)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// remaining is how long the frame stays open, or is left alone: with coupons for
// an interval from the first on, but not longer than one may be released; without
// any for the idle interval, or for ever when the offer has ended.
func (l *leading) remaining(f issuing.Frame, at issuing.Standing) time.Duration {
	interval, now := l.interval(), l.now().UnixMilli()
	until := func(at int64) time.Duration { return time.Duration(at-now) * time.Millisecond }
	switch {
	case at.LastSN >= l.quota():
		return 0
	case at.Begun != 0:
		return until(min(at.Begun+interval.Milliseconds(), f.Opened+l.maxAge().Milliseconds()))
	}
	o, found := l.offer(l.framework.ID)
	if !found || o.refusal(l.now()) != nil {
		return interval
	}
	// It is looked at again each interval, should nobody wake it.
	return min(interval, until(f.Opened+l.frames.IdleInterval.Milliseconds()))
}

// interval is how long coupons wait for their frame to be closed: as configured,
// or half of the campaign's greatest frame age if that is not above it.
func (l *leading) interval() time.Duration {
	if age := l.maxAge(); l.frames.Interval >= age {
		return age / 2
	}
	return l.frames.Interval
}

// close has the ledger close a frame with the content that is stored, or learns
// that it is closed. A refusal is no reason to leave the lane: where the clock
// has gone back, frames follow each other again when it has caught up.
func (l *leading) close(ctx context.Context, f issuing.Frame) error {
	parties, err := ledger.Parties(ctx, l.ledger, l.framework.Issuer, l.self)
	if err != nil {
		return err
	}
	_, refused := l.ledger.Submit(ctx, l.closing(f, parties))
	reason, _ := coupon.ReasonOf(refused)
	if reason == coupon.ReasonAlreadyExists && l.entered && !l.sent {
		return fmt.Errorf("%w: another has opened the lane meanwhile", errOthers)
	}
	l.sent = true
	record, found, err := l.onLedger(ctx, f.FrameRef, l.self)
	switch {
	case err != nil:
		return errors.Join(refused, err)
	case !found && refused == nil:
		return errors.New("a frame that was closed is not on the ledger")
	case !found:
		return refused
	}
	f.Closed = record.Time
	if got, want := record, f.Record(); got.Last != want.Last || got.Content != want.Content {
		return fmt.Errorf("%w: frame %d has other content there", errOthers, f.Frame)
	}
	if err := l.serials.Closed(ctx, f.FrameRef, record.Time); err != nil {
		return err
	}
	l.move(func(*position) {})
	return nil
}

func (l *leading) closing(f issuing.Frame, parties []string) ledger.Call {
	call := ledger.Call{
		Namespace: l.namespace, Endorsers: parties,
		// The frame before is known to be closed.
		RetryOn: []coupon.Reason{coupon.ReasonFrameNotOpen}, Certain: true,
		Reference: fmt.Sprintf("frame %s %d %d", f.Framework, f.Lane, f.Frame),
	}
	if f.Frame == 0 {
		call.Function, call.Argument = "OpenLane", coupon.LaneRequest{Framework: f.Framework, Lane: f.Lane}
		return call
	}
	call.Function, call.Argument, call.Input = "CloseFrame", f.FrameRef, *f.Content
	return call
}

// begin waits until the offer can be had, and opens the frame after a closed one.
func (l *leading) begin(ctx context.Context, f issuing.Frame) error {
	if err := l.active(ctx); err != nil {
		return err
	}
	return l.beginAfter(ctx, f)
}

// beginAfter fetches the beacon of the frame after a closed one, and opens it.
func (l *leading) beginAfter(ctx context.Context, f issuing.Frame) error {
	var beacon coupon.BeaconResult
	err := l.ledger.Evaluate(ctx, ledger.Call{
		Namespace: l.namespace, Function: "Beacon", Argument: f.Next(), Endorsers: []string{l.framework.Issuer},
		RetryOn: []coupon.Reason{coupon.ReasonFrameNotOpen},
	}, &beacon)
	if err != nil {
		return err
	}
	if got, want := beacon.Before, f.Record(); got.FrameRef != want.FrameRef || got.Time != want.Time || got.Last != want.Last {
		return errors.New("the issuer's peer has another record of the frame before than the own")
	}
	return l.serials.Open(ctx, f.Next(), beacon.Before.Time, beacon.Beacon)
}

// onLedger returns the record of a frame, as a peer has it, if it is closed.
func (l *leading) onLedger(ctx context.Context, ref coupon.FrameRef, peer string) (record coupon.Frame, found bool, err error) {
	err = l.ledger.Evaluate(ctx, ledger.Call{
		Namespace: l.namespace, Function: "GetFrame", Argument: ref, Endorsers: []string{peer},
	}, &record)
	if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonNotFound {
		return coupon.Frame{}, false, nil
	}
	return record, err == nil, err
}
