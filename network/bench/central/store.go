// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package central

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"ecoupon/chaincode/coupon"
)

// Schema makes the one table. A coupon is spent once, and an invoice is used by
// one redemption.
const Schema = `
CREATE TABLE redemption (
	id           bytea    NOT NULL,
	number       smallint NOT NULL,
	tag          bytea    NOT NULL,
	invoice_tag  bytea    NOT NULL,
	request      bytea    NOT NULL,
	retailer     text     NOT NULL,
	issuer       text     NOT NULL,
	institute    text     NOT NULL,
	invoice      text     NOT NULL,
	currency     text     NOT NULL,
	amount       bigint   NOT NULL,
	paid_at      bigint   NOT NULL,
	framework    bytea    NOT NULL,
	lane         integer  NOT NULL,
	sn           bigint   NOT NULL,
	value        bigint   NOT NULL,
	redeemed_at  bigint   NOT NULL,
	CONSTRAINT redemption_known PRIMARY KEY (id, number)
);
CREATE UNIQUE INDEX coupon_spent ON redemption (tag);
CREATE UNIQUE INDEX invoice_used ON redemption (invoice_tag) WHERE number = 0;
`

// Insertion is the statement that spends one coupon.
const Insertion = `INSERT INTO redemption (id, number, tag, invoice_tag, request, retailer, issuer, institute, invoice, currency, amount, ` +
	`paid_at, framework, lane, sn, value, redeemed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`

// InsertionScript is the same statement with random values, for pgbench: what the
// database can do of it at most.
const InsertionScript = `INSERT INTO redemption (id, number, tag, invoice_tag, request, retailer, issuer, institute, invoice, currency, amount, ` +
	`paid_at, framework, lane, sn, value, redeemed_at) VALUES (uuid_send(gen_random_uuid()), 0, uuid_send(gen_random_uuid()), ` +
	`uuid_send(gen_random_uuid()), uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'RetailerMSP', 'IssuerMSP', 'Girohaus', ` +
	`gen_random_uuid()::text, 'EUR', 2000, 1790000000000, uuid_send(gen_random_uuid()), 0, 1000000, 50, 1790000000000);` + "\n"

// Row is one coupon that is spent.
type Row struct {
	ID         coupon.RedemptionID
	Number     int
	Tag        coupon.Tag
	InvoiceTag coupon.Tag
	Request    coupon.Hash
	Retailer   string
	Issuer     string
	Invoice    coupon.Invoice
	Framework  coupon.FrameworkID
	Lane       uint16
	SN         int64
	Value      int64
	// Time is when it was spent, Unix milliseconds.
	Time int64
}

func (r Row) values() []any {
	return []any{
		r.ID[:], r.Number, r.Tag[:], r.InvoiceTag[:], r.Request[:], r.Retailer, r.Issuer, r.Invoice.Institute, r.Invoice.Number,
		r.Invoice.Currency, r.Invoice.Amount, r.Invoice.PaidAt, r.Framework[:], int32(r.Lane), r.SN, r.Value, r.Time,
	}
}

// Store is the database.
type Store struct{ pool *pgxpool.Pool }

// Open connects to a database, with so many connections, and makes the table
// unless it is there.
func Open(ctx context.Context, dsn string, connections int) (*Store, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("reading the database's address: %w", err)
	}
	config.MaxConns, config.MinConns = int32(connections), int32(connections)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	s := &Store{pool}
	var there bool
	err = pool.QueryRow(ctx, `SELECT to_regclass('redemption') IS NOT NULL`).Scan(&there)
	if err == nil && !there {
		_, err = pool.Exec(ctx, Schema)
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("making the table: %w", err)
	}
	return s, nil
}

// Close ends all connections.
func (s *Store) Close() { s.pool.Close() }

// duplicate says that a row cannot be there beside one that is.
type duplicate struct {
	number     int
	constraint string
}

func (d *duplicate) Error() string { return "duplicate: " + d.constraint }

// refusal is why a sale is refused whose row is a duplicate.
func (d *duplicate) refusal() error {
	if d.constraint == "invoice_used" {
		return coupon.Refuse(coupon.ReasonInvoiceUsed, "invoice", "another redemption used this invoice")
	}
	return refusals{refuse(d.number, coupon.Refuse(coupon.ReasonAlreadyRedeemed, "", "the coupon was redeemed"))}
}

// Insert writes all rows of a redemption, or none. They are durable when it
// returns.
func (s *Store) Insert(ctx context.Context, rows []Row) error {
	if len(rows) == 1 {
		return insert(ctx, s.pool, rows[0])
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		for _, r := range rows {
			if err := insert(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

type executor interface {
	Exec(ctx context.Context, statement string, values ...any) (pgconn.CommandTag, error)
}

func insert(ctx context.Context, into executor, r Row) error {
	_, err := into.Exec(ctx, Insertion, r.values()...)
	var refused *pgconn.PgError
	const uniqueViolation = "23505"
	if errors.As(err, &refused) && refused.Code == uniqueViolation {
		return &duplicate{r.Number, refused.ConstraintName}
	}
	if err != nil {
		return fmt.Errorf("storing a redemption: %w", err)
	}
	return nil
}

// Find returns the rows of a redemption, in the order of its coupons; none if
// there is no such redemption.
func (s *Store) Find(ctx context.Context, id coupon.RedemptionID) ([]Row, error) {
	found, err := s.pool.Query(ctx, `SELECT request, issuer, value, redeemed_at FROM redemption WHERE id = $1 ORDER BY number`, id[:])
	if err != nil {
		return nil, fmt.Errorf("looking up a redemption: %w", err)
	}
	rows, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (Row, error) {
		r, request := Row{ID: id}, []byte(nil)
		if err := row.Scan(&request, &r.Issuer, &r.Value, &r.Time); err != nil {
			return r, err
		}
		r.Request = coupon.Hash(request)
		return r, nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking up a redemption: %w", err)
	}
	return rows, nil
}
