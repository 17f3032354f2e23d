// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"bytes"
	"context"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/message"
)

// Offer is a framework as its emitter shows it.
type Offer struct {
	Campaign  coupon.CampaignEntry
	Framework coupon.Framework
}

// OfferPage is a page of offers; Next is empty on the last.
type OfferPage struct {
	Offers []Offer
	Next   string
}

// offer is an Offer with what coupons are made of. It does not change: a change
// replaces it.
type offer struct {
	Offer
	mandate coupon.EmitterKey
	state   coupon.MandateState
	mData   []byte
	// outdated says that a newer version of the campaign is offered.
	outdated bool
	// limiter, transfers, lanes and keeper are kept when the offer is replaced. Lanes
	// closes the offer's frames; of dynamic coupons and purchase proofs it is
	// the keeper, too, that they wait for, of static coupons there is none.
	limiter   *rate.Limiter
	transfers *rate.Limiter
	lanes     *keeper
	keeper    *keeper
}

// Offers returns a page of what can be had now.
func (a *Advertiser) Offers(ctx context.Context, page coupon.PageQuery) (OfferPage, error) {
	var after coupon.FrameworkID
	if page.After != "" {
		if err := after.UnmarshalText([]byte(page.After)); err != nil {
			return OfferPage{}, message.BadToken()
		}
	}
	issued, err := a.serials.Issued(ctx)
	if err != nil {
		return OfferPage{}, err
	}
	var found OfferPage
	now := a.now()
	for _, o := range a.sorted() {
		id := o.Framework.ID
		if page.After != "" && bytes.Compare(id[:], after[:]) <= 0 {
			continue
		}
		if o.refusal(now) != nil || a.serials.Remain(issued[id], o.Framework.Quotas) <= 0 {
			continue
		}
		if len(found.Offers) == page.Size {
			found.Next = found.Offers[page.Size-1].Framework.ID.String()
			break
		}
		found.Offers = append(found.Offers, o.Offer)
	}
	return found, nil
}

func (a *Advertiser) sorted() []*offer {
	a.mu.RLock()
	defer a.mu.RUnlock()
	all := make([]*offer, 0, len(a.offers))
	for _, o := range a.offers {
		all = append(all, o)
	}
	slices.SortFunc(all, func(x, y *offer) int {
		return bytes.Compare(x.Framework.ID[:], y.Framework.ID[:])
	})
	return all
}

func (a *Advertiser) offer(id coupon.FrameworkID) (*offer, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	o, found := a.offers[id]
	return o, found
}

// remember replaces what is known of offers.
func (a *Advertiser) remember(learnt changes) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range learnt.mandates {
		a.offers[m.framework.ID] = a.learnt(m)
	}
	for id, o := range a.offers {
		if entry, found := learnt.campaigns[campaignOf(o.Framework)]; found {
			changed := *o
			changed.Campaign = entry
			a.offers[id] = &changed
		}
	}
	for id, o := range a.offers {
		if outdated := a.outdated(o); outdated != o.outdated {
			changed := *o
			changed.outdated = outdated
			a.offers[id] = &changed
		}
		o.lanes.wake()
	}
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// learnt is the offer of a mandate that is new or has changed. a.mu is held.
func (a *Advertiser) learnt(m mandate) *offer {
	o := &offer{
		Offer:   Offer{Framework: m.framework},
		mandate: m.key,
		state:   m.state,
		mData:   m.framework.Mandate().Data(),
	}
	if before, found := a.offers[m.framework.ID]; found {
		o.Campaign, o.limiter, o.transfers = before.Campaign, before.limiter, before.transfers
		o.lanes, o.keeper = before.lanes, before.keeper
		return o
	}
	o.limiter = rate.NewLimiter(rate.Limit(a.limits.OfferRate), a.limits.OfferBurst)
	o.transfers = rate.NewLimiter(rate.Limit(a.limits.TransferRate), a.limits.TransferBurst)
	o.lanes = newKeeper(a, m.framework)
	if m.framework.Kind != coupon.KindStatic {
		o.keeper = o.lanes
	}
	return o
}

// outdated says that there is an own mandate of a newer version of the campaign,
// whose coupons are given out in place of the offer's. a.mu is held.
func (a *Advertiser) outdated(o *offer) bool {
	for _, other := range a.offers {
		if other.Framework.Issuer == o.Framework.Issuer && other.Framework.Campaign == o.Framework.Campaign &&
			other.Framework.Version > o.Framework.Version && other.Framework.Kind == o.Framework.Kind &&
			other.state.Status != coupon.MandateRevoked && other.Campaign.State.Status != coupon.StatusClosed {
			return true
		}
	}
	return false
}

// refusal says why no coupon of the offer can be had at a time; nil if one can.
// Coupons may be had before they can be redeemed.
func (o *offer) refusal(now time.Time) error {
	switch o.Campaign.State.Status {
	case coupon.StatusActive:
	case coupon.StatusPaused:
		return coupon.Refuse(coupon.ReasonCampaignPaused, "", "the campaign is paused")
	default:
		return coupon.Refuse(coupon.ReasonCampaignClosed, "", "the campaign is closed")
	}
	if now.UnixMilli() >= o.Campaign.Campaign.End {
		return coupon.Refuse(coupon.ReasonCampaignOver, "", "the campaign is over")
	}
	if err := o.state.CheckIssuing(""); err != nil {
		return err
	}
	if o.outdated {
		return coupon.Refuse(coupon.ReasonSuperseded, "", "a newer version of the campaign is offered")
	}
	return nil
}
