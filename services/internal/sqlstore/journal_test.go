// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/services/internal/ledger"
)

// Decided submissions are forgotten after a week, and pending ones never.
func TestOldSubmissionsAreForgotten(t *testing.T) {
	t.Parallel()
	store, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "data.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	now := time.Now()
	journal := store.Journal()
	journal.now = func() time.Time { return now }
	decide := func(id string) {
		t.Helper()
		if err := journal.Decided(t.Context(), ledger.Outcome{Receipt: ledger.Receipt{TransactionID: id}}); err != nil {
			t.Fatal(err)
		}
	}
	left := func() (ids []string) {
		t.Helper()
		found, err := journal.ByReference(t.Context(), "Claim", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, recorded := range found {
			ids = append(ids, recorded.ID)
		}
		return ids
	}
	for _, id := range []string{"decided", "pending", "later"} {
		submission := ledger.Submission{Transaction: ledger.Transaction{ID: id, Bytes: []byte(id)}, Function: "Claim"}
		if err := journal.Sending(t.Context(), submission); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	decide("decided")
	now = now.Add(keepDecided - 4*time.Hour)
	decide("of another")
	if diff := cmp.Diff([]string{"later", "pending", "decided"}, left()); diff != "" {
		t.Errorf("within a week (-want +got):\n%s", diff)
	}
	now = now.Add(2 * time.Hour)
	decide("later")
	if diff := cmp.Diff([]string{"later", "pending"}, left()); diff != "" {
		t.Errorf("after a week (-want +got):\n%s", diff)
	}
	now = now.Add(keepDecided)
	decide("of another")
	if diff := cmp.Diff([]string{"pending"}, left()); diff != "" {
		t.Errorf("long after (-want +got):\n%s", diff)
	}
}
