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

// Receipt shows that a coupon is in its closed frame's log, and returns the
// frame as the ledger has it. It refuses with NOT_FOUND where no dynamic coupon
// was given the number, and with FRAME_NOT_CLOSED until the frame is closed.
func (l *Log) Receipt(ctx context.Context, framework coupon.FrameworkID, serial Serial) (coupon.Receipt, coupon.Frame, error) {
	var f Frame
	err := l.store.View(ctx, func(tx *sql.Tx) error {
		r, found, err := runWith(ctx, tx, laneID{framework, serial.Lane}, serial.Number)
		if err == nil && (!found || r.frame == 0) {
			return coupon.Refuse(coupon.ReasonNotFound, "sn", "no dynamic coupon has this number")
		}
		if err != nil {
			return fmt.Errorf("reading a coupon's frame: %w", err)
		}
		f, err = closedFrame(ctx, tx, coupon.FrameRef{Framework: framework, Lane: serial.Lane, Frame: r.frame})
		return err
	})
	if err != nil {
		return coupon.Receipt{}, coupon.Frame{}, err
	}
	t, err := l.trees.of(f.FrameRef, func() (*tree, error) { return l.readTree(ctx, f) })
	if err != nil {
		return coupon.Receipt{}, coupon.Frame{}, err
	}
	receipt, err := t.receipt(uint64(serial.Number - f.FirstSN))
	return receipt, f.Record(), err
}

// Entries returns a page of a closed frame's log, in order, from the serial
// number after on, and the frame. It refuses with NOT_FOUND a frame that is not
// known, and with FRAME_NOT_CLOSED one that is not closed.
func (l *Log) Entries(ctx context.Context, ref coupon.FrameRef, after int64, size int) (entries []coupon.Entry, f Frame, err error) {
	err = l.store.View(ctx, func(tx *sql.Tx) error {
		if f, err = closedFrame(ctx, tx, ref); err != nil {
			return err
		}
		from := page{of: laneID{ref.Framework, ref.Lane}, first: max(after+1, f.FirstSN), last: f.Content.LastSN, size: size}
		return eachEntry(ctx, tx, from, func(e coupon.Entry) error {
			entries = append(entries, e)
			return nil
		})
	})
	return entries, f, err
}

// Frame returns a closed frame; it refuses as Entries does.
func (l *Log) Frame(ctx context.Context, ref coupon.FrameRef) (f Frame, err error) {
	err = l.store.View(ctx, func(tx *sql.Tx) error {
		f, err = closedFrame(ctx, tx, ref)
		return err
	})
	return f, err
}

func closedFrame(ctx context.Context, tx *sql.Tx, ref coupon.FrameRef) (Frame, error) {
	f, found, err := frame(ctx, tx, ref)
	if err != nil {
		return Frame{}, err
	}
	if !found {
		return Frame{}, coupon.Refuse(coupon.ReasonNotFound, "frame", "the frame is not known here")
	}
	if f.Closed == 0 {
		return Frame{}, coupon.Refuse(coupon.ReasonFrameNotClosed, "frame", "the frame is not closed yet")
	}
	return f, nil
}

func (l *Log) readTree(ctx context.Context, f Frame) (*tree, error) {
	t := &tree{size: uint64(f.Content.Count)}
	grown := newTree()
	all := page{of: laneID{f.Framework, f.Lane}, first: f.FirstSN, last: f.Content.LastSN, size: -1}
	err := l.store.View(ctx, func(tx *sql.Tx) error {
		return eachEntry(ctx, tx, all, func(e coupon.Entry) error {
			leaf := e.Leaf()
			return grown.Append(leaf[:], t.add)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading a frame's log: %w", err)
	}
	root, err := rootOf(grown)
	if err != nil {
		return nil, err
	}
	if root != f.Content.Root {
		return nil, errors.New("a frame's log is not the one that it was closed with")
	}
	return t, nil
}

// page is a part of a lane's log.
type page struct {
	of laneID
	// first and last serial number; a last of 0 stands for no end.
	first, last int64
	// size bounds the entries; negative for no bound.
	size int
}

// errPageFull ends the reading of a page.
var errPageFull = errors.New("the page is full")

// eachEntry hands on the entries in order.
func eachEntry(ctx context.Context, tx *sql.Tx, p page, use func(coupon.Entry) error) error {
	left := p.size
	err := eachRun(ctx, tx, selectRuns+`WHERE framework_id = ? AND lane = ? AND last_sn >= ? AND (? = 0 OR first_sn <= ?) ORDER BY last_sn`,
		[]any{p.of.framework[:], p.of.lane, p.first, p.last, p.last}, func(_ int64, r run) error {
			for i := range r.size() {
				if number := r.first + int64(i); number < p.first || p.last != 0 && number > p.last {
					continue
				}
				if left == 0 {
					return errPageFull
				}
				left--
				e, err := r.logged(i)
				if err != nil {
					return err
				}
				if err := use(e); err != nil {
					return err
				}
			}
			return nil
		})
	if errors.Is(err, errPageFull) {
		return nil
	}
	return err
}
