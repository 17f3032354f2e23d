// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallettest

import (
	"time"

	"ecoupon/chaincode/coupon"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// Proofs adds an offer of a campaign of purchase proofs.
func (a *Advertiser) Proofs(campaign string, holder typev1.Holder, begin time.Time) {
	a.offerOf(coupon.KindProof, Terms, campaign, holder, begin, nil)
}

// Prove makes the purchase proof of a sale, as a till would give it; change may
// spoil it.
func (a *Advertiser) Prove(framework coupon.FrameworkID, uData coupon.PublicKey, change func(*coupon.Coupon)) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.serial++
	c := coupon.Coupon{
		Kind: coupon.KindProof, Framework: framework, SN: a.serial, Owner: uData,
		Release: coupon.Release{Frame: 1, Time: a.Now().UnixMilli()},
		Product: coupon.Product{Tag: coupon.Tag{1}, Sale: coupon.SaleDigest(coupon.Nonce{2}, "product", "invoice")},
	}
	if change != nil {
		change(&c)
	}
	c.EmitterMAC = c.MAC(a.keys, nil, coupon.Hash{})
	return c.Text()
}
