// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"testing"

	"ecoupon/chaincode/coupon"
)

// FuzzLine reads lines of a basket as they are given on the command line.
func FuzzLine(f *testing.F) {
	for _, text := range []string{"9521234543213:2:2.49", "09521234543213:1:0.00", "1:1:1", "::", "9521234543213:-1:2.49"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line, err := parseLine(text, "EUR")
		if err == nil && (coupon.CheckGTIN("", line.GTIN) != nil || line.UnitPrice < 0) {
			t.Fatalf("%q is %+v", text, line)
		}
	})
}
