// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"

	"ecoupon/chaincode/coupon"
)

// TestAGoodSignatureVouchesForNothingElse: a process that has verified a
// presentation verifies whatever differs from it.
func TestAGoodSignatureVouchesForNothingElse(t *testing.T) {
	t.Parallel()
	c := founded(t)
	sale := c.sale(c.presented(bound, 1))
	good, err := coupon.ParsePresentation(sale.Coupons[0].Text)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*coupon.Presentation){
		"another signature": func(p *coupon.Presentation) { p.Signature[40] ^= 1 },
		"another nonce":     func(p *coupon.Presentation) { p.Nonce[0] ^= 1 },
		"another time":      func(p *coupon.Presentation) { p.PresentedAt++ },
		"for the invoice":   func(p *coupon.Presentation) { p.Invoice = sale.Invoice.Number },
		"another coupon":    func(p *coupon.Presentation) { p.Coupon = bound.mint(2, ownedBy(wallet(1))) },
		"another owner":     func(p *coupon.Presentation) { p.Coupon = bound.mint(1, ownedBy(wallet(2))) },
	} {
		t.Run(name, func(t *testing.T) {
			c.assertCheck(t, c.batch(sale), nil)
			spoilt := good
			change(&spoilt)
			changed := sale
			changed.Coupons = []coupon.Tendered{{Text: spoilt.Text(), Tag: bound.tag(spoilt.Coupon)}}
			c.assertCheck(t, c.batch(changed), one(0, coupon.ReasonWrongSignature, ""))
			for _, mspID := range []string{issuer, retailer} {
				k := redeem(c.batch(changed))
				k.endorsers = []string{mspID}
				c.assertRefusals(t, mspID, c.refusal(k), one(0, coupon.ReasonWrongSignature, ""))
			}
		})
	}
	c.run(redeem(c.batch(sale)))
}
