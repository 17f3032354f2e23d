// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"database/sql"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/following"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/issuer/auditing"
)

// Emitters is how the services of emitters are asked for their logs.
type Emitters interface {
	// Log returns the log of a closed frame, all of it or, if it has more
	// entries than that, one entry more than most.
	Log(ctx context.Context, emitter string, ref coupon.FrameRef, most int64) ([]coupon.Entry, error)
	// Openings returns the sales that the purchase proofs of a closed frame came
	// with; of more than most it may return the first ones only.
	Openings(ctx context.Context, emitter string, ref coupon.FrameRef, most int64) ([]coupon.Opening, error)
}

// Audit says how emitters are audited. Zero values mean the defaults.
type Audit struct {
	// Interval is between two looks for what is to be done; closed frames are
	// examined at once.
	Interval time.Duration
	// LogPatience is how long an emitter may fail to show the log of a closed
	// frame before that is misconduct.
	LogPatience time.Duration
	// LateTolerance is how much longer than the campaign's greatest frame age a
	// frame with coupons may be open before that is misconduct.
	LateTolerance time.Duration
	// AnswerTime is how long an emitter has to answer a report.
	AnswerTime time.Duration
	// ProbeInterval is the mean time between two coupons that are fetched as a
	// customer does; none are if it is negative.
	ProbeInterval time.Duration
	// FirstProbe is the least time before the first of a process.
	FirstProbe time.Duration
	// UpholdUnanswered has reports upheld that are not answered in time.
	UpholdUnanswered bool
	// SuspendAfter says how many upheld reports of a kind suspend a framework's
	// emitter; a kind that is not in it never does.
	SuspendAfter map[coupon.MisconductKind]int
}

// logPause is the least time between two requests for a log: emitters know of a
// closed frame some 30 ms after the ledger.
const logPause = 250 * time.Millisecond

// Defaults of Audit.
const (
	defaultAuditInterval = 10 * time.Second
	defaultLogPatience   = 10 * time.Minute
	defaultLateTolerance = time.Minute
	defaultAnswerTime    = 24 * time.Hour
	defaultProbeInterval = time.Hour
	defaultFirstProbe    = 10 * time.Minute
)

func (a Audit) withDefaults() Audit {
	for _, d := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{
		{&a.Interval, defaultAuditInterval}, {&a.LogPatience, defaultLogPatience}, {&a.LateTolerance, defaultLateTolerance},
		{&a.AnswerTime, defaultAnswerTime}, {&a.ProbeInterval, defaultProbeInterval},
		{&a.FirstProbe, defaultFirstProbe},
	} {
		if *d.value == 0 {
			*d.value = d.otherwise
		}
	}
	a.LateTolerance = max(a.LateTolerance, coupon.FrameTolerance*time.Millisecond)
	return a
}

// logTimeout bounds the fetching of one log.
const logTimeout = time.Minute

// noticed has a frame examined that an event says is closed.
func (i *Issuer) noticed(ctx context.Context, block ledger.Block, event ledger.Event) (following.Change, error) {
	var payload coupon.FrameEvent
	if !event.Decode(&payload) || payload.Frame == 0 {
		return nil, nil
	}
	found, err := block.Look(ctx, func() error { return i.ask(ctx, "GetFrame", payload.FrameRef, nil) })
	if err != nil || !found {
		return nil, err
	}
	return func(ctx context.Context, tx *sql.Tx) error {
		i.wake()
		return i.store.noteFrame(ctx, tx, payload.FrameRef)
	}, nil
}

// wake has the audit look for what is to be done.
func (i *Issuer) wake() {
	select {
	case i.woken <- struct{}{}:
	default:
	}
}

// ask evaluates on the own peer.
func (i *Issuer) ask(ctx context.Context, function string, argument, out any) error {
	return i.ledger.Evaluate(ctx, ledger.Call{
		Namespace: i.namespace, Function: function, Argument: argument, Endorsers: []string{i.self},
	}, out)
}

// audit does what is to be done until ctx ends, and then returns nil. All of it
// is in the store, and is done again if it was not finished. Logs are examined
// as soon as frames are closed; what needs the ledger to be asked about each
// report and each open frame is done once in an interval.
func (i *Issuer) audit(ctx context.Context) error {
	var next time.Time
	for ctx.Err() == nil {
		i.step(ctx, "examining logs", i.examine)
		i.step(ctx, "opening sales", i.openSales)
		i.step(ctx, "comparing coupons", i.compare)
		if !time.Now().Before(next) {
			i.step(ctx, "looking for open frames", i.findOverdue)
			i.step(ctx, "resolving reports", i.resolveDue)
			i.step(ctx, "suspending emitters", i.suspendDue)
			next = time.Now().Add(i.audits.Interval)
		}
		i.step(ctx, "reporting misconduct", i.report)
		timer := time.NewTimer(i.pause(ctx, next))
		select {
		case <-timer.C:
		case <-i.woken:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return nil
}

// pause is how long nothing is due, until next at most.
func (i *Issuer) pause(ctx context.Context, next time.Time) time.Duration {
	left := time.Until(next)
	if look, found, err := i.store.nextLook(ctx); err == nil && found {
		left = min(left, max(time.UnixMilli(look).Sub(i.now()), logPause))
	}
	return left
}

func (i *Issuer) step(ctx context.Context, what string, do func(context.Context) error) {
	if err := do(ctx); err != nil && ctx.Err() == nil {
		i.logger.WarnContext(ctx, "the audit cannot go on", "step", what, "error", err)
	}
}

// compare compares known coupons with the logs that were examined.
func (i *Issuer) compare(ctx context.Context) error {
	for {
		if n, err := i.store.compare(ctx); err != nil || n == 0 {
			return err
		}
	}
}

// findOverdue finds frames that should be closed: a coupon of them is known, so
// that they are not idle.
func (i *Issuer) findOverdue(ctx context.Context) error {
	open, err := i.store.openFrames(ctx)
	if err != nil {
		return err
	}
	for _, ref := range open {
		_, age, err := i.frameworkAndAge(ctx, ref.Framework)
		if err != nil {
			return err
		}
		var before coupon.Frame
		if err := i.ask(ctx, "GetFrame", ref.Before(), &before); err != nil {
			return err
		}
		late := i.now().Sub(time.UnixMilli(before.Time + age))
		if age == 0 || late <= i.audits.LateTolerance {
			continue
		}
		held, err := i.heldBack(ctx, before)
		if err != nil {
			return err
		}
		if held {
			continue
		}
		f := i.finding(ref, auditing.Missing("a coupon of the frame is known, and the frame is not closed in time"))
		if err := i.store.addFinding(ctx, f); err != nil {
			return err
		}
	}
	return nil
}
