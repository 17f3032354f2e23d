// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/clearing/settle"
)

// planSettlement notes the request and, the first time, plans its parts: every
// batch of an accepted claim committed before until that is in no settlement.
// An until of 0 is now. The same id with another until is refused with
// REQUEST_CONFLICT.
func (s *store) planSettlement(ctx context.Context, id string, until, now int64) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		var before sql.NullInt64
		err := tx.QueryRowContext(ctx, `SELECT until FROM settlements WHERE settlement_id = ?`, id).Scan(&before)
		switch {
		case err == nil && before.Valid && before.Int64 != until:
			return coupon.Refuse(coupon.ReasonRequestConflict, "request_id", "the id was used for a settlement until another time")
		case err == nil || !errors.Is(err, sql.ErrNoRows):
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO settlements (settlement_id, until, settled_at) VALUES (?, ?, ?)`, id, until, now)
		if err != nil {
			return err
		}
		if until == 0 {
			until = now
		}
		return planParts(ctx, tx, id, until)
	})
}

// planned reports whether the settlement was planned here; one that is only known
// from the ledger may not be known as a whole.
func (s *store) planned(ctx context.Context, id string) (known bool, err error) {
	err = s.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM settlements WHERE settlement_id = ? AND until IS NOT NULL)`, id).Scan(&known)
	})
	return known, err
}

// between is whom a part is between.
type between struct{ issuer, retailer string }

func planParts(ctx context.Context, tx *sql.Tx, id string, until int64) error {
	batches, order, err := settleable(ctx, tx, until)
	if err != nil {
		return err
	}
	for _, b := range order {
		for number, planned := range settle.Parts(batches[b], coupon.MaxClaimCoupons) {
			salt := randomSalt()
			_, err := tx.ExecContext(ctx, `
				INSERT INTO parts (settlement_id, issuer, retailer, part, salt, record) VALUES (?, ?, ?, ?, ?, '')`,
				id, b.issuer, b.retailer, number, salt[:])
			if err != nil {
				return err
			}
			for _, batch := range planned {
				_, err := tx.ExecContext(ctx, `
					INSERT INTO settled (issuer, batch_id, settlement_id, retailer, part) VALUES (?, ?, ?, ?, ?)`,
					b.issuer, batch.ID[:], id, b.retailer, number)
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// settleable groups the batches that can be settled; order is that of the
// groups.
func settleable(ctx context.Context, tx *sql.Tx, until int64) (batches map[between][]settle.Batch, order []between, err error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT c.issuer, c.retailer, b.batch_id, b.coupons FROM claims c JOIN claimed b ON b.claim = c.number
		WHERE c.state = 'accepted' AND c.claimed_at < ?
		  AND NOT EXISTS (SELECT 1 FROM settled d WHERE d.issuer = b.issuer AND d.batch_id = b.batch_id)
		ORDER BY c.issuer, c.retailer, c.number, b.place`, until)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = rows.Close() }()
	batches = make(map[between][]settle.Batch)
	// A batch whose claim was made again is in two claims.
	seen := make(map[string]bool)
	for rows.Next() {
		var who between
		var batch []byte
		var coupons int
		if err := rows.Scan(&who.issuer, &who.retailer, &batch, &coupons); err != nil {
			return nil, nil, err
		}
		if key := who.issuer + "\x00" + string(batch); seen[key] {
			continue
		} else {
			seen[key] = true
		}
		if len(batches[who]) == 0 {
			order = append(order, who)
		}
		batches[who] = append(batches[who], settle.Batch{ID: coupon.BatchID(batch), Coupons: coupons})
	}
	return batches, order, rows.Err()
}

// unmadeParts lists the parts that are not known to be on the ledger, those of this
// settlement last.
func (s *store) unmadeParts(ctx context.Context, id string) ([]part, error) {
	var parts []part
	err := s.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			SELECT settlement_id, issuer, retailer, part, salt FROM parts WHERE record = ''
			ORDER BY settlement_id = ?, settlement_id, issuer, retailer, part`, id)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var p part
			var salt []byte
			if err := rows.Scan(&p.settlement, &p.issuer, &p.retailer, &p.number, &salt); err != nil {
				return err
			}
			p.salt = coupon.Hash(salt)
			parts = append(parts, p)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading the parts of settlements: %w", err)
	}
	return parts, nil
}

// partRecords returns the records of a part's batches verbatim, from the claims
// that they stand in.
func (s *store) partRecords(ctx context.Context, p part) ([]string, error) {
	claims, err := s.claims(ctx, selectClaims+`
		WHERE number IN (SELECT b.claim FROM settled d JOIN claimed b USING (issuer, batch_id)
			WHERE d.settlement_id = ? AND d.issuer = ? AND d.retailer = ? AND d.part = ?)
		ORDER BY number`, p.settlement, p.issuer, p.retailer, p.number)
	if err != nil {
		return nil, err
	}
	texts := make(map[coupon.BatchID]string)
	for _, claim := range claims {
		for _, line := range claim.Batches {
			texts[line.ID] = line.Record
		}
	}
	var records []string
	err = s.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			SELECT batch_id FROM settled WHERE settlement_id = ? AND issuer = ? AND retailer = ? AND part = ? ORDER BY batch_id`,
			p.settlement, p.issuer, p.retailer, p.number)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id []byte
			if err := rows.Scan(&id); err != nil {
				return err
			}
			records = append(records, texts[coupon.BatchID(id)])
		}
		return rows.Err()
	})
	return records, err
}

// completeParts stores parts that are on the ledger, planned here or not; all or
// none.
func (s *store) completeParts(ctx context.Context, records ...coupon.SettlementRecord) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		for _, record := range records {
			if err := completePart(ctx, tx, record); err != nil {
				return err
			}
		}
		return nil
	})
}

func completePart(ctx context.Context, tx *sql.Tx, record coupon.SettlementRecord) error {
	text, err := json.Marshal(record)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO settlements (settlement_id, until, settled_at) VALUES (?, NULL, ?) ON CONFLICT (settlement_id) DO NOTHING`,
		record.ID, record.Time)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, `
		INSERT INTO parts (settlement_id, issuer, retailer, part, salt, record) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET record = excluded.record WHERE record = ''`,
		record.ID, record.Issuer, record.Retailer, record.Part, record.Salt[:], string(text))
	if err != nil {
		return fmt.Errorf("storing part %d of settlement %s: %w", record.Part, record.ID, err)
	}
	if changed, err := result.RowsAffected(); err != nil || changed == 0 {
		return err
	}
	if err := settleBatches(ctx, tx, record); err != nil {
		return fmt.Errorf("storing part %d of settlement %s: %w", record.Part, record.ID, err)
	}
	return remit(ctx, tx, record.ID)
}

// freeBatches takes all batches out of a part.
const freeBatches = `DELETE FROM settled WHERE settlement_id = ? AND issuer = ? AND retailer = ? AND part = ?`

// settleBatches notes a part's batches as settled, and the claims of which no
// other batch is left. What was planned here for the part and is not in it is left for
// another settlement.
func settleBatches(ctx context.Context, tx *sql.Tx, record coupon.SettlementRecord) error {
	_, err := tx.ExecContext(ctx, freeBatches, record.ID, record.Issuer, record.Retailer, record.Part)
	if err != nil {
		return err
	}
	for _, b := range record.Batches {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO settled (issuer, batch_id, settlement_id, retailer, part) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (issuer, batch_id) DO UPDATE SET
				settlement_id = excluded.settlement_id, retailer = excluded.retailer, part = excluded.part`,
			record.Issuer, b.ID[:], record.ID, record.Retailer, record.Part)
		if err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE claims SET state = 'settled'
		WHERE number IN (
			SELECT b.claim FROM settled d JOIN claimed b USING (issuer, batch_id)
			WHERE d.settlement_id = ? AND d.issuer = ? AND d.retailer = ? AND d.part = ?)
		  AND NOT EXISTS (
			SELECT 1 FROM claimed b
			LEFT JOIN settled d ON d.issuer = b.issuer AND d.batch_id = b.batch_id
			LEFT JOIN parts p ON p.settlement_id = d.settlement_id AND p.issuer = d.issuer
				AND p.retailer = d.retailer AND p.part = d.part
			WHERE b.claim = claims.number AND coalesce(p.record, '') = '')`,
		record.ID, record.Issuer, record.Retailer, record.Part)
	return err
}

// releasePart gives up a part that was refused: its claims are to be reconciled
// again, and what is left of the settlement may be complete.
func (s *store) releasePart(ctx context.Context, p part) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		names := []any{p.settlement, p.issuer, p.retailer, p.number}
		for _, statement := range []string{
			`UPDATE claims SET state = 'received' WHERE state <> 'settled' AND number IN (
				SELECT b.claim FROM settled d JOIN claimed b USING (issuer, batch_id)
				WHERE d.settlement_id = ? AND d.issuer = ? AND d.retailer = ? AND d.part = ?)`,
			freeBatches,
			`DELETE FROM parts WHERE settlement_id = ? AND issuer = ? AND retailer = ? AND part = ?`,
		} {
			if _, err := tx.ExecContext(ctx, statement, names...); err != nil {
				return err
			}
		}
		return remit(ctx, tx, p.settlement)
	})
}
