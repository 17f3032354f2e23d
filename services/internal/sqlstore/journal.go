// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"ecoupon/services/internal/ledger"
)

// States of a submission.
const (
	statePending = "pending"
	stateValid   = "valid"
	stateInvalid = "invalid"
)

const (
	// keepDecided is how long decided submissions are kept, for whoever looks into what was sent; nothing needs them.
	keepDecided = 7 * 24 * time.Hour
	// pruneAtOnce bounds what one outcome removes, so that none waits for long.
	pruneAtOnce = 100
)

// Journal keeps the service's submissions in the store. It is a ledger.Journal.
type Journal struct {
	store *Store
	now   func() time.Time
}

// Journal returns the store's journal of submissions.
func (s *Store) Journal() *Journal {
	return &Journal{store: s, now: time.Now}
}

// Recorded is a submission with what is known of its outcome.
type Recorded struct {
	ledger.Submission

	// Decided says that Outcome is known.
	Decided bool
	Outcome ledger.Outcome
}

// Sending stores the submission as pending; it is on the disk when it returns nil. Stored again it stays as it is.
func (j *Journal) Sending(ctx context.Context, submission ledger.Submission) error {
	return j.store.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO submissions (transaction_id, namespace, function, reference, bytes, sent_at, state)
			VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (transaction_id) DO NOTHING`,
			submission.ID, submission.Namespace, submission.Function, submission.Reference, submission.Bytes,
			j.now().UnixMilli(), statePending)
		return err
	})
}

// Decided stores the outcome and forgets the bytes, which nobody needs any more. It also forgets submissions that were
// decided and sent a week ago or earlier.
func (j *Journal) Decided(ctx context.Context, outcome ledger.Outcome) error {
	state := stateValid
	if outcome.Invalid != "" {
		state = stateInvalid
	}
	return j.store.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE submissions SET state = ?, block = ?, code = ?, bytes = NULL WHERE transaction_id = ?`,
			state, int64(outcome.Block), outcome.Invalid, outcome.TransactionID)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			DELETE FROM submissions WHERE rowid IN (
				SELECT rowid FROM submissions WHERE state <> 'pending' AND sent_at <= ? ORDER BY sent_at LIMIT ?)`,
			j.now().Add(-keepDecided).UnixMilli(), pruneAtOnce)
		return err
	})
}

// Pending lists the submissions without an outcome, oldest first.
func (j *Journal) Pending(ctx context.Context) ([]ledger.Submission, error) {
	found, err := j.query(ctx, `WHERE state = 'pending' ORDER BY sent_at, rowid`)
	if err != nil {
		return nil, err
	}
	pending := make([]ledger.Submission, len(found))
	for i, recorded := range found {
		pending[i] = recorded.Submission
	}
	return pending, nil
}

// ByReference lists the submissions of a function with this reference, latest first.
func (j *Journal) ByReference(ctx context.Context, function, reference string) ([]Recorded, error) {
	return j.query(ctx, `WHERE function = ? AND reference = ? ORDER BY sent_at DESC, rowid DESC`, function, reference)
}

func (j *Journal) query(ctx context.Context, condition string, arguments ...any) ([]Recorded, error) {
	//nolint:gosec // the conditions are those above
	rows, err := j.store.reader.QueryContext(ctx, `
		SELECT transaction_id, namespace, function, reference, bytes, state, coalesce(block, 0), code
		FROM submissions `+condition, arguments...)
	if err != nil {
		return nil, fmt.Errorf("reading submissions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var found []Recorded
	for rows.Next() {
		var r Recorded
		var state string
		var block int64
		if err := rows.Scan(&r.ID, &r.Namespace, &r.Function, &r.Reference, &r.Bytes, &state, &block, &r.Outcome.Invalid); err != nil {
			return nil, fmt.Errorf("reading a submission: %w", err)
		}
		if r.Decided = state != statePending; r.Decided {
			r.Outcome.Receipt = ledger.Receipt{TransactionID: r.ID, Block: uint64(block)}
		}
		found = append(found, r)
	}
	return found, rows.Err()
}
