// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"slices"
	"strings"
	"testing"

	"ecoupon/chaincode/merkletest"
)

// logged returns the n-th coupon of a frame.
func logged(n int64) Coupon {
	return Coupon{
		Kind: KindDynamic, Framework: FrameworkID{1}, Lane: 3, SN: 100 + n, Owner: PublicKey(secretOf("u_data %d", n)),
		Release: Release{Frame: 2, Time: 1_900_000_000_000 + n, Q: secretOf("q %d", n)},
	}
}

// straightTree returns the entries of a log as what RFC 6962 calls D[n].
func straightTree(size int64) [][]byte {
	var entries [][]byte
	for n := range size {
		entries = append(entries, logged(n).Entry().Encoded())
	}
	return entries
}

func receiptOf(entries [][]byte, size, index int64) Receipt {
	return Receipt{Size: size, Index: index, Path: merkletest.Path[Hash](int(index), entries)}
}

func TestReceiptsOfAllSmallFrames(t *testing.T) {
	t.Parallel()
	for size := int64(1); size <= 70; size++ {
		entries := straightTree(size)
		digest := LogDigest(merkletest.Root(entries), size)
		for index := range size {
			text := receiptOf(entries, size, index).Text()
			r, err := ParseReceipt(text)
			if err != nil {
				t.Fatalf("%d of %d: %v", index, size, err)
			}
			if r.Text() != text {
				t.Fatalf("%d of %d: %s becomes %s", index, size, text, r.Text())
			}
			if err := logged(index).CheckReceipt(r, digest); err != nil {
				t.Fatalf("%d of %d: %v", index, size, err)
			}
			wantReason(t, "another coupon", logged(index+1).CheckReceipt(r, digest), ReasonWrongReceipt)
		}
	}
}

func TestWrongReceiptsAreRefused(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{1, 2, 3, 5, 7, 8, 13, 64, 70} {
		entries := straightTree(size)
		root := merkletest.Root(entries)
		digest := LogDigest(root, size)
		for index := range size {
			good := receiptOf(entries, size, index)
			refused := func(what string, r Receipt, digest Hash) {
				t.Helper()
				wantReason(t, what, logged(index).CheckReceipt(r, digest), ReasonWrongReceipt)
			}
			for other := int64(-1); other <= size; other++ {
				if other != index {
					refused("another index", Receipt{Size: size, Index: other, Path: good.Path}, digest)
				}
			}
			for _, other := range []int64{math.MinInt64, -1, 0, size - 1, size + 1, 2 * size, math.MaxInt64} {
				refused("another size", Receipt{Size: other, Index: index, Path: good.Path}, digest)
			}
			for i := range good.Path {
				path := slices.Clone(good.Path)
				path[i][31] ^= 1
				refused("another path", Receipt{Size: size, Index: index, Path: path}, digest)
			}
			refused("a longer path", Receipt{Size: size, Index: index, Path: append(slices.Clone(good.Path), Hash{})}, digest)
			if len(good.Path) > 0 {
				refused("a shorter path", Receipt{Size: size, Index: index, Path: good.Path[1:]}, digest)
			}
			refused("the digest of another size", good, LogDigest(root, size+1))
			refused("the root in the digest's place", good, root)
		}
	}
}

// TestEveryFieldIsInTheLog alters what the log says of a coupon.
func TestEveryFieldIsInTheLog(t *testing.T) {
	t.Parallel()
	entries := straightTree(5)
	good := receiptOf(entries, 5, 3)
	digest := LogDigest(merkletest.Root(entries), 5)
	wantReason(t, "the coupon", logged(3).CheckReceipt(good, digest), "")
	for what, f := range map[string]func(c *Coupon){
		"lane": func(c *Coupon) { c.Lane++ }, "SN": func(c *Coupon) { c.SN++ }, "time": func(c *Coupon) { c.Release.Time-- },
		"u_data": func(c *Coupon) { c.Owner[0] ^= 1 }, "q": func(c *Coupon) { c.Release.Q[31] ^= 1 },
	} {
		c := logged(3)
		f(&c)
		wantReason(t, what, c.CheckReceipt(good, digest), ReasonWrongReceipt)
	}
	// An inner node's two hashes are no entry: their prefix is another.
	left, right := merkletest.Root(entries[:2]), merkletest.Root(entries[2:4])
	node := sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
	if leafHash(slices.Concat(left[:], right[:])) == node || nodeHash(left, right) != node {
		t.Error("leaves and nodes are not apart")
	}
}

func TestReceiptsParseStrictly(t *testing.T) {
	t.Parallel()
	good := receiptOf(straightTree(5), 5, 3)
	b := good.Bytes()
	body := strings.TrimPrefix(good.Text(), "er1.")
	text := func(b []byte) string { return "er1." + base64.RawURLEncoding.EncodeToString(b) }
	place := func(size, index int64, hashes int) string {
		return text(slices.Concat([]byte{1}, bigEndian(size, 8), bigEndian(index, 8), make([]byte, 32*hashes)))
	}
	for what, bad := range map[string]struct {
		text   string
		reason Reason
	}{
		"nothing":                     {"", ReasonMalformedReceipt},
		"a prefix alone":              {"er1.", ReasonMalformedReceipt},
		"no prefix":                   {body, ReasonMalformedReceipt},
		"a coupon's prefix":           {"ec1." + body, ReasonMalformedReceipt},
		"a prefix in upper case":      {"ER1." + body, ReasonMalformedReceipt},
		"padding":                     {"er1." + body + "=", ReasonMalformedReceipt},
		"a line break":                {"er1." + body[:8] + "\n" + body[8:], ReasonMalformedReceipt},
		"a blank at the end":          {good.Text() + " ", ReasonMalformedReceipt},
		"plain base64":                {"er1.+" + body[1:], ReasonMalformedReceipt},
		"version 0":                   {text(altered(b, 0, 0)), ReasonUnsupportedVersion},
		"version 2 and nothing else":  {text([]byte{2}), ReasonUnsupportedVersion},
		"version 1 and nothing else":  {text([]byte{1}), ReasonMalformedReceipt},
		"cut off in the index":        {text(b[:16]), ReasonMalformedReceipt},
		"the last byte cut off":       {text(b[:len(b)-1]), ReasonMalformedReceipt},
		"a byte more":                 {text(append(slices.Clone(b), 0)), ReasonMalformedReceipt},
		"a hash less":                 {text(b[:len(b)-32]), ReasonMalformedReceipt},
		"a hash more":                 {text(append(slices.Clone(b), make([]byte, 32)...)), ReasonMalformedReceipt},
		"size 0":                      {place(0, 0, 0), ReasonMalformedReceipt},
		"cut off, with a path of 0":   {text(slices.Concat([]byte{1}, bigEndian(1, 8), make([]byte, 7))), ReasonMalformedReceipt},
		"a size above the limit":      {place(MaxFrameSize+1, MaxFrameSize, 1), ReasonMalformedReceipt},
		"an index of 5 of 5":          {place(5, 5, 2), ReasonMalformedReceipt},
		"a size of 2^63":              {place(math.MinInt64, 0, 40), ReasonMalformedReceipt},
		"an index as high as size":    {place(1, 1, 0), ReasonMalformedReceipt},
		"an index of 2^64-1":          {place(2, -1, 1), ReasonMalformedReceipt},
		"one hash for a lone coupon":  {place(1, 0, 1), ReasonMalformedReceipt},
		"3 hashes for the last of 5":  {place(5, 4, 3), ReasonMalformedReceipt},
		"1 hash for the first of 5":   {place(5, 0, 1), ReasonMalformedReceipt},
		"39 hashes in the full frame": {place(MaxFrameSize, 0, 39), ReasonMalformedReceipt},
	} {
		r, err := ParseReceipt(bad.text)
		wantReason(t, what, err, bad.reason)
		if r.Size != 0 || r.Path != nil {
			t.Errorf("%s: refused and returned", what)
		}
	}
	for what, good := range map[string]string{
		"a lone coupon": place(1, 0, 0), "the last of 5": place(5, 4, 1), "the first of 5": place(5, 0, 3),
		"the last of a full frame":             place(MaxFrameSize, MaxFrameSize-1, 40),
		"the last of a full frame without one": place(MaxFrameSize-1, MaxFrameSize-2, 39),
	} {
		r, err := ParseReceipt(good)
		wantReason(t, what, err, "")
		if r.Text() != good {
			t.Errorf("%s becomes %s", what, r.Text())
		}
	}
}
