// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/ed25519"
	"math/big"
	"slices"
	"testing"
)

// edwards25519 is what RFC 8032, section 5.1, says of the curve
// −x² + y² = 1 + d x² y² over the integers modulo p.
type edwards25519 struct{ p, d *big.Int }

func newCurve() edwards25519 {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d.Mul(d, big.NewInt(-121665)).Mod(d, p)
	return edwards25519{p, d}
}

// x returns a square root of (y² − 1)/(d y² + 1), or nil.
func (c edwards25519) x(y *big.Int) *big.Int {
	one := big.NewInt(1)
	yy := new(big.Int).Mul(y, y)
	denominator := new(big.Int).Mul(c.d, yy)
	denominator.Add(denominator, one).Mod(denominator, c.p)
	xx := new(big.Int).Sub(yy, one)
	xx.Mul(xx, denominator.ModInverse(denominator, c.p)).Mod(xx, c.p)
	return xx.ModSqrt(xx, c.p)
}

// double returns 2(x, y).
func (c edwards25519) double(x, y *big.Int) (*big.Int, *big.Int) {
	xx, yy := new(big.Int).Mul(x, x), new(big.Int).Mul(y, y)
	dxxyy := new(big.Int).Mul(c.d, new(big.Int).Mul(xx, yy))
	fraction := func(numerator, denominator *big.Int) *big.Int {
		denominator.Mod(denominator, c.p).ModInverse(denominator, c.p)
		return numerator.Mul(numerator, denominator).Mod(numerator, c.p)
	}
	x2 := fraction(new(big.Int).Lsh(new(big.Int).Mul(x, y), 1), new(big.Int).Add(big.NewInt(1), dxxyy))
	y2 := fraction(new(big.Int).Add(yy, xx), new(big.Int).Sub(big.NewInt(1), dxxyy))
	return x2, y2
}

// smallOrder says whether eight times the point is the neutral element.
func (c edwards25519) smallOrder(y *big.Int) bool {
	x := c.x(y)
	if x == nil {
		return false
	}
	for range 3 {
		x, y = c.double(x, y)
	}
	return x.Sign() == 0 && y.Cmp(big.NewInt(1)) == 0
}

func littleEndianOf(n *big.Int, sign byte) (key PublicKey) {
	n.FillBytes(key[:])
	slices.Reverse(key[:])
	key[31] |= sign
	return key
}

// smallOrderKeys returns every one of the 2²⁵⁶ possible keys whose point is of
// small order: it doubles back from the neutral element.
func smallOrderKeys(t *testing.T) []PublicKey {
	t.Helper()
	c := newCurve()
	// Points of order 8 are those whose double has y = 0: y² + x² = 0 there, so
	// that −x² + y² = 1 + d x² y² becomes 2y² = 1 − d y⁴.
	discriminant := new(big.Int).Add(big.NewInt(1), c.d)
	discriminant.Mod(discriminant, c.p).ModSqrt(discriminant, c.p)
	inverse := new(big.Int).ModInverse(c.d, c.p)
	ys := []*big.Int{big.NewInt(0), big.NewInt(1), new(big.Int).Sub(c.p, big.NewInt(1))}
	for _, root := range []*big.Int{discriminant, new(big.Int).Neg(discriminant)} {
		yy := new(big.Int).Sub(root, big.NewInt(1))
		yy.Mul(yy, inverse).Mod(yy, c.p)
		if y := new(big.Int).ModSqrt(yy, c.p); y != nil {
			ys = append(ys, y, new(big.Int).Sub(c.p, y))
		}
	}
	var keys []PublicKey
	for _, y := range ys {
		if !c.smallOrder(y) {
			t.Errorf("y = %x is not of small order", y)
		}
		for _, sign := range []byte{0, 0x80} {
			keys = append(keys, littleEndianOf(y, sign))
			if high := new(big.Int).Add(y, c.p); high.BitLen() <= 255 {
				keys = append(keys, littleEndianOf(high, sign))
			}
		}
	}
	return keys
}

func TestOwnersOfSmallOrderAreRefused(t *testing.T) {
	t.Parallel()
	keys := smallOrderKeys(t)
	// Five y coordinates with two signs, and y = 0 and y = 1 written as p and
	// p + 1.
	if len(keys) != 14 {
		t.Errorf("%d encodings of points of small order, want 14", len(keys))
	}
	for _, key := range keys {
		wantReason(t, key.String(), CheckOwner(key), ReasonBadOwnerKey)
	}
}

func TestOwnersMustBeCanonical(t *testing.T) {
	t.Parallel()
	c := newCurve()
	for offset := range int64(19) {
		y := new(big.Int).Add(c.p, big.NewInt(offset))
		for _, sign := range []byte{0, 0x80} {
			key := littleEndianOf(y, sign)
			wantReason(t, key.String(), CheckOwner(key), ReasonBadOwnerKey)
		}
	}
	for below := int64(2); below < 20; below++ {
		key := littleEndianOf(new(big.Int).Sub(c.p, big.NewInt(below)), 0x80)
		wantReason(t, key.String(), CheckOwner(key), "")
	}
}

func TestOwnersThatWalletsMakeAreGood(t *testing.T) {
	t.Parallel()
	for i := range 200 {
		public := wallet(i).Public().(ed25519.PublicKey)
		wantReason(t, "wallet", CheckOwner(PublicKey(public)), "")
	}
}
