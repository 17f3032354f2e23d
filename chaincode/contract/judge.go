// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/world"
)

// lookAhead is how far ahead of now a customer is told what coupons will be
// worth: one hour.
const lookAhead = 3_600_000

// frameworkKeys is what MACs and tags of a framework's coupons are checked
// with, on the issuer's peer.
type frameworkKeys struct {
	mData   []byte
	mandate coupon.MAC
	emitter coupon.Key
	spent   coupon.Key
	beacon  coupon.Key
}

// judgeSale compares a sale with what the ledger knows of it.
func (d *docket) judgeSale(s *sale) {
	if _, known := d.state.Redemptions[s.id]; known {
		d.refuseSale(s, coupon.Refuse(coupon.ReasonRedemptionKnown, "request_id", "the redemption is on the ledger"))
		return
	}
	if s.invoice != nil && d.state.Invoices[s.invoiceTag] {
		d.refuseSale(s, coupon.Refuse(coupon.ReasonInvoiceUsed, "invoice", "another redemption used this invoice"))
	}
}

// judgeOffer checks a coupon against its framework and campaign, all public.
func (d *docket) judgeOffer(it *item) error {
	c := it.tender.Coupon
	framework, found := d.state.Frameworks[c.Framework]
	if !found {
		return coupon.Refuse(coupon.ReasonUnknownFramework, "", "the issuer has no such framework")
	}
	it.framework = framework
	offer, found := d.offers[refOf(framework)]
	if !found {
		return coupon.Refuse(coupon.ReasonUnknownCampaign, "", "the framework's campaign is missing")
	}
	if !offer.Admitted {
		return coupon.Refuse(coupon.ReasonRetailerNotAdmitted, "", "the retailer is not admitted to the campaign")
	}
	if err := judgeTime(offer, d.now); err != nil {
		return err
	}
	return d.judgeMade(it)
}

// judgeMade checks that the coupon is one that its emitter may make under its
// framework.
func (d *docket) judgeMade(it *item) error {
	c, framework := it.tender.Coupon, it.framework
	campaign := d.offers[refOf(framework)].Campaign
	if c.Kind != framework.Kind {
		return coupon.Refuse(coupon.ReasonUnsupportedKind, "", "the framework's coupons are %s", framework.Kind)
	}
	if err := judgeHolder(it.tender, campaign.Holder); err != nil {
		return err
	}
	if int(c.Lane) >= len(framework.Quotas) {
		return coupon.Refuse(coupon.ReasonUnknownLane, "", "the framework has %d lanes", len(framework.Quotas))
	}
	if c.SN > framework.Quotas[c.Lane] {
		return coupon.Refuse(coupon.ReasonQuotaExceeded, "", "the lane's quota is %d", framework.Quotas[c.Lane])
	}
	return d.state.Mandates[c.Framework].CheckSerial(c.Lane, c.SN)
}

// judgeHolder compares a coupon with its campaign: bound or bearer. Of a dynamic
// coupon only its use tells.
func judgeHolder(t coupon.Tender, holder coupon.Holder) error {
	isBound := t.Coupon.Bound
	if t.Coupon.Kind != coupon.KindStatic {
		isBound = t.Presentation != nil || holder == coupon.HolderBound
	}
	if isBound != (holder == coupon.HolderBound) {
		return coupon.Refuse(coupon.ReasonWrongHolder, "", "the campaign's coupons are %s", holder)
	}
	return nil
}

// judgeTime says whether coupons of the offer are good at a time, as far as its
// state now tells.
func judgeTime(offer world.Offer, at int64) error {
	switch {
	case offer.State.Status == coupon.StatusPaused:
		return coupon.Refuse(coupon.ReasonCampaignPaused, "", "the campaign is paused")
	case offer.State.Status == coupon.StatusClosed && at >= offer.State.RedeemUntil:
		return coupon.Refuse(coupon.ReasonCampaignClosed, "", "the campaign is closed")
	case at < offer.Campaign.Begin:
		return coupon.Refuse(coupon.ReasonCampaignNotBegun, "", "the campaign has not begun")
	case at >= offer.Campaign.End:
		return coupon.Refuse(coupon.ReasonCampaignOver, "", "the campaign is over")
	}
	return nil
}

// judgeMACs checks both MACs of every coupon on the issuer's peer, and its tag.
// The other endorser sees to it that the keys are there and relies on the
// issuer's verdict: the ledger accepts the batch with both only.
func (d *docket) judgeMACs() error {
	d.keys = make(map[coupon.FrameworkID]frameworkKeys)
	campaigns := map[coupon.CampaignRef]coupon.Key{}
	var fault error
	d.items(func(_ *sale, it *item) {
		if fault != nil {
			return
		}
		fault = d.loadKeys(it.framework, campaigns)
	})
	if fault != nil || d.self != d.issuer {
		return fault
	}
	d.items(func(_ *sale, it *item) { d.refuse(it, d.judgeMAC(it)) })
	return nil
}

// loadKeys reads k_M once for each campaign and derives a framework's keys.
func (d *docket) loadKeys(f coupon.Framework, campaigns map[coupon.CampaignRef]coupon.Key) error {
	if _, done := d.keys[f.ID]; done {
		return nil
	}
	ref := refOf(f)
	kM, done := campaigns[ref]
	if !done {
		var err error
		if kM, err = d.campaignKey(ref); err != nil {
			return err
		}
		campaigns[ref] = kM
	}
	keys := frameworkKeys{}
	if d.self == d.issuer {
		mandate := f.Mandate()
		keys = frameworkKeys{
			mData:   mandate.Data(),
			mandate: mandate.MAC(coupon.DeriveFrameworkKey(kM)),
			emitter: coupon.DeriveEmitterKey(kM, f.Campaign, f.Emitter, f.Epoch),
			spent:   coupon.DeriveSpentKey(kM),
			beacon:  coupon.DeriveBeaconKey(kM),
		}
	}
	d.keys[f.ID] = keys
	return nil
}

func (d *docket) judgeMAC(it *item) error {
	keys := d.keys[it.framework.ID]
	var beacon coupon.Hash
	if c := it.tender.Coupon; c.Kind != coupon.KindStatic {
		ref := coupon.FrameOf(c)
		beacon = ref.Beacon(keys.beacon, d.frames[ref.Before()])
	}
	if err := it.tender.Coupon.CheckMACs(keys.emitter, keys.mData, keys.mandate, beacon); err != nil {
		return err
	}
	tag := it.tender.Coupon.SpentTag(keys.spent)
	if it.tag == (coupon.Tag{}) {
		it.tag, it.computed = tag, true
	}
	if it.tag != tag {
		return coupon.Refuse(coupon.ReasonTagMismatch, "tag", "not the coupon's spent tag")
	}
	return d.judgeDraw(it, keys.beacon)
}

// judgeUse checks that the coupon is unspent and that its owner presents it
// here and now.
func (d *docket) judgeUse(s *sale, it *item) error {
	marker, marked := d.state.Markers[it.tag]
	if marked && marker.State == coupon.MarkerSpent {
		return coupon.Refuse(coupon.ReasonAlreadyRedeemed, "", "the coupon was redeemed")
	}
	if err := d.judgeProduct(it); err != nil {
		return err
	}
	if d.offers[refOf(it.framework)].Campaign.Holder != coupon.HolderBound {
		return nil
	}
	p := it.tender.Presentation
	if p == nil {
		if s.invoice == nil {
			return nil // a coupon may be looked at without its owner
		}
		return coupon.Refuse(coupon.ReasonPresentationRequired, "", "the coupon is bound to a wallet, which must present it")
	}
	if err := d.judgeAudience(s, it, p); err != nil {
		return err
	}
	if p.PresentedAt > d.now+maxClockAhead {
		return coupon.Refuse(coupon.ReasonPresentationFromFuture, "", "the presentation's time is ahead of now")
	}
	if p.PresentedAt < d.now-maxPresentationAge {
		return coupon.Refuse(coupon.ReasonPresentationExpired, "", "the presentation is older than %d s", maxPresentationAge/1000)
	}
	if err := d.judgeOwner(it, p); err != nil {
		return err
	}
	if marked && p.PresentedAt <= marker.Time {
		return coupon.Refuse(coupon.ReasonPresentationReplayed, "", "the coupon was used after this presentation was made")
	}
	return nil
}

func (d *docket) judgeAudience(s *sale, it *item, p *coupon.Presentation) error {
	campaign := d.offers[refOf(it.framework)].Campaign
	switch {
	case p.Retailer == "" && !campaign.AudienceWaived:
		return coupon.Refuse(coupon.ReasonAudienceRequired, "retailer", "the presentation must name the retailer")
	case p.Retailer != "" && p.Retailer != d.caller:
		return coupon.Refuse(coupon.ReasonWrongAudience, "retailer", "the presentation is for another retailer")
	case s.invoice == nil:
		return nil
	case p.Invoice == "" && campaign.InvoiceRequired:
		return coupon.Refuse(coupon.ReasonAudienceRequired, "invoice", "the presentation must name the invoice")
	case p.Invoice != "" && p.Invoice != s.invoice.Number:
		return coupon.Refuse(coupon.ReasonWrongAudience, "invoice", "the presentation is for another invoice")
	}
	return nil
}

// judgeBasket values a sale's coupons that are not refused.
func (d *docket) judgeBasket(s *sale) {
	if s.basket == nil || s.basket.Check() != nil {
		return
	}
	var items, later []*item
	for _, it := range s.items {
		if it.bad {
			continue
		}
		items = append(items, it)
		if judgeTime(d.offers[refOf(it.framework)], d.now+lookAhead) == nil {
			later = append(later, it)
		}
	}
	for i, discount := range d.value(s, items, d.now) {
		if discount.Err != nil {
			d.refuse(items[i], discount.Err)
			continue
		}
		items[i].value = discount.Value
	}
	if s.invoice != nil {
		return // the sale is made now
	}
	for i, discount := range d.value(s, later, d.now+lookAhead) {
		if discount.Err == nil && !later[i].bad {
			later[i].later = discount.Value
		}
	}
}

// value values coupons of a sale at a time.
func (d *docket) value(s *sale, items []*item, at int64) []coupon.Discount {
	applications := make([]coupon.Application, len(items))
	for i, it := range items {
		c := it.tender.Coupon
		applications[i] = coupon.Application{
			Framework: c.Framework, Lane: c.Lane, SN: c.SN, Terms: d.terms[refOf(it.framework)].At(d.moment(it, at)),
		}
	}
	return coupon.Value(*s.basket, applications)
}
