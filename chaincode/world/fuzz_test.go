// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"bytes"
	"testing"

	"ecoupon/chaincode/coupon"
)

// FuzzStoredValues reads what may stand under the keys of a batch: altered
// chaincode of two organisations can write anything there.
func FuzzStoredValues(f *testing.F) {
	marker := coupon.Marker{State: coupon.MarkerSpent, Time: 1}.Bytes()
	f.Add([]byte(`{"at":1}`), []byte(`{"issuer":"IssuerMSP","quotas":[1]}`), marker, idBytes([16]byte{1}), digestBytes(coupon.Hash{1}))
	f.Add([]byte(`{"at":1e99}`), []byte(`[]`), marker[1:], []byte{1}, []byte{})
	f.Fuzz(func(t *testing.T, tick, framework, marker, id, digest []byte) {
		reads := BatchReads{
			Frameworks: []coupon.FrameworkID{{1}}, Tags: []coupon.Tag{{2}}, Products: []coupon.Tag{{5}},
			Invoices: []coupon.Tag{{3}}, Redemptions: []coupon.RedemptionID{{4}},
		}
		// The framework's bytes stand for where its mandate stands, too.
		state, err := decodeBatch(reads, [][]byte{
			absent(tick), absent(framework), absent(framework), absent(marker), absent(marker), nil, absent(id),
		})
		if err == nil {
			for _, m := range []coupon.Marker{state.Markers[coupon.Tag{2}], state.Products[coupon.Tag{5}]} {
				if m != (coupon.Marker{}) && !bytes.Equal(m.Bytes(), marker) {
					t.Fatalf("the marker %x becomes %x", marker, m.Bytes())
				}
			}
			if b, found := state.Redemptions[coupon.RedemptionID{4}]; found && !bytes.Equal(idBytes(b), id) {
				t.Fatalf("the id %x becomes %x", id, b)
			}
		}
		if h, err := parseDigest("key", absent(digest)); err == nil && h != nil && !bytes.Equal(digestBytes(*h), digest) {
			t.Fatalf("the digest %x becomes %x", digest, *h)
		}
	})
}
