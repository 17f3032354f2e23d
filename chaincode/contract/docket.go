// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"encoding/json"
	"errors"
	"slices"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/world"
)

// maxClockAhead is how far a till's or a wallet's clock may be ahead of the
// transaction; maxPresentationAge how long a presentation is good.
const (
	maxClockAhead      = 30_000
	maxPresentationAge = 120_000
)

// docket is the sales of one Check or Redeem while they are judged. It judges
// all of them and collects every refusal, so that a caller can drop what is bad
// in one go.
//
// The first reason that applies to a coupon is the one that is given, in this
// order: the reasons of coupon.ParseTender and of
// coupon.ParseReceipt; DUPLICATE_IN_BATCH;
// UNKNOWN_FRAMEWORK; RETAILER_NOT_ADMITTED; CAMPAIGN_PAUSED, CAMPAIGN_CLOSED;
// CAMPAIGN_NOT_BEGUN, CAMPAIGN_OVER; UNSUPPORTED_KIND; WRONG_HOLDER; UNKNOWN_LANE,
// QUOTA_EXCEEDED; ATTESTATION_REQUIRED; EMITTER_SUSPENDED, LANE_ENDED; FRAME_NOT_OPEN,
// WRONG_RELEASE_TIME; RECEIPT_REQUIRED,
// FRAME_NOT_CLOSED, WRONG_RECEIPT; WRONG_MAC; TAG_MISMATCH; ALREADY_REDEEMED;
// PRODUCT_USED; PRESENTATION_REQUIRED; AUDIENCE_REQUIRED, WRONG_AUDIENCE;
// PRESENTATION_FROM_FUTURE, PRESENTATION_EXPIRED; WRONG_SIGNATURE,
// COUPON_TRANSFERRED;
// PRESENTATION_REPLAYED; the reasons of coupon.Value. To a sale as a whole:
// its form; DUPLICATE_IN_BATCH; REDEMPTION_KNOWN; INVOICE_USED;
// CURRENCY_MISMATCH; WRONG_ATTESTATION; PAYMENT_TOO_SMALL.
type docket struct {
	*Context
	// second is the party to the redemptions beside the issuer.
	second  string
	sales   []*sale
	refused []coupon.Refusal
	state   world.BatchState
	offers  map[coupon.CampaignRef]world.Offer
	terms   map[coupon.CampaignRef]coupon.Terms
	keys    map[coupon.FrameworkID]frameworkKeys
	frames  map[coupon.FrameRef]coupon.Frame
	owners  map[coupon.Tag]coupon.OwnerMarker
}

// sale is one redemption on the docket. Check may leave out invoice and basket.
type sale struct {
	index      int
	id         coupon.RedemptionID
	request    coupon.Hash
	invoice    *coupon.Invoice
	invoiceTag coupon.Tag
	// attestation is the payment institute's of the invoice, if there is one.
	attestation *coupon.Signature
	basket      *coupon.Basket
	items       []*item
}

// item is one coupon on the docket.
type item struct {
	sale, index int
	tender      coupon.Tender
	receipt     *coupon.Receipt
	framework   coupon.Framework
	// tag is the caller's in Redeem; in Check it is computed, for a coupon
	// whose MACs are right, and computed says so.
	tag      coupon.Tag
	computed bool
	// draw is the random value, where the terms have one: the caller's in
	// Redeem, computed in Check.
	draw *coupon.Hash
	// ownership is the caller's in Redeem, found in Check; nil where the campaign
	// does not allow transfers. passed are the ownerships that were followed to
	// find it, and digests those of the transfers that ended them.
	ownership *coupon.Ownership
	passed    []coupon.Ownership
	digests   []coupon.Hash

	bad   bool
	value int64
	// later is the value in one hour, for a sale that is only looked at.
	later int64
}

// refuse notes why a coupon is bad; the first reason stands. A nil error is
// none.
func (d *docket) refuse(it *item, err error) {
	if err == nil || it.bad {
		return
	}
	it.bad = true
	d.note(it.sale, it.index, err)
}

// refuseSale notes why a sale as a whole is bad.
func (d *docket) refuseSale(s *sale, err error) { d.note(s.index, -1, err) }

func (d *docket) note(sale, index int, err error) {
	r := coupon.Refusal{Redemption: sale, Coupon: index, Reason: coupon.ReasonInternal}
	if refused := (*coupon.Error)(nil); errors.As(err, &refused) {
		r.Reason, r.Field, r.Detail = refused.Reason, refused.Field, refused.Detail
	}
	d.refused = append(d.refused, r)
}

// verdict returns all refusals in the order of sales and coupons as one error,
// or nil if there are none.
func (d *docket) verdict() error {
	if len(d.refused) == 0 {
		return nil
	}
	list, err := json.Marshal(d.sorted())
	if err != nil {
		return err
	}
	return coupon.Refuse(coupon.ReasonBatchRefused, "", "%s", list)
}

func (d *docket) sorted() []coupon.Refusal {
	slices.SortStableFunc(d.refused, func(a, b coupon.Refusal) int {
		if a.Redemption != b.Redemption {
			return a.Redemption - b.Redemption
		}
		return a.Coupon - b.Coupon
	})
	return d.refused
}

// items calls visit for every coupon that is not refused yet.
func (d *docket) items(visit func(s *sale, it *item)) {
	for _, s := range d.sales {
		for _, it := range s.items {
			if !it.bad {
				visit(s, it)
			}
		}
	}
}

// judge reads what the sales depend on and judges every coupon. An error is a
// fault of the ledger or of the call as a whole; refusals are on the docket.
func (d *docket) judge() error {
	var err error
	if d.second, err = d.Context.second(d.caller); err != nil {
		return err
	}
	kIR, err := d.retailerKey()
	if err != nil {
		return err
	}
	d.findTwins(kIR)
	if err := d.read(); err != nil {
		return err
	}
	if err := d.checkTick(d.state.Tick); err != nil {
		return err
	}
	for _, s := range d.sales {
		d.judgeSale(s)
	}
	d.items(func(_ *sale, it *item) { d.refuse(it, d.judgeOffer(it)) })
	if err := d.judgeAttestations(); err != nil {
		return err
	}
	if err := d.readFrames(); err != nil {
		return err
	}
	d.items(func(_ *sale, it *item) { d.refuse(it, d.judgeRelease(it)) })
	d.items(func(_ *sale, it *item) { d.refuse(it, d.judgeReceipt(it)) })
	if err := d.judgeMACs(); err != nil {
		return err
	}
	if err := d.judgeOwners(); err != nil {
		return err
	}
	if err := d.readMarkers(); err != nil {
		return err
	}
	d.items(func(s *sale, it *item) { d.refuse(it, d.judgeUse(s, it)) })
	for _, s := range d.sales {
		d.judgeBasket(s)
		d.judgePayment(s)
	}
	for _, r := range d.refused {
		s := d.sales[r.Redemption]
		d.rivals.leave(s.id, s.tags())
	}
	return nil
}

// retailerKey returns this peer's copy of k_IR, having looked at both.
func (d *docket) retailerKey() (coupon.Key, error) {
	var own coupon.Key
	known := false
	for _, owner := range []string{d.issuer, d.second} {
		k, present, err := d.world.RetailerKey(owner, d.caller)
		if err != nil {
			return own, err
		}
		if !present {
			return own, coupon.Refuse(coupon.ReasonRetailerNotAdmitted, "", "the retailer shares no key with the issuer")
		}
		if owner == d.self {
			own, known = k, true
		}
	}
	if !known {
		return own, coupon.Refuse(coupon.ReasonWrongPeer, "", "only the two parties can judge this")
	}
	return own, nil
}

// read loads the state of all sales in two calls to the peer.
func (d *docket) read() error {
	reads := world.BatchReads{}
	seen := map[coupon.FrameworkID]bool{}
	for _, s := range d.sales {
		if s.id != (coupon.RedemptionID{}) {
			reads.Redemptions = append(reads.Redemptions, s.id)
		}
		if s.invoice != nil {
			reads.Invoices = append(reads.Invoices, s.invoiceTag)
		}
	}
	d.items(func(_ *sale, it *item) {
		if id := it.tender.Coupon.Framework; !seen[id] {
			seen[id] = true
			reads.Frameworks = append(reads.Frameworks, id)
		}
		if it.tag != (coupon.Tag{}) {
			reads.Tags = append(reads.Tags, it.tag)
		}
		if it.tender.Coupon.Kind == coupon.KindProof {
			reads.Products = append(reads.Products, it.tender.Coupon.Product.Tag)
		}
	})
	var err error
	if d.state, err = d.world.ReadBatch(reads); err != nil {
		return err
	}
	return d.readOffers(reads.Frameworks)
}

func (d *docket) readOffers(frameworks []coupon.FrameworkID) error {
	var refs []coupon.CampaignRef
	for _, id := range frameworks {
		if f, found := d.state.Frameworks[id]; found {
			if ref := refOf(f); !slices.Contains(refs, ref) {
				refs = append(refs, ref)
			}
		}
	}
	var err error
	if d.offers, err = d.world.Offers(refs, d.caller); err != nil {
		return err
	}
	d.terms = make(map[coupon.CampaignRef]coupon.Terms, len(refs))
	for ref, offer := range d.offers {
		if d.terms[ref], err = coupon.ParseTerms([]byte(offer.Campaign.Terms)); err != nil {
			return err
		}
	}
	return nil
}

// readMarkers reads the markers of tags that were computed here, in Check;
// those that Redeem was given are read already.
func (d *docket) readMarkers() error {
	var tags []coupon.Tag
	d.items(func(_ *sale, it *item) {
		if it.computed {
			tags = append(tags, it.tag)
		}
	})
	markers, err := d.world.Markers(tags)
	if err != nil {
		return err
	}
	for tag, marker := range markers {
		d.state.Markers[tag] = marker
	}
	return nil
}

func refOf(f coupon.Framework) coupon.CampaignRef {
	return coupon.CampaignRef{Campaign: f.Campaign, Version: f.Version}
}
