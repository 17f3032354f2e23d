// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package central

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ecoupon/chaincode/coupon"
)

const (
	// writers insert at a time, each what waits, up to maxGroup redemptions.
	writers, maxGroup = 8, 100
	// maxWaiting bounds the redemptions that wait for a writer.
	maxWaiting = 20_000
	// insertLimit bounds one insertion.
	insertLimit = 10 * time.Second
)

// group is redemptions that are inserted together.
type group []*entry

// entry is the rows of one redemption on their way.
type entry struct {
	rows []Row
	done chan error
}

// Insert writes all rows of a redemption, or none. They are durable when it
// returns. After an error that is not a *duplicate they may be there.
func (s *Store) Insert(ctx context.Context, rows []Row) error {
	e := &entry{rows, make(chan error, 1)}
	select {
	case s.waiting <- group{e}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write is one writer.
func (s *Store) write() {
	for g := range s.waiting {
		g = s.gather(g)
		ctx, cancel := context.WithTimeout(context.Background(), insertLimit)
		s.insert(ctx, g)
		cancel()
	}
}

// gather adds to a group what else waits.
func (s *Store) gather(g group) group {
	for len(g) < maxGroup {
		select {
		case more, open := <-s.waiting:
			if !open {
				return g
			}
			g = append(g, more...)
		default:
			return g
		}
	}
	return g
}

// insert inserts a group. One redemption that cannot be there spoils it for all in
// one statement, so the halves are tried by themselves.
func (s *Store) insert(ctx context.Context, g group) {
	var rows []Row
	for _, e := range g {
		rows = append(rows, e.rows...)
	}
	_, err := s.pool.Exec(ctx, insertion, columns(rows)...)
	var refused *pgconn.PgError
	const uniqueViolation = "23505"
	switch isDouble := errors.As(err, &refused) && refused.Code == uniqueViolation; {
	case isDouble && len(g) > 1:
		s.insert(ctx, g[:len(g)/2])
		s.insert(ctx, g[len(g)/2:])
		return
	case isDouble:
		err = s.double(ctx, rows, refused.ConstraintName)
	case err != nil:
		err = fmt.Errorf("storing redemptions: %w", err)
	}
	for _, e := range g {
		e.done <- err
	}
}

func columns(rows []Row) []any {
	n := len(rows)
	ids, tags, invoices, requests, frameworks := make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
	retailers, issuers, institutes, numbers, currencies := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	amounts, paid, sns, values, times := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	places, lanes := make([]int16, n), make([]int32, n)
	for i := range rows {
		r := &rows[i]
		ids[i], tags[i], invoices[i], requests[i], frameworks[i] = r.ID[:], r.Tag[:], r.InvoiceTag[:], r.Request[:], r.Framework[:]
		retailers[i], issuers[i], institutes[i], numbers[i] = r.Retailer, r.Issuer, r.Invoice.Institute, r.Invoice.Number
		currencies[i], amounts[i], paid[i] = r.Invoice.Currency, r.Invoice.Amount, r.Invoice.PaidAt
		places[i], lanes[i], sns[i], values[i], times[i] = int16(r.Number), int32(r.Lane), r.SN, r.Value, r.Time
	}
	return []any{
		ids, places, tags, invoices, requests, retailers, issuers, institutes, numbers, currencies, amounts, paid, frameworks, lanes,
		sns, values, times,
	}
}

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

// double finds out which row of a redemption was there.
func (s *Store) double(ctx context.Context, rows []Row, constraint string) error {
	tags := make([][]byte, len(rows))
	for i := range rows {
		tags[i] = rows[i].Tag[:]
	}
	found, err := s.pool.Query(ctx, `SELECT tag FROM redemption WHERE tag = ANY($1)`, tags)
	if err != nil {
		return fmt.Errorf("looking up coupons: %w", err)
	}
	spent, err := pgx.CollectRows(found, pgx.RowTo[[]byte])
	if err != nil {
		return fmt.Errorf("looking up coupons: %w", err)
	}
	first := slices.IndexFunc(rows, func(r Row) bool {
		return slices.ContainsFunc(spent, func(tag []byte) bool { return string(tag) == string(r.Tag[:]) })
	})
	return &duplicate{max(first, 0), constraint}
}
