// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"encoding/base64"
	"math"
	"slices"
	"testing"
)

// transferAgrees makes a transfer's bytes and tags without the package.
func transferAgrees(t *testing.T, kS []byte, x transferVector) {
	t.Helper()
	raw := couponOf(t, x.Coupon)
	place := []any{raw[2:18], int64(raw[18])<<8 | int64(raw[19]), int64(0)}
	for _, b := range raw[20:28] {
		place[2] = place[2].(int64)<<8 | int64(b)
	}
	want := slices.Concat([]byte{1}, bigEndian(int64(len(raw)), 2), raw, bigEndian(x.Step, 8), unhex(t, x.NewOwner),
		bigEndian(x.At, 8), unhex(t, x.Nonce), unhex(t, x.Signature))
	same(t, "transfer", x.Bytes, want)
	same(t, "text of transfer", x.Text, "et1."+base64.RawURLEncoding.EncodeToString(want))
	same(t, "transfer tag", x.TransferTag, hmacOf(kS, encode("ecoupon/v1/transfer-tag", append(slices.Clone(place), x.Step-1)...))[:16])
	owned := append(slices.Clone(place), x.Step, unhex(t, x.NewOwner), x.At)
	same(t, "ownership", x.OwnershipMAC, hmacOf(kS, encode("ecoupon/v1/ownership", owned...))[:16])
}

func transferText(b []byte) string { return transferPrefix + base64.RawURLEncoding.EncodeToString(b) }

// refusedTransfers are no transfers, or not by the owner of their coupon.
func (m vectorMaker) refusedTransfers() []refusedVector {
	good := Transfer{Coupon: m.coupon(0, 1, 2, 0), Step: 1, NewOwner: publicOf(wallet(1)), At: 1_900_000_000_000, Nonce: Nonce{1}}
	good.Sign(wallet(0))
	b, afterCoupon := good.Bytes(), 1+2+92
	made := []refusedVector{
		{"transfer: nothing", transferText(nil), ReasonMalformedTransfer},
		{"transfer: padding", good.Text() + "=", ReasonMalformedTransfer},
		{"transfer: version 2", transferText(altered(b, 0, 2)), ReasonUnsupportedVersion},
		{"transfer: its last byte cut off", transferText(b[:len(b)-1]), ReasonMalformedTransfer},
		{"transfer: a byte after its last", transferText(append(slices.Clone(b), 0)), ReasonMalformedTransfer},
		{"transfer: a coupon of kind 9", transferText(altered(b, 4, 9)), ReasonUnknownKind},
		{"transfer: step 0", transferText(withBytes(b, afterCoupon, make([]byte, 8))), ReasonMalformedTransfer},
		{"transfer: step 11", transferText(withBytes(b, afterCoupon, bigEndian(MaxTransfers+1, 8))), ReasonMalformedTransfer},
		{"transfer: at 2^63", transferText(withBytes(b, afterCoupon+40, bigEndian(math.MinInt64, 8))), ReasonMalformedTransfer},
		{"transfer: to a key of order 4", transferText(withBytes(b, afterCoupon+8, make([]byte, 32))), ReasonBadOwnerKey},
	}
	tamper := func(what string, reason Reason, f func(x *Transfer)) {
		x := good
		f(&x)
		made = append(made, refusedVector{"transfer: " + what, x.Text(), reason})
	}
	tamper("of a bearer coupon", ReasonMalformedTransfer, func(x *Transfer) { x.Coupon = m.coupon(0, 0, 1, -1) })
	tamper("another step", ReasonWrongSignature, func(x *Transfer) { x.Step = 2 })
	tamper("another new owner", ReasonWrongSignature, func(x *Transfer) { x.NewOwner = publicOf(wallet(2)) })
	tamper("another time", ReasonWrongSignature, func(x *Transfer) { x.At++ })
	tamper("another nonce", ReasonWrongSignature, func(x *Transfer) { x.Nonce[15] ^= 1 })
	tamper("signed by the new owner", ReasonWrongSignature, func(x *Transfer) { x.Sign(wallet(1)) })
	tamper("of a forged coupon", ReasonWrongMAC, func(x *Transfer) {
		x.Coupon.SN++
		x.Sign(wallet(0))
	})
	tamper("the signature of a presentation", ReasonWrongSignature, func(x *Transfer) {
		p := Presentation{Coupon: x.Coupon, PresentedAt: x.At, Nonce: x.Nonce}
		_ = p.Sign(wallet(0)) // the coupon is bound
		x.Signature = p.Signature
	})
	return made
}
