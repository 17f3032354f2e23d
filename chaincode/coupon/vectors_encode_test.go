// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

// The second implementation: from the description alone, with SHA-256, Ed25519
// and base64url as its only ingredients.

func encode(label string, fields ...any) []byte {
	out := slices.Concat(bigEndian(int64(len(label)), 4), []byte(label))
	for _, f := range fields {
		var b []byte
		switch f := f.(type) {
		case string:
			b = []byte(f)
		case []byte:
			b = f
		case int64:
			b = bigEndian(f, 8)
		default:
			panic("encode takes texts, bytes and int64")
		}
		out = slices.Concat(out, bigEndian(int64(len(b)), 4), b)
	}
	return out
}

func bigEndian(n int64, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[size-1-i] = byte(n >> (8 * i))
	}
	return b
}

// hmacOf is HMAC-SHA256 for keys of up to 64 bytes (RFC 2104).
func hmacOf(key, message []byte) []byte {
	inner, outer := bytes.Repeat([]byte{0x36}, 64), bytes.Repeat([]byte{0x5c}, 64)
	for i, k := range key {
		inner[i] ^= k
		outer[i] ^= k
	}
	first := sha256.Sum256(append(inner, message...))
	second := sha256.Sum256(append(outer, first[:]...))
	return second[:]
}

// hkdfOf is HKDF-SHA256 without salt, 32 bytes long (RFC 5869).
func hkdfOf(secret, info []byte) []byte {
	return hmacOf(hmacOf(make([]byte, 32), secret), append(info, 1))
}

// couponBytes lays a static coupon out from its description.
func couponBytes(t *testing.T, f frameworkVector, c couponVector) []byte {
	t.Helper()
	owner := unhex(t, c.Owner)
	kind := byte(1)
	if len(owner) > 0 {
		kind = 2
	}
	macE := hmacOf(unhex(t, f.KME), encode("ecoupon/v1/static", unhex(t, f.MData), c.Lane, c.SN, owner))[:16]
	return slices.Concat([]byte{1, kind}, unhex(t, c.FrameworkID), bigEndian(c.Lane, 2), bigEndian(c.SN, 8), owner, unhex(t, f.MacM), macE)
}

// presentationBytes lays a presentation out and signs it from its description.
func presentationBytes(t *testing.T, p presentationVector) []byte {
	t.Helper()
	coupon, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(p.Coupon, "ec1."))
	if err != nil {
		t.Fatal(err)
	}
	nonce := unhex(t, p.Nonce)
	message := encode("ecoupon/v1/present", coupon, p.PresentedAt, nonce, p.Audience, p.Invoice)
	signature := ed25519.Sign(ed25519.NewKeyFromSeed(unhex(t, p.PrivateKey)), message)
	return slices.Concat([]byte{1}, bigEndian(int64(len(coupon)), 2), coupon, bigEndian(p.PresentedAt, 8), nonce,
		bigEndian(int64(len(p.Audience)), 2), []byte(p.Audience), bigEndian(int64(len(p.Invoice)), 2), []byte(p.Invoice), signature)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// same compares a vector's field with text, or with bytes in hexadecimal.
func same[T string | []byte](t *testing.T, what, got string, want T) {
	t.Helper()
	text := string(want)
	if b, ok := any(want).([]byte); ok {
		text = hex.EncodeToString(b)
	}
	if got != text {
		t.Errorf("%s is %s, want %s", what, got, text)
	}
}
