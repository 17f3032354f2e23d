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

// remit makes the remittances of a settlement once all its parts are on the
// ledger.
func remit(ctx context.Context, tx *sql.Tx, id string) error {
	records, complete, err := partsOf(ctx, tx, id)
	if err != nil || !complete {
		return err
	}
	positions, err := settle.Positions(records)
	if err != nil {
		return err
	}
	if _, err := settle.Nets(positions); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM remittances WHERE settlement_id = ?`, id); err != nil {
		return err
	}
	for _, position := range positions {
		text, err := json.Marshal(position)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO remittances (settlement_id, position) VALUES (?, ?)`, id, string(text)); err != nil {
			return err
		}
	}
	return nil
}

// partsOf returns the parts that are on the ledger, and whether all are.
func partsOf(ctx context.Context, tx *sql.Tx, id string) (records []coupon.SettlementRecord, complete bool, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT record FROM parts WHERE settlement_id = ? ORDER BY issuer, retailer, part`, id)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = rows.Close() }()
	complete = true
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, false, err
		}
		if text == "" {
			complete = false
			continue
		}
		var record coupon.SettlementRecord
		if err := json.Unmarshal([]byte(text), &record); err != nil {
			return nil, false, err
		}
		records = append(records, record)
	}
	return records, complete, rows.Err()
}

// settlement returns a settlement of which all parts are on the ledger.
func (s *store) settlement(ctx context.Context, id string) (Settlement, bool, error) {
	found := Settlement{ID: id}
	complete := false
	err := s.View(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT settled_at FROM settlements WHERE settlement_id = ?`, id).Scan(&found.Time)
		if err != nil {
			return err
		}
		if _, complete, err = partsOf(ctx, tx, id); err != nil {
			return err
		}
		found.Remittances, err = scanRemittances(ctx, tx, selectRemittances+`WHERE settlement_id = ? ORDER BY number`, id)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) || err == nil && !complete {
		return Settlement{}, false, nil
	}
	if err != nil {
		return Settlement{}, false, fmt.Errorf("reading settlement %s: %w", id, err)
	}
	var positions []settle.Position
	for _, r := range found.Remittances {
		positions = append(positions, r.Position)
	}
	found.Nets, err = settle.Nets(positions)
	return found, true, err
}

// listRemittances lists remittances after a number, of one settlement if it is
// not empty.
func (s *store) listRemittances(ctx context.Context, settlement string, after int64, limit int) ([]Remittance, error) {
	var found []Remittance
	err := s.View(ctx, func(tx *sql.Tx) (err error) {
		found, err = scanRemittances(ctx, tx, selectRemittances+`WHERE (? = '' OR settlement_id = ?) AND number > ? ORDER BY number LIMIT ?`,
			settlement, settlement, after, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading remittances: %w", err)
	}
	return found, nil
}

const selectRemittances = `SELECT number, settlement_id, position FROM remittances `

func scanRemittances(ctx context.Context, tx *sql.Tx, query string, arguments ...any) ([]Remittance, error) {
	rows, err := tx.QueryContext(ctx, query, arguments...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []Remittance
	for rows.Next() {
		var r Remittance
		var text string
		if err := rows.Scan(&r.number, &r.Settlement, &text); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(text), &r.Position); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}
