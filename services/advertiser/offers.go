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
	mData   []byte
	// limiter, transfers and keeper are kept when the offer is replaced. Offers of dynamic
	// coupons and purchase proofs have a keeper.
	limiter   *rate.Limiter
	transfers *rate.Limiter
	keeper    *keeper
}

// Offers returns a page of what can be had now.
func (a *Advertiser) Offers(ctx context.Context, page coupon.PageQuery) (OfferPage, error) {
	var after coupon.FrameworkID
	if page.After != "" {
		if err := after.UnmarshalText([]byte(page.After)); err != nil {
			return OfferPage{}, coupon.Refuse(coupon.ReasonInvalidRequest, "page_token", "not a token of an answer")
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
		if o.refusal(now) != nil || issued[id] >= a.quota(o) {
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
		o := &offer{
			Offer:   Offer{Framework: m.framework},
			mandate: m.key,
			mData:   m.framework.Mandate().Data(),
			limiter: rate.NewLimiter(rate.Limit(a.limits.OfferRate), a.limits.OfferBurst),

			transfers: rate.NewLimiter(rate.Limit(a.limits.TransferRate), a.limits.TransferBurst),
		}
		if before, found := a.offers[m.framework.ID]; found {
			o.Campaign, o.limiter, o.transfers, o.keeper = before.Campaign, before.limiter, before.transfers, before.keeper
		} else if m.framework.Kind != coupon.KindStatic {
			o.keeper = newKeeper(a, m.framework)
		}
		a.offers[m.framework.ID] = o
	}
	for id, o := range a.offers {
		if entry, found := learnt.campaigns[campaignOf(o.Framework)]; found {
			changed := *o
			changed.Campaign = entry
			a.offers[id] = &changed
			if o.keeper != nil {
				o.keeper.wake()
			}
		}
	}
	select {
	case a.learnt <- struct{}{}:
	default:
	}
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
	return nil
}

// quota is that of all lanes of this replica together; the ledger has checked
// that it is a number.
func (a *Advertiser) quota(o *offer) (sum int64) {
	for _, lane := range a.serials.Lanes(o.Framework.Quotas) {
		sum += o.Framework.Quotas[lane]
	}
	return sum
}
