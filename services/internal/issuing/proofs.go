// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
)

// Sold is the sale that a purchase proof is released with. The log keeps it, to
// be opened to the issuer.
type Sold struct {
	// Product names the product instance, Invoice the sale.
	Product, Invoice string
	// Tag is the product's; Salt is random. They are not part of what makes two
	// requests the same: a repeat gets those of the first.
	Tag  coupon.Tag
	Salt coupon.Nonce
}

// Commitment is what the proof has of its sale.
func (s Sold) Commitment() coupon.Product {
	return coupon.Product{Tag: s.Tag, Sale: coupon.SaleDigest(s.Salt, s.Product, s.Invoice)}
}

// Openings returns a page of the openings of a closed frame of purchase proofs,
// in order, from the serial number after on, and the frame. It refuses as
// Entries does.
func (l *Log) Openings(ctx context.Context, ref coupon.FrameRef, after int64, size int) (openings []coupon.Opening, f Frame, err error) {
	err = l.store.View(ctx, func(tx *sql.Tx) error {
		if f, err = closedFrame(ctx, tx, ref); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `
			SELECT sn, salt, product, invoice FROM openings
			WHERE framework_id = ? AND lane = ? AND sn > ? AND sn >= ? AND sn <= ? ORDER BY sn LIMIT ?`,
			ref.Framework[:], ref.Lane, after, f.FirstSN, f.Content.LastSN, size)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			o := coupon.Opening{Framework: ref.Framework, Lane: ref.Lane}
			var salt []byte
			if err := rows.Scan(&o.SN, &salt, &o.Product, &o.Invoice); err != nil {
				return err
			}
			if len(salt) != len(o.Salt) {
				return errors.New("a salt in the store is cut off")
			}
			o.Salt = coupon.Nonce(salt)
			openings = append(openings, o)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, Frame{}, err
	}
	return openings, f, nil
}

// checkUnsold refuses with PRODUCT_HAS_PROOF a product that a proof was released
// with, in any framework of the campaign version: the tag is the same there.
func checkUnsold(ctx context.Context, tx *sql.Tx, sold *Sold) error {
	if sold == nil {
		return nil
	}
	var known bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM openings WHERE product_tag = ?)`, sold.Tag[:]).Scan(&known)
	if err != nil {
		return fmt.Errorf("looking for a product's proof: %w", err)
	}
	if known {
		return coupon.Refuse(coupon.ReasonProductHasProof, "product_id", "the product has its proof already")
	}
	return nil
}

func recordSold(ctx context.Context, tx *sql.Tx, framework coupon.FrameworkID, at Serial, sold *Sold) error {
	if sold == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO openings (framework_id, lane, sn, product_tag, product, invoice, salt) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		framework[:], at.Lane, at.Number, sold.Tag[:], sold.Product, sold.Invoice, sold.Salt[:])
	if err != nil {
		return fmt.Errorf("storing a proof's sale: %w", err)
	}
	return nil
}

// findSold returns the sale of a proof that was released for the request. It
// refuses with REQUEST_CONFLICT a request with another sale.
func findSold(ctx context.Context, tx *sql.Tx, request Request, at Serial) (*Sold, error) {
	if request.Sold == nil {
		return nil, nil
	}
	var sold Sold
	var tag, salt []byte
	err := tx.QueryRowContext(ctx, `
		SELECT product_tag, product, invoice, salt FROM openings WHERE framework_id = ? AND lane = ? AND sn = ?`,
		request.Framework[:], at.Lane, at.Number,
	).Scan(&tag, &sold.Product, &sold.Invoice, &salt)
	if err != nil {
		return nil, fmt.Errorf("reading a proof's sale: %w", err)
	}
	if len(tag) != len(sold.Tag) || len(salt) != len(sold.Salt) {
		return nil, errors.New("a proof's sale in the store is cut off")
	}
	if sold.Product != request.Sold.Product || sold.Invoice != request.Sold.Invoice {
		return nil, coupon.Refuse(coupon.ReasonRequestConflict, "request_id", "the id was used for another sale")
	}
	sold.Tag, sold.Salt = coupon.Tag(tag), coupon.Nonce(salt)
	return &sold, nil
}
