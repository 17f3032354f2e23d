// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/issuer/openings"
)

// redeemedSale is a sale of a batch record with its retailer.
type redeemedSale struct {
	retailer string
	coupon.RedeemedSale
}

// proofFrame is a closed frame of purchase proofs.
type proofFrame struct {
	coupon.FrameRef
	noticed, coupons int64
}

// noteSale stores what the audit of purchase proofs needs of a redemption.
func noteSale(ctx context.Context, tx *sql.Tx, s redeemedSale) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO payments (retailer, invoice, paid_at) VALUES (?, ?, ?)
		ON CONFLICT (retailer, invoice) DO UPDATE SET paid_at = MIN(paid_at, excluded.paid_at)`,
		s.retailer, s.Invoice.Number, s.Invoice.PaidAt)
	if err != nil {
		return fmt.Errorf("noting a payment: %w", err)
	}
	for _, line := range s.Coupons {
		if line.Product == nil {
			continue
		}
		invoice, err := json.Marshal(s.Invoice)
		if err != nil {
			return err
		}
		text, err := json.Marshal(line)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO redeemed_proofs (framework_id, lane, sn, redemption_id, frame, line, retailer, invoice, judged)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING`,
			line.Framework[:], line.Lane, line.SN, s.ID[:], line.Frame, string(text), s.retailer, string(invoice))
		if err != nil {
			return fmt.Errorf("noting a redeemed proof: %w", err)
		}
	}
	return nil
}

// noteSales has the sales of a closed frame asked for.
func (s store) noteSales(ctx context.Context, ref coupon.FrameRef, closed, coupons int64) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO proof_frames (framework_id, lane, frame, closed, noticed, coupons, opened, judged)
			VALUES (?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT DO NOTHING`,
			ref.Framework[:], ref.Lane, ref.Frame, closed, s.at(), coupons)
		return err
	})
}

// dueSales returns frames whose sales are not opened yet.
func (s store) dueSales(ctx context.Context) (due []proofFrame, err error) {
	err = s.query(ctx, `
		SELECT framework_id, lane, frame, noticed, coupons FROM proof_frames WHERE opened = 0
		ORDER BY noticed, framework_id, lane, frame LIMIT ?`, []any{workAtOnce}, func(rows *sql.Rows) error {
		var f proofFrame
		if err := scanRef(rows, &f.FrameRef, &f.noticed, &f.coupons); err != nil {
			return err
		}
		due = append(due, f)
		return nil
	})
	return due, err
}

// putOpenings stores the sales of a frame.
func (s store) putOpenings(ctx context.Context, ref coupon.FrameRef, opened []coupon.Opening) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, o := range opened {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO opened_sales (framework_id, lane, sn, frame, salt, product, invoice) VALUES (?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT DO NOTHING`, ref.Framework[:], ref.Lane, o.SN, ref.Frame, o.Salt[:], o.Product, o.Invoice)
			if err != nil {
				return fmt.Errorf("storing a sale: %w", err)
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE proof_frames SET opened = 1 WHERE framework_id = ? AND lane = ? AND frame = ?`,
			ref.Framework[:], ref.Lane, ref.Frame)
		return err
	})
}

// unjudged returns the frameworks of which there are proofs, in frames that are
// opened, that were not compared yet.
func (s store) unjudged(ctx context.Context) (found []coupon.FrameworkID, err error) {
	err = s.query(ctx, `
		SELECT framework_id FROM proof_frames WHERE opened = 1 AND judged = 0 UNION
		SELECT framework_id FROM redeemed_proofs JOIN proof_frames f USING (framework_id, lane, frame)
		WHERE redeemed_proofs.judged = 0 AND f.opened = 1`, nil, func(rows *sql.Rows) error {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return err
		}
		if len(id) != len(coupon.FrameworkID{}) {
			return errors.New("a framework id in the store is cut off")
		}
		found = append(found, coupon.FrameworkID(id))
		return nil
	})
	return found, err
}

// addCase adds what is known of a framework's proofs and their emitter's
// payments.
func (s store) addCase(ctx context.Context, f coupon.Framework, c *openings.Case) error {
	c.Emitters[f.ID] = f.Emitter
	err := s.query(ctx, `
		SELECT framework_id, lane, frame, sn, salt, product, invoice, closed FROM opened_sales JOIN proof_frames USING (framework_id, lane, frame)
		WHERE framework_id = ? ORDER BY closed, lane, sn`, []any{f.ID[:]}, func(rows *sql.Rows) error {
		var o openings.Opening
		var ref coupon.FrameRef
		var salt []byte
		if err := scanRef(rows, &ref, &o.SN, &salt, &o.Product, &o.Invoice, &o.Closed); err != nil {
			return err
		}
		if len(salt) != len(o.Salt) {
			return errors.New("a salt in the store is cut off")
		}
		o.Framework, o.Lane, o.Frame, o.Salt = ref.Framework, ref.Lane, ref.Frame, coupon.Nonce(salt)
		c.Openings = append(c.Openings, o)
		return nil
	})
	if err != nil {
		return err
	}
	err = s.query(ctx, `
		SELECT line, retailer, r.invoice FROM redeemed_proofs r JOIN proof_frames p USING (framework_id, lane, frame)
		WHERE framework_id = ? AND p.opened = 1 AND redemption_id NOT IN (SELECT redemption_id FROM voided)`, []any{f.ID[:]}, func(rows *sql.Rows) error {
		var p openings.Proof
		var line, invoice []byte
		if err := rows.Scan(&line, &p.Retailer, &invoice); err != nil {
			return err
		}
		c.Proofs = append(c.Proofs, p)
		last := &c.Proofs[len(c.Proofs)-1]
		return errors.Join(json.Unmarshal(line, &last.Line), json.Unmarshal(invoice, &last.Invoice))
	})
	if err != nil {
		return err
	}
	return s.query(ctx, `
		SELECT DISTINCT p.retailer, p.invoice, p.paid_at FROM payments p JOIN opened_sales o ON o.invoice = p.invoice
		WHERE o.framework_id = ? AND p.retailer = ?`, []any{f.ID[:], f.Emitter}, func(rows *sql.Rows) error {
		var p openings.Payment
		if err := rows.Scan(&p.Retailer, &p.Invoice.Number, &p.Invoice.PaidAt); err != nil {
			return err
		}
		c.Payments = append(c.Payments, p)
		return nil
	})
}

// judged stores what was found of the proofs of frameworks.
func (s store) judged(ctx context.Context, c openings.Case, found []Finding) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, f := range found {
			if err := s.noteFinding(ctx, tx, f); err != nil {
				return err
			}
		}
		for _, p := range c.Proofs {
			_, err := tx.ExecContext(ctx, `UPDATE redeemed_proofs SET judged = 1 WHERE framework_id = ? AND lane = ? AND sn = ?`,
				p.Line.Framework[:], p.Line.Lane, p.Line.SN)
			if err != nil {
				return err
			}
		}
		for id := range c.Emitters {
			if _, err := tx.ExecContext(ctx, `UPDATE proof_frames SET judged = 1 WHERE framework_id = ? AND opened = 1`, id[:]); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `
				UPDATE redeemed_proofs SET judged = 1 WHERE framework_id = ? AND redemption_id IN (SELECT redemption_id FROM voided)`, id[:])
			if err != nil {
				return err
			}
		}
		return nil
	})
}
