// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package money_test

import (
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/money"
)

func FuzzParse(f *testing.F) {
	for _, seed := range [][2]string{{"EUR", "12.50"}, {"JPY", "1250"}, {"BHD", "1.250"}, {"EUR", "01.00"}, {"CLF", "9999999999.0000"}, {"eur", "1.00"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, currency, text string) {
		minor, err := money.Parse(currency, text)
		if err != nil {
			return
		}
		if minor < 0 || minor > coupon.MaxMinor || money.Number(currency, minor) != text {
			t.Fatalf("%q is %d, written %q", text, minor, money.Number(currency, minor))
		}
	})
}
