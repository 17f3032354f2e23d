// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
)

// behind are refusals of a clearing house's peer that has not the newest block.
var behind = []coupon.Reason{
	coupon.ReasonFrameNotClosed, coupon.ReasonFrameNotOpen, coupon.ReasonUnknownFramework, coupon.ReasonPartiesMissing,
	coupon.ReasonUnknownCampaign,
}

// report puts what was found on the ledger, where it can be reported. Of a
// report whose answer was lost the ledger knows: it is not made again.
func (i *Issuer) report(ctx context.Context) error {
	due, err := i.store.reports(ctx, reportDue)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range due {
		kind := coupon.MisconductKind(f.Kind)
		err := i.submitTimely(ctx, ledger.Call{
			Namespace: i.namespace, Function: "ReportMisconduct",
			Argument: coupon.MisconductRequest{
				FrameRef: f.FrameRef, Kind: kind, Deadline: i.now().Add(i.audits.AnswerTime).UnixMilli(),
			},
			Input: f.evidence, Endorsers: []string{i.self, i.clearing}, RetryOn: behind,
			Reference: coupon.NewMisconductID(f.FrameRef, kind).String(),
		})
		standing := reportMade
		switch reason, _ := coupon.ReasonOf(err); {
		case err == nil:
			i.metrics.reported(f)
		case reason == coupon.ReasonAlreadyExists:
		case reason == coupon.ReasonNoMisconduct, reason == coupon.ReasonWrongOrganisation:
			// The frame was closed meanwhile, or the clearing house is the emitter.
			i.logger.WarnContext(ctx, "what was found cannot be reported", "kind", f.Kind, "framework", f.Framework, "frame", f.Frame, "error", err)
			standing = reportNone
		default:
			errs = append(errs, err)
			continue
		}
		errs = append(errs, i.store.setReport(ctx, f, standing))
	}
	return errors.Join(errs...)
}

// resolveDue looks after the reports that were made: what has come right is
// withdrawn, and what was not answered in time is upheld if the configuration
// says so. What was answered is left to people.
func (i *Issuer) resolveDue(ctx context.Context) error {
	made, err := i.store.reports(ctx, reportMade)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range made {
		errs = append(errs, i.lookAfter(ctx, f))
	}
	return errors.Join(errs...)
}

func (i *Issuer) lookAfter(ctx context.Context, f Finding) error {
	query := coupon.MisconductQuery{ID: coupon.NewMisconductID(f.FrameRef, coupon.MisconductKind(f.Kind))}
	var m coupon.Misconduct
	if err := i.ask(ctx, "GetMisconduct", query, &m); err != nil {
		return err
	}
	if m.State != coupon.MisconductOpen {
		return i.store.setReport(ctx, f, reportResolved)
	}
	right, err := i.cameRight(ctx, m)
	if err != nil {
		return err
	}
	if right {
		return i.resolve(ctx, query.ID, coupon.MisconductWithdrawn)
	}
	if !i.audits.UpholdUnanswered || i.now().UnixMilli() < m.Deadline {
		return nil
	}
	_, answered, err := i.answerTo(ctx, query.ID)
	if err != nil || answered {
		return err
	}
	return i.resolve(ctx, query.ID, coupon.MisconductUpheld)
}

// cameRight says whether an emitter did later what it was reported not to do.
func (i *Issuer) cameRight(ctx context.Context, m coupon.Misconduct) (bool, error) {
	closed, audited, err := i.store.closedAndAudited(ctx, m.FrameRef)
	return m.Kind == coupon.MissingFrame && closed || m.Kind == coupon.LogNotServed && audited, err
}

// resolve ends a report; one that was resolved so before is no error.
func (i *Issuer) resolve(ctx context.Context, id coupon.MisconductID, state coupon.MisconductState) error {
	err := i.submitTimely(ctx, ledger.Call{
		Namespace: i.namespace, Function: "ResolveMisconduct", Argument: coupon.ResolveRequest{ID: id, State: state},
		Endorsers: []string{i.self, i.clearing}, RetryOn: []coupon.Reason{coupon.ReasonNotFound}, Reference: id.String(),
	})
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonAlreadyResolved {
		return err
	}
	var m coupon.Misconduct
	if asked := i.ask(ctx, "GetMisconduct", coupon.MisconductQuery{ID: id}, &m); asked != nil || m.State != state {
		return errors.Join(asked, err)
	}
	return nil
}

// answerTo returns the emitter's answer, which the clearing house's peer shows.
func (i *Issuer) answerTo(ctx context.Context, id coupon.MisconductID) (a coupon.Answer, found bool, err error) {
	err = i.ledger.Evaluate(ctx, ledger.Call{
		Namespace: i.namespace, Function: "GetAnswer", Argument: coupon.MisconductQuery{ID: id}, Endorsers: []string{i.clearing},
	}, &a)
	if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonNotFound {
		return coupon.Answer{}, false, nil
	}
	return a, err == nil, err
}

// Report is a report of misconduct, with what its parties are shown.
type Report struct {
	coupon.Misconduct
	// Evidence is the record verbatim; nil where it cannot be read.
	Evidence json.RawMessage
	// Answer is nil while there is none.
	Answer *coupon.Answer
}

// Misconduct returns a page of the reports on the ledger.
func (i *Issuer) Misconduct(ctx context.Context, page coupon.PageQuery) (reports []Report, next string, err error) {
	var found coupon.MisconductPage
	if err := i.ask(ctx, "ListMisconduct", page, &found); err != nil {
		return nil, "", err
	}
	for _, m := range found.Misconduct {
		r, err := i.withPapers(ctx, m)
		if err != nil {
			return nil, "", err
		}
		reports = append(reports, r)
	}
	return reports, found.Next, nil
}

// withPapers adds evidence and answer to a report.
func (i *Issuer) withPapers(ctx context.Context, m coupon.Misconduct) (Report, error) {
	r := Report{Misconduct: m}
	err := i.ask(ctx, "GetEvidence", coupon.MisconductQuery{ID: m.ID}, &r.Evidence)
	if reason, _ := coupon.ReasonOf(err); err != nil && reason != coupon.ReasonNotFound {
		return r, err
	}
	a, found, err := i.answerTo(ctx, m.ID)
	if err == nil && found {
		r.Answer = &a
	}
	return r, err
}

// Resolve ends a report by an operator's decision.
func (i *Issuer) Resolve(ctx context.Context, id coupon.MisconductID, state coupon.MisconductState) error {
	err := i.resolve(ctx, id, state)
	if err == nil {
		i.wake()
	}
	return err
}

// Reported returns one report.
func (i *Issuer) Reported(ctx context.Context, id coupon.MisconductID) (Report, error) {
	var m coupon.Misconduct
	if err := i.ask(ctx, "GetMisconduct", coupon.MisconductQuery{ID: id}, &m); err != nil {
		return Report{}, err
	}
	return i.withPapers(ctx, m)
}

// suspendDue suspends the mandates of which as many reports of a kind were
// upheld as the configuration says. What was upheld before a mandate was last
// suspended or reinstated counts no more.
func (i *Issuer) suspendDue(ctx context.Context) error {
	if len(i.audits.SuspendAfter) == 0 {
		return nil
	}
	upheld, err := i.upheld(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for id, reports := range upheld {
		errs = append(errs, i.suspendFor(ctx, id, reports))
	}
	return errors.Join(errs...)
}

// upheld returns all reports that are upheld, by framework.
func (i *Issuer) upheld(ctx context.Context) (map[coupon.FrameworkID][]coupon.Misconduct, error) {
	found := make(map[coupon.FrameworkID][]coupon.Misconduct)
	page := coupon.PageQuery{Size: coupon.MaxPage}
	for {
		var listed coupon.MisconductPage
		if err := i.ask(ctx, "ListMisconduct", page, &listed); err != nil {
			return nil, err
		}
		for _, m := range listed.Misconduct {
			if m.State == coupon.MisconductUpheld {
				found[m.Framework] = append(found[m.Framework], m)
			}
		}
		if page.After = listed.Next; page.After == "" {
			return found, nil
		}
	}
}

func (i *Issuer) suspendFor(ctx context.Context, id coupon.FrameworkID, reports []coupon.Misconduct) error {
	mandate, err := i.Mandate(ctx, id)
	if err != nil || mandate.State.Status != coupon.MandateActive {
		return err
	}
	counts := make(map[coupon.MisconductKind]int)
	var latest int64
	for _, m := range reports {
		if m.Resolved > mandate.State.Since {
			counts[m.Kind]++
			latest = max(latest, m.Resolved)
		}
	}
	for kind, enough := range i.audits.SuspendAfter {
		if enough == 0 || counts[kind] < enough {
			continue
		}
		i.logger.ErrorContext(ctx, "an emitter is suspended for misconduct", "framework", id, "kind", kind, "upheld", counts[kind])
		_, err := i.Suspend(ctx, fmt.Sprintf("misconduct/%s/%d", id, latest), id, false)
		return err
	}
	return nil
}
