// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package issuing gives out serial numbers: each once, in order, and durably
// before anybody sees it. The ledger refuses a serial number that comes twice,
// so the second customer with it would stand at the till with a coupon that is
// spent; and it refuses those above the quota, so a number that is skipped is
// budget lost.
//
// It expects the tables `lanes` and `issued` among those of the service; the
// advertiser's migrations have them.
package issuing

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/sqlstore"
)

const (
	// maxGroup bounds the requests that share one commit: beyond it the cost of
	// the commit itself no longer matters.
	maxGroup = 256
	// queueLength lets a full group gather while another is committed.
	queueLength = 2 * maxGroup
)

// ErrStopped is returned to requests that come after Run has ended. Nothing was
// given out.
var ErrStopped = errors.New("serial numbers are no longer given out")

// Request asks for a serial number.
type Request struct {
	// ID is made by the customer. It has one answer for ever.
	ID        string
	Framework coupon.FrameworkID
	// Owner is the key that the coupon will be bound to; nil for a bearer coupon.
	Owner *coupon.PublicKey
	// Quotas has the highest serial number of each lane. It is not part of what
	// makes two requests the same.
	Quotas []int64
}

// Serial is a coupon's place in its framework.
type Serial struct {
	Lane   uint16
	Number int64
}

// Log gives out serial numbers and remembers to which request. It is safe for
// concurrent use, and while Run runs.
type Log struct {
	store   *sqlstore.Store
	queue   chan *waiting
	stopped chan struct{}
	// current is the lane of each framework that is not known to be used up. It
	// belongs to Run.
	current map[coupon.FrameworkID]int
}

// waiting is a request whose caller waits for answered.
type waiting struct {
	ctx      context.Context
	request  Request
	serial   Serial
	err      error
	answered chan struct{}
}

// New returns a log over the tables in the store.
func New(store *sqlstore.Store) *Log {
	return &Log{
		store:   store,
		queue:   make(chan *waiting, queueLength),
		stopped: make(chan struct{}),
		current: make(map[coupon.FrameworkID]int),
	}
}

// Allocate returns the request's serial number once it is on the disk. A repeat
// of a request returns the same number; if the framework or the owner differ,
// it is refused with REQUEST_CONFLICT. When all lanes are used up, a new
// request is refused with SOLD_OUT.
//
// After any other error the number may have been given to this request; a
// repeat gets it.
func (l *Log) Allocate(ctx context.Context, request Request) (Serial, error) {
	w := &waiting{ctx: ctx, request: request, answered: make(chan struct{})}
	select {
	case l.queue <- w:
	case <-l.stopped:
		return Serial{}, ErrStopped
	case <-ctx.Done():
		return Serial{}, ctx.Err()
	}
	select {
	case <-w.answered:
		return w.serial, w.err
	case <-ctx.Done():
		return Serial{}, ctx.Err()
	case <-l.stopped:
	}
	select {
	case <-w.answered:
		return w.serial, w.err
	default:
		return Serial{}, ErrStopped
	}
}

// Find returns the serial number that the request has been given; false if it
// has none. It refuses with REQUEST_CONFLICT as Allocate does.
func (l *Log) Find(ctx context.Context, request Request) (serial Serial, found bool, err error) {
	err = l.store.View(ctx, func(tx *sql.Tx) error {
		serial, found, err = find(ctx, tx, request)
		return err
	})
	return serial, found, err
}

// Issued returns how many coupons of each framework have been given out;
// frameworks without any are absent.
func (l *Log) Issued(ctx context.Context) (map[coupon.FrameworkID]int64, error) {
	counts := make(map[coupon.FrameworkID]int64)
	err := l.store.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT framework_id, SUM(last_sn) FROM lanes GROUP BY framework_id`)
		if err != nil {
			return fmt.Errorf("counting coupons: %w", err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id []byte
			var count int64
			if err := rows.Scan(&id, &count); err != nil {
				return fmt.Errorf("counting coupons: %w", err)
			}
			counts[coupon.FrameworkID(id)] = count
		}
		return rows.Err()
	})
	return counts, err
}

func find(ctx context.Context, tx *sql.Tx, request Request) (Serial, bool, error) {
	var framework, owner []byte
	var serial Serial
	err := tx.QueryRowContext(ctx,
		`SELECT framework_id, owner, lane, sn FROM issued WHERE request_id = ?`, request.ID,
	).Scan(&framework, &owner, &serial.Lane, &serial.Number)
	if errors.Is(err, sql.ErrNoRows) {
		return Serial{}, false, nil
	}
	if err != nil {
		return Serial{}, false, fmt.Errorf("reading a request: %w", err)
	}
	if !bytes.Equal(framework, request.Framework[:]) || !bytes.Equal(owner, request.owner()) {
		return Serial{}, false, coupon.Refuse(coupon.ReasonRequestConflict, "request_id", "the id was used for another request")
	}
	return serial, true, nil
}

// owner is empty for a bearer coupon.
func (r Request) owner() []byte {
	if r.Owner == nil {
		return []byte{}
	}
	return r.Owner[:]
}
