// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"ecoupon/chaincode/coupon"
)

// next returns the number that the request has, or gives it one.
func (l *Log) next(ctx context.Context, tx *sql.Tx, request Request) (Serial, error) {
	serial, found, err := find(ctx, tx, request)
	if err != nil || found {
		return serial, err
	}
	lanes := l.Lanes(request.Quotas)
	from := l.current[request.Framework]
	if !slices.Equal(from.quotas, request.Quotas) {
		from = current{quotas: request.Quotas} // lanes may have room again
		l.current[request.Framework] = from
	}
	for at := from.place; at < len(lanes); at++ {
		lane := lanes[at]
		number, err := advance(ctx, tx, laneID{request.Framework, lane}, request.Quotas[lane])
		if errors.Is(err, sql.ErrNoRows) {
			l.current[request.Framework] = current{place: at + 1, quotas: request.Quotas}
			continue
		}
		if err != nil {
			return Serial{}, err
		}
		serial := Serial{Lane: lane, Number: number}
		return serial, record(ctx, tx, request, serial)
	}
	return Serial{}, coupon.Refuse(coupon.ReasonSoldOut, "framework_id", "all coupons of the offer are given out")
}

// advance returns the lane's next number, or sql.ErrNoRows if its quota is
// used up or the lane is left. A quota is at least 1.
func advance(ctx context.Context, tx *sql.Tx, of laneID, quota int64) (int64, error) {
	var number int64
	err := tx.QueryRowContext(ctx, `
		INSERT INTO lanes (framework_id, lane, last_sn) VALUES (?, ?, 1)
		ON CONFLICT (framework_id, lane) DO UPDATE SET last_sn = last_sn + 1 WHERE last_sn < ? AND lost = 0
		RETURNING last_sn`, of.framework[:], of.lane, quota,
	).Scan(&number)
	return number, err
}

func record(ctx context.Context, tx *sql.Tx, request Request, serial Serial) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO issued (request_id, framework_id, lane, sn, owner) VALUES (?, ?, ?, ?, ?)`,
		request.ID, request.Framework[:], serial.Lane, serial.Number, request.owner())
	return err
}
