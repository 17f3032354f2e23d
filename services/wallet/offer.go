// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet

import (
	"crypto/sha256"
	"time"

	"ecoupon/chaincode/coupon"
)

// Offer is what an advertiser shows: a claim, until Check has been called.
type Offer struct {
	// Framework is the id under which the advertiser issues.
	Framework coupon.FrameworkID `json:"framework_id"`
	// Mandate is what the issuer is said to have authenticated.
	Mandate coupon.Mandate `json:"mandate"`
	// Terms is the terms document verbatim.
	Terms string `json:"terms"`
	// Holder says whether the coupon needs a key of the wallet.
	Holder coupon.Holder `json:"holder"`
	// Begin and End bound redemption, Unix milliseconds. Unlike product, offer
	// and terms they are not part of the mandate: a till decides by the ledger.
	Begin int64 `json:"begin"`
	End   int64 `json:"end"`
	// AudienceWaived: a presentation need not name the retailer.
	AudienceWaived bool `json:"audience_waived"`
	// InvoiceRequired: a presentation must name the invoice.
	InvoiceRequired bool `json:"invoice_required"`
	// MaxTransfers is how often a coupon may be handed on to another wallet.
	MaxTransfers int64 `json:"max_transfers,omitempty"`
}

// Check refuses an offer that is not what its framework id stands for: with
// TERMS_MISMATCH where mandate and terms do not hash to it, with BAD_TERMS
// where the document means nothing, with INVALID_REQUEST or a reason about
// kinds where a field is out of its form.
func (o Offer) Check() error {
	if err := o.Mandate.Check(); err != nil {
		return err
	}
	if o.Mandate.TermsSHA256 != coupon.Hash(sha256.Sum256([]byte(o.Terms))) || o.Mandate.ID() != o.Framework {
		return coupon.Refuse(coupon.ReasonTermsMismatch, "", "what is shown does not hash to the framework id")
	}
	terms, err := coupon.ParseTerms([]byte(o.Terms))
	if err != nil {
		return err
	}
	if err := terms.CheckKind(o.Mandate.Kind); err != nil {
		return err
	}
	if o.Holder != coupon.HolderBearer && o.Holder != coupon.HolderBound {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "holder", "a holder is bearer or bound")
	}
	return nil
}

// ParsedTerms returns the terms of an offer that Check accepts.
func (o Offer) ParsedTerms() (coupon.Terms, error) {
	return coupon.ParseTerms([]byte(o.Terms))
}

// choosesUData says whether its customer chooses random bytes for a coupon:
// where there is no key that could stand in the chain of a lane.
func (o Offer) choosesUData() bool {
	return o.Mandate.Kind != coupon.KindStatic && o.Holder == coupon.HolderBearer
}

// needsReceipt says whether a till takes the coupon only with its receipt.
func (o Offer) needsReceipt() bool {
	terms, err := o.ParsedTerms()
	return err == nil && terms.NeedsReceipt()
}

// OverAt says whether the offer's validity, as it was shown, has ended.
func (o Offer) OverAt(now time.Time) bool {
	return now.UnixMilli() >= o.End
}
