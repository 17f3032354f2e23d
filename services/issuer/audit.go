// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
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

// examine examines the logs that are due, until there are none.
func (i *Issuer) examine(ctx context.Context) error {
	for {
		due, err := i.store.dueAudits(ctx)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, d := range due {
			if err := i.examineFrame(ctx, d); err != nil {
				i.logger.WarnContext(ctx, "a frame cannot be audited", "framework", d.Framework, "lane", d.Lane, "frame", d.Frame, "error", err)
				if err := i.store.postpone(ctx, d.FrameRef, i.now().Add(i.audits.Interval).UnixMilli()); err != nil {
					return err
				}
			}
		}
	}
}

// examineFrame fetches the log of a closed frame and judges it. A log that is not
// shown, or is another one, is asked for again, and after a time misconduct.
func (i *Issuer) examineFrame(ctx context.Context, due dueAudit) error {
	framework, facts, err := i.facts(ctx, due.FrameRef)
	if err != nil {
		return err
	}
	var log []coupon.Entry
	var faults []auditing.Fault
	if facts.Content.Count > 0 {
		limited, cancel := context.WithTimeout(ctx, logTimeout)
		log, err = i.emitters.Log(limited, framework.Emitter, due.FrameRef, facts.Content.Count)
		cancel()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		faults = []auditing.Fault{auditing.NoLog(fmt.Sprintf("the emitter shows no log: %s", err))}
	} else if faults, err = auditing.Frame(facts, log); err != nil {
		return err
	}
	if len(faults) == 1 && faults[0].Kind == coupon.LogNotServed {
		return i.withoutLog(ctx, due, faults[0])
	}
	var found []Finding
	for _, f := range faults {
		if f.Kind == coupon.LateFrame {
			held, err := i.heldBack(ctx, facts.Before)
			if err != nil {
				return err
			}
			if held || facts.Closed.Time <= facts.Before.Time+facts.MaxAge+i.audits.LateTolerance.Milliseconds() {
				continue
			}
		}
		found = append(found, i.finding(due.FrameRef, f))
	}
	if framework.Kind == coupon.KindProof && facts.Content.Count > 0 {
		if err := i.store.noteSales(ctx, due.FrameRef, facts.Closed.Time, facts.Content.Count); err != nil {
			return err
		}
	}
	if err := i.store.finishAudit(ctx, due.FrameRef, log, found); err != nil {
		return err
	}
	i.metrics.audited(found)
	i.logFindings(ctx, found)
	return nil
}

// heldBack says whether a frame may not have been closed in time because its
// mandate was stopped.
func (i *Issuer) heldBack(ctx context.Context, before coupon.Frame) (bool, error) {
	m, err := i.Mandate(ctx, before.Framework)
	return m.State.CheckIssuing("") != nil || m.State.Since > before.Time, err
}

// withoutLog has the log asked for again, less and less often, and after a time
// notes that it is not shown.
func (i *Issuer) withoutLog(ctx context.Context, due dueAudit, f auditing.Fault) error {
	waited := i.now().Sub(time.UnixMilli(due.noticed))
	next := i.now().Add(min(max(waited/4, logPause), i.audits.LogPatience))
	if waited < i.audits.LogPatience {
		level := slog.LevelWarn
		if waited < i.audits.Interval {
			level = slog.LevelDebug // the emitter may not know yet that the ledger has closed the frame
		}
		i.logger.Log(ctx, level, "a log is not shown", "framework", due.Framework, "lane", due.Lane, "frame", due.Frame, "detail", f.Detail)
		next = minTime(next, time.UnixMilli(due.noticed).Add(i.audits.LogPatience))
		return i.store.postpone(ctx, due.FrameRef, next.UnixMilli())
	}
	found := i.finding(due.FrameRef, f)
	if err := i.store.addFinding(ctx, found); err != nil {
		return err
	}
	i.metrics.found(found)
	i.logFindings(ctx, []Finding{found})
	return i.store.postpone(ctx, due.FrameRef, next.UnixMilli())
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// finding is a fault as it is stored and reported.
func (i *Issuer) finding(ref coupon.FrameRef, f auditing.Fault) Finding {
	exhibits := f.Exhibits
	if exhibits == nil {
		exhibits = []coupon.Exhibit{}
	}
	detail := clean(f.Detail)
	return Finding{
		FrameRef: ref, Kind: auditing.Kind(f.Kind), Detail: detail,
		evidence: &coupon.EvidenceInput{Salt: coupon.Hash(newKey()), Statement: detail, Exhibits: exhibits, Content: f.Content},
	}
}

// maxDetail bounds what is kept of an emitter's words.
const maxDetail = 400

// clean keeps what others have written from being too long, or no text.
func clean(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxDetail)], "?")
}

func (i *Issuer) logFindings(ctx context.Context, found []Finding) {
	for _, f := range found {
		i.logger.ErrorContext(ctx, "an emitter does not do what it must", "kind", f.Kind,
			"framework", f.Framework, "lane", f.Lane, "frame", f.Frame, "sn", f.SN, "detail", f.Detail)
	}
}

// facts reads what the own peer has of a closed frame.
func (i *Issuer) facts(ctx context.Context, ref coupon.FrameRef) (framework coupon.Framework, c coupon.Case, err error) {
	if framework, c.MaxAge, err = i.frameworkAndAge(ctx, ref.Framework); err != nil {
		return framework, c, err
	}
	var beacon coupon.BeaconResult
	if err := i.ask(ctx, "Beacon", ref, &beacon); err != nil {
		return framework, c, fmt.Errorf("reading the beacon: %w", err)
	}
	first := coupon.FirstLink(beacon.Before.Last, beacon.Beacon)
	c.Before, c.First = beacon.Before, &first
	var summary coupon.FrameSummary
	if err := i.ask(ctx, "GetFrameSummary", ref, &summary); err != nil {
		return framework, c, fmt.Errorf("reading the summary: %w", err)
	}
	c.Closed, c.Content = new(coupon.Frame), &summary.FrameContent
	c.Content.Count = c.Content.LogSize(framework.Kind)
	err = i.ask(ctx, "GetFrame", ref, c.Closed)
	return framework, c, err
}

// frameworkAndAge returns a framework, and the greatest frame age of its campaign in
// milliseconds.
func (i *Issuer) frameworkAndAge(ctx context.Context, id coupon.FrameworkID) (framework coupon.Framework, maxAge int64, err error) {
	if framework, err = i.framework(ctx, id); err != nil {
		return framework, 0, err
	}
	entry, err := i.Campaign(ctx, coupon.CampaignRef{Campaign: framework.Campaign, Version: framework.Version})
	return framework, entry.Campaign.MaxFrameAge, err
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
