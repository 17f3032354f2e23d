// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/singleflight"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// offer is what never changes of a framework.
type offer struct {
	framework coupon.Framework
	terms     coupon.Terms
	// attested says that the campaign asks for attested payments.
	attested bool
}

// title is what a till shows of an offer.
func (o offer) title() string {
	return o.framework.Product + ": " + o.framework.Offer
}

// offers remembers the offers of all issuers, so that a redemption needs no
// question for what never changes. An offer that is not found is asked for
// again: it may be published by then. Those who ask for the same at the same time
// share one answer: when a shop opens, all tills ask for the same offers.
type offers struct {
	ledger  Ledger
	issuers []string
	asking  singleflight.Group

	mu    sync.RWMutex
	known map[coupon.FrameworkID]offer
}

func newOffers(l Ledger, issuers []string) *offers {
	return &offers{ledger: l, issuers: slices.Clone(issuers), known: make(map[coupon.FrameworkID]offer)}
}

// find returns the offer, or refuses with UNKNOWN_FRAMEWORK if no issuer has
// it: as the own peer says, which may be behind, and then the issuers' where
// they can be reached.
func (o *offers) find(ctx context.Context, id coupon.FrameworkID) (offer, error) {
	o.mu.RLock()
	found, known := o.known[id]
	o.mu.RUnlock()
	if known {
		return found, nil
	}
	answer := o.asking.DoChan(id.String(), func() (any, error) {
		// Whoever asked first may have left when the answer comes.
		return o.search(context.WithoutCancel(ctx), id)
	})
	select {
	case a := <-answer:
		found, _ := a.Val.(offer)
		return found, a.Err
	case <-ctx.Done():
		return offer{}, ctx.Err()
	}
}

// search asks the ledger for an offer and remembers it.
func (o *offers) search(ctx context.Context, id coupon.FrameworkID) (offer, error) {
	for _, issuer := range o.issuers {
		found, err := o.ask(ctx, issuer, nil, id)
		if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonUnknownFramework || reason == coupon.ReasonNotFound {
			continue
		}
		if err != nil {
			return offer{}, fmt.Errorf("reading framework %s of %s: %w", id, issuer, err)
		}
		return o.keep(id, found), nil
	}
	for _, issuer := range o.issuers {
		if found, err := o.ask(ctx, issuer, []string{issuer}, id); err == nil {
			return o.keep(id, found), nil
		}
	}
	return offer{}, coupon.Refuse(coupon.ReasonUnknownFramework, "", "no issuer has such a framework")
}

func (o *offers) keep(id coupon.FrameworkID, found offer) offer {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known[id] = found
	return found
}

// ask asks the peer of an organisation, the own one if none is named.
func (o *offers) ask(ctx context.Context, issuer string, at []string, id coupon.FrameworkID) (offer, error) {
	var found offer
	err := o.ledger.Evaluate(ctx, ledger.Call{
		Namespace: config.Namespace(issuer), Function: "GetFramework", Argument: coupon.FrameworkQuery{Framework: id},
		Endorsers: at, Within: tellWithin,
	}, &found.framework)
	if err != nil {
		return offer{}, err
	}
	var entry coupon.CampaignEntry
	err = o.ledger.Evaluate(ctx, ledger.Call{
		Namespace: config.Namespace(issuer), Function: "GetCampaign",
		Argument:  coupon.CampaignRef{Campaign: found.framework.Campaign, Version: found.framework.Version},
		Endorsers: at, Within: tellWithin,
	}, &entry)
	if err != nil {
		return offer{}, err
	}
	found.attested = entry.Campaign.AttestationRequired
	found.terms, err = coupon.ParseTerms([]byte(entry.Campaign.Terms))
	return found, err
}

// tendered is what a till handed in: the coupons that can be read, with their
// offers. Entries of refused coupons are zero.
type tendered struct {
	tenders []coupon.Tender
	offers  []offer
	refused []coupon.Refusal
}

// read reads coupons and looks up their offers. What cannot be read, or is of
// no known framework, is among the refused; an error is the ledger's.
func (o *offers) read(ctx context.Context, coupons []coupon.CheckedCoupon) (tendered, error) {
	t := tendered{tenders: make([]coupon.Tender, len(coupons)), offers: make([]offer, len(coupons))}
	for i, c := range coupons {
		tender, err := coupon.ParseTender(c.Text)
		if err == nil {
			t.tenders[i] = tender
			t.offers[i], err = o.find(ctx, tender.Coupon.Framework)
		}
		var refused *coupon.Error
		switch {
		case errors.As(err, &refused):
			t.refused = append(t.refused, coupon.Refusal{
				Coupon: i, Reason: refused.Reason, Field: refused.Field, Detail: refused.Detail,
			})
		case err != nil:
			return tendered{}, err
		}
	}
	return t, nil
}

// issuers lists the issuers of the coupons, without the unknown.
func (t tendered) issuers() []string {
	var issuers []string
	for _, o := range t.offers {
		if issuer := o.framework.Issuer; issuer != "" && !slices.Contains(issuers, issuer) {
			issuers = append(issuers, issuer)
		}
	}
	slices.SortFunc(issuers, strings.Compare)
	return issuers
}

// attested says whether the campaign of a coupon asks for an attested payment.
func (t tendered) attested() bool {
	return slices.ContainsFunc(t.offers, func(o offer) bool { return o.attested })
}

// strip leaves of a basket what the issuer may see for these coupons.
func (t tendered) strip(b coupon.Basket, issuer string) coupon.Basket {
	var terms []coupon.Terms
	for _, o := range t.offers {
		if o.framework.Issuer == issuer {
			terms = append(terms, o.terms)
		}
	}
	return b.Strip(terms...)
}
