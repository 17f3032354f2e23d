// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sqlstore_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecoupon/services/internal/sqlstore"
)

func note(t *testing.T, store *sqlstore.Store, text string) {
	t.Helper()
	err := store.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO notes VALUES (?)`, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func origin(t *testing.T, store *sqlstore.Store) sqlstore.Origin {
	t.Helper()
	o, err := store.Origin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestABackupOfAStoreAtWorkIsRestored(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "data.db"), filepath.Join(dir, "copy.db")
	store := open(t, path)
	if o := origin(t, store); o.Whole {
		t.Error("a new store is taken to be whole")
	}
	if err := store.Update(t.Context(), func(tx *sql.Tx) error { return sqlstore.Settle(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
	note(t, store, "before")
	// One transaction is open meanwhile.
	err := store.Update(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO notes VALUES ('after')`); err != nil {
			return err
		}
		return sqlstore.Backup(t.Context(), path, copied)
	})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := sqlstore.Restore(t.Context(), copied, path, -1); !errors.Is(err, sqlstore.ErrInUse) {
		t.Errorf("restoring under a store at work: %v", err)
	}
	if o := origin(t, store); !o.Whole {
		t.Error("a store that was settled is not whole")
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlstore.Restore(t.Context(), copied, path, 3); err != nil {
		t.Fatal(err)
	}
	restored := open(t, path)
	if diff := cmp.Diff([]string{"before"}, notes(t, restored)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(sqlstore.Origin{LanesFrom: 3}, origin(t, restored)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"after", "before"}, notes(t, open(t, path+".replaced"))); diff != "" {
		t.Error(diff)
	}
}

func TestABackupIsNoStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "data.db"), filepath.Join(dir, "copy.db")
	store := open(t, path)
	if err := sqlstore.Backup(t.Context(), path, copied); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: copied, Migrations: migrations}); !errors.Is(err, sqlstore.ErrCopy) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNotRestored(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, copied, damaged := filepath.Join(dir, "data.db"), filepath.Join(dir, "copy.db"), filepath.Join(dir, "damaged.db")
	note(t, open(t, path), "kept")
	if err := sqlstore.Backup(t.Context(), path, copied); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, content[:len(content)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "other.db")
	for _, test := range []struct{ name, from, want string }{
		{"a store", path, "is no backup"},
		{"half a backup", damaged, "damaged"},
		{"nothing", filepath.Join(dir, "none.db"), "no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := sqlstore.Restore(t.Context(), test.from, to, -1)
			if err == nil || !strings.Contains(err.Error(), test.want) && !strings.Contains(err.Error(), "malformed") {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if left, _ := filepath.Glob(to + "*"); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		})
	}
	if err := sqlstore.Backup(t.Context(), path, copied); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("copied over a backup: %v", err)
	}
	if err := sqlstore.Backup(t.Context(), to, filepath.Join(dir, "new.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("copied nothing: %v", err)
	}
}

func TestAnEmptyStoreTakesThePlaceOfOneThatIsLost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data.db")
	if err := os.WriteFile(path, []byte("no database at all, but long enough to look like something that was one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sqlstore.Restore(t.Context(), "", path, -1); err != nil {
		t.Fatal(err)
	}
	store := open(t, path)
	if o := origin(t, store); o.Whole || len(notes(t, store)) > 0 {
		t.Errorf("%+v", o)
	}
}
