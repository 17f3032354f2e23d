// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/campaigntest"
)

// attest has an institute attest the payment of a request to a merchant.
func attest(r *retailerv1.RedeemRequest, key ed25519.PrivateKey, merchant string) {
	i := r.GetInvoice()
	paid := coupon.Invoice{
		Institute: i.GetInstitute(), Number: i.GetNumber(), Currency: i.GetAmount().GetCurrency(),
		Amount: i.GetAmount().GetMinor(), PaidAt: i.GetPaidTime().AsTime().UnixMilli(),
	}
	i.Attestation = paid.Attest(key, merchant).String()
}

func TestRedeemAttestedPayments(t *testing.T) {
	t.Parallel()
	d, plain := open(t)
	campaign := campaigntest.Publish(t, d.consortium, campaigntest.Options{ID: "attested", AttestationRequired: true})
	key, stranger := campaigntest.Wallet(t), campaigntest.Wallet(t)
	campaign.RegisterInstitute(t, "Girobank", key)

	with := func(change func(r *retailerv1.RedeemRequest)) func(*testing.T) *retailerv1.RedeemRequest {
		return func(*testing.T) *retailerv1.RedeemRequest {
			r := d.sale(campaign.Text(1))
			attest(r, key, shop)
			change(r)
			return r
		}
	}
	wrong := func(name string, change func(r *retailerv1.RedeemRequest)) refusal {
		return refusal{name, with(change), codes.FailedPrecondition, "WRONG_ATTESTATION", "WRONG_ATTESTATION"}
	}
	malformed := func(name string, change func(r *retailerv1.RedeemRequest)) refusal {
		return refusal{name, with(change), codes.InvalidArgument, "INVALID_REQUEST", "INVALID_REQUEST"}
	}
	refuse(t, d, []refusal{
		{"none", with(func(r *retailerv1.RedeemRequest) { r.Invoice.Attestation = "" }), codes.FailedPrecondition, "ATTESTATION_REQUIRED", "ATTESTATION_REQUIRED"},
		{"a payment of a cent", with(func(r *retailerv1.RedeemRequest) {
			r.Invoice.Amount.Minor = 1
			attest(r, key, shop)
		}), codes.FailedPrecondition, "PAYMENT_TOO_SMALL", "PAYMENT_TOO_SMALL"},
		wrong("another amount", func(r *retailerv1.RedeemRequest) { r.Invoice.Amount.Minor++ }),
		wrong("another number", func(r *retailerv1.RedeemRequest) { r.Invoice.Number = "made-up" }),
		wrong("another merchant", func(r *retailerv1.RedeemRequest) { attest(r, key, "OtherRetailerMSP") }),
		wrong("not the institute", func(r *retailerv1.RedeemRequest) { attest(r, stranger, shop) }),
		wrong("an institute that is not registered", func(r *retailerv1.RedeemRequest) {
			r.Invoice.Institute = "Freebank"
			attest(r, key, shop)
		}),
		malformed("too short", func(r *retailerv1.RedeemRequest) { r.Invoice.Attestation = r.Invoice.Attestation[2:] }),
		malformed("in capitals", func(r *retailerv1.RedeemRequest) { r.Invoice.Attestation = strings.Repeat("AB", 64) }),
	})
	good := with(func(*retailerv1.RedeemRequest) {})(t)
	redeemed := d.redeem(t, good)
	if got := d.record(t, redeemed).Redemptions[0].Attestation; got == nil || got.String() != good.GetInvoice().GetAttestation() {
		t.Errorf("the record has the attestation %v, want %s", got, good.GetInvoice().GetAttestation())
	}
	// Nobody asks for it: it stays with the retailer, and nobody looks at it.
	unasked := d.sale(plain.Text(1))
	attest(unasked, stranger, shop)
	if got := d.record(t, d.redeem(t, unasked)).Redemptions[0].Attestation; got != nil {
		t.Errorf("the record has an attestation that nobody asked for: %v", got)
	}
}

// record is the batch record with a redemption.
func (d *desk) record(t *testing.T, r *retailerv1.Redemption) coupon.BatchRecord {
	t.Helper()
	var record coupon.BatchRecord
	if err := coupon.DecodeStrict([]byte(d.copyOf(t, r)), &record); err != nil {
		t.Fatal(err)
	}
	return record
}
