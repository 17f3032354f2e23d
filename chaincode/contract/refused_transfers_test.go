// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// badTransfer is a transfer with one thing wrong, in a campaign that allows two
// and of which the first was made.
type badTransfer struct {
	name string
	// make returns the transfer; what it changes of the gift, or of the ledger,
	// stays.
	make  func(g *gift) coupon.Transfer
	want  coupon.Reason
	field string
	// seenBy is the one endorser that can see it; every endorser if empty.
	seenBy string
}

// with signs the next transfer with something changed.
func with(change func(*coupon.Transfer)) func(g *gift) coupon.Transfer {
	return func(g *gift) coupon.Transfer { return g.signed(3, change) }
}

// after does something to the ledger before the next transfer.
func after(do func(g *gift)) func(g *gift) coupon.Transfer {
	return func(g *gift) coupon.Transfer { do(g); return g.signed(3) }
}

// of transfers another coupon than the one that is good.
func of(change func(g *gift, cp *coupon.Coupon)) func(g *gift) coupon.Transfer {
	return func(g *gift) coupon.Transfer {
		change(g, &g.coupon)
		g.ownership = g.owned(g.ownership.Step, g.owner, g.ownership.Since)
		return g.signed(3)
	}
}

func at(delta time.Duration) func(g *gift) coupon.Transfer {
	return with(func(t *coupon.Transfer) { t.At += delta.Milliseconds() })
}

var badTransfers = []badTransfer{
	{"unknown framework", of(func(_ *gift, cp *coupon.Coupon) { cp.Framework[0] ^= 1 }), coupon.ReasonUnknownFramework, "framework_id", ""},
	{"another emitter's coupon", func(g *gift) coupon.Transfer {
		other := g.secondEmitter()
		return of(func(_ *gift, cp *coupon.Coupon) { cp.Framework = other })(g)
	}, coupon.ReasonWrongOrganisation, "framework_id", ""},
	{"campaign lost", after(func(g *gift) { g.overwrite(fmt.Sprintf("campaign/%x/1", "present"), "") }), coupon.ReasonUnknownCampaign, "campaign", ""},
	{"lane that the framework lacks", of(func(g *gift, cp *coupon.Coupon) {
		*cp = g.mint(1, ownedBy(wallet(1)), func(cp *coupon.Coupon) { cp.Lane = 1 })
	}), coupon.ReasonUnknownLane, "", ""},
	{"beyond the quota", of(func(g *gift, cp *coupon.Coupon) { *cp = g.mint(quota+1, ownedBy(wallet(1))) }), coupon.ReasonQuotaExceeded, "", ""},
	{"emitter's MAC", of(func(_ *gift, cp *coupon.Coupon) { cp.EmitterMAC[0] ^= 1 }), coupon.ReasonWrongMAC, "", issuer},
	{"mandate's MAC", of(func(_ *gift, cp *coupon.Coupon) { cp.MandateMAC[15] ^= 1 }), coupon.ReasonWrongMAC, "", issuer},
	{"another owner in the coupon", of(func(_ *gift, cp *coupon.Coupon) { cp.Owner = publicOf(9) }), coupon.ReasonWrongMAC, "", issuer},
	{"step that was made", with(func(t *coupon.Transfer) { t.Step = 1 }), coupon.ReasonCouponTransferred, "", ""},
	{"step after the next", with(func(t *coupon.Transfer) { t.Step = 3 }), coupon.ReasonWrongTransferStep, "", ""},
	{"paused", after(func(g *gift) { g.run(change("PauseCampaign", g.offer)) }), coupon.ReasonCampaignPaused, "", ""},
	{"closed", after(func(g *gift) { g.run(closing(g.offer, 0)) }), coupon.ReasonCampaignClosed, "", ""},
	{"suspended emitter", after(func(g *gift) { g.run(suspend(g.offer)) }), coupon.ReasonEmitterSuspended, "", ""},
	{"revoked emitter", after(func(g *gift) { g.run(g.revoke(g.offer)) }), coupon.ReasonLaneEnded, "", ""},
	{"third of two", func(g *gift) coupon.Transfer { g.give(4); return g.signed(5) }, coupon.ReasonTransferNotAllowed, "", ""},
	{"to the owner", with(func(t *coupon.Transfer) { t.NewOwner = publicOf(2) }), coupon.ReasonInvalidRequest, "new_owner", ""},
	{"to a key of small order", with(func(t *coupon.Transfer) { t.NewOwner = coupon.PublicKey{1} }), coupon.ReasonBadOwnerKey, "", ""},
	{"to a key that is not canonical", with(func(t *coupon.Transfer) {
		for i := range t.NewOwner {
			t.NewOwner[i] = 0xff
		}
	}), coupon.ReasonBadOwnerKey, "", ""},
	{"from the future", at(30_001 * time.Millisecond), coupon.ReasonTransferFromFuture, "", ""},
	{"too old", at(-120_001 * time.Millisecond), coupon.ReasonTransferExpired, "", ""},
	{"signed by the former owner", func(g *gift) coupon.Transfer { return forgedBy(1, g.signed(3)) }, coupon.ReasonWrongSignature, "", ""},
	{"signed by the new owner", func(g *gift) coupon.Transfer { return forgedBy(3, g.signed(3)) }, coupon.ReasonWrongSignature, "", ""},
	{"changed after it was signed", func(g *gift) coupon.Transfer {
		t := g.signed(3)
		t.NewOwner = publicOf(4)
		return t
	}, coupon.ReasonWrongSignature, "", ""},
	{"a presentation's signature", func(g *gift) coupon.Transfer {
		p, _ := coupon.ParsePresentation(g.presentedBy(2).Text)
		t := g.signed(3)
		t.Signature = p.Signature
		return t
	}, coupon.ReasonWrongSignature, "", ""},
	{"redeemed", after(func(g *gift) {
		g.clock.advance(time.Millisecond)
		g.run(g.redemption(g.presentedBy(2)))
	}), coupon.ReasonAlreadyRedeemed, "", ""},
}

func TestTransfersAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range badTransfers {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			t.Logf("must be refused with %s", bad.want)
			c := founded(t)
			g := c.newGift(present)
			g.give(2)
			transfer := bad.make(g)
			t.Logf("must be refused with %s", bad.want)
			height := c.Height()
			for _, mspID := range []string{issuer, advertiser} {
				k := g.transfer(transfer)
				k.endorsers = []string{mspID}
				if bad.seenBy != "" && bad.seenBy != mspID {
					c.endorse(k)
					continue
				}
				if got := c.refusal(k); got.Reason != bad.want || got.Field != bad.field {
					t.Errorf("on the peer of %s: %v, want %s: %s", mspID, got, bad.want, bad.field)
				}
			}
			if got := c.refusal(checkTransfer(transfer)); got.Reason != bad.want || got.Field != bad.field {
				t.Errorf("CheckTransfer: %v, want %s: %s", got, bad.want, bad.field)
			}
			if c.Height() != height {
				t.Error("something was written")
			}
		})
	}
}

// TestTransferCallsAreRefused has what is wrong with the calls rather than with
// the transfer.
func TestTransferCallsAreRefused(t *testing.T) {
	t.Parallel()
	good := func(c *consortium) (*gift, coupon.Transfer) {
		g := c.newGift(present)
		return g, g.signed(2)
	}
	// spoilt changes what CheckTransfer gave.
	spoilt := func(spoil func(o *coupon.Ownership)) func(c *consortium) call {
		return func(c *consortium) call {
			g, t := good(c)
			spoil(&g.ownership)
			return g.transfer(t)
		}
	}
	changed := func(do func(c *consortium, g *gift, k *call)) func(c *consortium) call {
		return func(c *consortium) call {
			g, t := good(c)
			k := g.transfer(t)
			do(c, g, &k)
			return k
		}
	}
	testRefusals(t, []refusal{
		{name: "text", want: coupon.ReasonMalformedTransfer, prepare: changed(func(_ *consortium, g *gift, k *call) {
			k.input = coupon.TransferInput{Text: g.signed(2).Text() + "A"}
		})},
		{name: "another owner", want: coupon.ReasonTagMismatch, field: "ownership", seenBy: issuer, prepare: func(c *consortium) call {
			g := c.newGift(present)
			g.owner, g.ownership.Owner = 5, publicOf(5)
			return g.transfer(g.signed(2))
		}},
		{name: "another time", want: coupon.ReasonTagMismatch, field: "ownership", seenBy: issuer, prepare: spoilt(func(o *coupon.Ownership) { o.Since++ })},
		{name: "another tag", want: coupon.ReasonTagMismatch, field: "ownership", seenBy: issuer, prepare: spoilt(func(o *coupon.Ownership) { o.Tag[0] ^= 1 })},
		{name: "another MAC", want: coupon.ReasonTagMismatch, field: "ownership", seenBy: issuer, prepare: spoilt(func(o *coupon.Ownership) { o.MAC[15] ^= 1 })},
		{name: "an ownership that is over", want: coupon.ReasonCouponTransferred, prepare: func(c *consortium) call {
			g, t := good(c)
			k := g.transfer(t)
			g.give(3)
			return k
		}},
		{name: "peer of another", want: coupon.ReasonWrongPeer, prepare: changed(func(_ *consortium, _ *gift, k *call) {
			k.endorsers = []string{clearing, retailer}
		})},
		{name: "no tick", want: coupon.ReasonTickMissing, prepare: changed(func(c *consortium, _ *gift, _ *call) { c.overwrite("tick", "") })},
		{name: "tick that stands still", want: coupon.ReasonTickStale, prepare: func(c *consortium) call {
			g, _ := good(c)
			c.clock.advance(10*time.Minute + time.Millisecond)
			return g.transfer(g.signed(2))
		}},
		{name: "no campaign key", want: coupon.ReasonKeyMissing, prepare: changed(func(c *consortium, g *gift, _ *call) {
			c.overwritePrivate(issuer, campaignKeyName(g.offer), "")
		})},
		{name: "no transfers in the campaign", want: coupon.ReasonTransferNotAllowed, prepare: func(c *consortium) call {
			g := c.giftOf(bound, bound.mint(1, ownedBy(wallet(1))))
			return g.transfer(g.signed(2))
		}},
		{name: "bearer campaign", want: coupon.ReasonWrongHolder, prepare: func(c *consortium) call {
			g := c.giftOf(bearer, bearer.mint(1, ownedBy(wallet(1))))
			return g.transfer(g.signed(2))
		}},
		{name: "over", want: coupon.ReasonCampaignOver, prepare: func(c *consortium) call {
			g := c.newGift(present.with(func(k *coupon.Campaign) { k.End = c.clock.ms.Load() }))
			return g.transfer(g.signed(2))
		}},
	})
}

// TestEvaluationsOfTransfersAreRefused asks in the wrong place, or for what one
// does not get.
func TestEvaluationsOfTransfersAreRefused(t *testing.T) {
	t.Parallel()
	c := founded(t)
	g := c.newGift(present)
	signed := g.signed(2)
	forged := g.coupon
	forged.EmitterMAC[0] ^= 1
	on := func(k call, mspID string) call { k.endorsers = []string{mspID}; return k }
	by := func(k call, mspID string) call { k.by = mspID; return k }
	for name, test := range map[string]struct {
		call call
		want coupon.Reason
	}{
		"check on the advertiser's peer":  {on(checkTransfer(signed), advertiser), coupon.ReasonWrongPeer},
		"check by a retailer":             {by(checkTransfer(signed), retailer), coupon.ReasonWrongOrganisation},
		"check by the issuer":             {by(checkTransfer(signed), issuer), coupon.ReasonWrongOrganisation},
		"check nothing":                   {call{function: "CheckTransfer", input: coupon.CheckTransferInput{}, by: advertiser, endorsers: []string{issuer}}, coupon.ReasonMalformedTransfer},
		"owner on the advertiser's peer":  {on(findOwner(g.coupon), advertiser), coupon.ReasonWrongPeer},
		"owner by a retailer":             {by(findOwner(g.coupon), retailer), coupon.ReasonWrongOrganisation},
		"owner of a forged coupon":        {findOwner(forged), coupon.ReasonWrongMAC},
		"owner of no coupon":              {call{function: "FindOwner", input: coupon.OwnerInput{}, by: advertiser, endorsers: []string{issuer}}, coupon.ReasonMalformedCoupon},
		"owner of what is not handed on":  {findOwner(bound.mint(1, ownedBy(wallet(1)))), coupon.ReasonTransferNotAllowed},
		"owner of another emitter's":      {findOwner(bearer.mint(1, func(cp *coupon.Coupon) { cp.Framework[0] ^= 1 })), coupon.ReasonUnknownFramework},
		"transfer by a retailer as owner": {by(g.transfer(signed), retailer), coupon.ReasonWrongOrganisation},
	} {
		if reason, message := c.reasonOf(test.call); reason != test.want {
			t.Errorf("%s: %q (%s), want %s", name, reason, message, test.want)
		}
	}
}

// TestLostCopiesOfTransfersAreNoticed: the issuer's peer says nothing of an owner
// whom it has not in its own copy, as the ledger has it.
func TestLostCopiesOfTransfersAreNoticed(t *testing.T) {
	t.Parallel()
	c := founded(t)
	g := c.newGift(present)
	key := "transfer/" + g.ownership.Tag.String()
	g.give(2)
	c.clock.advance(time.Second)
	good := string(c.private(issuer, key))
	other := encode(t, coupon.TransferRecord{Format: 1, Text: g.signed(9).Text()})
	for value, want := range map[string]coupon.Reason{
		"": coupon.ReasonKeyMissing, other: coupon.ReasonRecordMismatch, `{"format":1,"text":"et1."}`: coupon.ReasonRecordMismatch,
	} {
		c.overwritePrivate(issuer, key, value)
		c.refused(findOwner(g.coupon), want)
		c.refused(checkTransfer(g.signed(3)), want)
		c.assertCheck(t, c.batch(c.sale(g.presentedBy(2))), one(0, want, ""))
	}
	c.overwritePrivate(issuer, key, good)
	g.assertOwner(t)
}
