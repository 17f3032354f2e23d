// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import "strings"

const gtinLength = 14

// CheckGTIN refuses with BAD_GTIN what is not 14 digits of which the last is
// the GS1 check digit of the others.
func CheckGTIN(field, s string) error {
	if len(s) != gtinLength || !isGTIN(s) {
		return Refuse(ReasonBadGTIN, field, "an article number is %d digits with a valid check digit", gtinLength)
	}
	return nil
}

// PadGTIN returns the 14-digit form of a GTIN-8, -12, -13 or -14, which is the
// same number with zeros before it. It is for the edges where people and tills
// enter numbers; everything inside has 14 digits.
func PadGTIN(s string) (string, error) {
	switch len(s) {
	case 8, 12, 13, gtinLength:
		if isGTIN(s) {
			return strings.Repeat("0", gtinLength-len(s)) + s, nil
		}
	}
	return "", Refuse(ReasonBadGTIN, "", "an article number has 8, 12, 13 or 14 digits and a valid check digit")
}

// isGTIN weighs the digits 1, 3, 1, 3… from the right; the sum is a multiple of
// ten.
func isGTIN(s string) bool {
	sum, weight := 0, 1
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		sum += weight * int(s[i]-'0')
		weight = 4 - weight
	}
	return sum%10 == 0
}
