// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	"ecoupon/services/audit"
)

// mandatesAndAudits plays how the issuer steers and checks its emitters, and how
// every member checks the ledger.
func (p *play) mandatesAndAudits(ctx context.Context) error {
	if err := p.closeFrames(ctx); err != nil {
		return err
	}
	for _, act := range []func(context.Context) error{p.changeMandate, p.auditLedger, p.auditFrames} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// closeFrames has the advertiser close the frames that are open, of which it
// would close each when its time is over.
func (p *play) closeFrames(ctx context.Context) error {
	office, err := p.sit("advertiser", "operator")
	if err != nil {
		return err
	}
	advertiser, err := office.Advertiser(advertiserMSP)
	if err != nil {
		return err
	}
	if _, err := advertiser.CloseFrames(ctx, &advertiserv1.CloseFramesRequest{}); err != nil {
		return fmt.Errorf("closing the advertiser's frames: %w", err)
	}
	return nil
}

// auditFrames waits until the issuer has compared a closed frame of each of the
// advertiser's campaigns with its log, and lists what came of all audits.
func (p *play) auditFrames(ctx context.Context) error {
	var audits []*issuerv1.Audit
	err := await(ctx, "the issuer to audit the closed frames", func(ctx context.Context) (_ bool, err error) {
		audits, err = p.audits(ctx)
		return p.audited(audits), err
	})
	if err != nil {
		return err
	}
	var frames, coupons, known int64
	for _, a := range audits {
		if a.GetAuditedTime() == nil {
			continue
		}
		if found := a.GetFindings(); len(found) > 0 {
			return fmt.Errorf("the audit of frame %d of lane %d of %s found %v", a.GetFrame(), a.GetLane(), a.GetFrameworkId(), found)
		}
		frames++
		coupons += a.GetCoupons()
		known += a.GetKnown()
	}
	p.tell("the issuer has audited %d closed frames; coupons in their logs: %d, known from redemptions: %d, findings: none", frames, coupons, known)
	return nil
}

// audited reports whether there is an audit for each campaign whose frames
// closeFrames has closed; for the dynamic one, of a frame with coupons. Logs of
// static coupons list none.
func (p *play) audited(audits []*issuerv1.Audit) bool {
	done := map[string]bool{}
	for _, a := range audits {
		dynamic := a.GetFrameworkId() == p.frameworks[dynamicCampaign].GetFrameworkId()
		if a.GetAuditedTime() != nil && (a.GetCoupons() > 0 || !dynamic) {
			done[a.GetFrameworkId()] = true
		}
	}
	for _, c := range p.campaigns {
		if !done[p.frameworks[c.ID].GetFrameworkId()] {
			return false
		}
	}
	return true
}

// audits lists all audits that the issuer has made or is about to.
func (p *play) audits(ctx context.Context) (all []*issuerv1.Audit, err error) {
	request := &issuerv1.ListAuditsRequest{PageSize: 200}
	for {
		page, err := p.issuer.ListAudits(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("listing audits: %w", err)
		}
		all = append(all, page.GetAudits()...)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return all, nil
		}
	}
}

// auditLedger has the clearing house's auditor re-check the whole ledger, as
// "coupon audit" does.
func (p *play) auditLedger(ctx context.Context) error {
	auditor, err := p.sit("clearing", "auditor")
	if err != nil {
		return err
	}
	ledger, err := auditor.Ledger("")
	if err != nil {
		return err
	}
	defer ledger.Conn.Close()
	source := audit.Peer{
		Conn: ledger.Conn, Channel: ledger.Channel, MSPID: ledger.MSPID, Identity: ledger.Identity, TLS: ledger.TLS, To: -1,
	}
	var breaches []error
	options := audit.Options{MSPID: ledger.MSPID, Found: func(f audit.Finding) {
		if f.Level == audit.Breach {
			breaches = append(breaches, fmt.Errorf("breach %s in block %d, transaction %s by %s: %s", f.Rule, f.Block, f.Transaction, f.Creator, f.Text))
		}
	}}
	var report *audit.Report
	err = p.time("whole ledger audited", func() (err error) {
		report, err = audit.Run(ctx, source.Deliver, options)
		return err
	})
	if err := errors.Join(err, errors.Join(breaches...)); err != nil {
		return fmt.Errorf("auditing the ledger: %w", err)
	}
	p.tell("the clearing house's auditor re-checks the whole ledger from block 0: %d blocks, %d private records, %d breaches",
		report.Blocks, report.Private, report.Breaches)
	return nil
}
