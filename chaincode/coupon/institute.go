// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"fmt"
	"slices"
)

// MaxInstituteKeys bounds the keys of a payment institute: the one in use, its
// successor, and former ones whose payments may still be redeemed against.
const MaxInstituteKeys = 16

// Institute is the public record `institute/<hex name>` of a namespace: the
// keys with which a payment institute attests payments. It is what
// RegisterInstitute takes, without format; the list is replaced as a whole.
type Institute struct {
	Format int `json:"format,omitempty"`
	// Institute is the name that invoices give.
	Institute string `json:"institute"`
	// Keys is empty once the institute is withdrawn.
	Keys []InstituteKey `json:"keys"`
}

// InstituteKey is an Ed25519 key that attests payments made while
// From <= paid at < Until, Unix milliseconds. An Until of 0 leaves the end open.
// A key that got into wrong hands is taken out of the list instead: who has it
// dates payments as he likes.
type InstituteKey struct {
	Key   PublicKey `json:"key"`
	From  int64     `json:"from"`
	Until int64     `json:"until"`
}

// InstituteQuery names a payment institute.
type InstituteQuery struct {
	Institute string `json:"institute"`
}

// Check refuses with INVALID_REQUEST a name or a period that is not well
// formed, with TOO_MANY more than MaxInstituteKeys, and with BAD_INSTITUTE_KEY
// a key that CheckOwner refuses or that stands twice.
func (i Institute) Check() error {
	if err := CheckID("institute", i.Institute); err != nil {
		return err
	}
	if len(i.Keys) > MaxInstituteKeys {
		return Refuse(ReasonTooMany, "keys", "an institute has at most %d keys", MaxInstituteKeys)
	}
	for n, k := range i.Keys {
		field := fmt.Sprintf("keys[%d]", n)
		if CheckOwner(k.Key) != nil {
			return Refuse(ReasonBadInstituteKey, field+".key", "the key is not canonical or is of small order")
		}
		if slices.ContainsFunc(i.Keys[:n], func(before InstituteKey) bool { return before.Key == k.Key }) {
			return Refuse(ReasonBadInstituteKey, field+".key", "the key stands twice")
		}
		if k.From < 0 {
			return Refuse(ReasonInvalidRequest, field+".from", "a time before 1970")
		}
		if k.Until != 0 && k.Until <= k.From {
			return Refuse(ReasonInvalidRequest, field+".until", "the key must end after it begins")
		}
	}
	return nil
}

// CheckAttestation refuses with WRONG_ATTESTATION what no key of the institute
// that was good at the time of payment signed for this invoice and merchant.
func (i Institute) CheckAttestation(invoice Invoice, merchant string, attestation Signature) error {
	for _, k := range i.Keys {
		good := invoice.PaidAt >= k.From && (k.Until == 0 || invoice.PaidAt < k.Until)
		if good && invoice.CheckAttestation(k.Key, merchant, attestation) == nil {
			return nil
		}
	}
	return Refuse(ReasonWrongAttestation, "invoice.attestation", "no registered key of the institute attests this invoice")
}

// CheckPaid refuses with PAYMENT_TOO_SMALL a payment of less than the goods on
// the basket's lines cost after a discount: a genuine payment of a cent is no
// sale of a hundred. What else was bought does not count, so that it may be
// paid, or reduced, in other ways.
func (b Basket) CheckPaid(paid, discount int64) error {
	var price int64
	for _, l := range b.Lines {
		price += l.Quantity * l.UnitPrice // within its limits: see Check
	}
	if paid < price-discount {
		return Refuse(ReasonPaymentTooSmall, "invoice.amount", "the goods cost %d after their coupons", price-discount)
	}
	return nil
}
