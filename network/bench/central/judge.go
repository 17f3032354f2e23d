// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package central

import (
	"errors"

	"ecoupon/chaincode/coupon"
)

// How far a wallet's clock may be ahead, and how long a presentation is good, in
// milliseconds: as on the ledger.
const (
	maxClockAhead      = 30_000
	maxPresentationAge = 120_000
)

// judge checks all coupons of a sale but for what the store knows, and returns
// the rows that spend them.
func (s *Service) judge(in sale) ([]Row, error) {
	now := s.now().UnixMilli()
	var refused refusals
	var applications []coupon.Application
	var rows []Row
	seen := make(map[coupon.Tag]bool)
	for i, t := range in.tenders {
		o, err := s.judgeCoupon(in, t, now)
		tag := t.Coupon.SpentTag(o.spent)
		if err == nil && seen[tag] {
			err = coupon.Refuse(coupon.ReasonDuplicateInBatch, "", "stands more than once in the batch")
		}
		if err != nil {
			refused = append(refused, refuse(i, err))
			continue
		}
		seen[tag] = true
		c := t.Coupon
		applications = append(applications, coupon.Application{Framework: c.Framework, Lane: c.Lane, SN: c.SN, Terms: o.terms})
		rows = append(rows, Row{
			ID: in.id, Number: i, Tag: tag, Request: in.Request, Invoice: in.Invoice, Retailer: s.retailer, Issuer: o.Framework.Issuer,
			InvoiceTag: coupon.InvoiceTag(s.invoices, in.Invoice.Institute, in.Invoice.Number),
			Framework:  c.Framework, Lane: c.Lane, SN: c.SN, Time: now,
		})
	}
	for i, discount := range coupon.Value(in.Basket, applications) {
		if discount.Err != nil {
			refused = append(refused, refuse(rows[i].Number, discount.Err))
		}
		rows[i].Value = discount.Value
	}
	if refused != nil {
		return nil, refused
	}
	return rows, nil
}

// judgeCoupon checks one coupon, in the order in which the chaincode does.
func (s *Service) judgeCoupon(in sale, t coupon.Tender, now int64) (offer, error) {
	c := t.Coupon
	o, found := s.offers[c.Framework]
	switch {
	case !found:
		return o, coupon.Refuse(coupon.ReasonUnknownFramework, "", "the issuer has no such framework")
	case now < o.Campaign.Begin:
		return o, coupon.Refuse(coupon.ReasonCampaignNotBegun, "", "the campaign has not begun")
	case now >= o.Campaign.End:
		return o, coupon.Refuse(coupon.ReasonCampaignOver, "", "the campaign is over")
	case c.Kind != o.Framework.Kind:
		return o, coupon.Refuse(coupon.ReasonUnsupportedKind, "", "the framework's coupons are %s", o.Framework.Kind)
	case c.Bound != (o.Campaign.Holder == coupon.HolderBound):
		return o, coupon.Refuse(coupon.ReasonWrongHolder, "", "the campaign's coupons are %s", o.Campaign.Holder)
	case int(c.Lane) >= len(o.Framework.Quotas):
		return o, coupon.Refuse(coupon.ReasonUnknownLane, "", "the framework has %d lanes", len(o.Framework.Quotas))
	case c.SN > o.Framework.Quotas[c.Lane]:
		return o, coupon.Refuse(coupon.ReasonQuotaExceeded, "", "the lane's quota is %d", o.Framework.Quotas[c.Lane])
	}
	if err := c.CheckMACs(o.emitter, o.mData, o.mandate, coupon.Hash{}); err != nil {
		return o, err
	}
	if o.Campaign.Holder != coupon.HolderBound {
		return o, nil
	}
	return o, s.judgePresentation(in, t, now)
}

func (s *Service) judgePresentation(in sale, t coupon.Tender, now int64) error {
	p := t.Presentation
	switch {
	case p == nil:
		return coupon.Refuse(coupon.ReasonPresentationRequired, "", "the coupon is bound to a wallet, which must present it")
	case p.Retailer == "":
		return coupon.Refuse(coupon.ReasonAudienceRequired, "retailer", "the presentation must name the retailer")
	case p.Retailer != s.retailer:
		return coupon.Refuse(coupon.ReasonWrongAudience, "retailer", "the presentation is for another retailer")
	case p.Invoice != "" && p.Invoice != in.Invoice.Number:
		return coupon.Refuse(coupon.ReasonWrongAudience, "invoice", "the presentation is for another invoice")
	case p.PresentedAt > now+maxClockAhead:
		return coupon.Refuse(coupon.ReasonPresentationFromFuture, "", "the presentation's time is ahead of now")
	case p.PresentedAt < now-maxPresentationAge:
		return coupon.Refuse(coupon.ReasonPresentationExpired, "", "the presentation is older than %d s", maxPresentationAge/1000)
	}
	return p.VerifySignature(t.Coupon.Owner)
}

// refuse is the refusal of one coupon.
func refuse(index int, err error) coupon.Refusal {
	refusal := coupon.Refusal{Coupon: index, Reason: coupon.ReasonInternal}
	if refused := (*coupon.Error)(nil); errors.As(err, &refused) {
		refusal.Reason, refusal.Detail = refused.Reason, refused.Detail
	}
	return refusal
}
