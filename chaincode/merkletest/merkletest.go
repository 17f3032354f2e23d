// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package merkletest has the Merkle tree of RFC 6962 word for word, for tests to
// compare with: slow, and of no use to anything else.
package merkletest

import (
	"crypto/sha256"
	"slices"
)

// Encoded is a log as its tree has it.
func Encoded[E interface{ Encoded() []byte }](log []E) [][]byte {
	entries := make([][]byte, len(log))
	for i, e := range log {
		entries[i] = e.Encoded()
	}
	return entries
}

// Root is MTH of RFC 6962, section 2.1.
func Root(entries [][]byte) [sha256.Size]byte {
	switch len(entries) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(slices.Concat([]byte{0}, entries[0]))
	default:
		k := half(len(entries))
		left, right := Root(entries[:k]), Root(entries[k:])
		return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
	}
}

// Path is PATH of RFC 6962, section 2.1.1: from the sibling of the m-th leaf, from
// 0, up.
func Path[H ~[sha256.Size]byte](m int, entries [][]byte) []H {
	if len(entries) == 1 {
		return []H{}
	}
	k := half(len(entries))
	if m < k {
		return append(Path[H](m, entries[:k]), Root(entries[k:]))
	}
	return append(Path[H](m-k, entries[k:]), Root(entries[:k]))
}

// half is the largest power of two smaller than n.
func half(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}
