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

// Run answers requests until ctx ends, and then returns nil. Requests that come
// while a group is committed make up the next group, so that under load many
// share the cost of reaching the disk, and a lone one does not wait. It must
// run once only.
func (l *Log) Run(ctx context.Context) error {
	defer close(l.stopped)
	for {
		select {
		case <-ctx.Done():
			return nil
		case first := <-l.queue:
			l.answer(ctx, l.gather(first))
		}
	}
}

// gather takes what is waiting, in order of arrival.
func (l *Log) gather(first *waiting) []*waiting {
	group := []*waiting{first}
	for len(group) < maxGroup {
		select {
		case w := <-l.queue:
			group = append(group, w)
		default:
			return group
		}
	}
	return group
}

// answer gives the whole group its numbers in one transaction. The commit is
// not cut short by ctx: its outcome would be unknown.
func (l *Log) answer(ctx context.Context, group []*waiting) {
	if err := l.allocate(context.WithoutCancel(ctx), group); err != nil {
		// What was seen of lanes in a transaction that is undone is not so.
		clear(l.current)
		for _, w := range group {
			w.serial, w.err = Serial{}, fmt.Errorf("giving out serial numbers: %w", err)
		}
	}
	for _, w := range group {
		close(w.answered)
	}
}

func (l *Log) allocate(ctx context.Context, group []*waiting) error {
	return l.store.Update(ctx, func(tx *sql.Tx) error {
		for _, w := range group {
			if w.err = w.ctx.Err(); w.err != nil {
				continue
			}
			w.serial, w.err = l.next(ctx, tx, w.request)
			if _, refused := coupon.ReasonOf(w.err); w.err != nil && !refused {
				return w.err
			}
		}
		return nil
	})
}

// next returns the number that the request has, or gives it one.
func (l *Log) next(ctx context.Context, tx *sql.Tx, request Request) (Serial, error) {
	serial, found, err := find(ctx, tx, request)
	if err != nil || found {
		return serial, err
	}
	for lane := l.current[request.Framework]; lane < len(request.Quotas); lane++ {
		number, err := advance(ctx, tx, request.Framework, lane, request.Quotas[lane])
		if errors.Is(err, sql.ErrNoRows) {
			l.current[request.Framework] = lane + 1
			continue
		}
		if err != nil {
			return Serial{}, err
		}
		serial := Serial{Lane: uint16(lane), Number: number}
		return serial, record(ctx, tx, request, serial)
	}
	return Serial{}, coupon.Refuse(coupon.ReasonSoldOut, "framework_id", "all coupons of the offer are given out")
}

// advance returns the lane's next number, or sql.ErrNoRows if its quota is
// used up. A quota is at least 1.
func advance(ctx context.Context, tx *sql.Tx, framework coupon.FrameworkID, lane int, quota int64) (int64, error) {
	var number int64
	err := tx.QueryRowContext(ctx, `
		INSERT INTO lanes (framework_id, lane, last_sn) VALUES (?, ?, 1)
		ON CONFLICT (framework_id, lane) DO UPDATE SET last_sn = last_sn + 1 WHERE last_sn < ?
		RETURNING last_sn`, framework[:], lane, quota,
	).Scan(&number)
	return number, err
}

func record(ctx context.Context, tx *sql.Tx, request Request, serial Serial) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO issued (request_id, framework_id, lane, sn, owner) VALUES (?, ?, ?, ?, ?)`,
		request.ID, request.Framework[:], serial.Lane, serial.Number, request.owner())
	return err
}
