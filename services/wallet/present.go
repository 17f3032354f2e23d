// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet

import (
	"crypto/rand"

	"ecoupon/chaincode/coupon"
)

// Audience is whom a presentation is for. It is of no use to anybody else.
type Audience struct {
	// Retailer is the MSP id of the retailer at whose till the customer
	// stands; required unless the campaign waives it.
	Retailer string
	// Invoice is the number of the payment; required where the campaign says
	// so.
	Invoice string
}

// Present returns what the customer shows at the till: for a bound coupon a
// presentation signed now, for a bearer coupon its text, which names nobody. A
// presentation is good for two minutes. The use is durable before it is
// returned. Refused with NOT_FOUND while the coupon has not come, with
// RECEIPT_REQUIRED while it has not the receipt that tills ask for, and with
// AUDIENCE_REQUIRED where the campaign asks for more than Audience names, and with
// COUPON_TRANSFERRED when the coupon has gone to another wallet. A
// receipt that the coupon has, see Holding, is shown beside it.
func (w *Wallet) Present(id string, to Audience) (string, error) {
	var shown string
	err := w.store.update(func(c *contents) error {
		e, err := c.find(id)
		if err != nil {
			return err
		}
		use := Use{At: w.now().UnixMilli()}
		if e.Seed != nil {
			use.Retailer, use.Invoice = to.Retailer, to.Invoice
		}
		if shown, err = e.present(use); err != nil {
			return err
		}
		e.Uses = append(e.Uses, use)
		return nil
	})
	if err != nil {
		return "", err
	}
	return shown, nil
}

func (e *entry) present(use Use) (string, error) {
	if e.Coupon == "" {
		return "", coupon.Refuse(coupon.ReasonNotFound, "", "the coupon has not come yet; ask for it again")
	}
	if e.Receipt == nil && e.Offer.needsReceipt() {
		return "", coupon.Refuse(coupon.ReasonReceiptRequired, "", "the coupon counts with its receipt only; fetch that first")
	}
	if e.Seed == nil {
		return e.Coupon, nil
	}
	if err := e.Offer.checkAudience(use); err != nil {
		return "", err
	}
	c, chain, err := e.history()
	if err != nil {
		return "", err
	}
	if e.given(chain) {
		return "", coupon.Refuse(coupon.ReasonCouponTransferred, "", "the coupon has gone to another wallet")
	}
	p := coupon.Presentation{Coupon: c, PresentedAt: use.At, Retailer: use.Retailer, Invoice: use.Invoice}
	if _, err := rand.Read(p.Nonce[:]); err != nil {
		return "", err
	}
	if err := p.Sign(e.private()); err != nil {
		return "", err
	}
	return p.Text(), nil
}

func (o Offer) checkAudience(use Use) error {
	if use.Retailer == "" && !o.AudienceWaived {
		return coupon.Refuse(coupon.ReasonAudienceRequired, "retailer", "the presentation must name the retailer")
	}
	if use.Invoice == "" && o.InvoiceRequired {
		return coupon.Refuse(coupon.ReasonAudienceRequired, "invoice", "the presentation must name the invoice")
	}
	if use.Retailer != "" {
		if err := coupon.CheckID("retailer", use.Retailer); err != nil {
			return err
		}
	}
	if use.Invoice != "" {
		return coupon.CheckID("invoice", use.Invoice)
	}
	return nil
}
