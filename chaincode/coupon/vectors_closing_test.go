// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"testing"

	"ecoupon/chaincode/merkletest"
)

// closingVector is what a frame is closed with, frame 0 by its lane's opening,
// and what its public record says of that.
type closingVector struct {
	FrameworkID   string `json:"framework_id"`
	Lane          int64  `json:"lane"`
	Frame         int64  `json:"frame"`
	Salt          string `json:"salt"`
	QLast         string `json:"q_last"`
	LastSN        int64  `json:"last_sn"`
	Count         int64  `json:"count"`
	Root          string `json:"root"`
	LogSHA256     string `json:"log_sha256"`
	ContentSHA256 string `json:"content_sha256"`
}

type receiptVector struct {
	Coupon string   `json:"coupon"`
	Leaf   string   `json:"leaf"`
	Size   int64    `json:"size"`
	Index  int64    `json:"index"`
	Path   []string `json:"path"`
	Bytes  string   `json:"bytes"`
	Text   string   `json:"text"`
}

// drawVector is the random value of a coupon before it is mapped to a range;
// the beacon is that of the frame after the coupon's.
type drawVector struct {
	Coupon string `json:"coupon"`
	Beacon string `json:"beacon"`
	Draw   string `json:"draw"`
}

type batchVector struct {
	Transaction string `json:"transaction"`
	ID          string `json:"id"`
}

type misconductVector struct {
	FrameworkID string `json:"framework_id"`
	Lane        int64  `json:"lane"`
	Frame       int64  `json:"frame"`
	Kind        string `json:"kind"`
	ID          string `json:"id"`
}

// close closes the lane's frame; frame 0 is its opening.
func (l *laneMaker) close() {
	mandate := l.m.mandates[l.f]
	content := FrameContent{Last: l.q, LastSN: l.sn, Count: l.sn - l.closedSN, Root: EmptyRoot}
	if l.frame > 0 {
		content.Salt = secretOf("salt of frame %d of lane %d", l.frame, l.lane)
	}
	var entries [][]byte
	for _, c := range l.logged {
		entries = append(entries, c.Entry().Encoded())
	}
	if len(entries) > 0 {
		content.Root = merkletest.Root(entries)
	}
	l.closings = append(l.closings, closingVector{
		FrameworkID: mandate.ID().String(), Lane: int64(l.lane), Frame: int64(l.frame), Salt: content.Salt.String(),
		QLast: content.Last.String(), LastSN: content.LastSN, Count: content.Count, Root: content.Root.String(),
		LogSHA256: LogDigest(content.Root, content.LogSize(mandate.Kind)).String(), ContentSHA256: content.Digest().String(),
	})
	for i, c := range l.logged {
		r := Receipt{Size: int64(len(entries)), Index: int64(i), Path: merkletest.Path[Hash](i, entries)}
		v := receiptVector{
			Coupon: c.Text(), Leaf: c.Entry().Leaf().String(), Size: r.Size, Index: r.Index, Path: []string{},
			Bytes: hex.EncodeToString(r.Bytes()), Text: r.Text(),
		}
		for _, h := range r.Path {
			v.Path = append(v.Path, h.String())
		}
		l.receipts = append(l.receipts, v)
	}
	l.logged, l.closedSN = nil, l.sn
}

// draws are of the coupons after whose frame another was opened.
func (r *releases) draws() []drawVector {
	var made []drawVector
	for _, c := range r.coupons {
		for _, f := range r.frames {
			if f.FrameworkID != c.Framework.String() || f.Lane != int64(c.Lane) || f.N != int64(c.Release.Frame)+1 {
				continue
			}
			beacon := Hash(unhex(r.m.t, f.Beacon))
			made = append(made, drawVector{Coupon: c.Text(), Beacon: f.Beacon, Draw: c.Draw(beacon).String()})
		}
	}
	return made
}

func makeBatches() []batchVector {
	var made []batchVector
	for n := range 2 {
		secret := secretOf("transaction %d", n)
		transaction := hex.EncodeToString(secret[:])
		made = append(made, batchVector{transaction, NewBatchID(transaction).String()})
	}
	return made
}

func (m vectorMaker) makeMisconducts() []misconductVector {
	var made []misconductVector
	for n, kind := range MisconductKinds() {
		ref := FrameRef{Framework: m.mandates[dynamicFramework].ID(), Lane: uint16(n), Frame: uint32(n + 1)}
		made = append(made, misconductVector{
			ref.Framework.String(), int64(ref.Lane), int64(ref.Frame), string(kind), NewMisconductID(ref, kind).String(),
		})
	}
	return made
}

// refusedReceipts are texts that are no receipt.
func refusedReceipts(r *releases) []refusedVector {
	good := unhex(r.m.t, r.receipts[0].Bytes)
	text := func(b []byte) string { return "er1." + base64.RawURLEncoding.EncodeToString(b) }
	return []refusedVector{
		{"receipt: nothing", text(nil), ReasonMalformedReceipt},
		{"receipt: padding", text(good) + "=", ReasonMalformedReceipt},
		{"receipt: version 2", text(altered(good, 0, 2)), ReasonUnsupportedVersion},
		{"receipt: of a frame without coupons", text(append([]byte{1}, make([]byte, 16)...)), ReasonMalformedReceipt},
		{"receipt: a place behind the last", text(withBytes(good, 9, bigEndian(3, 8))), ReasonMalformedReceipt},
		{"receipt: in more than 2^40 coupons", text(withBytes(good, 1, bigEndian(MaxFrameSize+1, 8))), ReasonMalformedReceipt},
		{"receipt: its last byte cut off", text(good[:len(good)-1]), ReasonMalformedReceipt},
		{"receipt: a hash left out", text(good[:len(good)-sha256.Size]), ReasonMalformedReceipt},
		{"receipt: a hash too many", text(append(slices.Clone(good), make([]byte, sha256.Size)...)), ReasonMalformedReceipt},
	}
}

// rootOf is the root of a log, by the pairing of neighbours: the same tree as in
// RFC 6962, section 2.1, where the odd one at the end of each level moves up.
func rootOf(leaves [][]byte) []byte {
	if len(leaves) == 0 {
		empty := sha256.Sum256(nil)
		return empty[:]
	}
	for len(leaves) > 1 {
		var up [][]byte
		for ; len(leaves) > 1; leaves = leaves[2:] {
			node := sha256.Sum256(slices.Concat([]byte{1}, leaves[0], leaves[1]))
			up = append(up, node[:])
		}
		leaves = append(up, leaves...)
	}
	return leaves[0]
}

type frameName struct {
	framework   string
	lane, frame int64
}

// logsOf has the leaves of each frame, in the order of their coupons.
func logsOf(t *testing.T, v vectors) map[frameName][][]byte {
	t.Helper()
	logs := make(map[frameName][][]byte)
	for _, c := range v.Coupons {
		if c.Kind == "static" {
			continue
		}
		leaf := sha256.Sum256(slices.Concat([]byte{0}, encode("ecoupon/v1/leaf", c.Lane, c.SN, c.Time, unhex(t, c.UData), unhex(t, c.Q))))
		in := frameName{c.FrameworkID, c.Lane, c.Frame}
		logs[in] = append(logs[in], leaf[:])
	}
	return logs
}

func TestClosingVectors(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	digestOf := func(b []byte) []byte { digest := sha256.Sum256(b); return digest[:] }
	logs, kinds, before := logsOf(t, v), make(map[string]string), make(map[frameName]closingVector)
	for _, f := range v.Framework {
		kinds[f.FrameworkID] = f.Kind
	}
	opened := make(map[frameName]string)
	for _, f := range v.Frames {
		opened[frameName{f.FrameworkID, f.Lane, f.N}] = f.QLastBefore
	}
	for _, c := range v.Closings {
		at := frameName{c.FrameworkID, c.Lane, c.Frame}
		leaves, size := logs[at], int64(len(logs[at]))
		delete(logs, at)
		if kinds[c.FrameworkID] != "static" && c.Count != size {
			t.Errorf("%+v has %d coupons", c, size)
		}
		if last := before[frameName{at.framework, at.lane, at.frame - 1}]; c.LastSN != last.LastSN+c.Count {
			t.Errorf("%+v: the frame before ended with %d", c, last.LastSN)
		}
		if q, follows := opened[frameName{at.framework, at.lane, at.frame + 1}]; follows && q != c.QLast {
			t.Errorf("%+v: the frame after goes on from %s", c, q)
		}
		same(t, "root", c.Root, rootOf(leaves))
		same(t, "log_sha256", c.LogSHA256, digestOf(encode("ecoupon/v1/frame-log", unhex(t, c.Root), size)))
		same(t, "content_sha256", c.ContentSHA256, digestOf(encode("ecoupon/v1/frame-content",
			unhex(t, c.Salt), unhex(t, c.QLast), c.LastSN, c.Count, unhex(t, c.Root))))
		before[at] = c
	}
	if len(logs) > 0 || len(v.Closings) < 10 {
		t.Errorf("%d closings, and %d frames with coupons are not closed", len(v.Closings), len(logs))
	}
}

func TestReceiptVectors(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	logs, closings := logsOf(t, v), make(map[frameName]closingVector)
	for _, c := range v.Closings {
		closings[frameName{c.FrameworkID, c.Lane, c.Frame}] = c
	}
	for _, r := range v.Receipts {
		raw := couponOf(t, r.Coupon)
		want := slices.Concat([]byte{1}, bigEndian(r.Size, 8), bigEndian(r.Index, 8))
		for _, h := range r.Path {
			want = append(want, unhex(t, h)...)
		}
		same(t, "receipt", r.Bytes, want)
		same(t, "text of receipt", r.Text, "er1."+base64.RawURLEncoding.EncodeToString(want))
		c, err := ParseCoupon(r.Coupon)
		wantReason(t, r.Coupon, err, "")
		in := frameName{hex.EncodeToString(raw[2:18]), int64(c.Lane), int64(c.Release.Frame)}
		if r.Size != int64(len(logs[in])) {
			t.Errorf("the receipt of %s is for %d coupons", r.Coupon, r.Size)
			continue
		}
		same(t, "leaf", r.Leaf, logs[in][r.Index])
		parsed, err := ParseReceipt(r.Text)
		wantReason(t, r.Text, err, "")
		wantReason(t, r.Text, c.CheckReceipt(parsed, Hash(unhex(t, closings[in].LogSHA256))), "")
	}
	if len(v.Receipts) < 8 {
		t.Errorf("%d receipts", len(v.Receipts))
	}
}

func TestDrawsAndNamesOfVectors(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	for _, d := range v.Draws {
		raw := couponOf(t, d.Coupon)
		lane, sn := int64(raw[18])<<8|int64(raw[19]), int64(0)
		for _, b := range raw[20:28] {
			sn = sn<<8 | int64(b)
		}
		draw := sha256.Sum256(encode("ecoupon/v1/random", unhex(t, d.Beacon), raw[2:18], lane, sn, raw[40:72]))
		same(t, "draw", d.Draw, draw[:])
	}
	for _, b := range v.Batches {
		id := sha256.Sum256(encode("ecoupon/v1/batch", b.Transaction))
		same(t, "batch id", b.ID, id[:16])
	}
	for _, m := range v.Misconducts {
		id := sha256.Sum256(encode("ecoupon/v1/misconduct", unhex(t, m.FrameworkID), m.Lane, m.Frame, m.Kind))
		same(t, "misconduct id", m.ID, id[:16])
	}
	if len(v.Draws) < 4 || len(v.Batches) < 2 || len(v.Misconducts) < 6 {
		t.Error("vectors are missing")
	}
}
