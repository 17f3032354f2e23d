// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"fmt"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/message"
	"ecoupon/services/internal/rpcerr"
)

func saleOf(r *retailerv1.RedeemRequest) (Sale, error) {
	digest, err := message.Digest(r)
	if err != nil {
		return Sale{}, err
	}
	basket, err := basketOf(r.GetBasket())
	if err != nil {
		return Sale{}, err
	}
	coupons, err := handedIn(r.GetCoupons(), r.GetReceipts())
	if err != nil {
		return Sale{}, err
	}
	invoice := r.GetInvoice()
	paid, err := message.Milliseconds("invoice.paid_time", invoice.GetPaidTime())
	if err != nil {
		return Sale{}, err
	}
	attestation, err := attestationOf(invoice)
	if err != nil {
		return Sale{}, err
	}
	return Sale{
		RequestID: r.GetRequestId(), Digest: digest, Basket: basket, Coupons: coupons, Attestation: attestation,
		Invoice: coupon.Invoice{
			Institute: invoice.GetInstitute(), Number: invoice.GetNumber(),
			Currency: invoice.GetAmount().GetCurrency(), Amount: invoice.GetAmount().GetMinor(), PaidAt: paid,
		},
	}, nil
}

// attestationOf is nil for a payment without one.
func attestationOf(invoice *typev1.Invoice) (*coupon.Signature, error) {
	if invoice.GetAttestation() == "" {
		return nil, nil
	}
	attestation := new(coupon.Signature)
	if err := attestation.UnmarshalText([]byte(invoice.GetAttestation())); err != nil {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "invoice.attestation", "is not 128 lower-case hex digits")
	}
	return attestation, nil
}

// handedIn joins coupons and their receipts.
func handedIn(texts []string, receipts []*retailerv1.Receipt) ([]coupon.CheckedCoupon, error) {
	coupons := coupon.Untagged(texts...)
	for i, r := range receipts {
		field := fmt.Sprintf("receipts[%d]", i)
		switch at := int(r.GetIndex()); {
		case at < 0 || at >= len(coupons):
			return nil, coupon.Refuse(coupon.ReasonInvalidRequest, field+".index", "the request has no coupon %d", at)
		case r.GetText() == "":
			return nil, coupon.Refuse(coupon.ReasonInvalidRequest, field+".text", "is missing")
		case coupons[at].Receipt != "":
			return nil, coupon.Refuse(coupon.ReasonInvalidRequest, field+".index", "coupon %d has two receipts", at)
		default:
			coupons[at].Receipt = r.GetText()
		}
	}
	return coupons, nil
}

// basketOf sums the lines; those that cannot be summed are refused as
// Basket.Check does.
func basketOf(b *typev1.Basket) (coupon.Basket, error) {
	basket := coupon.Basket{Currency: b.GetCurrency(), Total: coupon.MaxTotal}
	if len(b.GetLines()) > coupon.MaxLines {
		return basket, coupon.Refuse(coupon.ReasonTooMany, "basket.lines", "a basket has at most %d lines", coupon.MaxLines)
	}
	for _, l := range b.GetLines() {
		basket.Lines = append(basket.Lines, coupon.Line{GTIN: l.GetGtin(), Quantity: l.GetQuantity(), UnitPrice: l.GetUnitPrice()})
	}
	if err := basket.Check(); err != nil {
		return basket, err
	}
	basket.Total = 0
	for _, l := range basket.Lines {
		basket.Total += l.Quantity * l.UnitPrice // within its limits: checked
	}
	return basket, nil
}

func redemptionID(text string) (coupon.RedemptionID, error) {
	var id coupon.RedemptionID
	if err := id.UnmarshalText([]byte(text)); err != nil {
		return id, coupon.Refuse(coupon.ReasonInvalidRequest, "redemption_id", "is not 32 lower-case hex digits")
	}
	return id, nil
}

func redemptionMessage(r Redemption) *retailerv1.Redemption {
	m := &retailerv1.Redemption{
		RedemptionId: r.ID.String(), Issuer: r.Issuer, Total: money(r.Currency, r.Total),
		TransactionId: r.TransactionID, Block: r.Block, BatchId: r.Batch.String(),
		RedeemTime: message.Time(r.Time), Voided: r.Voided,
	}
	for _, discount := range r.Discounts {
		m.Discounts = append(m.Discounts, money(r.Currency, discount))
	}
	return m
}

func verdictMessage(v Verdict, public bool) *retailerv1.Verdict {
	m := &retailerv1.Verdict{Title: v.Title, AttestationRequired: v.AttestationRequired}
	if v.Refused != nil {
		refused := rpcerr.Refused(*v.Refused, public)
		m.Reason, m.Detail = refused.GetReason(), refused.GetDetail()
	}
	if v.Discount != nil {
		m.Discount = money(v.Discount.Currency, v.Discount.Minor)
	}
	if v.InOneHour != nil {
		m.DiscountInOneHour = money(v.InOneHour.Currency, v.InOneHour.Minor)
	}
	return m
}

func claimMessage(c Claim, retailer string) *retailerv1.Claim {
	m := &retailerv1.Claim{
		ClaimId: c.ID, Issuer: c.Issuer, Retailer: retailer, Coupons: c.Coupons, TransactionId: c.TransactionID,
	}
	for _, id := range c.Batches {
		m.BatchIds = append(m.BatchIds, id.String())
	}
	for _, amount := range c.Amounts {
		m.Amounts = append(m.Amounts, money(amount.Currency, amount.Minor))
	}
	return m
}

func proofOf(r *retailerv1.IssueProofRequest) (Proof, error) {
	proof := Proof{
		RequestID: r.GetRequestId(), UData: r.GetUData(), Product: r.GetProductId(), Invoice: r.GetInvoiceNumber(),
	}
	if proof.Framework.UnmarshalText([]byte(r.GetFrameworkId())) != nil {
		return Proof{}, coupon.Refuse(coupon.ReasonInvalidRequest, "framework_id", "a framework id is 32 lower-case hexadecimal digits")
	}
	return proof, nil
}

func money(currency string, minor int64) *typev1.Money {
	return &typev1.Money{Currency: currency, Minor: minor}
}
