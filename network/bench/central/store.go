// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package central

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
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

// insertion spends coupons: all that are given, or none.
const insertion = `INSERT INTO redemption (id, number, tag, invoice_tag, request, retailer, issuer, institute, invoice, currency, amount, ` +
	`paid_at, framework, lane, sn, value, redeemed_at) SELECT * FROM unnest($1::bytea[], $2::smallint[], $3::bytea[], $4::bytea[], $5::bytea[], ` +
	`$6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bytea[], $14::integer[], $15::bigint[], ` +
	`$16::bigint[], $17::bigint[])`

// InsertionScript inserts one such row with random values, for pgbench: what the
// database can do of that at most.
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

// Store is the database. What waits for it at the same time goes into it together.
type Store struct {
	pool    *pgxpool.Pool
	waiting chan group
	writers sync.WaitGroup
}

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
	s := &Store{pool: pool, waiting: make(chan group, maxWaiting)}
	var there bool
	err = pool.QueryRow(ctx, `SELECT to_regclass('redemption') IS NOT NULL`).Scan(&there)
	if err == nil && !there {
		_, err = pool.Exec(ctx, Schema)
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("making the table: %w", err)
	}
	for range writers {
		s.writers.Go(s.write)
	}
	return s, nil
}

// Close ends all connections. Nobody may insert any more.
func (s *Store) Close() {
	close(s.waiting)
	s.writers.Wait()
	s.pool.Close()
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
