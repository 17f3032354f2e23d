// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"crypto/ed25519"
	"testing"

	"ecoupon/chaincode/coupon"
)

// present is a bound offer whose coupons may be transferred twice.
var present = makeOffer("present", coupon.HolderBound).with(func(k *coupon.Campaign) { k.MaxTransfers = 2 })

// gift is a coupon that can be transferred, with what its present owner and the
// issuer know of it.
type gift struct {
	*consortium
	offer
	coupon    coupon.Coupon
	ownership coupon.Ownership
	owner     int // the number of the owner's wallet
}

// newGift opens the offer; the first coupon is wallet 1's.
func (c *consortium) newGift(o offer) *gift {
	c.t.Helper()
	c.open(o)
	return c.giftOf(o, o.mint(1, ownedBy(wallet(1))))
}

// giftOf is wallet 1's coupon of an offer that is open.
func (c *consortium) giftOf(o offer, cp coupon.Coupon) *gift {
	g := &gift{consortium: c, offer: o, coupon: cp, owner: 1}
	g.ownership = g.owned(0, 1, 0)
	return g
}

func publicOf(n int) coupon.PublicKey {
	return coupon.PublicKey(wallet(n).Public().(ed25519.PublicKey))
}

func (g *gift) owned(step int64, owner int, since int64) coupon.Ownership {
	return g.coupon.OwnedBy(coupon.DeriveSpentKey(g.key), step, publicOf(owner), since)
}

// signed is the next transfer, signed by the owner now; change may spoil it
// before it is signed.
func (g *gift) signed(to int, change ...func(*coupon.Transfer)) coupon.Transfer {
	t := coupon.Transfer{
		Coupon: g.coupon, Step: g.ownership.Step + 1, NewOwner: publicOf(to),
		At: g.clock.ms.Load(), Nonce: coupon.Nonce{byte(g.number.Add(1))},
	}
	for _, f := range change {
		f(&t)
	}
	t.Sign(wallet(g.owner))
	return t
}

// transfer proposes what its emitter was given.
func (g *gift) transfer(t coupon.Transfer) call {
	return call{
		function: "Transfer", by: g.emitter(), endorsers: g.parties(),
		input: coupon.TransferInput{Text: t.Text(), Ownership: g.ownership},
	}
}

func checkTransfer(t coupon.Transfer) call {
	return call{
		function: "CheckTransfer", by: advertiser, endorsers: []string{issuer},
		input: coupon.CheckTransferInput{Text: t.Text()},
	}
}

func findOwner(cp coupon.Coupon) call {
	return call{
		function: "FindOwner", by: advertiser, endorsers: []string{issuer}, input: coupon.OwnerInput{Coupon: cp.Text()},
	}
}

// give hands the coupon on, on the ledger.
func (g *gift) give(to int) coupon.Transfer {
	g.t.Helper()
	t := g.signed(to)
	g.run(g.transfer(t))
	g.owner, g.ownership = to, g.owned(t.Step, to, g.clock.ms.Load())
	return t
}

// presentedBy is a presentation of the coupon now, with the ownership that is
// known; change may spoil it before it is signed.
func (g *gift) presentedBy(owner int, change ...func(*coupon.Presentation)) coupon.Tendered {
	g.t.Helper()
	p := coupon.Presentation{
		Coupon: g.coupon, PresentedAt: g.clock.ms.Load(), Nonce: coupon.Nonce{byte(g.number.Add(1))}, Retailer: retailer,
	}
	for _, f := range change {
		f(&p)
	}
	if err := p.Sign(wallet(owner)); err != nil {
		g.t.Fatalf("presenting: %v", err)
	}
	ownership := g.ownership
	return coupon.Tendered{Text: p.Text(), Tag: g.tag(g.coupon), Ownership: &ownership}
}

// redemption sells for the coupon.
func (g *gift) redemption(tendered coupon.Tendered) call {
	return redeem(g.batch(g.sale(tendered)))
}

// ownerNow asks the issuer's peer.
func (g *gift) ownerNow() coupon.OwnerResult {
	g.t.Helper()
	var result coupon.OwnerResult
	ask := findOwner(g.coupon)
	ask.by = g.emitter()
	g.evaluate(ask, &result)
	return result
}

// check asks what the ledger would say of the transfer.
func (g *gift) check(t coupon.Transfer) call {
	k := checkTransfer(t)
	k.by = g.emitter()
	return k
}

func (g *gift) assertOwner(t *testing.T) {
	t.Helper()
	got := g.ownerNow()
	if got.Step != g.ownership.Step || got.Owner != publicOf(g.owner) || got.Since != g.ownership.Since {
		t.Errorf("the issuer's peer says %+v, want %+v", got, g.ownership)
	}
}
