// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sales

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// Request returns the request that redeems coupons, as texts, with the sale, on
// the day that begins then.
func (s Sale) Request(requestID string, day time.Time, coupons ...string) *retailerv1.RedeemRequest {
	return &retailerv1.RedeemRequest{
		RequestId: requestID, Invoice: Invoice(s.Payment(day)), Basket: Basket(s.Basket), Coupons: coupons,
	}
}

// Invoice returns the invoice as the API has it.
func Invoice(i coupon.Invoice) *typev1.Invoice {
	return &typev1.Invoice{
		Number: i.Number, Institute: i.Institute,
		Amount:   &typev1.Money{Currency: i.Currency, Minor: i.Amount},
		PaidTime: timestamppb.New(time.UnixMilli(i.PaidAt)),
	}
}

// Basket returns the basket as the API has it; a service adds up the total by
// itself.
func Basket(b coupon.Basket) *typev1.Basket {
	lines := make([]*typev1.Line, len(b.Lines))
	for i, l := range b.Lines {
		lines[i] = &typev1.Line{Gtin: l.GTIN, Quantity: l.Quantity, UnitPrice: l.UnitPrice}
	}
	return &typev1.Basket{Currency: b.Currency, Lines: lines}
}
