// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

const (
	labelInvoice    = "ecoupon/v1/invoice"
	labelRedemption = "ecoupon/v1/redemption"
	labelBatch      = "ecoupon/v1/batch"
)

// InvoiceTag returns the name under which the ledger knows an invoice, under
// the key that issuer and retailer share: to anybody else it says nothing, not
// even that two issuers saw the same invoice.
func InvoiceTag(kIR Key, institute, number string) Tag {
	return newEnc(labelInvoice).text(institute).text(number).mac16(kIR)
}

// NewRedemptionID returns the id of the redemption that a retailer asks for
// under requestID. It is public, and hides the request id because that is
// random; see CheckUUID4.
func NewRedemptionID(retailer, requestID string) RedemptionID {
	return newEnc(labelRedemption).text(retailer).text(requestID).hash16()
}

// NewBatchID returns the id of the batch that a transaction redeems.
func NewBatchID(txID string) BatchID {
	return newEnc(labelBatch).text(txID).hash16()
}
