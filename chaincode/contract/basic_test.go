// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

// handed is an offer that the issuer gives out itself.
var handed = makeOffer("handed", coupon.HolderBearer).emittedByIssuer()

// shop makes a call of a retailer that of the issuer's own shop.
func shop(k call) call {
	k.by = issuer
	for i, mspID := range k.endorsers {
		if mspID == retailer {
			k.endorsers[i] = clearing
		}
	}
	return k
}

// admitShop lets the issuer redeem an offer.
func (c *consortium) admitShop(o offer) call {
	k := c.admit(o, issuer)
	k.endorsers = []string{issuer, clearing}
	return k
}

// withShop is founded with the issuer's own shop, which redeems all offers, and
// with coupons that the issuer gives out.
func withShop(t *testing.T) *consortium {
	t.Helper()
	c := founded(t)
	c.run(c.admitShop(bearer))
	c.run(c.admitShop(bound))
	c.run(enterKey(handed))
	c.run(publish(handed))
	c.run(authorise(handed))
	c.run(c.admitShop(handed))
	return c
}

// shopSold redeems in the shop and returns the issuer's record.
func (c *consortium) shopSold(coupons ...coupon.Tendered) string {
	c.t.Helper()
	tx := c.run(shop(redeem(c.batch(c.sale(coupons...)))))
	return string(c.private(issuer, "batch/"+coupon.NewBatchID(tx.ID).String()))
}

// inTheShop names the shop in a presentation.
func inTheShop(p *coupon.Presentation) { p.Retailer = issuer }

// TestIssuerRedeemsItsOwnCoupons is the basic model: those of an advertiser and
// those that it gave out itself, in its own shop.
func TestIssuerRedeemsItsOwnCoupons(t *testing.T) {
	t.Parallel()
	c := withShop(t)
	sale := c.sale(bearer.tender(1), c.presented(bound, 2, inTheShop), handed.tender(1))
	var result coupon.CheckResult
	c.evaluate(shop(check(checked(sale))), &result)
	for i, v := range result.Sales[0].Coupons {
		if len(result.Sales[0].Refused) != 0 || *v.Tag != sale.Coupons[i].Tag || v.Value != 100 {
			t.Errorf("Check says %+v", result.Sales[0])
		}
	}
	text := c.shopSold(sale.Coupons...)
	record := decodeRecord(t, text)
	if record.Retailer != issuer || record.CouponCount() != 3 || text != string(c.private(clearing, "batch/"+record.ID.String())) {
		t.Errorf("the record of the shop's sale is %+v", record)
	}
	c.assertMarkers(t, text, coupon.RedemptionID{})
	for _, spent := range []coupon.Tendered{handed.tender(1), bearer.tender(1)} {
		c.refused(shop(redeem(c.batch(c.sale(spent)))), coupon.ReasonBatchRefused)
	}
	c.refused(redeem(c.batch(c.sale(bearer.tender(1)))), coupon.ReasonBatchRefused)

	c.clock.advance(time.Second)
	c.run(shop(void(text, record.Redemptions[0].ID)))
	c.assertMarkers(t, text, record.Redemptions[0].ID)
	c.refused(shop(void(text, record.Redemptions[0].ID)), coupon.ReasonNotRedeemed)
	c.run(redeem(c.batch(c.sale(bearer.tender(1)))))
	c.shopSold(handed.tender(1))
}

// TestShopsKeys: k_IR of the shop is with issuer and clearing house, and k_ME of
// the issuer's own mandate nowhere but where k_M is.
func TestShopsKeys(t *testing.T) {
	t.Parallel()
	c := withShop(t)
	want := retailerKeyOf(issuer)
	for _, mspID := range members {
		has := string(c.private(mspID, retailerKeyName(issuer))) == string(want[:])
		if has != (mspID == issuer || mspID == clearing) {
			t.Errorf("%s has k_IR of the shop: %v", mspID, has)
		}
		if c.private(mspID, "emitter-key/"+handed.mandate().ID().String()) != nil {
			t.Errorf("%s keeps k_ME of the issuer", mspID)
		}
	}
	var presence coupon.Presence
	c.evaluate(query(outsider, "HasRetailerKey", coupon.RetailerQuery{Retailer: issuer}), &presence)
	if !presence.Present {
		t.Error("the shop's key is said to be missing")
	}
	ask := func(mspID string) call {
		return query(mspID, "EmitterKey", coupon.FrameworkQuery{Framework: handed.mandate().ID()})
	}
	var key coupon.EmitterKey
	c.evaluate(ask(issuer), &key)
	wantKey := coupon.EmitterKey{
		Format: 1, Framework: handed.mandate().ID(), Key: handed.emitterKey(),
		MAC: handed.mandate().MAC(coupon.DeriveFrameworkKey(handed.key)),
	}
	if diff := cmp.Diff(wantKey, key); diff != "" {
		t.Errorf("the issuer's key (-want +got):\n%s", diff)
	}
	c.refused(ask(clearing), coupon.ReasonKeyMissing)
	c.overwritePrivate(clearing, retailerKeyName(issuer), "")
	c.evaluate(query(outsider, "HasRetailerKey", coupon.RetailerQuery{Retailer: issuer}), &presence)
	if presence.Present {
		t.Error("the shop's key is said to be there, but the clearing house has lost its copy")
	}
}

// TestShopNeedsTheClearingHouse: whatever the issuer emits or redeems itself is
// not taken without the clearing house, and not without the issuer.
func TestShopNeedsTheClearingHouse(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.needs(c.admitShop(bearer), issuer, clearing)
	c.needs(c.admitShop(bound), issuer, clearing) // the second, which brings no key
	text := c.shopSold(bearer.tender(1))
	c.needs(shop(redeem(c.batch(c.sale(bearer.tender(2))))), issuer, clearing)
	c.needs(shop(void(text, redemptionOf(c, text))), issuer, clearing)

	grows := decaying.emittedByIssuer()
	c.run(enterKey(grows))
	c.run(publish(grows))
	c.needs(authorise(grows), issuer, clearing)
	l := &lane{consortium: c, offer: grows, frame: coupon.FrameRef{Framework: grows.mandate().ID()}}
	c.needs(l.opening(), issuer, clearing)
	l.begin()
	c.clock.advance(time.Second)
	l.release()
	c.needs(l.closing(), issuer, clearing)

	c.needs(ownMandate(raise(grows, 2*quota)), issuer, clearing)
	c.needs(ownMandate(rotate(grows, quota)), issuer, clearing)
}

// ownMandate makes a call about an emitter's mandate that of the issuer's own.
func ownMandate(k call) call {
	k.endorsers, k.input = []string{issuer, clearing}, nil
	return k
}

// TestShopsProofs: the issuer sells, releases a purchase proof, and redeems it;
// of two proofs of one product, one.
func TestShopsProofs(t *testing.T) {
	t.Parallel()
	c := founded(t)
	own := proofOffer("proofs of its own", "").emittedByIssuer()
	c.run(enterKey(own))
	c.run(publish(own))
	c.run(c.admitShop(own))
	c.run(authorise(own))
	l := c.newLane(own)
	c.clock.advance(time.Second)
	first, twin := l.proof(grinder), l.proof(grinder)
	c.run(l.closing())
	c.shopSold(first)
	for _, mspID := range []string{issuer, clearing} {
		k := shop(redeem(c.batch(c.sale(twin))))
		k.endorsers = []string{mspID}
		c.assertRefusals(t, mspID, c.refusal(k), one(0, coupon.ReasonProductUsed, ""))
	}
	ask := shop(askProduct(coupon.ProductQuery{Framework: own.mandate().ID(), Product: grinder}))
	var result coupon.CheckResult
	if c.evaluate(ask, &result); len(result.Products) != 1 || !result.Products[0].Used {
		t.Errorf("the product is %+v", result.Products)
	}
}

// TestIssuersFrames: of a lane that the issuer runs itself, the clearing house
// keeps the second summary and compares.
func TestIssuersFrames(t *testing.T) {
	t.Parallel()
	c := founded(t)
	own := decaying.emittedByIssuer()
	c.run(enterKey(own))
	c.run(publish(own))
	c.run(authorise(own))
	c.run(c.admitShop(own))
	l := c.newLane(own)
	released := l.release()
	content := l.content()
	frame := l.frame
	l.clock.advance(time.Second)
	l.close()
	for _, mspID := range []string{issuer, clearing} {
		var summary coupon.FrameSummary
		c.evaluate(query(mspID, "GetFrameSummary", frame), &summary)
		if summary.LastSN != content.LastSN || summary.Root != content.Root {
			t.Errorf("%s keeps %+v", mspID, summary)
		}
	}
	c.shopSold(coupon.Tendered{Text: released.Text(), Tag: own.tag(released)})

	l.clock.advance(time.Second)
	skips := l.closing()
	in := skips.input.(coupon.FrameContent)
	in.LastSN++
	skips.input = in
	for _, mspID := range skips.endorsers {
		skips.endorsers = []string{mspID}
		c.refused(skips, coupon.ReasonFrameConflict)
	}
	c.overwritePrivate(clearing, frameName(l.frame.Before()), "")
	c.refused(l.closing(), coupon.ReasonFrameConflict)
}

// TestIssuerAloneUndoesNothing: with altered chaincode on its own peer the
// issuer changes nothing of what its shop redeemed, nor do others without it.
func TestIssuerAloneUndoesNothing(t *testing.T) {
	t.Parallel()
	c := withShop(t)
	text := c.shopSold(bearer.tender(1))
	r := decodeRecord(t, text)
	before := c.ledgerState(text)
	forged := forgeries(c, text)
	for _, name := range []string{
		"un-spend", "void", "forget the sale", "forget the batch", "another record", "settle", "raise a quota", "stop the clock",
	} {
		for _, by := range [][]string{{issuer}, {clearing, retailer}} {
			c.commit([]*stubtest.Transaction{c.forged(forged[name], by...)}, policy)
			if !equalStates(before, c.ledgerState(text)) {
				t.Fatalf("%v could %s", by, name)
			}
		}
	}
	for _, mspID := range []string{issuer, clearing} { // nothing that one keeps undoes it
		c.overwritePrivate(mspID, "batch/"+r.ID.String(), "")
	}
	c.refused(shop(redeem(c.batch(c.sale(bearer.tender(1))))), coupon.ReasonBatchRefused)
	c.assertMarkers(t, text, coupon.RedemptionID{})
}

// TestClearingHouseAsRetailer: what concerns retailer and clearing house is kept
// once where they are one, and all goes on.
func TestClearingHouseAsRetailer(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.run(c.admit(bearer, clearing))
	own := func(k call) call {
		k.by = clearing
		for i, mspID := range k.endorsers {
			if mspID == retailer {
				k.endorsers[i] = clearing
			}
		}
		k.endorsers = slices.Compact(k.endorsers)
		return k
	}
	sell := func(sn int64) string {
		tx := c.run(own(redeem(c.batch(c.sale(bearer.tender(sn))))))
		return string(c.private(clearing, "batch/"+coupon.NewBatchID(tx.ID).String()))
	}
	undone, sold := sell(1), sell(2)
	c.run(own(void(undone, redemptionOf(c, undone))))
	c.refused(c.settle(sold), coupon.ReasonNotClaimed)
	c.run(own(c.claim(undone, sold)))
	c.refused(own(c.claim(sold)), coupon.ReasonAlreadyClaimed)
	c.refused(own(void(sold, redemptionOf(c, sold))), coupon.ReasonAlreadyClaimed)
	k := c.settle(undone, sold)
	c.needs(k, issuer, clearing)
	var settlement coupon.SettlementRecord
	id := k.input.(coupon.SettleInput).SettlementID
	c.evaluate(query(issuer, "GetSettlement", coupon.SettlementQuery{SettlementID: id, Retailer: clearing}), &settlement)
	if settlement.Coupons != 1 || fmt.Sprint(settlement.Amounts) != fmt.Sprint([]coupon.Money{{Currency: "EUR", Minor: 100}}) {
		t.Errorf("settled for %+v", settlement)
	}
}
