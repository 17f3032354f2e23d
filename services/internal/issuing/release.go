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
	id, err := parseRequestID(request.ID)
	if err != nil {
		return Released{}, err
	}
	asked := &issue{Request: request, id: id, in: &in}
	if err := l.give(ctx, asked); err != nil {
		return Released{}, err
	}
	return asked.given, nil
}

// FindReleased returns the place that the request has been given; false if it
// has none. It refuses with REQUEST_CONFLICT as Release does. The one who writes
// answers, many such questions at once.
func (l *Log) FindReleased(ctx context.Context, request Request) (released Released, found bool, err error) {
	id, err := parseRequestID(request.ID)
	if err != nil {
		return Released{}, false, err
	}
	asked := &issue{Request: request, id: id, only: true}
	switch err := l.give(ctx, asked); {
	case errors.Is(err, errNew):
		return Released{}, false, nil
	case err != nil:
		return Released{}, false, err
	}
	return asked.given, true, nil
}

// release releases a coupon in its frame.
func (b *batch) release(ctx context.Context, asked *issue) error {
	in, of := asked.in, laneID{asked.Framework, asked.in.Lane}
	h, err := b.head(ctx, of)
	if err != nil {
		return err
	}
	if h.frame != in.Frame || h.over {
		return ErrFrameOver
	}
	at := max(b.now().UnixMilli(), h.time)
	if at > h.opened+in.MaxAge.Milliseconds() {
		return ErrFrameOver
	}
	if err := checkUnsold(ctx, b.tx, asked.Sold); err != nil {
		return err
	}
	number, left, err := b.advance(ctx, of, asked.Quotas[in.Lane])
	if err != nil {
		return err
	}
	if !left {
		return ErrLaneOver
	}
	if expected := h.first + int64(h.tree.End()); number != expected {
		return fmt.Errorf("lane %d of %s goes on with %d, and its log with %d", in.Lane, asked.Framework, number, expected)
	}
	asked.given = Released{
		Serial:  Serial{Lane: in.Lane, Number: number},
		Release: coupon.Release{Frame: in.Frame, Time: at, Q: coupon.NextLink(h.q, asked.Owner[:])},
		Beacon:  h.beacon,
		Sold:    asked.Sold,
	}
	b.record(asked)
	if err := recordSold(ctx, b.tx, asked.Framework, asked.given.Serial, asked.Sold); err != nil {
		return err
	}
	return h.add(coupon.Entry{Lane: in.Lane, SN: number, Time: at, UData: asked.Owner[:], Q: asked.given.Q})
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
func (b *batch) head(ctx context.Context, of laneID) (*head, error) {
	if known, found := b.heads[of]; found {
		return known, nil
	}
	if err := b.flush(ctx); err != nil {
		return nil, err
	}
	return b.readHead(ctx, b.tx, of)
}

// readHead is head from the store.
func (l *Log) readHead(ctx context.Context, tx *sql.Tx, of laneID) (*head, error) {
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

// fill reads a hash of the store.
func fill(h *coupon.Hash, stored []byte) error {
	if len(stored) != len(h) {
		return errors.New("a hash in the store is cut off")
	}
	copy(h[:], stored)
	return nil
}
