// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package central

import (
	"crypto/rand"
	"crypto/sha256"
	"sync/atomic"

	"ecoupon/chaincode/coupon"
)

// Mint makes static coupons of an offer that exists nowhere but in a service of
// this package.
type Mint struct {
	offer Offer
	keys  offer
	last  *atomic.Int64
}

// NewMint returns a mint with new keys for a campaign with one lane.
func NewMint(issuer, emitter string, c coupon.Campaign, quota int64) Mint {
	o := Offer{Campaign: c}
	rand.Read(o.Key[:]) // never fails
	o.Framework = coupon.Framework{
		Format: 1, Issuer: issuer, Emitter: emitter, Product: c.Product, Offer: c.Offer, Campaign: c.ID, Version: c.Version,
		Kind: coupon.KindStatic, Epoch: 1, Terms: sha256.Sum256([]byte(c.Terms)), Quotas: []int64{quota},
	}
	mandate := o.Framework.Mandate()
	o.Framework.ID = mandate.ID()
	return Mint{offer: o, last: new(atomic.Int64), keys: offer{
		mData: mandate.Data(), mandate: mandate.MAC(coupon.DeriveFrameworkKey(o.Key)),
		emitter: coupon.DeriveEmitterKey(o.Key, c.ID, emitter, 1),
	}}
}

// Offer is what a service is told of it.
func (m Mint) Offer() Offer { return m.offer }

// Make makes the next coupon: bound to an owner, or to nobody if that is zero.
func (m Mint) Make(owner coupon.PublicKey) coupon.Coupon {
	return m.MakeNumber(m.last.Add(1), owner)
}

// MakeNumber makes the coupon of a serial number.
func (m Mint) MakeNumber(sn int64, owner coupon.PublicKey) coupon.Coupon {
	c := coupon.Coupon{
		Kind: coupon.KindStatic, Bound: owner != coupon.PublicKey{}, Owner: owner,
		Framework: m.offer.Framework.ID, SN: sn, MandateMAC: m.keys.mandate,
	}
	c.EmitterMAC = c.MAC(m.keys.emitter, m.keys.mData, coupon.Hash{})
	return c
}
