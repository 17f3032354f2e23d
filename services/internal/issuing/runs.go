// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
)

// The form of an entry: the request's id, of dynamic coupons the time of release
// (Unix milliseconds, 8 bytes, big-endian), the owner unless there is none, of
// dynamic coupons q.
const (
	idSize      = len(requestID{})
	timeSize    = 8
	ownerSize   = len(coupon.PublicKey{})
	bearerSize  = idSize
	boundSize   = idSize + ownerSize
	dynamicSize = idSize + timeSize + ownerSize + len(coupon.Hash{})
)

// run is what was given out of a lane in one transaction: consecutive numbers,
// of one frame.
type run struct {
	framework coupon.FrameworkID
	lane      uint16
	// first is the serial number of the first entry.
	first int64
	// frame is 0 for static coupons.
	frame uint32
	// width is the size of an entry, entries has them one after the other.
	width   int
	entries []byte
}

func (r run) size() int { return len(r.entries) / r.width }

func (r run) last() int64 { return r.first + int64(r.size()) - 1 }

func (r run) of() laneID { return laneID{r.framework, r.lane} }

func (r run) entry(i int) []byte { return r.entries[i*r.width : (i+1)*r.width] }

func (r run) id(i int) requestID { return requestID(r.entry(i)) }

// owner is empty for a static bearer coupon.
func (r run) owner(i int) []byte {
	switch e := r.entry(i); r.width {
	case dynamicSize:
		return e[idSize+timeSize : idSize+timeSize+ownerSize]
	default:
		return e[idSize:]
	}
}

// logged is the entry of a dynamic coupon in its lane's log.
func (r run) logged(i int) (coupon.Entry, error) {
	if r.width != dynamicSize {
		return coupon.Entry{}, errors.New("a coupon in the store is not dynamic")
	}
	e := r.entry(i)
	return coupon.Entry{
		Lane: r.lane, SN: r.first + int64(i), Time: int64(binary.BigEndian.Uint64(e[idSize:])),
		UData: r.owner(i), Q: coupon.Hash(e[idSize+timeSize+ownerSize:]),
	}, nil
}

// append adds the next entry. Released is nil for a static coupon.
func (r *run) append(id requestID, owner []byte, released *coupon.Release) {
	r.entries = append(r.entries, id[:]...)
	if released == nil {
		r.entries = append(r.entries, owner...)
		return
	}
	r.entries = binary.BigEndian.AppendUint64(r.entries, uint64(released.Time))
	r.entries = append(r.entries, owner...)
	r.entries = append(r.entries, released.Q[:]...)
}

// widthOf is the size of an entry.
func widthOf(owner *coupon.PublicKey, dynamic bool) int {
	switch {
	case dynamic:
		return dynamicSize
	case owner != nil:
		return boundSize
	default:
		return bearerSize
	}
}

// insertRun stores a run and returns its number, which is above all others. It is
// an error if one of its serial numbers is in the store.
func insertRun(ctx context.Context, tx *sql.Tx, r run) (int64, error) {
	var frame any
	if r.frame > 0 {
		frame = r.frame
	}
	result, err := tx.ExecContext(ctx, `
		INSERT INTO runs (framework_id, lane, first_sn, last_sn, frame, entries)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6
		WHERE NOT EXISTS (SELECT 1 FROM runs WHERE framework_id = ?1 AND lane = ?2 AND last_sn >= ?3)`,
		r.framework[:], r.lane, r.first, r.last(), frame, r.entries)
	if err != nil {
		return 0, fmt.Errorf("storing serial numbers: %w", err)
	}
	if stored, err := result.RowsAffected(); err != nil || stored != 1 {
		return 0, errors.Join(fmt.Errorf("number %d of lane %d of %s is given out already", r.first, r.lane, r.framework), err)
	}
	return result.LastInsertId()
}

// selectRuns begins a query for eachRun.
const selectRuns = `SELECT run, framework_id, lane, first_sn, last_sn, frame, entries FROM runs `

// eachRun hands on the runs that a query selects.
func eachRun(ctx context.Context, tx *sql.Tx, query string, arguments []any, use func(number int64, r run) error) error {
	rows, err := tx.QueryContext(ctx, query, arguments...)
	if err != nil {
		return fmt.Errorf("reading serial numbers: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var number, last int64
		var r run
		var framework []byte
		var frame sql.NullInt64
		if err := rows.Scan(&number, &framework, &r.lane, &r.first, &last, &frame, &r.entries); err != nil {
			return fmt.Errorf("reading serial numbers: %w", err)
		}
		size := int(last - r.first + 1)
		if len(framework) != len(r.framework) || size < 1 || len(r.entries)%size != 0 || len(r.entries) < size*bearerSize {
			return fmt.Errorf("the serial numbers %d to %d in the store are cut off", r.first, last)
		}
		r.framework, r.frame, r.width = coupon.FrameworkID(framework), uint32(frame.Int64), len(r.entries)/size
		if err := use(number, r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// runWith returns the run that has a serial number; false if there is none.
func runWith(ctx context.Context, tx *sql.Tx, of laneID, number int64) (found run, is bool, err error) {
	err = eachRun(ctx, tx, selectRuns+`WHERE framework_id = ? AND lane = ? AND last_sn >= ? ORDER BY last_sn LIMIT 1`,
		[]any{of.framework[:], of.lane, number}, func(_ int64, r run) error {
			found, is = r, r.first <= number
			return nil
		})
	return found, is, err
}

var errNoEntry = errors.New("a request in the store has no entry")

// runAt returns the run with a number of its own.
func runAt(ctx context.Context, tx *sql.Tx, number int64) (found run, err error) {
	err = eachRun(ctx, tx, selectRuns+`WHERE run = ?`, []any{number}, func(_ int64, r run) error {
		found = r
		return nil
	})
	if err == nil && found.width == 0 {
		err = errNoEntry
	}
	return found, err
}
