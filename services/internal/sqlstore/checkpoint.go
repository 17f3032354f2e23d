// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Next returns the first block that is not applied under the name: 0 if none is.
func (s *Store) Next(ctx context.Context, name string) (uint64, error) {
	var next int64
	err := s.reader.QueryRowContext(ctx, `SELECT next_block FROM checkpoints WHERE name = ?`, name).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return uint64(next), err
}

// Advance notes that block is applied under the name. It belongs into the transaction that stores what the block
// means. It reports false, and changes nothing, if the block was applied before: then there is nothing to store.
func Advance(ctx context.Context, tx *sql.Tx, name string, block uint64) (bool, error) {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO checkpoints (name, next_block) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET next_block = excluded.next_block WHERE next_block < excluded.next_block`,
		name, int64(block)+1)
	if err != nil {
		return false, fmt.Errorf("noting block %d of %s: %w", block, name, err)
	}
	changed, err := result.RowsAffected()
	return changed > 0, err
}
