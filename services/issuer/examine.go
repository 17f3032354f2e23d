// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/issuer/auditing"
)

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
