// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package sqlstore is the durable memory of a service: one SQLite file, written through one connection.
//
// It exists so that the settings on which "acknowledged means durable" rests are made in one place: write-ahead
// logging, a sync for every commit, and writers that wait for each other instead of failing.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// busyTimeout in milliseconds is for a second process that reads the file, such as a person with sqlite3.
const busyTimeout = "5000"

// ownMigrations are this package's tables; their versions are counted apart from the service's.
//
//go:embed migrations/*.sql
var ownMigrations embed.FS

// Versions of the two sets of migrations are kept in these tables.
const (
	ownVersions     = "sqlstore_version"
	serviceVersions = "service_version"
)

// Options say which file to open.
type Options struct {
	// Path of the file; its directory is made if it is missing.
	Path string
	// Migrations holds the service's *.sql files for goose, at its root; nil if it has no tables of its own.
	Migrations fs.FS
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	writer *sql.DB
	reader *sql.DB
}

// Open opens the file, creating it if need be, and brings its tables up to date. A backup is refused with ErrCopy.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
		return nil, err
	}
	// The files that SQLite makes beside it get its mode. Some services keep keys in it.
	file, err := os.OpenFile(o.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	writer := open(o.Path, 1, "immediate")
	if err := migrate(ctx, writer, o.Migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("bringing %s up to date: %w", o.Path, err), writer.Close())
	}
	if err := refuseCopy(ctx, writer); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", o.Path, err), writer.Close())
	}
	return &Store{writer: writer, reader: open(o.Path, max(4, runtime.NumCPU()), "deferred")}, nil
}

func open(path string, connections int, locking string) *sql.DB {
	settings := url.Values{"_txlock": {locking}, "_pragma": {
		"busy_timeout(" + busyTimeout + ")", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
	}}
	if locking == "deferred" {
		settings.Add("_pragma", "query_only(ON)")
	}
	db := sql.OpenDB(connector{address(path, settings)})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db
}

// address names the file to the driver: a path may hold what means something in an address.
func address(path string, settings url.Values) string {
	a := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: settings.Encode()}
	return a.String()
}

func migrate(ctx context.Context, db *sql.DB, service fs.FS) error {
	own, err := fs.Sub(ownMigrations, "migrations")
	if err != nil {
		return err
	}
	if err := apply(ctx, db, own, ownVersions); err != nil {
		return err
	}
	if service == nil {
		return nil
	}
	return apply(ctx, db, service, serviceVersions)
}

func apply(ctx context.Context, db *sql.DB, files fs.FS, versions string) error {
	table, err := database.NewStore(database.DialectSQLite3, versions)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider("", db, files, goose.WithStore(table))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// Close waits for what is running and closes the file.
func (s *Store) Close() error {
	return errors.Join(s.reader.Close(), s.writer.Close())
}

// Update runs work in the one write transaction that there can be at a time. When it returns nil, what work wrote is
// on the disk; when it returns an error, nothing is. Work must use tx and not the store.
func (s *Store) Update(ctx context.Context, work func(tx *sql.Tx) error) error {
	return within(ctx, s.writer, work)
}

// View runs work on one unchanging state of the data. Work cannot write.
func (s *Store) View(ctx context.Context, work func(tx *sql.Tx) error) error {
	return within(ctx, s.reader, work)
}

// Holds runs one query for one truth value. It costs a fraction of what a View does, and is for questions that are
// asked without end.
func (s *Store) Holds(ctx context.Context, query string, arguments ...any) (bool, error) {
	connection, err := s.reader.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("asking: %w", err)
	}
	defer func() { _ = connection.Close() }()
	found := false
	if err := connection.QueryRowContext(context.WithoutCancel(ctx), query, arguments...).Scan(&found); err != nil {
		return false, fmt.Errorf("asking: %w", err)
	}
	return found, nil
}

// within has given the connection back when it returns, whatever becomes of ctx:
// a transaction that ends with its context is undone by another goroutine.
func within(ctx context.Context, db *sql.DB, work func(tx *sql.Tx) error) error {
	connection, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() { _ = connection.Close() }()
	tx, err := connection.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := work(tx); err != nil {
		return err
	}
	return tx.Commit()
}
