// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"encoding/binary"
	"testing"

	"ecoupon/chaincode/coupon"
)

// TestSignaturesAreBounded: the latest are known, the oldest forgotten.
func TestSignaturesAreBounded(t *testing.T) {
	t.Parallel()
	nth := func(n int) (h coupon.Hash) {
		binary.BigEndian.PutUint64(h[:], uint64(n))
		return h
	}
	var s signatures
	for n := range 3 * maxSignatures {
		s.remember(nth(n))
		if kept := len(s.recent) + len(s.before); kept > 2*maxSignatures {
			t.Fatalf("%d are kept, at most %d should be", kept, 2*maxSignatures)
		}
	}
	if s.known(nth(0)) || !s.known(nth(2*maxSignatures)) || !s.known(nth(3*maxSignatures-1)) {
		t.Error("not the latest are kept")
	}
}
