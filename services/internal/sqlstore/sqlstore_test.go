// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/sqlstore"
)

var _ ledger.Journal = (*sqlstore.Journal)(nil)

var migrations = fstest.MapFS{"00001_notes.sql": {Data: []byte(
	"-- +goose Up\nCREATE TABLE notes (text TEXT NOT NULL) STRICT;\n")}}

func open(t *testing.T, path string) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: path, Migrations: migrations})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func TestUpdateIsAllOrNothingAndSurvivesReopening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a folder?", "data#1.db")
	store := open(t, path)
	insert := func(text string, err error) error {
		return store.Update(t.Context(), func(tx *sql.Tx) error {
			_, failed := tx.ExecContext(t.Context(), `INSERT INTO notes VALUES (?)`, text)
			return errors.Join(failed, err)
		})
	}
	if err := insert("kept", nil); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if err := insert("dropped", refused); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"kept"}, notes(t, open(t, path))); diff != "" {
		t.Error(diff)
	}
}

func notes(t *testing.T, store *sqlstore.Store) []string {
	t.Helper()
	var found []string
	err := store.View(t.Context(), func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(t.Context(), `SELECT text FROM notes ORDER BY text`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				return err
			}
			found = append(found, text)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestTheFileIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data.db")
	open(t, path)
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %s", name, info.Mode())
		}
	}
}

func TestViewCannotWrite(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "data.db"))
	err := store.View(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO notes VALUES ('x')`)
		return err
	})
	if err == nil || len(notes(t, store)) > 0 {
		t.Errorf("a view has written: %v", err)
	}
}

func TestWritersWaitForEachOther(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "data.db"))
	const writers = 20
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			err := store.Update(t.Context(), func(tx *sql.Tx) error {
				var count int
				if err := tx.QueryRowContext(t.Context(), `SELECT count(*) FROM notes`).Scan(&count); err != nil {
					return err
				}
				_, err := tx.ExecContext(t.Context(), `INSERT INTO notes VALUES (?)`, string(rune('a'+count)))
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := notes(t, store); len(got) != writers || got[writers-1] != string(rune('a'+writers-1)) {
		t.Errorf("got %q", got)
	}
}

func TestAdvanceCountsEachBlockOnce(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "data.db"))
	steps := []struct {
		name  string
		block uint64
		fresh bool
		next  uint64
	}{
		{"a", 0, true, 1},
		{"a", 0, false, 1},
		{"a", 7, true, 8},
		{"a", 3, false, 8},
		{"b", 2, true, 3},
	}
	if next, err := store.Next(t.Context(), "a"); next != 0 || err != nil {
		t.Errorf("begins at %d, %v", next, err)
	}
	for _, step := range steps {
		var fresh bool
		err := store.Update(t.Context(), func(tx *sql.Tx) (err error) {
			fresh, err = sqlstore.Advance(t.Context(), tx, step.name, step.block)
			return err
		})
		if err != nil || fresh != step.fresh {
			t.Errorf("block %d of %s: fresh %t, %v", step.block, step.name, fresh, err)
		}
		if next, err := store.Next(t.Context(), step.name); next != step.next || err != nil {
			t.Errorf("after block %d of %s: next %d, %v", step.block, step.name, next, err)
		}
	}
}

func TestJournalKeepsWhatIsPending(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data.db")
	store := open(t, path)
	journal := store.Journal()
	var sent []ledger.Submission
	for _, id := range []string{"one", "two", "three"} {
		submission := ledger.Submission{
			Transaction: ledger.Transaction{ID: id, Bytes: []byte("bytes of " + id)},
			Namespace:   "coupon-IssuerMSP", Function: "Redeem", Reference: "request",
		}
		sent = append(sent, submission)
		for range 2 {
			if err := journal.Sending(t.Context(), submission); err != nil {
				t.Fatal(err)
			}
		}
	}
	decide(t, journal, ledger.Outcome{Receipt: ledger.Receipt{TransactionID: "two", Block: 9}})
	decide(t, journal, ledger.Outcome{Receipt: ledger.Receipt{TransactionID: "three"}, Invalid: "MVCC_READ_CONFLICT"})
	decide(t, journal, ledger.Outcome{Receipt: ledger.Receipt{TransactionID: "of another"}})
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	journal = open(t, path).Journal()
	pending, err := journal.Pending(t.Context())
	if diff := cmp.Diff(sent[:1], pending); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	recorded, err := journal.ByReference(t.Context(), "Redeem", "request")
	sent[1].Bytes, sent[2].Bytes = nil, nil
	want := []sqlstore.Recorded{
		{Submission: sent[2], Decided: true, Outcome: ledger.Outcome{
			Receipt: ledger.Receipt{TransactionID: "three"}, Invalid: "MVCC_READ_CONFLICT"}},
		{Submission: sent[1], Decided: true, Outcome: ledger.Outcome{Receipt: ledger.Receipt{TransactionID: "two", Block: 9}}},
		{Submission: sent[0]},
	}
	if diff := cmp.Diff(want, recorded); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func decide(t *testing.T, journal *sqlstore.Journal, outcome ledger.Outcome) {
	t.Helper()
	if err := journal.Decided(t.Context(), outcome); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesBrokenMigrations(t *testing.T) {
	t.Parallel()
	broken := fstest.MapFS{"00001_x.sql": {Data: []byte("-- +goose Up\nCREATE TABEL x;\n")}}
	_, err := sqlstore.Open(context.Background(), sqlstore.Options{
		Path: filepath.Join(t.TempDir(), "data.db"), Migrations: broken,
	})
	if err == nil {
		t.Error("opened")
	}
}
