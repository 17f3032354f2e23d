// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
)

// planClaims notes the request and, the first time, plans its claims: every
// batch of the issuer that is in no claim and not void altogether.
func (s *store) planClaims(ctx context.Context, mspID, requestID, issuer string) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		known, err := claimRequested(ctx, tx, requestID, issuer)
		if err != nil || known {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO claim_requests (request_id, issuer) VALUES (?, ?)`, requestID, issuer)
		if err != nil {
			return err
		}
		batches, err := claimable(ctx, tx, issuer)
		if err != nil {
			return err
		}
		for n, part := range parts(batches, coupon.MaxClaimCoupons) {
			c := Claim{ID: claimID(mspID, requestID, n), Issuer: issuer, Batches: part, salt: randomHash()}
			if err := planClaim(ctx, tx, requestID, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// claimRequested reports whether the request is known. If it was made for
// another issuer it is refused with REQUEST_CONFLICT.
func (s *store) claimRequested(ctx context.Context, requestID, issuer string) (known bool, err error) {
	err = s.View(ctx, func(tx *sql.Tx) error {
		known, err = claimRequested(ctx, tx, requestID, issuer)
		return err
	})
	return known, err
}

func claimRequested(ctx context.Context, tx *sql.Tx, requestID, issuer string) (bool, error) {
	var before string
	err := tx.QueryRowContext(ctx, `SELECT issuer FROM claim_requests WHERE request_id = ?`, requestID).Scan(&before)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err == nil && before != issuer:
		return false, conflict()
	default:
		return err == nil, err
	}
}

// learnClaims stores a request with its claims, which are on the ledger.
func (s *store) learnClaims(ctx context.Context, requestID, issuer string, records []coupon.ClaimRecord) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO claim_requests (request_id, issuer) VALUES (?, ?)`, requestID, issuer)
		if err != nil {
			return err
		}
		for _, record := range records {
			if err := completeClaim(ctx, tx, record); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `UPDATE claims SET request_id = ? WHERE claim_id = ?`, requestID, record.ID)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// sized is a batch with the coupons that it holds.
type sized struct {
	id      coupon.BatchID
	coupons int
}

// parts fills transactions with batches in their order.
func parts(batches []sized, limit int) [][]coupon.BatchID {
	var all [][]coupon.BatchID
	sum := 0
	for _, b := range batches {
		if len(all) == 0 || sum+b.coupons > limit {
			all, sum = append(all, nil), 0
		}
		sum += b.coupons
		all[len(all)-1] = append(all[len(all)-1], b.id)
	}
	return all
}

func claimable(ctx context.Context, tx *sql.Tx, issuer string) ([]sized, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT batch_id, coupons FROM batches b
		WHERE claim_id = '' AND issuer = ?
		  AND EXISTS (SELECT 1 FROM redemptions r WHERE r.batch_id = b.batch_id AND NOT voided)
		ORDER BY block, rowid`, issuer)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var batches []sized
	for rows.Next() {
		var id []byte
		var b sized
		if err := rows.Scan(&id, &b.coupons); err != nil {
			return nil, err
		}
		b.id = coupon.BatchID(id)
		batches = append(batches, b)
	}
	return batches, rows.Err()
}

func planClaim(ctx context.Context, tx *sql.Tx, requestID string, c Claim) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO claims (claim_id, request_id, issuer, salt, transaction_id, coupons, amounts) VALUES (?, ?, ?, ?, '', 0, '[]')`,
		c.ID, requestID, c.Issuer, c.salt[:])
	if err != nil {
		return err
	}
	return assign(ctx, tx, c.ID, c.Batches)
}

func assign(ctx context.Context, tx *sql.Tx, claim string, batches []coupon.BatchID) error {
	for _, id := range batches {
		if _, err := tx.ExecContext(ctx, `UPDATE batches SET claim_id = ? WHERE batch_id = ?`, claim, id[:]); err != nil {
			return err
		}
	}
	return nil
}

// freeBatches takes all batches out of a claim.
const freeBatches = `UPDATE batches SET claim_id = '' WHERE claim_id = ?`

// completeClaim stores a claim that is on the ledger, planned here or not.
func (s *store) completeClaim(ctx context.Context, record coupon.ClaimRecord) error {
	return s.Update(ctx, func(tx *sql.Tx) error { return completeClaim(ctx, tx, record) })
}

func completeClaim(ctx context.Context, tx *sql.Tx, record coupon.ClaimRecord) error {
	amounts, err := json.Marshal(record.Amounts)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO claims (claim_id, request_id, issuer, salt, transaction_id, coupons, amounts) VALUES (?, '', ?, ?, ?, ?, ?)
		ON CONFLICT (claim_id) DO UPDATE SET
			transaction_id = excluded.transaction_id, coupons = excluded.coupons, amounts = excluded.amounts`,
		record.ID, record.Issuer, record.Salt[:], record.Transaction, record.Coupons, string(amounts))
	if err != nil {
		return fmt.Errorf("storing claim %s: %w", record.ID, err)
	}
	// It may have been planned here with others, before the store was set back or by another replica.
	if _, err := tx.ExecContext(ctx, freeBatches, record.ID); err != nil {
		return fmt.Errorf("storing claim %s: %w", record.ID, err)
	}
	batches := make([]coupon.BatchID, len(record.Batches))
	for i, b := range record.Batches {
		batches[i] = b.ID
	}
	return assign(ctx, tx, record.ID, batches)
}

// claimedElsewhere stands for a claim that is on the ledger and not in the store.
const claimedElsewhere = "elsewhere"

// setClaimed notes that batches which are in no claim of the store are in one on
// the ledger.
func setClaimed(ctx context.Context, tx *sql.Tx, batches []coupon.BatchID) error {
	for _, id := range batches {
		_, err := tx.ExecContext(ctx, `UPDATE batches SET claim_id = ? WHERE batch_id = ? AND claim_id = ''`, claimedElsewhere, id[:])
		if err != nil {
			return err
		}
	}
	return nil
}

// releaseClaim gives up a planned claim, and its request if that has no other:
// a repeat plans anew.
func (s *store) releaseClaim(ctx context.Context, id string, elsewhere []coupon.BatchID) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			freeBatches,
			`DELETE FROM claim_requests WHERE request_id IN (SELECT request_id FROM claims c WHERE claim_id = ?
				AND NOT EXISTS (SELECT 1 FROM claims o WHERE o.request_id = c.request_id AND o.claim_id <> c.claim_id))`,
			`DELETE FROM claims WHERE claim_id = ? AND transaction_id = ''`,
		} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return err
			}
		}
		return assign(ctx, tx, claimedElsewhere, elsewhere)
	})
}

// unmadeClaims lists the issuer's claims that are planned and not known to be
// on the ledger.
func (s *store) unmadeClaims(ctx context.Context, issuer string) ([]Claim, error) {
	return s.claims(ctx, selectClaims+`WHERE transaction_id = '' AND issuer = ? ORDER BY number`, issuer)
}

// claimsOf lists a request's claims.
func (s *store) claimsOf(ctx context.Context, requestID string) ([]Claim, error) {
	return s.claims(ctx, selectClaims+`WHERE request_id = ? ORDER BY number`, requestID)
}

// listClaims lists claims on the ledger after a number.
func (s *store) listClaims(ctx context.Context, after int64, limit int) ([]Claim, error) {
	return s.claims(ctx, selectClaims+`WHERE number > ? AND transaction_id <> '' ORDER BY number LIMIT ?`, after, limit)
}

const selectClaims = `SELECT number, claim_id, issuer, salt, transaction_id, coupons, amounts FROM claims `

func (s *store) claims(ctx context.Context, query string, arguments ...any) ([]Claim, error) {
	var found []Claim
	err := s.View(ctx, func(tx *sql.Tx) error {
		var err error
		if found, err = scanClaims(ctx, tx, query, arguments...); err != nil {
			return err
		}
		for i := range found {
			if found[i].Batches, err = batchesOf(ctx, tx, found[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading claims: %w", err)
	}
	return found, nil
}

func scanClaims(ctx context.Context, tx *sql.Tx, query string, arguments ...any) ([]Claim, error) {
	rows, err := tx.QueryContext(ctx, query, arguments...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []Claim
	for rows.Next() {
		var c Claim
		var salt []byte
		var amounts string
		if err := rows.Scan(&c.number, &c.ID, &c.Issuer, &salt, &c.TransactionID, &c.Coupons, &amounts); err != nil {
			return nil, err
		}
		c.salt = coupon.Hash(salt)
		if err := json.Unmarshal([]byte(amounts), &c.Amounts); err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	return found, rows.Err()
}

func batchesOf(ctx context.Context, tx *sql.Tx, claim string) ([]coupon.BatchID, error) {
	rows, err := tx.QueryContext(ctx, `SELECT batch_id FROM batches WHERE claim_id = ? ORDER BY block, rowid`, claim)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var batches []coupon.BatchID
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		batches = append(batches, coupon.BatchID(id))
	}
	return batches, rows.Err()
}

// claimRecords returns the records of a claim's batches verbatim.
func (s *store) claimRecords(ctx context.Context, claim string) ([]string, error) {
	var records []string
	err := s.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT record FROM batches WHERE claim_id = ? ORDER BY block, rowid`, claim)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var record string
			if err := rows.Scan(&record); err != nil {
				return err
			}
			records = append(records, record)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading the batches of claim %s: %w", claim, err)
	}
	return records, nil
}
