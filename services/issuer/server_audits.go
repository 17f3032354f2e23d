// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/message"
)

// ListAudits lists the closed frames of emitters and what was found.
func (s *Server) ListAudits(ctx context.Context, r *issuerv1.ListAuditsRequest) (*issuerv1.ListAuditsResponse, error) {
	page, err := message.Page(r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	query := AuditQuery{OnlyFindings: r.GetOnlyFindings(), Size: page.Size}
	if r.GetFrameworkId() != "" {
		id, err := frameworkID(r.GetFrameworkId())
		if err != nil {
			return nil, err
		}
		query.Framework = &id
	}
	if page.After != "" {
		if query.After, err = parsePageToken(page.After); err != nil {
			return nil, err
		}
	}
	audits, err := s.issuer.Audits(ctx, query)
	if err != nil {
		return nil, err
	}
	response := new(issuerv1.ListAuditsResponse)
	if response.Probes, err = s.issuer.Probes(ctx); err != nil {
		return nil, err
	}
	for _, a := range audits {
		response.Audits = append(response.Audits, auditMessage(a))
	}
	if n := len(audits); n == page.Size {
		response.NextPageToken = pageToken(audits[n-1].FrameRef)
	}
	return response, nil
}

// ListMisconduct lists what was reported of emitters on the ledger.
func (s *Server) ListMisconduct(ctx context.Context, r *issuerv1.ListMisconductRequest) (*issuerv1.ListMisconductResponse, error) {
	page, err := message.Page(r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	reports, next, err := s.issuer.Misconduct(ctx, page)
	if err != nil {
		return nil, err
	}
	response := &issuerv1.ListMisconductResponse{NextPageToken: next}
	for _, report := range reports {
		response.Misconduct = append(response.Misconduct, s.reportMessage(report))
	}
	return response, nil
}

// ResolveMisconduct ends a report.
func (s *Server) ResolveMisconduct(ctx context.Context, r *issuerv1.ResolveMisconductRequest) (*issuerv1.ResolveMisconductResponse, error) {
	id, err := message.MisconductID("misconduct_id", r.GetMisconductId())
	if err != nil {
		return nil, err
	}
	state, err := message.Resolution("state", r.GetState())
	if err != nil {
		return nil, err
	}
	if err := s.once(ctx, r, func() error { return s.issuer.Resolve(ctx, id, state) }); err != nil {
		return nil, err
	}
	report, err := s.issuer.Reported(ctx, id)
	if err != nil {
		return nil, err
	}
	return &issuerv1.ResolveMisconductResponse{Misconduct: s.reportMessage(report)}, nil
}

// ProbeEmitter fetches a coupon now, for the audit.
func (s *Server) ProbeEmitter(ctx context.Context, r *issuerv1.ProbeEmitterRequest) (*issuerv1.ProbeEmitterResponse, error) {
	id, err := frameworkID(r.GetFrameworkId())
	if err != nil {
		return nil, err
	}
	p, err := s.issuer.Probe(ctx, id)
	if err != nil {
		return nil, err
	}
	return &issuerv1.ProbeEmitterResponse{
		Lane: int32(p.Coupon.Lane), Frame: int64(p.Coupon.Release.Frame), Sn: p.Coupon.SN, Findings: findingMessages(p.Findings),
	}, nil
}

func (s *Server) reportMessage(r Report) *typev1.Misconduct {
	return message.Misconduct(s.issuer.self, r.Misconduct, r.Evidence, r.Answer)
}

func auditMessage(a FrameAudit) *issuerv1.Audit {
	shown := &issuerv1.Audit{
		FrameworkId: a.Framework.String(), Emitter: a.Emitter, Lane: int32(a.Lane), Frame: int64(a.Frame),
		Coupons: a.Coupons, Known: a.Known, Findings: findingMessages(a.Findings),
	}
	if !a.Audited.IsZero() {
		shown.AuditedTime = timestamppb.New(a.Audited)
	}
	return shown
}

func findingMessages(found []Finding) []*issuerv1.Finding {
	var shown []*issuerv1.Finding
	for _, f := range found {
		m := &issuerv1.Finding{Kind: string(f.Kind), Sn: f.SN, Detail: f.Detail}
		if !f.Found.IsZero() {
			m.FoundTime = timestamppb.New(f.Found)
		}
		shown = append(shown, m)
	}
	return shown
}
