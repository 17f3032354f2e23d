// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package issuing gives out serial numbers: each once, in order, and durably
// before anybody sees it. The ledger refuses a serial number that comes twice,
// so the second customer with it would stand at the till with a coupon that is
// spent; and it refuses those above the quota, so a number that is skipped is
// budget lost.
//
// For dynamic coupons it keeps, beside the numbers, each lane's dependence chain
// and log, cut into frames. What it says of a frame is what the ledger is told:
// it is durable before it leaves, and does not change.
//
// Requests that come together are answered together: one transaction stores what
// they are given, a row for each lane. That row is the log; where a request is in
// it an index says, which can be made again from it.
//
// It expects the tables `lanes`, `runs`, `requests`, `indexed`, `frames` and
// `openings` among those of the service; the advertiser's migrations have them.
package issuing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/sqlstore"
)

// ErrStopped is returned to requests that come after Run has ended. Nothing was
// given out.
var ErrStopped = errors.New("serial numbers are no longer given out")

// Request asks for a serial number.
type Request struct {
	// ID is made by the customer. It has one answer for ever.
	ID        string
	Framework coupon.FrameworkID
	// Owner is the key that the coupon will be bound to, or what the customer of
	// a dynamic bearer coupon chose; nil for a static bearer coupon.
	Owner *coupon.PublicKey
	// Sold is the sale of a purchase proof; nil for any other coupon.
	Sold *Sold
	// Quotas has the highest serial number of each lane. It is not part of what
	// makes two requests the same.
	Quotas []int64
}

// Serial is a coupon's place in its framework.
type Serial struct {
	Lane   uint16
	Number int64
}

// Options are what a Log is made of. Store and Now are required.
type Options struct {
	Store *sqlstore.Store
	// Lanes are those whose numbers are given out, in this order; all if empty.
	// No lane may be in two logs.
	Lanes []uint16
	Now   func() time.Time
}

// Log gives out serial numbers and remembers to which request. It is safe for
// concurrent use, and while Run runs.
type Log struct {
	store   *sqlstore.Store
	lanes   []uint16
	now     func() time.Time
	queue   chan *waiting
	stopped chan struct{}
	trees   trees
	index   index
	// current is the lane of each framework that is not known to be used up;
	// heads are the ends of chains, ends those of lanes. They belong to Run.
	current map[coupon.FrameworkID]current
	heads   map[laneID]*head
	ends    map[laneID]*laneEnd
}

// current is a place among a framework's lanes, with these quotas.
type current struct {
	place  int
	quotas []int64
}

// laneID names a lane of any framework.
type laneID struct {
	framework coupon.FrameworkID
	lane      uint16
}

// New returns a log over the tables in the store.
func New(o Options) *Log {
	return &Log{
		store:   o.Store,
		lanes:   o.Lanes,
		now:     o.Now,
		queue:   make(chan *waiting, queueLength),
		stopped: make(chan struct{}),
		index:   index{size: tailSize, atOnce: foldAtOnce},
		current: make(map[coupon.FrameworkID]current),
		heads:   make(map[laneID]*head),
		ends:    make(map[laneID]*laneEnd),
	}
}

// Lanes lists the lanes that the log uses of a framework with these quotas.
func (l *Log) Lanes(quotas []int64) []uint16 {
	if len(l.lanes) > 0 {
		return slices.DeleteFunc(slices.Clone(l.lanes), func(lane uint16) bool { return int(lane) >= len(quotas) })
	}
	all := make([]uint16, len(quotas))
	for lane := range all {
		all[lane] = uint16(lane)
	}
	return all
}

// Allocate returns the request's serial number once it is on the disk. A repeat
// of a request returns the same number; if the framework or the owner differ,
// it is refused with REQUEST_CONFLICT. When all lanes are used up, a new
// request is refused with SOLD_OUT.
//
// After any other error the number may have been given to this request; a
// repeat gets it.
func (l *Log) Allocate(ctx context.Context, request Request) (Serial, error) {
	id, err := parseRequestID(request.ID)
	if err != nil {
		return Serial{}, err
	}
	asked := &issue{Request: request, id: id}
	if err := l.give(ctx, asked); err != nil {
		return Serial{}, err
	}
	return asked.given.Serial, nil
}

// Find returns the serial number that the request has been given; false if it
// has none. It refuses with REQUEST_CONFLICT as Allocate does.
func (l *Log) Find(ctx context.Context, request Request) (serial Serial, found bool, err error) {
	released, found, err := l.FindReleased(ctx, request)
	return released.Serial, found, err
}

// Issued is what has been given out of the lanes of a framework.
type Issued struct {
	// Count is of the log's lanes that are not left; Left are those that are.
	Count int64
	Left  []uint16
}

// Issued returns what has been given out of each framework; frameworks of which
// nothing was are absent.
func (l *Log) Issued(ctx context.Context) (map[coupon.FrameworkID]Issued, error) {
	all := make(map[coupon.FrameworkID]Issued)
	err := l.store.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT framework_id, lane, last_sn, lost FROM lanes WHERE last_sn > 0 OR lost = 1`)
		if err != nil {
			return fmt.Errorf("counting coupons: %w", err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id []byte
			var lane uint16
			var count int64
			var lost bool
			if err := rows.Scan(&id, &lane, &count, &lost); err != nil {
				return fmt.Errorf("counting coupons: %w", err)
			}
			issued := all[coupon.FrameworkID(id)]
			switch {
			case lost:
				issued.Left = append(issued.Left, lane)
			case len(l.lanes) == 0 || slices.Contains(l.lanes, lane):
				issued.Count += count
			}
			all[coupon.FrameworkID(id)] = issued
		}
		return rows.Err()
	})
	return all, err
}

// Remain is how many coupons of a framework with these quotas can still be given
// out of the log's lanes.
func (l *Log) Remain(issued Issued, quotas []int64) int64 {
	left := -issued.Count
	for _, lane := range l.Lanes(quotas) {
		if !slices.Contains(issued.Left, lane) {
			left += quotas[lane]
		}
	}
	return left
}

// owner is empty for a bearer coupon.
func (r Request) owner() []byte {
	if r.Owner == nil {
		return []byte{}
	}
	return r.Owner[:]
}
