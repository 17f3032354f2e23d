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

// couponBytes lays a coupon out from its description.
func couponBytes(t *testing.T, f frameworkVector, c couponVector) []byte {
	t.Helper()
	head := slices.Concat(unhex(t, c.FrameworkID), bigEndian(c.Lane, 2), bigEndian(c.SN, 8))
	mData, kME, macM := unhex(t, f.MData), unhex(t, f.KME), unhex(t, f.MacM)
	if c.Kind == "dynamic" || c.Kind == "proof" {
		uData, q := unhex(t, c.UData), unhex(t, c.Q)
		body := slices.Concat(bigEndian(c.Frame, 4), bigEndian(c.Time, 8), uData, q)
		fields := []any{mData, c.Lane, c.SN, c.Frame, unhex(t, c.Beacon), c.Time, uData, q}
		kind := byte(3)
		if c.Kind == "proof" {
			kind = 4
			tag, sale := unhex(t, c.ProductTag), unhex(t, c.Sale)
			body = slices.Concat(body, tag, sale)
			fields = append(fields, tag, sale)
		}
		macE := hmacOf(kME, encode("ecoupon/v1/"+c.Kind, fields...))[:16]
		return slices.Concat([]byte{1, kind}, head, body, macM, macE)
	}
	owner := unhex(t, c.Owner)
	kind := byte(1)
	if len(owner) > 0 {
		kind = 2
	}
	macE := hmacOf(kME, encode("ecoupon/v1/static", mData, c.Lane, c.SN, owner))[:16]
	return slices.Concat([]byte{1, kind}, head, owner, macM, macE)
}

// presentationBytes lays a presentation out and signs it from its description.
func presentationBytes(t *testing.T, p presentationVector) []byte {
	t.Helper()
	coupon := couponOf(t, p.Coupon)
	nonce := unhex(t, p.Nonce)
	message := encode("ecoupon/v1/present", coupon, p.PresentedAt, nonce, p.Audience, p.Invoice)
	signature := ed25519.Sign(ed25519.NewKeyFromSeed(unhex(t, p.PrivateKey)), message)
	return slices.Concat([]byte{1}, bigEndian(int64(len(coupon)), 2), coupon, bigEndian(p.PresentedAt, 8), nonce,
		bigEndian(int64(len(p.Audience)), 2), []byte(p.Audience), bigEndian(int64(len(p.Invoice)), 2), []byte(p.Invoice), signature)
}

// couponOf returns the bytes of a coupon's text.
func couponOf(t *testing.T, text string) []byte {
	t.Helper()
	coupon, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, "ec1."))
	if err != nil {
		t.Fatal(err)
	}
	return coupon
}

// framesAgree follows every lane from its opening: beacons, first links and
// chain are what the description says, and each coupon is where it says.
func framesAgree(t *testing.T, v vectors) {
	t.Helper()
	digestOf := func(b []byte) []byte { digest := sha256.Sum256(b); return digest[:] }
	type place struct {
		framework string
		lane      int64
	}
	last := make(map[place]string) // the last q value of each lane
	beacons := make(map[string]string)
	chain := v.Chain
	for _, f := range v.Frames {
		at := place{f.FrameworkID, f.Lane}
		if f.N == 1 {
			last[at] = strings.Repeat("00", 32)
		}
		if f.QLastBefore != last[at] {
			t.Errorf("frame %d of lane %d does not follow the one before", f.N, f.Lane)
		}
		before := unhex(t, f.QLastBefore)
		same(t, "beacon", f.Beacon, hmacOf(unhex(t, v.Keys.KB), encode("ecoupon/v1/beacon", unhex(t, f.FrameworkID), f.Lane, f.N, before)))
		same(t, "q_0", f.Q0, digestOf(encode("ecoupon/v1/frame", before, unhex(t, f.Beacon))))
		last[at] = f.Q0
		for len(chain) > 0 && chain[0].FrameworkID == f.FrameworkID && chain[0].Lane == f.Lane && chain[0].QBefore == last[at] {
			link := chain[0]
			same(t, "q", link.Q, digestOf(encode("ecoupon/v1/chain", unhex(t, link.QBefore), unhex(t, link.UData))))
			beacons[link.Q], last[at], chain = f.Beacon, link.Q, chain[1:]
		}
	}
	if len(chain) > 0 {
		t.Errorf("%d links of the chain are in no frame", len(chain))
	}
	for _, c := range v.Coupons {
		if c.Kind != "static" && beacons[c.Q] != c.Beacon {
			t.Errorf("coupon %d of lane %d is not in the frame whose beacon it has", c.SN, c.Lane)
		}
	}
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
