// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the temporary store
)

// version is the transaction that wrote a key last.
type version struct {
	block uint64
	index uint64
}

// entry is a key's last write. Value is kept where a rule needs it.
type entry struct {
	version
	value []byte
	gone  bool // deleted since the last flush
}

// address names a key: of a namespace's public state, where collection is empty; by
// its hash, of a collection; or, where the collection begins with '#', something
// that the audit notes for itself.
type address struct {
	namespace, collection, key string
}

// maxPending bounds what is kept in memory before it goes to the disk.
const maxPending = 100_000

// state is what the valid transactions so far have left. What was written
// lately is in memory, the rest in a temporary database. The first error is
// kept, and makes everything after it meaningless: whoever reads must look at
// err before a result counts.
type state struct {
	ctx     context.Context
	dir     string
	db      *sql.DB
	read    *sql.Stmt
	pending map[address]*entry
	err     error
}

const schema = `
CREATE TABLE entries (
	namespace TEXT NOT NULL, collection TEXT NOT NULL, key BLOB NOT NULL,
	block INTEGER NOT NULL, position INTEGER NOT NULL, value BLOB,
	PRIMARY KEY (namespace, collection, key)
) WITHOUT ROWID`

// newState makes an empty state in a temporary folder, which close removes.
func newState(ctx context.Context) (*state, error) {
	dir, err := os.MkdirTemp("", "coupon-audit-")
	if err != nil {
		return nil, fmt.Errorf("making the audit's store: %w", err)
	}
	s := &state{ctx: ctx, dir: dir, pending: map[address]*entry{}}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("making the audit's store: %w", err), s.close())
	}
	return s, nil
}

func (s *state) open() (err error) {
	// Nothing of it outlives the process, so nothing need be safe from a crash.
	s.db, err = sql.Open("sqlite", "file:"+filepath.Join(s.dir, "state.db")+
		"?_pragma=journal_mode(off)&_pragma=synchronous(off)&_pragma=cache_size(-65536)")
	if err != nil {
		return err
	}
	s.db.SetMaxOpenConns(1)
	if _, err := s.db.ExecContext(s.ctx, schema); err != nil {
		return err
	}
	s.read, err = s.db.PrepareContext(s.ctx,
		"SELECT block, position, value FROM entries WHERE namespace = ? AND collection = ? AND key = ?")
	return err
}

func (s *state) close() error {
	var errs []error
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// get returns a key's last write; nil if it is not there.
func (s *state) get(at address) *entry {
	if e, known := s.pending[at]; known {
		if e.gone {
			return nil
		}
		return e
	}
	if s.err != nil {
		return nil
	}
	var e entry
	err := s.read.QueryRowContext(s.ctx, at.namespace, at.collection, []byte(at.key)).Scan(&e.block, &e.index, &e.value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		s.err = fmt.Errorf("reading the audit's store: %w", err)
		return nil
	}
	return &e
}

// value is nil where there is no such key.
func (s *state) value(at address) []byte {
	if e := s.get(at); e != nil {
		return e.value
	}
	return nil
}

func (s *state) put(at address, v version, value []byte) {
	s.pending[at] = &entry{version: v, value: value}
}

func (s *state) remove(at address) { s.pending[at] = &entry{gone: true} }

// settle moves what is in memory to the disk if it is much.
func (s *state) settle() {
	if len(s.pending) >= maxPending {
		s.flush()
	}
}

func (s *state) flush() {
	if s.err != nil || len(s.pending) == 0 {
		return
	}
	if err := s.write(); err != nil {
		s.err = fmt.Errorf("writing the audit's store: %w", err)
	}
	s.pending = map[address]*entry{}
}

func (s *state) write() error {
	tx, err := s.db.BeginTx(s.ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	put, err := tx.PrepareContext(s.ctx, "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer put.Close()
	remove, err := tx.PrepareContext(s.ctx, "DELETE FROM entries WHERE namespace = ? AND collection = ? AND key = ?")
	if err != nil {
		return err
	}
	defer remove.Close()
	for at, e := range s.pending {
		if e.gone {
			_, err = remove.ExecContext(s.ctx, at.namespace, at.collection, []byte(at.key))
		} else {
			_, err = put.ExecContext(s.ctx, at.namespace, at.collection, []byte(at.key), e.block, e.index, e.value)
		}
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

// found is a key of a range with its last write.
type found struct {
	key string
	version
}

// scan lists the keys of a namespace's public state from start on, and before
// end, or up to and with it; an empty end is none.
func (s *state) scan(namespace, start, end string, withEnd bool) []found {
	s.flush()
	if s.err != nil {
		return nil
	}
	out, err := s.query(namespace, start, end, withEnd)
	if err != nil {
		s.err = fmt.Errorf("reading the audit's store: %w", err)
	}
	return out
}

func (s *state) query(namespace, start, end string, withEnd bool) (out []found, err error) {
	rows, err := s.db.QueryContext(s.ctx, "SELECT key, block, position FROM entries "+
		"WHERE namespace = ? AND collection = '' AND key >= ? AND (? = '' OR key < ? OR ? AND key = ?) ORDER BY key",
		namespace, []byte(start), end, []byte(end), withEnd, []byte(end))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var f found
		var key []byte
		if err := rows.Scan(&key, &f.block, &f.index); err != nil {
			return nil, err
		}
		f.key = string(key)
		out = append(out, f)
	}
	return out, rows.Err()
}
