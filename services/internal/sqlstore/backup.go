// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrInUse says that somebody has the store open.
var ErrInUse = errors.New("is in use")

// Backup writes a copy of the store at path to a new file, also while a service
// works with it: the copy has what was committed when Backup began. The file
// appears complete or not at all. Some services keep keys in their store, so it
// is for its owner alone.
func Backup(ctx context.Context, path, to string) (err error) {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("copying a store: %w", err)
	}
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("copying %s: %s is there already", path, to)
	}
	part := to + ".part"
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("copying %s: %w", path, err), remove(part))
		}
	}()
	if err := makeEmpty(part); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", address(path, url.Values{"_pragma": {"busy_timeout(" + busyTimeout + ")"}}))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, part)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	err = alter(ctx, part, func(tx *sql.Tx) error { return setKind(ctx, tx, kindCopy) })
	if err != nil {
		return err
	}
	return os.Rename(part, to)
}

// Restore makes the store at path of a backup; from may be empty for one that
// begins anew. The store that was there is kept beside it, with .replaced added
// to its name. lanesFrom is kept for Origin; negative if nothing is said. It is
// refused with ErrInUse while a service works with the store.
func Restore(ctx context.Context, from, path string, lanesFrom int) (err error) {
	part := path + ".part"
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("restoring %s: %w", path, err), remove(part))
		}
	}()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := refuseInUse(ctx, path); err != nil {
		return err
	}
	if err := makeEmpty(part); err != nil {
		return err
	}
	if err := fill(ctx, part, from); err != nil {
		return err
	}
	err = alter(ctx, part, func(tx *sql.Tx) error {
		if err := setKind(ctx, tx, kindRestored); err != nil || lanesFrom < 0 {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE origin SET lanes_from = ?`, lanesFrom)
		return err
	})
	if err != nil {
		return err
	}
	for _, beside := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+beside, path+".replaced"+beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(part, path)
}

// fill copies a backup into an empty file, or makes it an empty store.
func fill(ctx context.Context, part, from string) error {
	if from == "" {
		empty, err := Open(ctx, Options{Path: part})
		if err != nil {
			return err
		}
		return empty.Close()
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	to, err := os.OpenFile(part, os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, source)
	if err := errors.Join(err, to.Close()); err != nil {
		return err
	}
	db := open(part, 1, "deferred")
	err = errors.Join(checkCopy(ctx, db), db.Close())
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return nil
}

// checkCopy accepts an undamaged backup.
func checkCopy(ctx context.Context, db *sql.DB) error {
	var found string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("is damaged: %s", found)
	}
	if err := refuseCopy(ctx, db); !errors.Is(err, ErrCopy) {
		return errors.Join(errors.New("is no backup"), err)
	}
	return nil
}

// refuseInUse is ErrInUse if the store can be opened and another has it open:
// only who is alone can leave write-ahead logging. One that is damaged is in
// nobody's use.
func refuseInUse(ctx context.Context, path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := sql.Open("sqlite", address(path, nil))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	defer func() { _ = db.Close() }()
	var mode string
	err = db.QueryRowContext(ctx, `PRAGMA journal_mode = DELETE`).Scan(&mode)
	var refused *sqlite.Error
	if errors.As(err, &refused) && refused.Code()&0xff == sqlite3.SQLITE_BUSY {
		return ErrInUse
	}
	return nil
}

// alter changes a file that no service works with, and leaves nothing beside it.
func alter(ctx context.Context, path string, work func(tx *sql.Tx) error) error {
	db, err := sql.Open("sqlite", address(path, nil))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, `PRAGMA journal_mode = DELETE`)
	if err == nil {
		err = within(ctx, db, work)
	}
	return errors.Join(err, db.Close())
}

// makeEmpty makes an empty file for its owner alone.
func makeEmpty(name string) error {
	if err := remove(name); err != nil {
		return err
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
