// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package money_test

import (
	"math"
	"testing"

	"ecoupon/services/money"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		currency string
		minor    int64
		want     string
	}{
		{"EUR", 0, "0.00 EUR"},
		{"EUR", 7, "0.07 EUR"},
		{"EUR", -7, "-0.07 EUR"},
		{"EUR", 123456, "1234.56 EUR"},
		{"JPY", 500, "500 JPY"},
		{"KWD", 1, "0.001 KWD"},
		{"EUR", math.MinInt64, "-92233720368547758.08 EUR"},
	} {
		if got := money.Format(test.currency, test.minor); got != test.want {
			t.Errorf("Format(%s, %d) = %q, want %q", test.currency, test.minor, got, test.want)
		}
	}
}

func TestParseIsTheInverse(t *testing.T) {
	t.Parallel()
	for _, currency := range []string{"EUR", "JPY", "KWD"} {
		for _, minor := range []int64{0, 1, 99, 100, 1250, 1_000_000_000_000} {
			got, err := money.Parse(currency, money.Number(currency, minor))
			if err != nil || got != minor {
				t.Errorf("Parse(%s, Number(%d)) = %d, %v", currency, minor, got, err)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ currency, text string }{
		{"EUR", ""}, {"EUR", "50"}, {"EUR", "0.5"}, {"EUR", "0.500"}, {"EUR", "-1.00"}, {"EUR", "+1.00"},
		{"EUR", "1,00"}, {"EUR", "01.00"}, {"EUR", ".50"}, {"EUR", "1. 0"}, {"EUR", "10000000000.01"},
		{"EUR", "99999999999999999999.00"}, {"JPY", "5.00"}, {"JPY", "5."}, {"eur", "1.00"}, {"EUR", "1.00.00"},
	} {
		if got, err := money.Parse(test.currency, test.text); err == nil {
			t.Errorf("Parse(%s, %q) = %d, want an error", test.currency, test.text, got)
		}
	}
}
