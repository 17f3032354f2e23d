// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"ecoupon/chaincode/coupon"
)

// addEnquiries stores what was drawn. A payment that was drawn or spared before
// stays so.
func (s *store) addEnquiries(ctx context.Context, drawn []enquiry) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		for _, e := range drawn {
			invoice, err := json.Marshal(e.invoice)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `
				INSERT INTO enquiries (claim, redemption_id, batch_id, invoice, state) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
				e.number, e.redemption[:], e.batch[:], string(invoice), e.known)
			if err != nil {
				return fmt.Errorf("storing an enquiry: %w", err)
			}
		}
		return nil
	})
}

// enquiries lists those to be made: all that are not answered, and those of
// claims not settled whose answer was that the payment is not known.
func (s *store) enquiries(ctx context.Context) ([]enquiry, error) {
	var found []enquiry
	err := s.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			SELECT c.number, c.issuer, c.retailer, c.claim_id, c.state = 'settled', e.redemption_id, e.batch_id, e.invoice, e.state
			FROM enquiries e JOIN claims c ON c.number = e.claim
			WHERE e.state = 'open' OR e.state = 'unknown' AND c.state <> 'settled'
			ORDER BY c.number, e.redemption_id`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var e enquiry
			var redemption, batch []byte
			var invoice string
			err := rows.Scan(&e.number, &e.claim.issuer, &e.claim.retailer, &e.claim.id, &e.settled, &redemption, &batch, &invoice, &e.known)
			if err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(invoice), &e.invoice); err != nil {
				return err
			}
			e.redemption, e.batch = coupon.RedemptionID(redemption), coupon.BatchID(batch)
			found = append(found, e)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading enquiries: %w", err)
	}
	return found, nil
}

// saveAnswers stores what the institutes have answered.
func (s *store) saveAnswers(ctx context.Context, enquiries []enquiry) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		for _, e := range enquiries {
			_, err := tx.ExecContext(ctx, `UPDATE enquiries SET state = ? WHERE claim = ? AND redemption_id = ?`, e.known, e.number, e.redemption[:])
			if err != nil {
				return fmt.Errorf("storing an answer: %w", err)
			}
		}
		return nil
	})
}
