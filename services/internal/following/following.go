// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package following keeps a service's store up to date with what the ledger
// says: event by event, each block with the position in the chain in one
// database transaction, so that applying a block twice changes nothing.
package following

import (
	"context"
	"database/sql"
	"fmt"

	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/sqlstore"
)

// Change is what one event means to a store.
type Change func(ctx context.Context, tx *sql.Tx) error

// Follower is a ledger.Projection into a store.
type Follower struct {
	Store *sqlstore.Store
	// Change says what an event means; nil for nothing. What it needs of the
	// ledger it reads here, before the database transaction begins. No event is
	// to be believed by itself, see ledger.Event.
	Change func(ctx context.Context, block ledger.Block, event ledger.Event) (Change, error)
}

// Next implements ledger.Projection.
func (f Follower) Next(ctx context.Context, namespace string) (uint64, error) {
	return f.Store.Next(ctx, namespace)
}

// Apply implements ledger.Projection.
func (f Follower) Apply(ctx context.Context, block ledger.Block) error {
	var changes []Change
	for _, event := range block.Events {
		c, err := f.Change(ctx, block, event)
		if err != nil {
			return fmt.Errorf("applying %s of transaction %s: %w", event.Name, event.TransactionID, err)
		}
		if c != nil {
			changes = append(changes, c)
		}
	}
	return f.Store.Update(ctx, func(tx *sql.Tx) error {
		fresh, err := sqlstore.Advance(ctx, tx, block.Namespace, block.Number)
		if err != nil || !fresh {
			return err
		}
		for _, c := range changes {
			if err := c(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}
