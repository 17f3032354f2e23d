// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sqlstore_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecoupon/services/internal/sqlstore"
)

// TestAStatementIsRunWithinItself: rows of a statement that are still being read are not disturbed by the same
// statement with other arguments.
func TestAStatementIsRunWithinItself(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "data.db"))
	for _, text := range []string{"a", "b", "c"} {
		note(t, store, text)
	}
	const from = `SELECT text FROM notes WHERE text >= ? ORDER BY text`
	var pairs []string
	err := store.View(t.Context(), func(tx *sql.Tx) error {
		outer, err := tx.QueryContext(t.Context(), from, "b")
		if err != nil {
			return err
		}
		defer func() { _ = outer.Close() }()
		for outer.Next() {
			var first, second string
			if err := outer.Scan(&first); err != nil {
				return err
			}
			if err := tx.QueryRowContext(t.Context(), from, "a").Scan(&second); err != nil {
				return err
			}
			pairs = append(pairs, first+second)
		}
		return outer.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ba", "ca"}, pairs); diff != "" {
		t.Error(diff)
	}
}

// TestAStatementThatFailedRunsAgain also with other arguments than those that failed.
func TestAStatementThatFailedRunsAgain(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "data.db"))
	note(t, store, "first")
	insert := func(id int64) error {
		return store.Update(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO notes (rowid, text) VALUES (?, 'again')`, id)
			return err
		})
	}
	for range 2 {
		if err := insert(1); err == nil {
			t.Fatal("a row is there twice")
		}
	}
	if err := insert(2); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"again", "first"}, notes(t, store)); diff != "" {
		t.Error(diff)
	}
}

// TestMoreStatementsThanAreKept run like others.
func TestMoreStatementsThanAreKept(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "data.db"))
	for round := range 2 {
		for i := range 600 {
			var found int
			err := store.View(t.Context(), func(tx *sql.Tx) error {
				return tx.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT %d + ?`, i), round).Scan(&found)
			})
			if err != nil || found != i+round {
				t.Fatalf("%d + %d is %d, %v", i, round, found, err)
			}
		}
	}
}

func BenchmarkLookUp(b *testing.B) {
	store, err := sqlstore.Open(b.Context(), sqlstore.Options{Path: filepath.Join(b.TempDir(), "data.db"), Migrations: migrations})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	for b.Loop() {
		var found int
		err := store.View(b.Context(), func(tx *sql.Tx) error {
			return tx.QueryRowContext(b.Context(), `SELECT count(*) FROM notes WHERE rowid = ?`, 7).Scan(&found)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
