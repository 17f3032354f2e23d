// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
)

const (
	labelTransfer    = "ecoupon/v1/transfer"
	labelTransferTag = "ecoupon/v1/transfer-tag"
	labelOwnership   = "ecoupon/v1/ownership"
)

// MaxTransfers bounds the transfers that a campaign may allow of a coupon: to
// find its owner costs a read for each.
const MaxTransfers = 10

// The form of a transfer, version 1: version, length and bytes of the coupon,
// step, new owner, time, nonce, signature.
const (
	transferVersion = 1
	transferPrefix  = "et1."

	maxTransferSize = 1 + 2 + maxCouponSize + 8 + ownerSize + 8 + 16 + ed25519.SignatureSize
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

// Bytes returns the transfer's one binary form.
func (t Transfer) Bytes() []byte {
	b := make([]byte, 0, maxTransferSize)
	b = append(b, transferVersion)
	b = binary.BigEndian.AppendUint16(b, uint16(sizeOf(t.Coupon.code())))
	b = t.Coupon.appendTo(b)
	b = binary.BigEndian.AppendUint64(b, uint64(t.Step))
	b = append(b, t.NewOwner[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(t.At))
	b = append(b, t.Nonce[:]...)
	return append(b, t.Signature[:]...)
}

// Text returns the transfer's one text form.
func (t Transfer) Text() string {
	return transferPrefix + base64.RawURLEncoding.EncodeToString(t.Bytes())
}

// Digest is the SHA-256 of the transfer's bytes. As they have a signature in
// them, nobody who has not seen the transfer can guess it.
func (t Transfer) Digest() Hash { return sha256.Sum256(t.Bytes()) }

// ParseTransfer reads a transfer's text form and accepts no other text for the
// same transfer. What is wrong first decides the reason, in this order:
//
//  1. prefix and base64url, or longer than any transfer: MALFORMED_TRANSFER;
//  2. version: UNSUPPORTED_VERSION;
//  3. cut off before the last byte, or with bytes after it: MALFORMED_TRANSFER;
//  4. the coupon, with the reasons of ParseCouponBytes;
//  5. a static bearer coupon, a step that is not 1 to MaxTransfers, a time below
//     0: MALFORMED_TRANSFER;
//  6. the new owner's key, see CheckOwner: BAD_OWNER_KEY.
//
// The signature is not verified; VerifySignature does that.
func ParseTransfer(text string) (Transfer, error) {
	var buf [maxTransferSize]byte
	raw, ok := decodeText(buf[:], transferPrefix, text)
	if !ok || len(raw) == 0 {
		return Transfer{}, malformedTransfer("a transfer is %q and unpadded base64url", transferPrefix)
	}
	if raw[0] != transferVersion {
		return Transfer{}, Refuse(ReasonUnsupportedVersion, "", "transfers of version %d are not known", raw[0])
	}
	r := reader{rest: raw[1:]}
	bytes := r.take(r.uint16())
	step := r.uint64()
	owner := r.take(ownerSize)
	at := r.uint64()
	nonce := r.take(16)
	signature := r.take(ed25519.SignatureSize)
	if r.short || len(r.rest) != 0 {
		return Transfer{}, malformedTransfer("the transfer's lengths do not add up")
	}
	c, err := ParseCouponBytes(bytes)
	if err != nil {
		return Transfer{}, err
	}
	switch {
	case !c.Presentable():
		return Transfer{}, malformedTransfer("a bearer coupon is not transferred")
	case step < 1 || step > MaxTransfers:
		return Transfer{}, malformedTransfer("transfers count from 1 to %d", MaxTransfers)
	case at > math.MaxInt64:
		return Transfer{}, malformedTransfer("the time of the transfer is out of range")
	}
	t := Transfer{
		Coupon: c, Step: int64(step), NewOwner: PublicKey(owner), At: int64(at),
		Nonce: Nonce(nonce), Signature: Signature(signature),
	}
	return t, CheckOwner(t.NewOwner)
}

func malformedTransfer(format string, a ...any) error {
	return Refuse(ReasonMalformedTransfer, "", format, a...)
}

// TransferTag returns the name under which the ledger knows the coupon while its
// step-th owner has it, from 0 for the owner in its bytes. A redemption and a
// transfer by that owner meet there. The tag of one step says nothing about that
// of the next, nor about the spent tag: an emitter, who sees the tag of the step
// that a transfer ends, does not learn which coupon is redeemed afterwards.
func (c Coupon) TransferTag(kS Key, step int64) Tag {
	return newEnc(labelTransferTag).bytes(c.Framework[:]).int(int64(c.Lane)).int(c.SN).int(step).mac16(kS)
}

// Ownership says whose a coupon is, as the issuer's peer has found it on the
// ledger. Under its MAC it is true for ever that the coupon came to this owner
// in this step; that it has not gone on since is decided at Tag.
type Ownership struct {
	// Step is the number of transfers until now, 0 for none.
	Step  int64     `json:"step"`
	Owner PublicKey `json:"owner"`
	// Since is the ledger's time of the last transfer, Unix milliseconds; 0 for
	// none.
	Since int64 `json:"since"`
	// Tag is the transfer tag of the step.
	Tag Tag `json:"tag"`
	MAC MAC `json:"mac"`
}

// OwnedBy makes the ownership of a coupon, with its tag and MAC.
func (c Coupon) OwnedBy(kS Key, step int64, owner PublicKey, since int64) Ownership {
	mac := newEnc(labelOwnership).bytes(c.Framework[:]).int(int64(c.Lane)).int(c.SN).
		int(step).bytes(owner[:]).int(since).mac16(kS)
	return Ownership{Step: step, Owner: owner, Since: since, Tag: c.TransferTag(kS, step), MAC: MAC(mac)}
}

// CheckOwnership refuses with TAG_MISMATCH an ownership that the issuer's key
// did not make for this coupon.
func (c Coupon) CheckOwnership(kS Key, o Ownership) error {
	want := c.OwnedBy(kS, o.Step, o.Owner, o.Since)
	if !o.MAC.Equal(want.MAC) || o.Tag != want.Tag {
		return Refuse(ReasonTagMismatch, "ownership", "not the coupon's ownership")
	}
	return nil
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
