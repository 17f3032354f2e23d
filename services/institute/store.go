// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package institute

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's tables.
func Migrations() (fs.FS, error) {
	return fs.Sub(migrations, "migrations")
}

// store remembers payments. The institute's name is not in it.
type store struct{ *sqlstore.Store }

const selectPayment = `SELECT number, merchant, currency, amount, paid_at, attestation FROM payments `

// pay stores a payment unless the merchant's request has one, and returns the
// one that is stored.
func (s *store) pay(ctx context.Context, requestID string, p Payment, attestation coupon.Signature) (made Payment, attested coupon.Signature, err error) {
	err = s.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO payments (number, merchant, request_id, currency, amount, paid_at, attestation) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (merchant, request_id) DO NOTHING`,
			p.Number, p.Merchant, requestID, p.Currency, p.Amount, p.PaidAt, attestation[:])
		if err != nil {
			return fmt.Errorf("storing a payment: %w", err)
		}
		made, attested, err = scan(tx.QueryRowContext(ctx, selectPayment+`WHERE merchant = ? AND request_id = ?`, p.Merchant, requestID))
		return err
	})
	return made, attested, err
}

// payment returns the payment of a number.
func (s *store) payment(ctx context.Context, number string) (p Payment, found bool, err error) {
	err = s.View(ctx, func(tx *sql.Tx) error {
		p, _, err = scan(tx.QueryRowContext(ctx, selectPayment+`WHERE number = ?`, number))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Payment{}, false, nil
	}
	return p, err == nil, err
}

func scan(row *sql.Row) (p Payment, attestation coupon.Signature, err error) {
	var signature []byte
	if err := row.Scan(&p.Number, &p.Merchant, &p.Currency, &p.Amount, &p.PaidAt, &signature); err != nil {
		return p, attestation, fmt.Errorf("reading a payment: %w", err)
	}
	return p, coupon.Signature(signature), nil
}
