// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"bytes"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

// inShop sells for the coupon in the issuer's own shop.
func (g *gift) inShop(owner int) call {
	return shop(g.redemption(g.presentedBy(owner, inTheShop)))
}

// shopsGift is a coupon that is good in the issuer's shop, of an advertiser or of
// the issuer itself.
func shopsGift(t *testing.T, o offer) *gift {
	t.Helper()
	c := founded(t)
	c.run(enterKey(o))
	c.run(publish(o))
	c.run(authorise(o))
	c.run(c.admitShop(o))
	return c.giftOf(o, o.mint(1, ownedBy(wallet(1))))
}

// TestGiftsInTheIssuersShop: coupons that were handed on are redeemed in the basic
// model by their owner only, the clearing house being the second to see to it.
func TestGiftsInTheIssuersShop(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]offer{"of an advertiser": present, "of the issuer": present.emittedByIssuer()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := shopsGift(t, o)
			g.needs(g.transfer(g.signed(2)), g.parties()...)
			g.owner, g.ownership = 2, g.owned(1, 2, g.clock.ms.Load())
			g.assertOwner(t)
			g.clock.advance(time.Second)
			for owner, want := range map[int]coupon.Reason{1: coupon.ReasonWrongSignature, 3: coupon.ReasonWrongSignature} {
				for _, mspID := range []string{issuer, clearing} {
					k := g.inShop(owner)
					k.endorsers = []string{mspID}
					g.assertRefusals(t, mspID, g.refusal(k), one(0, want, ""))
				}
			}
			former := g.presentedBy(1, inTheShop)
			first := g.owned(0, 1, 0)
			former.Ownership = &first
			for _, mspID := range []string{issuer, clearing} {
				k := shop(g.redemption(former))
				k.endorsers = []string{mspID}
				g.assertRefusals(t, mspID, g.refusal(k), one(0, coupon.ReasonCouponTransferred, ""))
			}
			text := g.shopSold(g.presentedBy(2, inTheShop))
			redeemed := decodeRecord(t, text).Redemptions[0].Coupons[0]
			if redeemed.TransferTag == nil || *redeemed.TransferTag != g.ownership.Tag {
				t.Errorf("the record has %+v", redeemed)
			}
			g.assertRefusals(t, issuer, g.refusal(g.inShop(2)), one(0, coupon.ReasonAlreadyRedeemed, ""))
			g.refused(g.check(g.signed(3)), coupon.ReasonAlreadyRedeemed)
			g.clock.advance(time.Second)
			g.run(shop(void(text, redemptionOf(g.consortium, text))))
			g.clock.advance(time.Millisecond)
			g.give(3)
			g.clock.advance(time.Second)
			g.run(g.inShop(3))
		})
	}
}

// TestTransfersOfTheIssuersCoupons are kept by issuer and clearing house, which
// is shown what the owner signed and no key.
func TestTransfersOfTheIssuersCoupons(t *testing.T) {
	t.Parallel()
	g := shopsGift(t, present.emittedByIssuer())
	key := "transfer/" + g.ownership.Tag.String()
	given := g.give(2)
	kept := g.private(issuer, key)
	if !bytes.Contains(kept, []byte(given.Text())) || !bytes.Equal(kept, g.private(clearing, key)) || g.private(advertiser, key) != nil {
		t.Errorf("issuer and clearing house keep %q", kept)
	}
	for _, by := range []string{advertiser, clearing, retailer} {
		k := g.transfer(g.signed(3))
		k.by = by
		g.refused(k, coupon.ReasonWrongOrganisation)
	}
	k := g.transfer(g.signed(3))
	k.endorsers = []string{advertiser}
	g.refused(k, coupon.ReasonWrongPeer)
}

// TestATransferAndTheShopMeet: the ledger takes the first.
func TestATransferAndTheShopMeet(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]int{"transfer first": {0, 1}, "redemption first": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := shopsGift(t, present.emittedByIssuer())
			g.clock.advance(time.Second)
			both := []*stubtest.Transaction{g.endorse(g.transfer(g.signed(2))), g.endorse(g.inShop(1))}
			g.commit([]*stubtest.Transaction{both[order[0]], both[order[1]]}, valid, conflict)
		})
	}
}
