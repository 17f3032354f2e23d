// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// enc builds what every MAC, hash and signature of the protocol covers: the
// label and each field as a 4-byte big-endian length, then the bytes. No two
// lists of fields give the same bytes, so nothing can move from one field into
// its neighbour, and no label's output means anything under another label.
type enc []byte

// encSize suits the longest thing that is authenticated per coupon, m_data and
// a few short fields, without growing.
const encSize = 512

func newEnc(label string) enc {
	return make(enc, 0, encSize).text(label)
}

func (e enc) bytes(b []byte) enc {
	return append(binary.BigEndian.AppendUint32(e, uint32(len(b))), b...)
}

func (e enc) text(s string) enc {
	return append(binary.BigEndian.AppendUint32(e, uint32(len(s))), s...)
}

func (e enc) int(n int64) enc {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(e, 8), uint64(n))
}

// mac is HMAC-SHA256 under a key.
func (e enc) mac(key Key) Hash {
	h := hmac.New(sha256.New, key[:])
	h.Write(e)
	var sum Hash
	h.Sum(sum[:0])
	return sum
}

// mac16 is the first 16 bytes of mac.
func (e enc) mac16(key Key) [16]byte {
	return first16(e.mac(key))
}

// hash is SHA-256.
func (e enc) hash() Hash { return sha256.Sum256(e) }

// hash16 is the first 16 bytes of SHA-256.
func (e enc) hash16() [16]byte {
	return first16(sha256.Sum256(e))
}

func first16(sum [sha256.Size]byte) [16]byte {
	return [16]byte(sum[:16])
}
