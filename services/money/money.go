// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package money writes and reads amounts as people do, with the decimals of
// their currency. Everywhere else an amount is a count of minor units.
package money

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"ecoupon/chaincode/coupon"
)

// exponents are the currencies of ISO 4217 whose minor unit is not a hundredth.
var exponents = map[string]int{
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
	"RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"CLF": 4, "UYW": 4,
}

// Decimals returns the number of digits after the decimal point in amounts of
// the currency.
func Decimals(currency string) int {
	if n, ok := exponents[currency]; ok {
		return n
	}
	return 2
}

// Number writes an amount without its currency, as in "-12.50".
func Number(currency string, minor int64) string {
	digits, sign := strconv.FormatInt(minor, 10), ""
	if minor < 0 {
		digits, sign = digits[1:], "-"
	}
	n := Decimals(currency)
	if n == 0 {
		return sign + digits
	}
	if missing := n + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - n
	return sign + digits[:point] + "." + digits[point:]
}

// Format writes an amount with its currency, as in "-12.50 EUR".
func Format(currency string, minor int64) string {
	return Number(currency, minor) + " " + currency
}

// Parse reads an amount that Number would write and nothing else: "50" is no
// amount of euros, as it could be meant as cents. It is not negative and at
// most coupon.MaxMinor.
func Parse(currency, text string) (int64, error) {
	if err := coupon.CheckCurrency("", currency); err != nil {
		return 0, err
	}
	n := Decimals(currency)
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) != n || !digits(whole) || n > 0 && !digits(fraction) {
		return 0, fmt.Errorf("%q is no amount of %s, such as %s", text, currency, Number(currency, 1250))
	}
	minor, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil || minor > coupon.MaxMinor {
		minor = math.MaxInt64
	}
	switch {
	case minor == math.MaxInt64:
		return 0, fmt.Errorf("%s is more than the limit of %s", text, Format(currency, coupon.MaxMinor))
	case Number(currency, minor) != text:
		return 0, fmt.Errorf("%q is no amount of %s; write %s", text, currency, Number(currency, minor))
	}
	return minor, nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
