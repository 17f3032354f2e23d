// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
)

// issue is a request for a coupon, and what it is given.
type issue struct {
	Request
	id requestID
	// in is where a dynamic coupon is to be released; nil for a static one.
	in *Place
	// only says that it is given nothing but what it has: errNew if it has none.
	only  bool
	given Released
}

// errNew says that a request has not come before.
var errNew = errors.New("the request is new")

// batch gives out numbers in the transaction of a group. What it gives is stored
// by flush, a run for each lane.
type batch struct {
	*Log
	tx *sql.Tx
	// known are requests that were given their places before, fresh those of
	// this transaction.
	known map[requestID]place
	fresh map[requestID]*issue
	open  []*run
	// come is what flush has stored.
	come []indexed
}

// newBatch looks up what the requests of a group were given before.
func (l *Log) newBatch(ctx context.Context, tx *sql.Tx, group []*waiting) (*batch, error) {
	ids := make([]requestID, 0, len(group))
	for _, w := range group {
		if w.issue != nil {
			ids = append(ids, w.issue.id)
		}
	}
	known, err := l.index.find(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	return &batch{Log: l, tx: tx, known: known, fresh: make(map[requestID]*issue, len(ids))}, nil
}

// give gives the request its place, or the one that it has.
func (b *batch) give(ctx context.Context, asked *issue) (err error) {
	if at, known := b.known[asked.id]; known {
		asked.given, err = placed(ctx, b.tx, asked.Request, at)
		return err
	}
	if twin, is := b.fresh[asked.id]; is {
		asked.given = twin.given
		return asked.sameAs(twin.Framework, twin.owner(), twin.Sold)
	}
	switch {
	case asked.only:
		err = errNew
	case asked.in == nil:
		err = b.next(ctx, asked)
	default:
		err = b.release(ctx, asked)
	}
	if err == nil {
		b.fresh[asked.id] = asked
	}
	return err
}

// sameAs refuses with REQUEST_CONFLICT if the request was another when it came
// before. Sold is not looked at where it is nil.
func (r Request) sameAs(framework coupon.FrameworkID, owner []byte, sold *Sold) error {
	if framework != r.Framework || !bytes.Equal(owner, r.owner()) {
		return coupon.Refuse(coupon.ReasonRequestConflict, "request_id", "the id was used for another request")
	}
	if r.Sold != nil && (sold == nil || sold.Product != r.Sold.Product || sold.Invoice != r.Sold.Invoice) {
		return coupon.Refuse(coupon.ReasonRequestConflict, "request_id", "the id was used for another sale")
	}
	return nil
}

// placed reads what a request was given. It refuses with REQUEST_CONFLICT if that
// was another request.
func placed(ctx context.Context, tx *sql.Tx, request Request, at place) (Released, error) {
	r, err := runAt(ctx, tx, at.run())
	if err != nil {
		return Released{}, err
	}
	if at.entry() >= r.size() {
		return Released{}, errNoEntry
	}
	if err := request.sameAs(r.framework, r.owner(at.entry()), request.Sold); err != nil {
		return Released{}, err
	}
	released := Released{Serial: Serial{Lane: r.lane, Number: r.first + int64(at.entry())}}
	if r.frame == 0 {
		return released, nil
	}
	entry, err := r.logged(at.entry())
	if err != nil {
		return Released{}, err
	}
	f, found, err := frame(ctx, tx, coupon.FrameRef{Framework: r.framework, Lane: r.lane, Frame: r.frame})
	if err != nil || !found {
		return Released{}, errors.Join(errors.New("a request in the store has no frame"), err)
	}
	released.Release, released.Beacon = coupon.Release{Frame: r.frame, Time: entry.Time, Q: entry.Q}, f.Beacon
	released.Sold, err = findSold(ctx, tx, request, released.Serial)
	return released, err
}

// record adds an entry to the run of its lane that flush will store.
func (b *batch) record(asked *issue) {
	given := &asked.given
	released := &given.Release
	if asked.in == nil {
		released = nil
	}
	of, width := laneID{asked.Framework, given.Lane}, widthOf(asked.Owner, asked.in != nil)
	for _, r := range b.open {
		if r.of() == of && r.width == width && r.last()+1 == given.Number {
			r.append(asked.id, asked.owner(), released)
			return
		}
	}
	r := &run{framework: asked.Framework, lane: given.Lane, first: given.Number, frame: given.Frame, width: width}
	r.append(asked.id, asked.owner(), released)
	b.open = append(b.open, r)
}

// flush stores what was given out: a row for each run, and how far its lane is.
func (b *batch) flush(ctx context.Context) error {
	for _, r := range b.open {
		number, err := insertRun(ctx, b.tx, *r)
		if err != nil {
			return err
		}
		for i := range r.size() {
			b.come = append(b.come, indexed{r.id(i), newPlace(number, i)})
		}
		_, err = b.tx.ExecContext(ctx, `
			INSERT INTO lanes (framework_id, lane, last_sn) VALUES (?, ?, ?)
			ON CONFLICT (framework_id, lane) DO UPDATE SET last_sn = excluded.last_sn`,
			r.framework[:], r.lane, r.last())
		if err != nil {
			return fmt.Errorf("storing a lane: %w", err)
		}
	}
	b.open = nil
	return nil
}

// laneEnd is how far a lane is given out. It changes only with what is stored in the
// same transaction.
type laneEnd struct {
	last int64
	lost bool
}

// advance returns the lane's next number; false if its quota is used up or it is
// left.
func (b *batch) advance(ctx context.Context, of laneID, quota int64) (int64, bool, error) {
	at, known := b.ends[of]
	if !known {
		s, err := laneOf(ctx, b.tx, of)
		if err != nil {
			return 0, false, err
		}
		at = &s
		b.ends[of] = at
	}
	if at.lost || at.last >= quota {
		return 0, false, nil
	}
	at.last++
	return at.last, true, nil
}
