// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Kinds of origin.
const (
	kindNew      = "new"
	kindRestored = "restored"
	kindWhole    = "whole"
	kindCopy     = "copy"
)

// ErrCopy says that a file is a backup: Restore makes a store of it. A service
// that worked with it would not know what was stored since it was made.
var ErrCopy = errors.New("is a backup, and no store before it is restored")

// Origin says how a store came to be.
type Origin struct {
	// Whole says that what the store has is known to be all.
	Whole bool
	// LanesFrom is from which lane on no serial number was ever given out, as
	// said by who restored it; -1 if nothing was said.
	LanesFrom int
}

// Origin returns how the store came to be. One that is new or restored is not
// whole before Settle says so: there may have been another before it.
func (s *Store) Origin(ctx context.Context) (Origin, error) {
	var kind string
	var lanes sql.NullInt64
	err := s.reader.QueryRowContext(ctx, `SELECT kind, lanes_from FROM origin`).Scan(&kind, &lanes)
	if err != nil {
		return Origin{}, fmt.Errorf("reading the store's origin: %w", err)
	}
	o := Origin{Whole: kind == kindWhole, LanesFrom: -1}
	if lanes.Valid {
		o.LanesFrom = int(lanes.Int64)
	}
	return o, nil
}

// Settle says that the store is whole from now on. It belongs into the
// transaction that stores whatever was missing.
func Settle(ctx context.Context, tx *sql.Tx) error {
	return setKind(ctx, tx, kindWhole)
}

func setKind(ctx context.Context, tx *sql.Tx, kind string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE origin SET kind = ?`, kind); err != nil {
		return fmt.Errorf("noting the store's origin: %w", err)
	}
	return nil
}

// refuseCopy is ErrCopy for a backup.
func refuseCopy(ctx context.Context, db *sql.DB) error {
	var kind string
	if err := db.QueryRowContext(ctx, `SELECT kind FROM origin`).Scan(&kind); err != nil {
		return err
	}
	if kind == kindCopy {
		return ErrCopy
	}
	return nil
}
