// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"slices"

	"ecoupon/chaincode/coupon"
)

// RegisterInstitute replaces the keys of a payment institute: all that are to
// be good from now on. Issuer and clearing house endorse it. The issuer pays for
// what is redeemed in its namespace, so it may well refuse an institute; without
// the clearing house nobody registers one that does not exist.
//
// Argument: coupon.Institute without format. Event: InstituteRegistered.
func (c *Contract) RegisterInstitute(ctx *Context, request string) error {
	var institute coupon.Institute
	if err := ctx.argument(request, &institute); err != nil {
		return err
	}
	if err := ctx.checkPeer(ctx.issuer, ctx.caller); err != nil {
		return err
	}
	if institute.Format != 0 {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "format", "is set by the ledger")
	}
	if err := institute.Check(); err != nil {
		return err
	}
	known, found, err := ctx.world.Institute(institute.Institute)
	if err != nil {
		return err
	}
	if found && slices.Equal(known.Keys, institute.Keys) {
		return coupon.Refuse(coupon.ReasonAlreadyExists, "keys", "the institute has just these keys")
	}
	if !found && len(institute.Keys) == 0 {
		return coupon.Refuse(coupon.ReasonNotFound, "institute", "there is no such institute")
	}
	if err := ctx.world.PutInstitute(institute, ctx.caller, ctx.GetStub().GetTxID()); err != nil {
		return err
	}
	return ctx.emit("InstituteRegistered", coupon.InstituteEvent{Institute: institute.Institute})
}

// GetInstitute answers a coupon.InstituteQuery with coupon.Institute.
func (c *Contract) GetInstitute(ctx *Context, request string) (string, error) {
	var q coupon.InstituteQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	if err := coupon.CheckID("institute", q.Institute); err != nil {
		return "", err
	}
	institute, found, err := ctx.world.Institute(q.Institute)
	if err != nil {
		return "", err
	}
	if !found {
		return "", coupon.Refuse(coupon.ReasonNotFound, "institute", "there is no such institute")
	}
	return answer(institute)
}

// judgeAttestations checks the attestations that are given, and refuses coupons
// that need one where there is none. All it reads is public, so both endorsers
// come to the same verdict.
func (d *docket) judgeAttestations() error {
	var names []string
	for _, s := range d.sales {
		if s.invoice != nil && s.attestation != nil && !slices.Contains(names, s.invoice.Institute) &&
			coupon.CheckID("", s.invoice.Institute) == nil {
			names = append(names, s.invoice.Institute)
		}
	}
	institutes, err := d.world.Institutes(names)
	if err != nil {
		return err
	}
	for _, s := range d.sales {
		if s.invoice == nil {
			continue // coupons are only looked at
		}
		if s.attestation == nil {
			for _, it := range s.items {
				d.refuse(it, d.judgeUnattested(it))
			}
			continue
		}
		if err := institutes[s.invoice.Institute].CheckAttestation(*s.invoice, d.caller, *s.attestation); err != nil {
			d.refuseSale(s, err)
		}
	}
	return nil
}

func (d *docket) judgeUnattested(it *item) error {
	if d.offers[refOf(it.framework)].Campaign.AttestationRequired {
		return coupon.Refuse(coupon.ReasonAttestationRequired, "invoice.attestation", "the campaign wants the payment attested")
	}
	return nil
}

// judgePayment compares an attested payment with the goods, once their coupons
// are valued.
func (d *docket) judgePayment(s *sale) {
	if s.invoice == nil || s.attestation == nil || s.basket == nil || s.basket.Check() != nil {
		return
	}
	var discount int64
	for _, it := range s.items {
		if it.bad {
			return
		}
		discount += it.value // at most 50 values of money
	}
	if err := s.basket.CheckPaid(s.invoice.Amount, discount); err != nil {
		d.refuseSale(s, err)
	}
}
