// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// spoilSale changes the batch's one sale.
func spoilSale(change func(s *coupon.Sale)) func(*consortium, *coupon.BatchInput) {
	return func(_ *consortium, b *coupon.BatchInput) { change(&b.Sales[0]) }
}

func TestMalformedSalesAreRefused(t *testing.T) {
	t.Parallel()
	invalid := coupon.ReasonInvalidRequest
	tooMuch := int64(coupon.MaxTotal) + 1
	testBadBatches(t, []badBatch{
		{name: "no request id", want: one(-1, invalid, "request_id"), redeemOnly: true,
			spoil: spoilSale(func(s *coupon.Sale) { s.RequestID = "" })},
		{name: "request id that could be guessed", want: one(-1, invalid, "request_id"),
			spoil: spoilSale(func(s *coupon.Sale) { s.RequestID = "receipt 4711" })},
		{name: "institute", want: one(-1, invalid, "invoice.institute"), spoil: spoilSale(func(s *coupon.Sale) { s.Invoice.Institute = "" })},
		{name: "number", want: one(-1, invalid, "invoice.number"), spoil: spoilSale(func(s *coupon.Sale) { s.Invoice.Number = "4711\n" })},
		{name: "currency of the invoice", want: one(-1, invalid, "invoice.currency"), spoil: spoilSale(func(s *coupon.Sale) { s.Invoice.Currency = "eur" })},
		{name: "negative amount", want: one(-1, invalid, "invoice.amount"), spoil: spoilSale(func(s *coupon.Sale) { s.Invoice.Amount = -1 })},
		{name: "enormous amount", want: one(-1, invalid, "invoice.amount"), spoil: spoilSale(func(s *coupon.Sale) { s.Invoice.Amount = tooMuch })},
		{name: "never paid", want: one(-1, invalid, "invoice.paid_at"), spoil: spoilSale(func(s *coupon.Sale) { s.Invoice.PaidAt = 0 })},
		{name: "paid in the future", want: one(-1, invalid, "invoice.paid_at"),
			spoil: spoilSale(func(s *coupon.Sale) { s.Invoice.PaidAt += 31_001 })},
		{name: "invoice in another currency than the basket", want: one(-1, coupon.ReasonCurrencyMismatch, "invoice.currency"),
			spoil: spoilSale(func(s *coupon.Sale) { s.Invoice.Currency = "USD" })},
		{name: "GTIN", want: one(-1, coupon.ReasonBadGTIN, "lines[0].gtin"),
			spoil: spoilSale(func(s *coupon.Sale) { s.Basket.Lines[0].GTIN = "09521234543214" })},
		{name: "total below the lines", want: one(-1, coupon.ReasonBadBasket, "total"), spoil: spoilSale(func(s *coupon.Sale) { s.Basket.Total = 2499 })},
		{name: "another currency than the terms",
			want: append(one(0, coupon.ReasonCurrencyMismatch, ""), one(1, coupon.ReasonCurrencyMismatch, "")...),
			spoil: spoilSale(func(s *coupon.Sale) {
				s.Invoice.Currency, s.Basket.Currency = "USD", "USD"
			})},
		{name: "goods for one coupon only", want: one(1, coupon.ReasonNotInBasket, ""), spoil: func(c *consortium, b *coupon.BatchInput) {
			b.Sales[0].Basket.Lines[0].Quantity = 1
			if b1, b2 := bearer.mandate().ID(), bound.mandate().ID(); b1.String() > b2.String() {
				s := &b.Sales[0] // the order of framework ids decides who gets the goods
				s.Coupons[0], s.Coupons[1] = s.Coupons[1], s.Coupons[0]
			}
		}},
		{name: "none of the goods",
			want:  append(one(0, coupon.ReasonNotInBasket, ""), one(1, coupon.ReasonNotInBasket, "")...),
			spoil: spoilSale(func(s *coupon.Sale) { s.Basket.Lines[0].GTIN = tea })},
		{name: "below the minimum spend", want: one(0, coupon.ReasonMinimumSpendNotReached, ""),
			spoil: otherOffer(func(k *coupon.Campaign) {
				k.Terms = `{"format":1,"currency":"EUR","gtins":["` + coffee + `"],"quantity":1,` +
					`"minimum_spend":{"amount":3000,"of":"basket"},"benefit":{"type":"amount_off","amount":100}}`
			})},
	})
}

func TestWhatStandsTwiceIsRefused(t *testing.T) {
	t.Parallel()
	twin := coupon.ReasonDuplicateInBatch
	second := func(index int, field string) []coupon.Refusal {
		return []coupon.Refusal{{Redemption: 1, Coupon: index, Reason: twin, Field: field}}
	}
	testBadBatches(t, []badBatch{
		{name: "coupon in one basket", want: one(2, twin, ""), spoil: func(_ *consortium, b *coupon.BatchInput) {
			b.Sales[0].Coupons = append(b.Sales[0].Coupons, b.Sales[0].Coupons[0])
		}},
		{name: "coupon presented twice in one basket", want: one(2, twin, ""), spoil: func(c *consortium, b *coupon.BatchInput) {
			b.Sales[0].Coupons = append(b.Sales[0].Coupons, c.presented(bound, 2))
		}},
		{name: "coupon at two tills", want: second(0, ""), spoil: func(c *consortium, b *coupon.BatchInput) {
			b.Sales = append(b.Sales, c.sale(bearer.tender(1)))
		}},
		{name: "tag", want: second(0, ""), redeemOnly: true, spoil: func(c *consortium, b *coupon.BatchInput) {
			same := bearer.tender(3)
			same.Tag = b.Sales[0].Coupons[0].Tag
			b.Sales = append(b.Sales, c.sale(same))
		}},
		{name: "invoice", want: second(-1, "invoice"), spoil: func(c *consortium, b *coupon.BatchInput) {
			b.Sales = append(b.Sales, c.sale(bearer.tender(3)))
			b.Sales[1].Invoice = b.Sales[0].Invoice
		}},
		{name: "request id", want: second(-1, "request_id"), spoil: func(c *consortium, b *coupon.BatchInput) {
			b.Sales = append(b.Sales, c.sale(bearer.tender(3)))
			b.Sales[1].RequestID = b.Sales[0].RequestID
		}},
	})
}

func TestWhatTheLedgerKnowsIsRefused(t *testing.T) {
	t.Parallel()
	// redeemed has the batch redeemed, and proposes a new sale instead.
	redeemed := func(undo bool, next func(c *consortium, old coupon.Sale) coupon.Sale) func(*consortium, *coupon.BatchInput) {
		return func(c *consortium, b *coupon.BatchInput) {
			if undo {
				c.redeemAndVoid(*b)
			} else {
				c.run(redeem(*b))
			}
			c.clock.advance(time.Second)
			*b = c.batch(next(c, b.Sales[0]))
		}
	}
	sameCoupon := func(c *consortium, _ coupon.Sale) coupon.Sale { return c.sale(bearer.tender(1)) }
	sameInvoice := func(c *consortium, old coupon.Sale) coupon.Sale {
		s := c.sale(bearer.tender(3))
		s.Invoice = old.Invoice
		return s
	}
	sameRequest := func(c *consortium, old coupon.Sale) coupon.Sale {
		s := c.sale(bearer.tender(3))
		s.RequestID = old.RequestID
		return s
	}
	known := one(-1, coupon.ReasonRedemptionKnown, "request_id")
	used := one(-1, coupon.ReasonInvoiceUsed, "invoice")
	testBadBatches(t, []badBatch{
		{name: "coupon", want: one(0, coupon.ReasonAlreadyRedeemed, ""), spoil: redeemed(false, sameCoupon)},
		{name: "invoice", want: used, spoil: redeemed(false, sameInvoice)},
		{name: "invoice of a sale undone", want: used, spoil: redeemed(true, sameInvoice)},
		{name: "request id", want: known, spoil: redeemed(false, sameRequest)},
		{name: "request id of a sale undone", want: known, spoil: redeemed(true, sameRequest)},
	})
}

// TestRefusalsAreComplete: everything that is wrong with a batch is said, each
// coupon's first reason, in the order of sales and coupons.
func TestRefusalsAreComplete(t *testing.T) {
	t.Parallel()
	testBadBatches(t, []badBatch{{
		name: "a bit of all",
		want: []coupon.Refusal{
			{Redemption: 0, Coupon: 0, Reason: coupon.ReasonMalformedCoupon},
			{Redemption: 1, Coupon: -1, Reason: coupon.ReasonInvalidRequest, Field: "invoice.amount"},
			{Redemption: 1, Coupon: 0, Reason: coupon.ReasonQuotaExceeded},
			{Redemption: 1, Coupon: 1, Reason: coupon.ReasonPresentationExpired},
			{Redemption: 2, Coupon: 0, Reason: coupon.ReasonUnknownLane},
		},
		spoil: func(c *consortium, b *coupon.BatchInput) {
			b.Sales[0].Coupons[0].Text = "ec1."
			// Wrong in several ways: beyond the quota, and an owner where the
			// campaign has none would come after.
			beyond := bearer.mint(quota + 1)
			late := c.presented(bound, 4, moved(-time.Hour), func(p *coupon.Presentation) { p.Invoice = "" })
			s := c.sale(coupon.Tendered{Text: beyond.Text(), Tag: bearer.tag(beyond)}, late)
			s.Invoice.Amount = -1
			lane := bearer.mint(5, func(cp *coupon.Coupon) { cp.Lane = 9 })
			b.Sales = append(b.Sales, s, c.sale(coupon.Tendered{Text: lane.Text(), Tag: bearer.tag(lane)}))
		},
	}})
}

// loseTerms empties a campaign's terms document on the ledger.
func (c *consortium) loseTerms(o offer) {
	c.t.Helper()
	lost := o.with(func(k *coupon.Campaign) { k.Terms = "" })
	c.overwrite(fmt.Sprintf("campaign/%x/1", o.campaign.ID), encode(c.t, lost.campaign))
}

// good is a batch that is redeemed on a ledger in order.
func good(c *consortium) call { return redeem(c.batch(c.sale(bearer.tender(1)))) }

func TestBatchesAreRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	// sales makes so many sales of so many coupons, which need not be good.
	sales := func(sales, coupons int) func(c *consortium) call {
		return func(c *consortium) call {
			b := c.batch()
			for range sales {
				b.Sales = append(b.Sales, c.sale(make([]coupon.Tendered, coupons)...))
			}
			return redeem(b)
		}
	}
	testRefusals(t, []refusal{
		{name: "no sales", want: tooMany, field: "sales", prepare: func(c *consortium) call {
			return redeem(coupon.BatchInput{Salt: c.salt(), Sales: []coupon.Sale{}})
		}},
		{name: "1001 sales", want: tooMany, field: "sales", prepare: sales(1001, 1)},
		{name: "sale without coupons", want: tooMany, field: "coupons", prepare: func(c *consortium) call {
			b := c.batch(c.sale(bearer.tender(1)), c.sale())
			b.Sales[1].Coupons = []coupon.Tendered{}
			return redeem(b)
		}},
		{name: "51 coupons in a sale", want: tooMany, field: "coupons", prepare: sales(1, 51)},
		{name: "1001 coupons", want: tooMany, field: "coupons", prepare: sales(91, 11)},
		{name: "no salt", want: coupon.ReasonInvalidRequest, field: "salt", prepare: func(c *consortium) call {
			return redeem(coupon.BatchInput{Sales: []coupon.Sale{c.sale(bearer.tender(1))}})
		}},
		{name: "retailer without a key", want: coupon.ReasonRetailerNotAdmitted, prepare: func(c *consortium) call {
			k := good(c)
			k.by, k.endorsers = retailer2, []string{issuer, retailer2}
			return k
		}},
		{name: "retailer that lost its key", want: coupon.ReasonRetailerNotAdmitted, prepare: func(c *consortium) call {
			c.overwritePrivate(retailer, retailerKeyName(retailer), "")
			return good(c)
		}},
		{name: "issuer that lost k_IR", want: coupon.ReasonRetailerNotAdmitted, prepare: func(c *consortium) call {
			c.overwritePrivate(issuer, retailerKeyName(retailer), "")
			return good(c)
		}},
		{name: "issuer that lost k_M", want: coupon.ReasonKeyMissing, prepare: func(c *consortium) call {
			c.overwritePrivate(issuer, campaignKeyName(bearer), "")
			return good(c)
		}},
		{name: "campaign whose terms are lost", want: coupon.ReasonBadTerms, prepare: func(c *consortium) call {
			c.loseTerms(bearer)
			return good(c)
		}},
		{name: "peer of a third organisation", want: coupon.ReasonWrongPeer, seenBy: clearing, prepare: func(c *consortium) call {
			k := good(c)
			k.endorsers = []string{issuer, retailer, clearing}
			return k
		}},
	})
}

func TestBatchesOutOfTimeAreRefused(t *testing.T) {
	t.Parallel()
	testRefusals(t, []refusal{
		{name: "no tick", want: coupon.ReasonTickMissing, prepare: func(c *consortium) call {
			c.overwrite("tick", "")
			return good(c)
		}},
		{name: "old tick", want: coupon.ReasonTickStale, prepare: func(c *consortium) call {
			c.clock.advance(10*time.Minute + time.Millisecond)
			return good(c)
		}},
		{name: "ahead of the endorsers' clocks", want: coupon.ReasonClockSkew, prepare: func(c *consortium) call {
			k := good(c)
			k.at = c.clock.now().Add(5*time.Second + time.Millisecond)
			return k
		}},
		{name: "behind the endorsers' clocks", want: coupon.ReasonClockSkew, prepare: func(c *consortium) call {
			k := good(c)
			k.at = c.clock.now().Add(-30*time.Second - time.Millisecond)
			return k
		}},
	})
}
