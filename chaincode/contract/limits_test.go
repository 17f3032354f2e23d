// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	"ecoupon/chaincode/contract"
	"ecoupon/chaincode/coupon"
)

func TestConfigIsComplete(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]contract.Config{"MSP id": {Now: time.Now}, "clock": {MSPID: issuer}} {
		if _, err := contract.New(cfg); err == nil {
			t.Errorf("without its %s a chaincode is made", name)
		}
	}
}

// TestLargestBatch redeems as many coupons as may be, at the end of the tick's
// life and with a clock that is as far behind as may be.
func TestLargestBatch(t *testing.T) {
	t.Parallel()
	c := founded(t)
	k := redeem(c.batch(c.sale(c.presented(bound, 1))))
	k.at = c.clock.now().Add(5 * time.Second)
	c.run(k)
	b := c.batch()
	for sale := range 20 {
		coupons := make([]coupon.Tendered, 50)
		for i := range coupons {
			coupons[i] = bearer.tender(int64(50*sale + i + 1))
		}
		s := c.sale(coupons...)
		s.Basket.Total, s.Basket.Lines[0].Quantity = 25000, 50
		b.Sales = append(b.Sales, s)
	}
	c.clock.advance(10*time.Minute + 30*time.Second)
	k = redeem(b)
	k.at = c.clock.now().Add(-30 * time.Second)
	if got := decodeRecord(t, c.record(c.run(k))).CouponCount(); got != coupon.MaxBatchCoupons {
		t.Errorf("%d coupons redeemed, want %d", got, coupon.MaxBatchCoupons)
	}
}

// TestLimitsAreGood: what is just at a limit is not too much.
func TestLimitsAreGood(t *testing.T) {
	t.Parallel()
	c := founded(t)
	s := c.sale(bearer.tender(1))
	s.Invoice.Amount, s.Invoice.PaidAt = 0, 1
	c.run(redeem(c.batch(s)))
	s = c.sale(bearer.tender(2))
	s.Invoice.Amount, s.Invoice.PaidAt = coupon.MaxTotal, c.clock.ms.Load()+30_000
	c.run(redeem(c.batch(s)))

	var result coupon.CheckResult
	c.evaluate(check(slices.Repeat([]coupon.CheckedSale{{Coupons: coupon.Untagged("junk")}}, 1000)...), &result)
	if len(result.Sales) != 1000 {
		t.Errorf("%d verdicts", len(result.Sales))
	}

	early := fresh.with(func(k *coupon.Campaign) { k.Begin = 1 })
	c.run(enterKey(early))
	k := publish(early)
	text := encode(t, k.argument)
	k.argument = text + strings.Repeat(" ", 128<<10-len(text))
	c.run(k)
	k = authorise(early)
	request := k.argument.(coupon.AuthoriseRequest)
	request.Quotas = slices.Repeat([]int64{1}, 1024)
	k.argument = request
	c.run(k)

	c.evaluate(query(outsider, "ListCampaigns", coupon.PageQuery{Size: 200, After: "!~"}), &coupon.CampaignPage{})
	c.evaluate(query(outsider, "GetMarkers", coupon.MarkersQuery{Tags: make([]coupon.Tag, 1000)}), &coupon.MarkersResult{})
	c.evaluate(query(outsider, "Standing", coupon.StandingQuery{Retailer: retailer, Batches: make([]coupon.BatchID, 200)}), &coupon.StandingResult{})
}

// TestLargestClaim claims as many batches, and as many coupons, as may be.
func TestLargestClaim(t *testing.T) {
	t.Parallel()
	c := founded(t)
	batch := decodeRecord(t, c.sold())
	batch.Redemptions[0].Coupons = make([]coupon.RedeemedCoupon, 5000)
	text := encode(t, batch)
	digest := sha256.Sum256([]byte(text))
	c.overwrite("batch/"+batch.ID.String(), "\x01"+string(digest[:]))
	c.run(c.claim(text))
	if got := c.refusal(c.claim(make([]string, 5000)...)); got.Reason != coupon.ReasonRecordMismatch {
		t.Errorf("5000 batches: %v, want RECORD_MISMATCH", got)
	}
}

// TestLimitsOfTransfersAreGood transfers at the last instant of every window.
func TestLimitsOfTransfersAreGood(t *testing.T) {
	t.Parallel()
	now := newConsortium(t).clock.ms.Load()
	for name, prepare := range map[string]func(c *consortium) (*gift, coupon.Transfer){
		"youngest": func(c *consortium) (*gift, coupon.Transfer) {
			g := c.newGift(present)
			return g, g.signed(2, func(t *coupon.Transfer) { t.At += 30_000 })
		},
		"oldest": func(c *consortium) (*gift, coupon.Transfer) {
			g := c.newGift(present)
			return g, g.signed(2, func(t *coupon.Transfer) { t.At -= 120_000 })
		},
		"before the campaign begins": func(c *consortium) (*gift, coupon.Transfer) {
			g := c.newGift(present.with(func(k *coupon.Campaign) { k.Begin = now + 1 }))
			return g, g.signed(2)
		},
		"last instant of the campaign": func(c *consortium) (*gift, coupon.Transfer) {
			g := c.newGift(present.with(func(k *coupon.Campaign) { k.End = now + 1 }))
			return g, g.signed(2)
		},
		"closing in an instant": func(c *consortium) (*gift, coupon.Transfer) {
			g := c.newGift(present)
			c.run(closing(g.offer, now+1))
			return g, g.signed(2)
		},
		"tick of ten minutes": func(c *consortium) (*gift, coupon.Transfer) {
			g := c.newGift(present)
			c.clock.advance(10 * time.Minute)
			return g, g.signed(2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, transfer := prepare(founded(t))
			g.run(g.transfer(transfer))
		})
	}
}
