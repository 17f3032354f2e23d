// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sqlstore_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/sqlstore"
)

// BenchmarkJournal is what a submission costs beside the ledger: two commits, each synced.
func BenchmarkJournal(b *testing.B) {
	store, err := sqlstore.Open(b.Context(), sqlstore.Options{Path: filepath.Join(b.TempDir(), "data.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	journal := store.Journal()
	transaction := make([]byte, 8<<10)
	for i := range b.N {
		id := fmt.Sprint(i)
		if err := journal.Sending(b.Context(), ledger.Submission{Transaction: ledger.Transaction{ID: id, Bytes: transaction}}); err != nil {
			b.Fatal(err)
		}
		if err := journal.Decided(b.Context(), ledger.Outcome{Receipt: ledger.Receipt{TransactionID: id}}); err != nil {
			b.Fatal(err)
		}
	}
}
