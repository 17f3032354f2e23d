// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"bytes"
	"regexp"
	"slices"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

func TestACouponIsHandedOn(t *testing.T) {
	t.Parallel()
	c := founded(t)
	g := c.newGift(present)
	g.assertOwner(t)
	first := g.ownership
	for _, to := range []int{2, 3} {
		c.clock.advance(time.Second)
		before := g.ownership
		var checked coupon.CheckTransferResult
		c.evaluate(checkTransfer(g.signed(to)), &checked)
		if checked.Done != nil || checked.Ownership == nil || *checked.Ownership != before {
			t.Fatalf("CheckTransfer: %+v, want %+v", checked, before)
		}
		given := g.give(to)
		g.assertOwner(t)
		key := "transfer/" + before.Tag.String()
		kept := c.private(issuer, key)
		if !bytes.Contains(kept, []byte(given.Text())) || !bytes.Equal(kept, c.private(advertiser, key)) {
			t.Errorf("issuer and advertiser keep %q", kept)
		}
		var event coupon.TransferredEvent
		if c.lastEvent("Transferred", &event); event.Framework != g.coupon.Framework {
			t.Errorf("the event names %s", event.Framework)
		}
		var again coupon.CheckTransferResult
		c.evaluate(checkTransfer(given), &again)
		if want := g.ownerNow(); again.Done == nil || *again.Done != want || want.Transfer != given.Digest() || again.Ownership != nil {
			t.Errorf("the same transfer again: %+v, want %+v", again, want)
		}
	}
	c.clock.advance(time.Second)
	record := decodeRecord(t, c.record(c.run(g.redemption(g.presentedBy(3)))))
	if tag := record.Redemptions[0].Coupons[0].TransferTag; tag == nil || *tag != g.ownership.Tag {
		t.Errorf("the record has the transfer tag %v", tag)
	}
	if g.ownership.Tag == first.Tag {
		t.Error("the transfer tag is the same in all steps")
	}
}

// TestFormerOwnersAreRefused presents a coupon after it was handed on twice, with
// every ownership that there was.
func TestFormerOwnersAreRefused(t *testing.T) {
	t.Parallel()
	c := founded(t)
	g := c.newGift(present)
	owned := []coupon.Ownership{g.ownership}
	for _, to := range []int{2, 3} {
		c.clock.advance(time.Second)
		g.give(to)
		owned = append(owned, g.ownership)
	}
	c.clock.advance(time.Second)
	for step, ownership := range owned {
		for owner := 1; owner <= 4; owner++ {
			tendered := g.presentedBy(owner)
			tendered.Ownership = &ownership
			want := coupon.ReasonWrongSignature
			switch {
			case owner == step+1 && step == len(owned)-1:
				continue // the present owner
			case owner == step+1:
				want = coupon.ReasonCouponTransferred
			}
			t.Logf("must be refused with %s", want)
			for _, mspID := range []string{issuer, retailer} {
				k := g.redemption(tendered)
				k.endorsers = []string{mspID}
				c.assertRefusals(t, mspID, c.refusal(k), one(0, want, ""))
			}
		}
	}
	for owner, want := range map[int]coupon.Reason{
		1: coupon.ReasonCouponTransferred, 2: coupon.ReasonCouponTransferred, 4: coupon.ReasonWrongSignature,
	} {
		c.assertCheck(t, c.batch(c.sale(g.presentedBy(owner))), one(0, want, ""))
	}
	c.run(g.redemption(g.presentedBy(3)))
	c.assertCheck(t, c.batch(c.sale(g.presentedBy(3))), one(0, coupon.ReasonAlreadyRedeemed, ""))
}

// TestCheckGivesWhatRedeemNeeds redeems with what Check says, before a transfer
// and after it.
func TestCheckGivesWhatRedeemNeeds(t *testing.T) {
	t.Parallel()
	for _, transfers := range []int{0, 1, 2} {
		c := founded(t)
		g := c.newGift(present)
		for i := range transfers {
			g.give(i + 2)
		}
		c.clock.advance(time.Second)
		s := c.sale(g.presentedBy(g.owner))
		var result coupon.CheckResult
		c.evaluate(check(checked(s)), &result)
		verdict := result.Sales[0].Coupons[0]
		if len(result.Sales[0].Refused) != 0 || verdict.Ownership == nil || *verdict.Ownership != g.ownership {
			t.Fatalf("after %d transfers: %+v", transfers, result.Sales[0])
		}
		s.Coupons[0].Ownership = verdict.Ownership
		c.run(redeem(c.batch(s)))
	}
}

// TestRedemptionsNeedTheOwnership spoils what Check gave.
func TestRedemptionsNeedTheOwnership(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil  func(g *gift, tendered *coupon.Tendered)
		reason coupon.Reason
		field  string
		seenBy string
	}{
		"none": {func(_ *gift, s *coupon.Tendered) { s.Ownership = nil }, coupon.ReasonTagMismatch, "ownership", ""},
		"an owner made up": {func(g *gift, s *coupon.Tendered) {
			*s = g.presentedBy(5)
			s.Ownership.Owner = publicOf(5)
		}, coupon.ReasonTagMismatch, "ownership", issuer},
		"a step made up":     {func(_ *gift, s *coupon.Tendered) { s.Ownership.Step = 0 }, coupon.ReasonTagMismatch, "ownership", issuer},
		"a time made up":     {func(_ *gift, s *coupon.Tendered) { s.Ownership.Since-- }, coupon.ReasonTagMismatch, "ownership", issuer},
		"another tag":        {func(_ *gift, s *coupon.Tendered) { s.Ownership.Tag[0] ^= 1 }, coupon.ReasonTagMismatch, "ownership", issuer},
		"another MAC":        {func(_ *gift, s *coupon.Tendered) { s.Ownership.MAC[0] ^= 1 }, coupon.ReasonTagMismatch, "ownership", issuer},
		"of another coupon":  {func(g *gift, s *coupon.Tendered) { *s.Ownership = g.another().ownership }, coupon.ReasonTagMismatch, "ownership", issuer},
		"for no such coupon": {func(g *gift, s *coupon.Tendered) { *s = withOwnership(g) }, coupon.ReasonTagMismatch, "ownership", ""},
		"presented before the transfer": {func(g *gift, s *coupon.Tendered) {
			*s = g.presentedBy(2, func(p *coupon.Presentation) { p.PresentedAt = g.ownership.Since })
		}, coupon.ReasonPresentationReplayed, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := founded(t)
			g := c.newGift(present)
			g.give(2)
			c.clock.advance(time.Second)
			tendered := g.presentedBy(2)
			test.spoil(g, &tendered)
			for _, mspID := range []string{issuer, retailer} {
				k := g.redemption(tendered)
				k.endorsers = []string{mspID}
				if test.seenBy != "" && test.seenBy != mspID {
					c.reasonOf(k)
					continue
				}
				c.assertRefusals(t, mspID, c.refusal(k), one(0, test.reason, test.field))
			}
		})
	}
}

// another is a second coupon of the offer, of the same step and owner.
func (g *gift) another() *gift {
	other := g.giftOf(g.offer, g.mint(2, ownedBy(wallet(1))))
	other.ownership = other.owned(g.ownership.Step, g.owner, g.ownership.Since)
	return other
}

// withOwnership is a coupon of a campaign without transfers.
func withOwnership(g *gift) coupon.Tendered {
	tendered := g.presented(bound, 2)
	tendered.Ownership = &g.ownership
	return tendered
}

// TestTransfersAndVoids plays what can follow what.
func TestTransfersAndVoids(t *testing.T) {
	t.Parallel()
	c := founded(t)
	g := c.newGift(present)
	c.clock.advance(time.Second)
	held := g.signed(2)
	text := c.record(c.run(g.redemption(g.presentedBy(1))))
	c.refused(g.transfer(held), coupon.ReasonAlreadyRedeemed)
	c.refused(checkTransfer(held), coupon.ReasonAlreadyRedeemed)
	c.refused(checkTransfer(forgedBy(5, held)), coupon.ReasonWrongSignature)

	c.clock.advance(time.Second)
	c.run(void(text, redemptionOf(c, text)))
	c.refused(g.transfer(held), coupon.ReasonTransferExpired)
	c.refused(checkTransfer(g.signed(2)), coupon.ReasonTransferExpired) // of the void's very instant
	c.clock.advance(time.Millisecond)
	g.give(2)
	c.clock.advance(time.Second)
	text = c.record(c.run(g.redemption(g.presentedBy(2))))
	c.refused(g.transfer(g.signed(3)), coupon.ReasonAlreadyRedeemed)
	c.run(void(text, redemptionOf(c, text)))
	c.clock.advance(time.Second)
	c.run(g.redemption(g.presentedBy(2)))
}

// forgedBy has a transfer signed by another wallet.
func forgedBy(owner int, t coupon.Transfer) coupon.Transfer {
	t.Sign(wallet(owner))
	return t
}

// TestAKeyThatOwnedBefore gets a coupon back: what it presented before the coupon
// went away is not good again.
func TestAKeyThatOwnedBefore(t *testing.T) {
	t.Parallel()
	c := founded(t)
	g := c.newGift(present)
	c.clock.advance(time.Second)
	old := g.presentedBy(1)
	g.give(2)
	c.clock.advance(time.Second)
	g.give(1)
	old.Ownership = &g.ownership
	t.Logf("must be refused with %s", coupon.ReasonPresentationReplayed)
	c.assertRefusals(t, issuer, c.refusal(g.redemption(old)), one(0, coupon.ReasonPresentationReplayed, ""))
	c.clock.advance(time.Second)
	c.run(g.redemption(g.presentedBy(1)))
}

// TestEmittersDoNotSeeWhatBecomesOfACoupon: the transaction that redeems a
// coupon has no key in it that the emitter knows from transferring it.
func TestEmittersDoNotSeeWhatBecomesOfACoupon(t *testing.T) {
	t.Parallel()
	c := founded(t)
	g := c.newGift(present)
	var known []string
	note := func(k call) {
		tx := c.run(k)
		known = append(known, tx.Reads()...)
		for _, w := range tx.Writes() {
			known = append(known, w.Key)
		}
	}
	note(g.transfer(g.signed(2)))
	g.owner, g.ownership = 2, g.owned(1, 2, c.clock.ms.Load())
	c.clock.advance(time.Second)
	tx := c.run(g.redemption(g.presentedBy(2)))
	for _, w := range tx.Writes() {
		if slices.Contains(known, w.Key) {
			t.Errorf("the redemption writes %s", w.Key)
		}
	}
	offers := regexp.MustCompile("^(tick|campaign/.*|campaign-state/.*|framework/.*|mandate-state/.*)$")
	for _, key := range tx.Reads() {
		if slices.Contains(known, key) && !offers.MatchString(key) {
			t.Errorf("the redemption reads %s", key)
		}
	}
	// What it did is not told to who asks for the owner, or without his signature.
	if got := g.ownerNow(); got.Step != 1 || got.Owner != publicOf(2) {
		t.Errorf("%+v", got)
	}
	c.refused(checkTransfer(forgedBy(1, g.signed(3))), coupon.ReasonWrongSignature)
}

// TestDynamicCouponsAreHandedOn: what proves them is asked of a transfer, too.
func TestDynamicCouponsAreHandedOn(t *testing.T) {
	t.Parallel()
	c := founded(t)
	o := dynamicOffer("loyal-decay", `{"type":"linear","from":"release","end":3600000,"to":20}`).
		with(func(k *coupon.Campaign) { k.Holder, k.MaxTransfers = coupon.HolderBound, 1 })
	c.open(o)
	l := c.newLane(o)
	g := c.giftOf(o, l.release())
	late := c.giftOf(o, l.release(func(cp *coupon.Coupon) { cp.Owner, cp.Release.Time = publicOf(1), l.opened-1 }))
	ahead := c.giftOf(o, l.release(func(cp *coupon.Coupon) { cp.Owner, cp.Release.Frame = publicOf(1), 9 }))
	forged := *g
	forged.coupon.Release.Time++
	c.clock.advance(time.Second)
	c.refused(late.transfer(late.signed(2)), coupon.ReasonWrongReleaseTime)
	c.refused(ahead.transfer(ahead.signed(2)), coupon.ReasonFrameNotOpen)
	c.refused(forged.transfer(forged.signed(2)), coupon.ReasonWrongMAC)
	g.give(2)
	c.clock.advance(time.Second)
	c.assertRefusals(t, issuer, c.refusal(g.redemption(g.presentedBy(1))), one(0, coupon.ReasonWrongSignature, ""))
	c.run(g.redemption(g.presentedBy(2)))
}
