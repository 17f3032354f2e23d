// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import "crypto/ed25519"

const (
	labelTransfer    = "ecoupon/v1/transfer"
	labelTransferTag = "ecoupon/v1/transfer-tag"
)

// Transfer signs a bound coupon over to another key. The coupon's bytes stay
// what they are; who owns it now is on the ledger.
type Transfer struct {
	Coupon Coupon
	// Step counts the transfers of the coupon, from 1.
	Step     int64
	NewOwner PublicKey
	// At is when the owner signed, Unix milliseconds.
	At        int64
	Nonce     Nonce
	Signature Signature
}

// Sign signs the transfer with the present owner's key.
func (t *Transfer) Sign(owner ed25519.PrivateKey) {
	copy(t.Signature[:], ed25519.Sign(owner, t.signed()))
}

// VerifySignature refuses with BAD_OWNER_KEY an owner's or new owner's key that
// CheckOwner refuses, and with WRONG_SIGNATURE what the owner did not sign.
func (t Transfer) VerifySignature(owner PublicKey) error {
	if err := CheckOwner(t.NewOwner); err != nil {
		return err
	}
	return verify(owner, t.signed(), t.Signature)
}

func (t Transfer) signed() []byte {
	var buf [maxCouponSize]byte
	return newEnc(labelTransfer).bytes(t.Coupon.appendTo(buf[:0])).
		int(t.Step).bytes(t.NewOwner[:]).int(t.At).bytes(t.Nonce[:])
}

// TransferTag returns the name under which the ledger knows the coupon's owner
// after a transfer. It says nothing about the spent tag, so that an emitter,
// who sees transfers, does not learn which coupon was redeemed.
func (c Coupon) TransferTag(kS Key) Tag {
	return newEnc(labelTransferTag).bytes(c.Framework[:]).int(int64(c.Lane)).int(c.SN).mac16(kS)
}

// verify refuses with BAD_OWNER_KEY or WRONG_SIGNATURE.
func verify(owner PublicKey, message []byte, signature Signature) error {
	if err := CheckOwner(owner); err != nil {
		return err
	}
	if !ed25519.Verify(owner[:], message, signature[:]) {
		return Refuse(ReasonWrongSignature, "", "the coupon's owner did not sign this")
	}
	return nil
}
