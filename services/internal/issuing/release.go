// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/transparency-dev/merkle/compact"

	"ecoupon/chaincode/coupon"
)

var (
	// ErrFrameOver says that no coupon can be released in the frame any more: it
	// is being closed, or was opened too long ago.
	ErrFrameOver = errors.New("the frame is over")
	// ErrLaneOver says that all numbers of the lane are given out.
	ErrLaneOver = errors.New("all coupons of the lane are given out")
)

// Released is the place of a dynamic coupon.
type Released struct {
	Serial
	coupon.Release
	// Beacon is that of the coupon's frame.
	Beacon coupon.Hash
	// Sold is the sale of a purchase proof; nil for a dynamic coupon.
	Sold *Sold
}

// Place is where a coupon is to be released.
type Place struct {
	Lane  uint16
	Frame uint32
	// MaxAge is how long after the frame's opening coupons may be released.
	MaxAge time.Duration
}

// Release gives the request the next number of a lane, the time of release and
// the next link of the lane's chain, and returns them once they are on the disk.
// Within a lane times never go back. Its owner must be set. Of repeats holds
// what Allocate says, whatever the frame.
//
// Errors: REQUEST_CONFLICT, PRODUCT_HAS_PROOF of a purchase proof, ErrFrameOver
// and ErrLaneOver. After any other error the request may have been given a
// place; a repeat gets it.
func (l *Log) Release(ctx context.Context, request Request, in Place) (Released, error) {
	if request.Owner == nil || int(in.Lane) >= len(request.Quotas) {
		return Released{}, errors.New("a dynamic coupon has u_data, and a lane of its framework")
	}
	var given Released
	err := l.do(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		given, err = l.release(ctx, tx, request, in)
		return err
	})
	if err != nil {
		return Released{}, err
	}
	return given, nil
}

// FindReleased returns the place that the request has been given; false if it
// has none. It refuses with REQUEST_CONFLICT as Release does.
func (l *Log) FindReleased(ctx context.Context, request Request) (released Released, found bool, err error) {
	err = l.store.View(ctx, func(tx *sql.Tx) error {
		released, found, err = findReleased(ctx, tx, request)
		return err
	})
	return released, found, err
}

func (l *Log) release(ctx context.Context, tx *sql.Tx, request Request, in Place) (Released, error) {
	released, found, err := findReleased(ctx, tx, request)
	if err != nil || found {
		return released, err
	}
	of := laneID{request.Framework, in.Lane}
	h, err := l.head(ctx, tx, of)
	if err != nil {
		return Released{}, err
	}
	if h.frame != in.Frame || h.over {
		return Released{}, ErrFrameOver
	}
	at := max(l.now().UnixMilli(), h.time)
	if at > h.opened+in.MaxAge.Milliseconds() {
		return Released{}, ErrFrameOver
	}
	if err := checkUnsold(ctx, tx, request.Sold); err != nil {
		return Released{}, err
	}
	number, err := advance(ctx, tx, of, request.Quotas[in.Lane])
	if errors.Is(err, sql.ErrNoRows) {
		return Released{}, ErrLaneOver
	}
	if err != nil {
		return Released{}, err
	}
	if expected := h.first + int64(h.tree.End()); number != expected {
		return Released{}, fmt.Errorf("lane %d of %s goes on with %d, and its log with %d", in.Lane, request.Framework, number, expected)
	}
	released = Released{
		Serial:  Serial{Lane: in.Lane, Number: number},
		Release: coupon.Release{Frame: in.Frame, Time: at, Q: coupon.NextLink(h.q, request.Owner[:])},
		Beacon:  h.beacon,
		Sold:    request.Sold,
	}
	if err := recordReleased(ctx, tx, request, released); err != nil {
		return Released{}, err
	}
	return released, h.add(coupon.Entry{Lane: in.Lane, SN: number, Time: at, UData: request.Owner[:], Q: released.Q})
}

// head is the end of a lane's chain in its newest frame. It changes only with
// what is stored in the same transaction.
type head struct {
	frame  uint32
	opened int64
	beacon coupon.Hash
	first  int64 // serial number
	q      coupon.Hash
	// time is the earliest that the next coupon may be released.
	time int64
	tree *compact.Range
	// over says that the frame's content is stored.
	over bool
}

func (h *head) add(e coupon.Entry) error {
	h.q, h.time = e.Q, e.Time
	leaf := e.Leaf()
	return h.tree.Append(leaf[:], nil)
}

// head returns the end of the lane's chain, from the store if it is not in
// memory. Without any frame it is over.
func (l *Log) head(ctx context.Context, tx *sql.Tx, of laneID) (*head, error) {
	if known, found := l.heads[of]; found {
		return known, nil
	}
	standing, err := standing(ctx, tx, of)
	if err != nil {
		return nil, err
	}
	f := standing.Frame
	if f == nil || f.Content != nil || standing.Lost {
		over := &head{over: true}
		l.heads[of] = over
		return over, nil
	}
	h := &head{
		frame: f.Frame, opened: f.Opened, beacon: f.Beacon, first: f.FirstSN,
		q: f.First, time: f.Opened, tree: newTree(),
	}
	err = eachEntry(ctx, tx, page{of: of, first: f.FirstSN, size: -1}, h.add)
	if err != nil {
		return nil, fmt.Errorf("reading the log of lane %d of %s: %w", of.lane, of.framework, err)
	}
	l.heads[of] = h
	return h, nil
}

func findReleased(ctx context.Context, tx *sql.Tx, request Request) (Released, bool, error) {
	serial, found, err := find(ctx, tx, request)
	if err != nil || !found {
		return Released{}, false, err
	}
	released := Released{Serial: serial}
	var q, beacon []byte
	err = tx.QueryRowContext(ctx, `
		SELECT frame, time, q, beacon FROM issued JOIN frames USING (framework_id, lane, frame) WHERE request_id = ?`, request.ID,
	).Scan(&released.Frame, &released.Time, &q, &beacon)
	if err != nil {
		return Released{}, false, fmt.Errorf("reading the release of a request: %w", err)
	}
	if released.Sold, err = findSold(ctx, tx, request, serial); err != nil {
		return Released{}, false, err
	}
	return released, true, errors.Join(fill(&released.Q, q), fill(&released.Beacon, beacon))
}

func recordReleased(ctx context.Context, tx *sql.Tx, request Request, r Released) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO issued (request_id, framework_id, lane, sn, owner, frame, time, q) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		request.ID, request.Framework[:], r.Lane, r.Number, request.owner(), r.Frame, r.Time, r.Q[:])
	if err != nil {
		return err
	}
	return recordSold(ctx, tx, request.Framework, r.Serial, request.Sold)
}

// fill reads a hash of the store.
func fill(h *coupon.Hash, stored []byte) error {
	if len(stored) != len(h) {
		return errors.New("a hash in the store is cut off")
	}
	copy(h[:], stored)
	return nil
}
