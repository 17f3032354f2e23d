// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the issuer's tables, for opening its store.
func Migrations() (fs.FS, error) {
	return fs.Sub(migrations, "migrations")
}

// counts is what a framework's coupons earned. A count may also be a change.
type counts struct {
	redeemed, voided, value int64
}

// store is what the issuer remembers beside the ledger.
type store struct {
	db  *sqlstore.Store
	now func() time.Time
}

// begin notes the request and reports whether it has had its effect before. An
// id that was used for another request is refused with REQUEST_CONFLICT.
func (s store) begin(ctx context.Context, id string, digest coupon.Hash) (done bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		var known []byte
		err := tx.QueryRowContext(ctx, `SELECT digest, done FROM requests WHERE request_id = ?`, id).Scan(&known, &done)
		if errors.Is(err, sql.ErrNoRows) {
			_, err := tx.ExecContext(ctx, `INSERT INTO requests (request_id, digest, done) VALUES (?, ?, 0)`, id, digest[:])
			return err
		}
		if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		if !bytes.Equal(known, digest[:]) {
			return coupon.Refuse(coupon.ReasonRequestConflict, "request_id", "the id was used for another request")
		}
		return nil
	})
	return done, err
}

// finish notes that the request has had its effect.
func (s store) finish(ctx context.Context, id string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE requests SET done = 1 WHERE request_id = ?`, id)
		return err
	})
}

// store adds to the counts. A redemption is undone once, however often it is
// said.
func (t tally) store(ctx context.Context, tx *sql.Tx) error {
	if t.voided != nil {
		if fresh, err := noteVoid(ctx, tx, *t.voided); err != nil || !fresh {
			return err
		}
	}
	for _, c := range t.known {
		if err := t.in.noteCoupon(ctx, tx, c); err != nil {
			return err
		}
	}
	for _, s := range t.sales {
		if err := noteSale(ctx, tx, s); err != nil {
			return err
		}
	}
	return addCounts(ctx, tx, t.changes)
}

// noteVoid is false for a redemption whose void is counted.
func noteVoid(ctx context.Context, tx *sql.Tx, id coupon.RedemptionID) (bool, error) {
	result, err := tx.ExecContext(ctx, `INSERT INTO voided (redemption_id) VALUES (?) ON CONFLICT DO NOTHING`, id[:])
	if err != nil {
		return false, fmt.Errorf("noting the void of %s: %w", id, err)
	}
	changed, err := result.RowsAffected()
	return changed > 0, err
}

func addCounts(ctx context.Context, tx *sql.Tx, changes map[coupon.FrameworkID]counts) error {
	for id, c := range changes {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO statistics (framework_id, redeemed, voided, value) VALUES (?, ?, ?, ?)
			ON CONFLICT (framework_id) DO UPDATE SET redeemed = redeemed + excluded.redeemed,
			voided = voided + excluded.voided, value = value + excluded.value`,
			id[:], c.redeemed, c.voided, c.value)
		if err != nil {
			return fmt.Errorf("counting for framework %s: %w", id, err)
		}
	}
	return nil
}

// counted returns a framework's counts; zero if nothing was redeemed.
func (s store) counted(ctx context.Context, id coupon.FrameworkID) (c counts, err error) {
	err = s.db.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx,
			`SELECT redeemed, voided, value FROM statistics WHERE framework_id = ?`, id[:],
		).Scan(&c.redeemed, &c.voided, &c.value)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return counts{}, nil
	}
	return c, err
}
