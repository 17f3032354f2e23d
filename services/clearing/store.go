// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/clearing/reconcile"
	"ecoupon/services/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's tables.
func Migrations() (fs.FS, error) {
	return fs.Sub(migrations, "migrations")
}

// store is what the service remembers. Claims and settlements can be read from
// the ledger again, runs cannot.
type store struct{ *sqlstore.Store }

// addClaim stores a claim that is on the ledger; known already, it stays as it
// is.
func addClaim(ctx context.Context, tx *sql.Tx, record coupon.ClaimRecord) error {
	text, err := json.Marshal(record)
	if err != nil {
		return err
	}
	var number int64
	err = tx.QueryRowContext(ctx, `
		INSERT INTO claims (issuer, retailer, claim_id, claimed_at, record) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (issuer, retailer, claim_id) DO NOTHING RETURNING number`,
		record.Issuer, record.Retailer, record.ID, record.Time, string(text)).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("storing claim %s: %w", record.ID, err)
	}
	for i, line := range record.Batches {
		var held coupon.BatchRecord
		if err := coupon.DecodeStrict([]byte(line.Record), &held); err != nil {
			return fmt.Errorf("reading batch %s of claim %s: %w", line.ID, record.ID, err)
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO claimed (issuer, batch_id, claim, place, coupons) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			record.Issuer, line.ID[:], number, i, held.CouponCount())
		if err != nil {
			return fmt.Errorf("storing claim %s: %w", record.ID, err)
		}
	}
	return nil
}

// beginRegistration notes a request. An id that was used for another one is
// refused with REQUEST_CONFLICT.
func (s *store) beginRegistration(ctx context.Context, id string, digest coupon.Hash) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		var known []byte
		err := tx.QueryRowContext(ctx, `
			INSERT INTO registrations (request_id, digest) VALUES (?, ?)
			ON CONFLICT (request_id) DO UPDATE SET digest = digest RETURNING digest`, id, digest[:]).Scan(&known)
		if err != nil {
			return fmt.Errorf("noting request %s: %w", id, err)
		}
		if coupon.Hash(known) != digest {
			return coupon.Refuse(coupon.ReasonRequestConflict, "request_id", "the id was used for another request")
		}
		return nil
	})
}

// openClaims lists the claims that are not settled.
func (s *store) openClaims(ctx context.Context) ([]Claim, error) {
	return s.claims(ctx, selectClaims+`WHERE state <> 'settled' ORDER BY number`)
}

// settledBatches says which batches are in a settlement, made or being made.
func (s *store) settledBatches(ctx context.Context, issuer string, ids []coupon.BatchID) (map[coupon.BatchID]bool, error) {
	found := make(map[coupon.BatchID]bool)
	err := s.View(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			var known bool
			row := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM settled WHERE issuer = ? AND batch_id = ?)`, issuer, id[:])
			if err := row.Scan(&known); err != nil {
				return fmt.Errorf("reading whether batch %s is settled: %w", id, err)
			}
			found[id] = known
		}
		return nil
	})
	return found, err
}

// listClaims lists claims after a number; any state if it is empty.
func (s *store) listClaims(ctx context.Context, state State, after int64, limit int) ([]Claim, error) {
	return s.claims(ctx, selectClaims+`WHERE (? = '' OR state = ?) AND number > ? ORDER BY number LIMIT ?`, state, state, after, limit)
}

const selectClaims = `SELECT number, state, record FROM claims `

func (s *store) claims(ctx context.Context, query string, arguments ...any) ([]Claim, error) {
	var found []Claim
	err := s.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, query, arguments...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var c Claim
			var text string
			if err := rows.Scan(&c.number, &c.State, &text); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(text), &c.ClaimRecord); err != nil {
				return err
			}
			found = append(found, c)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading claims: %w", err)
	}
	return found, nil
}

// run returns the run of a request.
func (s *store) run(ctx context.Context, requestID string) (Run, bool, error) {
	var run Run
	var differences string
	err := s.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT run_id, ran_at, claims, differences FROM runs WHERE request_id = ?`, requestID).
			Scan(&run.ID, &run.Time, &run.Claims, &differences)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Run{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(differences), &run.Differences)
	}
	if err != nil {
		return Run{}, false, fmt.Errorf("reading the run of request %s: %w", requestID, err)
	}
	return run, true, nil
}

// saveRun stores a run with all its differences, those between claims included,
// and accepts or disputes its claims; late are of claims that are settled. It
// returns the run as it is stored.
func (s *store) saveRun(ctx context.Context, requestID string, run Run, results []compared, late []reconcile.Difference) (Run, error) {
	err := s.Update(ctx, func(tx *sql.Tx) error {
		run.Differences = nil
		mine := make(map[claimKey]int64)
		for _, r := range results {
			mine[claimKey{r.claim.Issuer, r.claim.Retailer, r.claim.ID}] = r.claim.number
			run.Differences = append(run.Differences, r.differences...)
			if err := saveUses(ctx, tx, r); err != nil {
				return err
			}
		}
		shared, err := sharedUses(ctx, tx)
		if err != nil {
			return err
		}
		for _, d := range reconcile.Shared(shared) {
			if _, found := mine[claimKey{d.Issuer, d.Retailer, d.Claim}]; found {
				run.Differences = append(run.Differences, d)
			}
		}
		if err := judge(ctx, tx, mine, run.Differences); err != nil {
			return err
		}
		run.Differences = append(run.Differences, late...)
		differences, err := json.Marshal(run.Differences)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO runs (request_id, run_id, ran_at, claims, differences) VALUES (?, ?, ?, ?, ?)`,
			requestID, run.ID, run.Time, run.Claims, string(differences))
		return err
	})
	if err != nil {
		return Run{}, fmt.Errorf("saving the run of request %s: %w", requestID, err)
	}
	return run, nil
}

// claimKey names a claim: its id is its retailer's.
type claimKey struct{ issuer, retailer, id string }

// judge disputes the claims that have differences and accepts the others, but
// for those that are settled.
func judge(ctx context.Context, tx *sql.Tx, claims map[claimKey]int64, differences []reconcile.Difference) error {
	states := make(map[int64]State)
	for _, number := range claims {
		states[number] = Accepted
	}
	for _, d := range differences {
		states[claims[claimKey{d.Issuer, d.Retailer, d.Claim}]] = Disputed
	}
	for number, state := range states {
		_, err := tx.ExecContext(ctx, `UPDATE claims SET state = ? WHERE number = ? AND state <> 'settled'`, state, number)
		if err != nil {
			return err
		}
	}
	return nil
}

// saveUses replaces the invoices that a claim counts against.
func saveUses(ctx context.Context, tx *sql.Tx, r compared) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM uses WHERE claim = ?`, r.claim.number); err != nil {
		return err
	}
	for _, u := range r.uses {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO uses (claim, redemption_id, batch_id, institute, invoice, retailer) VALUES (?, ?, ?, ?, ?, ?)`,
			r.claim.number, u.Redemption[:], u.Batch[:], u.Invoice.Institute, u.Invoice.Number, u.Retailer)
		if err != nil {
			return err
		}
	}
	return nil
}

// sharedUses lists the uses of invoices that more than one retailer has.
func sharedUses(ctx context.Context, tx *sql.Tx) ([]reconcile.Use, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT u.institute, u.invoice, c.issuer, c.retailer, c.claim_id, u.batch_id, u.redemption_id
		FROM uses u JOIN claims c ON c.number = u.claim
		WHERE (u.institute, u.invoice) IN (
			SELECT institute, invoice FROM uses GROUP BY institute, invoice HAVING count(DISTINCT retailer) > 1)
		ORDER BY u.claim, u.redemption_id`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var uses []reconcile.Use
	for rows.Next() {
		var u reconcile.Use
		var batch, redemption []byte
		if err := rows.Scan(&u.Invoice.Institute, &u.Invoice.Number, &u.Issuer, &u.Retailer, &u.Claim, &batch, &redemption); err != nil {
			return nil, err
		}
		u.Batch, u.Redemption = coupon.BatchID(batch), coupon.RedemptionID(redemption)
		uses = append(uses, u)
	}
	return uses, rows.Err()
}
