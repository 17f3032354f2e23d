// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"math"
	"math/bits"
)

// MaxMinor bounds a single amount: a price, a discount, a cap, a minimum. Ten
// thousand million units of a currency with cents is beyond any sale, and the
// largest basket of such prices still fits 64 bits.
const MaxMinor = 1_000_000_000_000

// Money is an amount in minor units of a currency. There are no fractions of a
// minor unit anywhere.
type Money struct {
	Currency string `json:"currency"`
	Minor    int64  `json:"minor"`
}

// CheckCurrency refuses what does not have the form of an ISO 4217 code: three
// upper-case letters.
func CheckCurrency(field, currency string) error {
	if len(currency) != 3 {
		return notCurrency(field)
	}
	for i := range len(currency) {
		if currency[i] < 'A' || currency[i] > 'Z' {
			return notCurrency(field)
		}
	}
	return nil
}

func notCurrency(field string) error {
	return Refuse(ReasonInvalidRequest, field, "a currency is three upper-case letters")
}

// AddMinor returns a + b, or AMOUNT_OVERFLOW.
func AddMinor(a, b int64) (int64, error) {
	sum := a + b
	if (a > 0 && b > 0 && sum <= 0) || (a < 0 && b < 0 && sum >= 0) {
		return 0, Refuse(ReasonAmountOverflow, "", "a sum does not fit")
	}
	return sum, nil
}

// MulMinor returns a × b, or AMOUNT_OVERFLOW.
func MulMinor(a, b int64) (int64, error) {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	negative := (a < 0) != (b < 0)
	switch {
	case high == 0 && low <= math.MaxInt64 && negative:
		return -int64(low), nil
	case high == 0 && low <= math.MaxInt64:
		return int64(low), nil
	case high == 0 && low == 1<<63 && negative:
		return math.MinInt64, nil
	default:
		return 0, Refuse(ReasonAmountOverflow, "", "a product does not fit")
	}
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}
