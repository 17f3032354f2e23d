// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"slices"
	"testing"

	"ecoupon/chaincode/coupon"
)

func TestForgedProofsAreRefused(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(l *lane, c *coupon.Coupon){
		"another product": func(l *lane, c *coupon.Coupon) { c.Product.Tag = l.productTag("(01)09521234543213(21)S0009") },
		"another sale":    func(_ *lane, c *coupon.Coupon) { c.Product.Sale[0] ^= 1 },
		"another time":    func(_ *lane, c *coupon.Coupon) { c.Release.Time-- },
		"another u_data":  func(_ *lane, c *coupon.Coupon) { c.Owner[5] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := withProofs(t)
			c := l.release(l.soldAs(grinder))
			forge(l, &c)
			k := redeem(l.batch(l.sale(l.tendered(c, nil))))
			k.endorsers = []string{issuer}
			l.assertRefusals(t, issuer, l.refusal(k), one(0, coupon.ReasonWrongMAC, ""))
		})
	}
}

func TestProductTagsAreRefused(t *testing.T) {
	t.Parallel()
	of := func(change func(l *lane, k *call, q *coupon.ProductQuery)) func(*consortium) call {
		return func(c *consortium) call {
			c.open(proven)
			l := c.newLane(proven)
			k, q := askProduct(), coupon.ProductQuery{Framework: l.frame.Framework, Product: grinder}
			change(l, &k, &q)
			if k.input.(coupon.CheckInput).Products == nil {
				k.input = coupon.CheckInput{Sales: []coupon.CheckedSale{}, Products: []coupon.ProductQuery{q}}
			}
			return k
		}
	}
	product := func(id string) func(*consortium) call {
		return of(func(_ *lane, _ *call, q *coupon.ProductQuery) { q.Product = id })
	}
	const field = "products[0]"
	testRefusals(t, []refusal{
		{name: "another retailer", want: coupon.ReasonWrongOrganisation, field: field, prepare: of(func(l *lane, k *call, _ *coupon.ProductQuery) {
			l.run(l.admit(proven, retailer2))
			k.by = retailer2
		})},
		{name: "the issuer itself", want: coupon.ReasonWrongOrganisation, field: field,
			prepare: of(func(_ *lane, k *call, _ *coupon.ProductQuery) { k.by = issuer })},
		{name: "not the service", want: coupon.ReasonWrongRole,
			prepare: of(func(_ *lane, k *call, _ *coupon.ProductQuery) { k.role = "till" })},
		{name: "on the own peer", want: coupon.ReasonWrongPeer,
			prepare: of(func(_ *lane, k *call, _ *coupon.ProductQuery) { k.endorsers = []string{retailer} })},
		{name: "no such framework", want: coupon.ReasonUnknownFramework, field: field,
			prepare: of(func(_ *lane, _ *call, q *coupon.ProductQuery) { q.Framework[0] ^= 1 })},
		{name: "framework of another kind", want: coupon.ReasonUnsupportedKind, field: field,
			prepare: of(func(_ *lane, k *call, q *coupon.ProductQuery) { k.by, q.Framework = advertiser, bearer.mandate().ID() })},
		{name: "no product", want: invalid, field: field, prepare: product("")},
		{name: "product of 65 characters", want: invalid, field: field, prepare: product(grinder + grinder + "01234567890")},
		{name: "product beyond ASCII", want: invalid, field: field, prepare: product("Mühle")},
		{name: "campaign paused", want: coupon.ReasonCampaignPaused, field: field,
			prepare: of(func(l *lane, _ *call, _ *coupon.ProductQuery) { l.run(change("PauseCampaign", proven)) })},
		{name: "campaign closed, though redeemed on", want: coupon.ReasonCampaignClosed, field: field,
			prepare: of(func(l *lane, _ *call, _ *coupon.ProductQuery) { l.run(closing(proven, 1798761600000)) })},
		{name: "campaign over", want: coupon.ReasonCampaignOver, field: field, prepare: of(func(l *lane, _ *call, _ *coupon.ProductQuery) {
			l.clock.ms.Store(proven.campaign.End)
		})},
		{name: "51 products", want: coupon.ReasonTooMany, field: "products", prepare: of(func(_ *lane, k *call, q *coupon.ProductQuery) {
			k.input = coupon.CheckInput{Sales: []coupon.CheckedSale{}, Products: slices.Repeat([]coupon.ProductQuery{*q}, 51)}
		})},
		{name: "nothing at all", want: coupon.ReasonTooMany, field: "sales", prepare: of(func(_ *lane, k *call, _ *coupon.ProductQuery) {
			k.input = coupon.CheckInput{Sales: []coupon.CheckedSale{}, Products: []coupon.ProductQuery{}}
		})},
		{name: "k_M lost", want: coupon.ReasonKeyMissing, field: field, prepare: of(func(l *lane, _ *call, _ *coupon.ProductQuery) {
			l.overwritePrivate(issuer, campaignKeyName(proven), "")
		})},
	})
}

// TestProofsAreEmittedByRetailers: others have no sale to release one with.
func TestProofsAreEmittedByRetailers(t *testing.T) {
	t.Parallel()
	const field = "emitter"
	emitter := func(mspID string) func(*consortium) call {
		return func(c *consortium) call {
			o := proofOffer("proven", mspID)
			c.run(enterKey(o))
			c.run(publish(o))
			return authorise(o)
		}
	}
	testRefusals(t, []refusal{
		{name: "advertiser", want: coupon.ReasonRetailerNotAdmitted, field: field, prepare: emitter(advertiser)},
		{name: "retailer of another campaign", want: coupon.ReasonRetailerNotAdmitted, field: field, prepare: emitter(retailer)},
	})
}
