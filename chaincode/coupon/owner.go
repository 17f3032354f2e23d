// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import "slices"

// The low 255 bits of an encoded point are its y coordinate, little-endian; the
// highest bit is the sign of x. What follows are y coordinates in that form.

// fieldPrime is p = 2²⁵⁵ − 19; a y of p or more is not canonical.
var fieldPrime = littleEndian(0xed, 0xff, 0x7f)

// smallOrderY holds the y coordinates of the eight points of order 1, 2, 4 and
// 8. With either sign of x they make up all encodings of those points, as the
// ones not canonical have either a y of p or more or a sign for x = 0.
var smallOrderY = [...]PublicKey{
	littleEndian(0x01, 0x00, 0x00), // order 1
	littleEndian(0xec, 0xff, 0x7f), // order 2
	littleEndian(0x00, 0x00, 0x00), // order 4
	{ // order 8
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	},
	{ // order 8
		0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
	},
}

// CheckOwner refuses with BAD_OWNER_KEY an owner's key whose y coordinate is
// not canonical, and one of small order, for which anybody can make a signature
// that verifies. Whether the rest are points of the curve is not looked at: a
// key that is none verifies nothing.
func CheckOwner(key PublicKey) error {
	y := key
	y[31] &= 0x7f
	if !below(y, fieldPrime) {
		return Refuse(ReasonBadOwnerKey, "", "the owner's key is not canonical")
	}
	if slices.Contains(smallOrderY[:], y) {
		return Refuse(ReasonBadOwnerKey, "", "the owner's key is of small order")
	}
	return nil
}

func littleEndian(first, middle, last byte) (y PublicKey) {
	for i := range y {
		y[i] = middle
	}
	y[0], y[31] = first, last
	return y
}

// below compares little-endian numbers; keys are public, so it may take a
// different time for different ones.
func below(a, b PublicKey) bool {
	for i := len(a) - 1; i >= 0; i-- {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}
