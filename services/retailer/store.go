// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's tables.
func Migrations() (fs.FS, error) {
	return fs.Sub(migrations, "migrations")
}

// store is what the service remembers. All that it holds of batches can be read
// from the ledger again; what it holds of attempts cannot.
type store struct{ *sqlstore.Store }

// batch is a batch record as stored.
type batch struct {
	coupon.BatchRecord
	text   string
	block  uint64
	voided map[coupon.RedemptionID]bool
}

func parseBatch(text string) (batch, error) {
	b := batch{text: text}
	if err := coupon.DecodeStrict([]byte(text), &b.BatchRecord); err != nil {
		return batch{}, fmt.Errorf("decoding a batch record: %w", err)
	}
	return b, nil
}

// redemption is the answer to a till.
func (b batch) redemption(sale coupon.RedeemedSale) Redemption {
	r := Redemption{
		ID: sale.ID, Issuer: b.Issuer, Currency: sale.Currency, TransactionID: b.Transaction,
		Block: b.block, Batch: b.ID, Time: b.Time, Voided: b.voided[sale.ID],
	}
	for _, c := range sale.Coupons {
		r.Discounts = append(r.Discounts, c.Value)
		r.Total += c.Value // the chaincode has summed them within its limits
	}
	return r
}

// stored is a redemption with what a repeat of its request is compared with.
type stored struct {
	Redemption
	digest coupon.Hash
	record string
}

// attempt is a transaction of redemptions, durable before it is sent.
type attempt struct {
	ledger.Transaction
	issuer string
}

// begin stores an attempt and what it is for.
func (s *store) begin(ctx context.Context, a attempt, redemptions []coupon.RedemptionID) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO attempts (transaction_id, issuer, bytes) VALUES (?, ?, ?)`, a.ID, a.issuer, a.Bytes)
		if err != nil {
			return err
		}
		for _, id := range redemptions {
			_, err := tx.ExecContext(ctx, `INSERT INTO attempted (redemption_id, transaction_id) VALUES (?, ?)`, id[:], a.ID)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// forget ends an attempt that has no effect.
func (s *store) forget(ctx context.Context, transactionID string) error {
	return s.Update(ctx, func(tx *sql.Tx) error { return forget(ctx, tx, transactionID) })
}

func forget(ctx context.Context, tx *sql.Tx, transactionID string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM attempts WHERE transaction_id = ?`, transactionID)
	return err
}

// pendingAttempts lists the attempts of an issuer, or all if it is empty, oldest
// first.
func (s *store) pendingAttempts(ctx context.Context, issuer string) ([]attempt, error) {
	return s.attempts(ctx, `
		SELECT transaction_id, issuer, bytes FROM attempts WHERE ? = '' OR issuer = ? ORDER BY rowid`, issuer, issuer)
}

// known returns all that there is of one redemption: attempts whose outcome is not known yet, oldest first, and the
// redemption itself if it is stored. Of most that is asked for there is nothing.
func (s *store) known(ctx context.Context, id coupon.RedemptionID) (attempts []attempt, found stored, known bool, err error) {
	some, err := s.Holds(ctx, `
		SELECT EXISTS (SELECT 1 FROM attempted WHERE redemption_id = ?1) OR EXISTS (SELECT 1 FROM redemptions WHERE redemption_id = ?1)`,
		id[:])
	if err != nil || !some {
		return nil, stored{}, false, err
	}
	err = s.View(ctx, func(tx *sql.Tx) (err error) {
		attempts, err = listAttempts(ctx, tx, `
			SELECT a.transaction_id, a.issuer, a.bytes FROM attempted r JOIN attempts a USING (transaction_id)
			WHERE r.redemption_id = ? ORDER BY a.rowid`, id[:])
		if err != nil {
			return err
		}
		found, known, err = findRedemption(ctx, tx, id)
		return err
	})
	return attempts, found, known, err
}

func (s *store) attempts(ctx context.Context, query string, arguments ...any) ([]attempt, error) {
	var found []attempt
	err := s.View(ctx, func(tx *sql.Tx) (err error) {
		found, err = listAttempts(ctx, tx, query, arguments...)
		return err
	})
	return found, err
}

func listAttempts(ctx context.Context, tx *sql.Tx, query string, arguments ...any) ([]attempt, error) {
	rows, err := tx.QueryContext(ctx, query, arguments...)
	if err != nil {
		return nil, fmt.Errorf("reading attempts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var found []attempt
	for rows.Next() {
		var a attempt
		if err := rows.Scan(&a.ID, &a.issuer, &a.Bytes); err != nil {
			return nil, fmt.Errorf("reading attempts: %w", err)
		}
		found = append(found, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading attempts: %w", err)
	}
	return found, nil
}

// complete stores a batch that is on the ledger and ends its attempt. Stored
// again it changes nothing, but that a void is never taken back.
func (s *store) complete(ctx context.Context, b batch) error {
	return s.Update(ctx, func(tx *sql.Tx) error { return complete(ctx, tx, b) })
}

func complete(ctx context.Context, tx *sql.Tx, b batch) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO batches (batch_id, issuer, transaction_id, block, coupons, record) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (batch_id) DO NOTHING`,
		b.ID[:], b.Issuer, b.Transaction, int64(b.block), b.CouponCount(), b.text)
	if err != nil {
		return fmt.Errorf("storing batch %s: %w", b.ID, err)
	}
	for _, sale := range b.Redemptions {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO redemptions (redemption_id, batch_id, voided) VALUES (?, ?, ?)
			ON CONFLICT (redemption_id) DO UPDATE SET voided = max(voided, excluded.voided)`,
			sale.ID[:], b.ID[:], b.voided[sale.ID])
		if err != nil {
			return fmt.Errorf("storing redemption %s: %w", sale.ID, err)
		}
	}
	return forget(ctx, tx, b.Transaction)
}

// redemption returns a stored redemption.
func (s *store) redemption(ctx context.Context, id coupon.RedemptionID) (found stored, known bool, err error) {
	err = s.View(ctx, func(tx *sql.Tx) (err error) {
		found, known, err = findRedemption(ctx, tx, id)
		return err
	})
	return found, known, err
}

func findRedemption(ctx context.Context, tx *sql.Tx, id coupon.RedemptionID) (stored, bool, error) {
	var text string
	var block int64
	var voided bool
	err := tx.QueryRowContext(ctx, `
		SELECT b.record, b.block, r.voided FROM redemptions r JOIN batches b USING (batch_id) WHERE r.redemption_id = ?`,
		id[:]).Scan(&text, &block, &voided)
	if errors.Is(err, sql.ErrNoRows) {
		return stored{}, false, nil
	}
	if err != nil {
		return stored{}, false, fmt.Errorf("reading redemption %s: %w", id, err)
	}
	b, err := parseBatch(text)
	if err != nil {
		return stored{}, false, err
	}
	b.block, b.voided = uint64(block), map[coupon.RedemptionID]bool{id: voided}
	for _, sale := range b.Redemptions {
		if sale.ID == id {
			return stored{Redemption: b.redemption(sale), digest: sale.Request, record: text}, true, nil
		}
	}
	return stored{}, false, fmt.Errorf("the record of batch %s lacks redemption %s", b.ID, id)
}

// knows reports whether the batch is stored, or its transaction an attempt of
// which it will be.
func (s *store) knows(ctx context.Context, id coupon.BatchID, transactionID string) (bool, error) {
	return s.Holds(ctx, `
		SELECT EXISTS (SELECT 1 FROM batches WHERE batch_id = ?) OR EXISTS (SELECT 1 FROM attempts WHERE transaction_id = ?)`,
		id[:], transactionID)
}
