// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"ecoupon/chaincode/coupon"
)

const (
	coffee = "09521234543213"
	tea    = "09521111111115"
	// quota is that of the one lane that offers have.
	quota = 1000
)

// offer is a campaign with what its issuer and its emitter know of it.
type offer struct {
	campaign coupon.Campaign
	key      coupon.Key
	// seller emits purchase proofs, in place of the advertiser.
	seller string
	// own: the issuer emits it itself, in place of the advertiser.
	own bool
}

// emittedByIssuer returns the offer with the issuer in place of the advertiser.
func (o offer) emittedByIssuer() offer {
	o.own = true
	return o
}

// emitter is who has the mandate.
func (o offer) emitter() string {
	if o.own {
		return issuer
	}
	return cmp.Or(o.seller, advertiser)
}

// parties endorse what the emitter has with the issuer.
func (o offer) parties() []string {
	if o.own {
		return []string{issuer, clearing}
	}
	return []string{issuer, o.emitter()}
}

var (
	bearer = makeOffer("spring", coupon.HolderBearer)
	bound  = makeOffer("loyal", coupon.HolderBound)
)

// makeOffer gives 1.00 EUR off one pack of coffee, for a year around the
// tests' day.
func makeOffer(campaign string, holder coupon.Holder) offer {
	return offer{
		key: coupon.Key(sha256.Sum256([]byte("key of " + campaign))),
		campaign: coupon.Campaign{
			ID: campaign, Version: 1, Product: "Coffee, 500 g", Offer: "One euro off",
			Terms: `{"format":1,"currency":"EUR","gtins":["` + coffee + `"],"quantity":1,` +
				`"benefit":{"type":"amount_off","amount":100}}`,
			Kinds: []coupon.Kind{coupon.KindStatic}, Holder: holder,
			Begin: 1767225600000, End: 1798761600000,
		},
	}
}

// with returns the offer with another campaign record.
func (o offer) with(change func(*coupon.Campaign)) offer {
	change(&o.campaign)
	return o
}

func (o offer) ref() coupon.CampaignRef {
	return coupon.CampaignRef{Campaign: o.campaign.ID, Version: o.campaign.Version}
}

// mandate is the emitter's.
func (o offer) mandate() coupon.Mandate {
	return coupon.Mandate{
		Issuer: issuer, Emitter: o.emitter(), Product: o.campaign.Product, Offer: o.campaign.Offer,
		Campaign: o.campaign.ID, Version: o.campaign.Version, Kind: o.campaign.Kinds[0], Epoch: 1,
		TermsSHA256: sha256.Sum256([]byte(o.campaign.Terms)),
	}
}

func (o offer) emitterKey() coupon.Key {
	return coupon.DeriveEmitterKey(o.key, o.campaign.ID, o.emitter(), 1)
}

// mint is what the emitter does when it issues a coupon; change may spoil
// it before its MAC is made.
func (o offer) mint(sn int64, change ...func(*coupon.Coupon)) coupon.Coupon {
	m := o.mandate()
	c := coupon.Coupon{Kind: coupon.KindStatic, Framework: m.ID(), SN: sn, MandateMAC: m.MAC(coupon.DeriveFrameworkKey(o.key))}
	for _, f := range change {
		f(&c)
	}
	c.EmitterMAC = c.MAC(o.emitterKey(), m.Data(), coupon.Hash{})
	return c
}

// ownedBy binds a coupon to a wallet.
func ownedBy(wallet ed25519.PrivateKey) func(*coupon.Coupon) {
	return func(c *coupon.Coupon) {
		c.Bound, c.Owner = true, coupon.PublicKey(wallet.Public().(ed25519.PublicKey))
	}
}

// wallet returns the n-th customer's key.
func wallet(n int) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "wallet %d", n))
	return ed25519.NewKeyFromSeed(seed[:])
}

func (o offer) tag(c coupon.Coupon) coupon.Tag { return c.SpentTag(coupon.DeriveSpentKey(o.key)) }

// tender is a bearer coupon as a retailer proposes it.
func (o offer) tender(sn int64) coupon.Tendered {
	c := o.mint(sn)
	return coupon.Tendered{Text: c.Text(), Tag: o.tag(c)}
}

// presented is a bound coupon with its owner's presentation, made now for the
// retailer; change may spoil it before it is signed.
func (c *consortium) presented(o offer, sn int64, change ...func(*coupon.Presentation)) coupon.Tendered {
	c.t.Helper()
	owner := wallet(int(sn))
	cp := o.mint(sn, ownedBy(owner))
	p := coupon.Presentation{
		Coupon: cp, PresentedAt: c.clock.ms.Load(), Nonce: coupon.Nonce{byte(c.number.Add(1))}, Retailer: retailer,
	}
	for _, f := range change {
		f(&p)
	}
	if err := p.Sign(owner); err != nil {
		c.t.Fatalf("presenting: %v", err)
	}
	return coupon.Tendered{Text: p.Text(), Tag: o.tag(cp)}
}

// sale is a new sale of five packs of coffee, with one of tea stripped.
func (c *consortium) sale(coupons ...coupon.Tendered) coupon.Sale {
	id := c.uuid()
	return coupon.Sale{
		RequestID: id, Request: sha256.Sum256([]byte("request " + id)),
		Invoice: coupon.Invoice{
			Institute: "Example Pay", Number: "invoice-" + id, Currency: "EUR", Amount: 2900,
			PaidAt: c.clock.ms.Load() - 1000,
		},
		Basket: coupon.Basket{
			Currency: "EUR", Total: 2999, Lines: []coupon.Line{{GTIN: coffee, Quantity: 5, UnitPrice: 500}},
		},
		Coupons: coupons,
	}
}

func (c *consortium) batch(sales ...coupon.Sale) coupon.BatchInput {
	return coupon.BatchInput{Salt: c.salt(), Sales: sales}
}

func (c *consortium) uuid() string {
	return fmt.Sprintf("%08x-0000-4000-8000-000000000000", c.number.Add(1))
}

func (c *consortium) salt() coupon.Hash {
	return sha256.Sum256(fmt.Appendf(nil, "salt %d", c.number.Add(1)))
}

// retailerKeyOf is k_IR.
func retailerKeyOf(mspID string) coupon.Key { return sha256.Sum256([]byte("key of " + mspID)) }

func retailerKeyName(mspID string) string { return fmt.Sprintf("retailer-key/%x", mspID) }

func campaignKeyName(o offer) string {
	return fmt.Sprintf("campaign-key/%x/%d", o.campaign.ID, o.campaign.Version)
}
