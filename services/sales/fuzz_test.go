// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sales_test

import (
	"strings"
	"testing"

	"ecoupon/services/sales"
)

// FuzzRead reads files of sales and of baskets; what is taken is a basket that a
// till may send.
func FuzzRead(f *testing.F) {
	f.Add(good)
	f.Add(head)
	f.Add("gtin,quantity,unit_price_minor\n9521234543213,2,249\n")
	f.Fuzz(func(t *testing.T, text string) {
		read, err := sales.Read("day.csv", strings.NewReader(text))
		if err != nil && read != nil {
			t.Fatal("sales and an error")
		}
		for i, s := range read {
			if err := s.Basket.Check(); err != nil || s.CouponCount() < 0 || s.At < 0 || i > 0 && s.At < read[i-1].At {
				t.Fatalf("%+v, %v", s, err)
			}
		}
		if b, err := sales.ReadBasket("basket.csv", strings.NewReader(text), "EUR"); err == nil {
			if err := b.Check(); err != nil {
				t.Fatalf("%+v, %v", b, err)
			}
		}
	})
}
