// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestCheckCurrency(t *testing.T) {
	t.Parallel()
	wantReason(t, "EUR", CheckCurrency("currency", "EUR"), "")
	for _, bad := range []string{"", "EU", "EURO", "eur", "EU1", "EÜ", "€"} {
		wantReason(t, bad, CheckCurrency("currency", bad), ReasonInvalidRequest)
	}
}

func TestCheckedArithmetic(t *testing.T) {
	t.Parallel()
	edges := []int64{math.MinInt64, math.MinInt64 + 1, -1 << 32, -2, -1, 0, 1, 2, 3, 1 << 31, 1 << 32, math.MaxInt64 / 2, math.MaxInt64 - 1, math.MaxInt64}
	for _, a := range edges {
		for _, b := range edges {
			checkArithmetic(t, a, b)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		checkArithmetic(rt, rapid.Int64().Draw(rt, "a"), rapid.Int64().Draw(rt, "b"))
	})
}

func checkArithmetic(t rapid.TB, a, b int64) {
	t.Helper()
	bigA, bigB := big.NewInt(a), big.NewInt(b)
	sum, err := AddMinor(a, b)
	checkResult(t, fmt.Sprintf("%d + %d", a, b), sum, err, new(big.Int).Add(bigA, bigB))
	product, err := MulMinor(a, b)
	checkResult(t, fmt.Sprintf("%d × %d", a, b), product, err, new(big.Int).Mul(bigA, bigB))
}

func checkResult(t rapid.TB, what string, got int64, err error, want *big.Int) {
	t.Helper()
	if !want.IsInt64() {
		if r, _ := ReasonOf(err); r != ReasonAmountOverflow {
			t.Errorf("%s = %d, %v, want AMOUNT_OVERFLOW", what, got, err)
		}
		return
	}
	if err != nil || got != want.Int64() {
		t.Errorf("%s = %d, %v, want %v", what, got, err, want)
	}
}
