// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"slices"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

// givenProofs is an offer of bound purchase proofs that can be handed on twice.
var givenProofs = proofOffer("given proofs", retailer).with(func(k *coupon.Campaign) {
	k.Holder, k.MaxTransfers = coupon.HolderBound, 2
})

// newProof is wallet 1's proof of a product, and the lane that releases others.
func newProof(t *testing.T) (*lane, *gift) {
	t.Helper()
	c := founded(t)
	c.open(givenProofs)
	l := c.newLane(givenProofs)
	c.clock.advance(time.Second)
	return l, l.gift(grinder)
}

// gift is another proof of wallet 1's.
func (l *lane) gift(product string) *gift {
	return l.giftOf(l.offer, l.release(l.soldAs(product), func(c *coupon.Coupon) { c.Owner = publicOf(1) }))
}

// TestAProofIsHandedOn: who had it before cannot redeem it, at the new owner's it
// counts once, and no other proof of the product beside it.
func TestAProofIsHandedOn(t *testing.T) {
	t.Parallel()
	l, g := newProof(t)
	twin := l.gift(grinder)
	byFirst := g.presentedBy(1)
	for _, to := range []int{2, 3} {
		var checked coupon.CheckTransferResult
		if g.evaluate(g.check(g.signed(to)), &checked); checked.Ownership == nil || *checked.Ownership != g.ownership {
			t.Fatalf("CheckTransfer: %+v, want %+v", checked, g.ownership)
		}
		tx := g.give(to)
		g.assertOwner(t)
		var again coupon.CheckTransferResult
		if g.evaluate(g.check(tx), &again); again.Done == nil || *again.Done != g.ownerNow() {
			t.Errorf("the same transfer again: %+v", again)
		}
		l.clock.advance(time.Second)
	}
	for what, tendered := range map[string]coupon.Tendered{
		"the first owner, now": g.presentedBy(1), "the second, now": g.presentedBy(2), "the first, before": byFirst,
	} {
		for _, mspID := range []string{issuer, retailer} {
			tendered.Ownership = &g.ownership
			k := g.redemption(tendered)
			k.endorsers = []string{mspID}
			t.Log(what)
			l.assertRefusals(t, mspID, l.refusal(k), one(0, coupon.ReasonWrongSignature, ""))
		}
		l.assertCheck(t, l.batch(l.sale(tendered)), one(0, coupon.ReasonCouponTransferred, ""))
	}
	record := decodeRecord(t, l.record(l.run(g.redemption(g.presentedBy(3)))))
	redeemed := record.Redemptions[0].Coupons[0]
	if redeemed.Product == nil || redeemed.Product.Tag != g.productTag(grinder) || redeemed.TransferTag == nil || *redeemed.TransferTag != g.ownership.Tag {
		t.Errorf("the record has %+v", redeemed)
	}
	l.assertRefusals(t, issuer, l.refusal(g.redemption(g.presentedBy(3))), one(0, coupon.ReasonAlreadyRedeemed, ""))
	l.assertRefusals(t, issuer, l.refusal(twin.redemption(twin.presentedBy(1))), one(0, coupon.ReasonProductUsed, ""))
}

// TestAnotherProofIsUsedAfterTheTransfer: the product counts once, whoever has
// its proofs by then.
func TestAnotherProofIsUsedAfterTheTransfer(t *testing.T) {
	t.Parallel()
	l, g := newProof(t)
	twin := l.gift(grinder)
	g.give(2)
	l.clock.advance(time.Second)
	l.run(twin.redemption(twin.presentedBy(1)))
	used := g.redemption(g.presentedBy(2))
	for _, mspID := range []string{issuer, retailer} {
		used.endorsers = []string{mspID}
		l.assertRefusals(t, mspID, l.refusal(used), one(0, coupon.ReasonProductUsed, ""))
	}
	l.refused(g.check(g.signed(3)), coupon.ReasonProductUsed)
}

// TestProofsOfUsedProductsAreNotHandedOn: what is worth nothing any more is
// refused before its owner takes anything for it. A void makes it good again.
func TestProofsOfUsedProductsAreNotHandedOn(t *testing.T) {
	t.Parallel()
	l, g := newProof(t)
	twin, other := l.gift(grinder), l.gift("(01)09521234543213(21)S0002")
	text := l.record(l.run(twin.redemption(twin.presentedBy(1))))
	t.Logf("must be refused with %s", coupon.ReasonProductUsed)
	l.refused(g.check(g.signed(2)), coupon.ReasonProductUsed)
	l.refused(twin.check(twin.signed(2)), coupon.ReasonAlreadyRedeemed)
	l.refused(g.check(forgedBy(5, g.signed(2))), coupon.ReasonWrongSignature) // nobody else learns it
	var good coupon.CheckTransferResult
	if l.evaluate(other.check(other.signed(2)), &good); good.Ownership == nil {
		t.Errorf("a proof of another product: %+v", good)
	}
	l.clock.advance(time.Second)
	l.run(void(text, redemptionOf(l.consortium, text)))
	var again coupon.CheckTransferResult
	if l.evaluate(g.check(g.signed(2)), &again); again.Ownership == nil {
		t.Errorf("after the void: %+v", again)
	}
	g.give(2)
	l.clock.advance(time.Second)
	l.run(g.redemption(g.presentedBy(2)))
}

// TestProofsAreNotFollowed: no key of a transfer is in the redemption of the
// proof, that of the product least of all.
func TestProofsAreNotFollowed(t *testing.T) {
	t.Parallel()
	l, g := newProof(t)
	tx := l.run(g.transfer(g.signed(2)))
	product := productName(g.productTag(grinder))
	touched := tx.Reads()
	for _, w := range tx.Writes() {
		touched = append(touched, w.Key)
	}
	if slices.Contains(touched, product) {
		t.Error("the transfer names the product")
	}
	g.owner, g.ownership = 2, g.owned(1, 2, l.clock.ms.Load())
	l.clock.advance(time.Second)
	redeemed := l.run(g.redemption(g.presentedBy(2)))
	for _, w := range redeemed.Writes() {
		if slices.Contains(touched, w.Key) {
			t.Errorf("the redemption writes %s", w.Key)
		}
	}
}

// TestATransferAndARedemptionOfAProofMeet: the ledger takes the first.
func TestATransferAndARedemptionOfAProofMeet(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]int{"transfer first": {0, 1}, "redemption first": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, g := newProof(t)
			l.clock.advance(time.Second)
			both := []*stubtest.Transaction{l.endorse(g.transfer(g.signed(2))), l.endorse(g.redemption(g.presentedBy(1)))}
			l.commit([]*stubtest.Transaction{both[order[0]], both[order[1]]}, valid, conflict)
		})
	}
}
