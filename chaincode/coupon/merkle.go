// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/bits"
)

const labelFrameLog = "ecoupon/v1/frame-log"

// Prefixes that keep leaves and inner nodes of a Merkle tree apart (RFC 6962,
// section 2.1).
const (
	leafPrefix = 0
	nodePrefix = 1
)

func leafHash(data []byte) Hash {
	return sha256.Sum256(append([]byte{leafPrefix}, data...))
}

func nodeHash(left, right Hash) Hash {
	b := make([]byte, 0, 1+2*sha256.Size)
	b = append(b, nodePrefix)
	b = append(b, left[:]...)
	return sha256.Sum256(append(b, right[:]...))
}

// LogDigest is what the ledger knows of a closed frame's log: a hash over the
// root of its Merkle tree and its size, the number of its coupons.
func LogDigest(root Hash, size int64) Hash {
	return newEnc(labelFrameLog).bytes(root[:]).int(size).hash()
}

// Receipt shows that a coupon is in the log of its closed frame: an inclusion
// proof (RFC 6962, section 2.1.1).
type Receipt struct {
	// Size is the number of coupons in the frame, Index the coupon's place in
	// it, from 0.
	Size, Index int64
	// Path has the hashes from the leaf's sibling up.
	Path []Hash
}

// Root returns the root of the tree that has this leaf at the receipt's place
// (RFC 9162, section 2.1.3.2). The path has the right length after ParseReceipt.
func (r Receipt) Root(leaf Hash) Hash {
	node := leaf
	index, last := uint64(r.Index), uint64(r.Size-1)
	for _, sibling := range r.Path {
		if index%2 == 1 || index == last {
			node = nodeHash(sibling, node)
			for index%2 == 0 && index != 0 {
				index, last = index/2, last/2
			}
		} else {
			node = nodeHash(node, sibling)
		}
		index, last = index/2, last/2
	}
	return node
}

// pathLength returns how many hashes lead from a leaf to the root.
func pathLength(index, size uint64) int {
	// Below the point where the paths of this leaf and of the last one meet
	// there is a sibling at each level; above it, only where the path of the
	// last leaf comes from the right.
	inner := bits.Len64(index ^ (size - 1))
	return inner + bits.OnesCount64(index>>inner)
}

// The form of a receipt, version 1: version, size (8), index (8), then the
// hashes of the path.
const (
	receiptVersion = 1
	receiptPrefix  = "er1."
	receiptHead    = 1 + 8 + 8

	// MaxFrameSize bounds the coupons of one frame.
	MaxFrameSize = 1 << 40

	maxReceiptSize = receiptHead + 40*sha256.Size
)

// Bytes returns the receipt's one binary form.
func (r Receipt) Bytes() []byte {
	b := make([]byte, 0, receiptHead+len(r.Path)*sha256.Size)
	b = append(b, receiptVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Size))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Index))
	for _, h := range r.Path {
		b = append(b, h[:]...)
	}
	return b
}

// Text returns the receipt's one text form.
func (r Receipt) Text() string {
	return receiptPrefix + base64.RawURLEncoding.EncodeToString(r.Bytes())
}

// ParseReceipt reads a receipt's text form and accepts no other text for the
// same receipt: MALFORMED_RECEIPT, or UNSUPPORTED_VERSION for one of another
// version.
func ParseReceipt(text string) (Receipt, error) {
	var buf [maxReceiptSize]byte
	b, ok := decodeText(buf[:], receiptPrefix, text)
	if !ok || len(b) == 0 {
		return Receipt{}, Refuse(ReasonMalformedReceipt, "", "a receipt is %q and unpadded base64url", receiptPrefix)
	}
	if b[0] != receiptVersion {
		return Receipt{}, Refuse(ReasonUnsupportedVersion, "", "receipts of version %d are not known", b[0])
	}
	r := reader{rest: b[1:]}
	size, index := r.uint64(), r.uint64()
	if r.short || size > MaxFrameSize || index >= size {
		return Receipt{}, Refuse(ReasonMalformedReceipt, "", "the place is not one in a frame of 1 to 2⁴⁰ coupons")
	}
	length := pathLength(index, size)
	if len(r.rest) != length*sha256.Size {
		return Receipt{}, Refuse(ReasonMalformedReceipt, "", "a receipt for this place has %d hashes", length)
	}
	receipt := Receipt{Size: int64(size), Index: int64(index), Path: make([]Hash, length)}
	for i := range receipt.Path {
		receipt.Path[i] = Hash(r.take(sha256.Size))
	}
	return receipt, nil
}

// CheckReceipt refuses with WRONG_RECEIPT a receipt that does not show the
// coupon in the log with this digest; see LogDigest.
func (c Coupon) CheckReceipt(r Receipt, digest Hash) error {
	if len(r.Path) != pathLength(uint64(r.Index), uint64(r.Size)) || LogDigest(r.Root(c.Entry().Leaf()), r.Size) != digest {
		return Refuse(ReasonWrongReceipt, "receipt", "the coupon is not in the closed frame's log")
	}
	return nil
}
