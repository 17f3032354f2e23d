// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
)

const (
	// tailSize is how many requests gather in memory, some 64 bytes each, before
	// they are put into the table: as ids are random, each would write a page of
	// its own there; in order many share one.
	tailSize = 1 << 19
	// foldPace is how many requests are put into the table for each that comes,
	// so that one tail is done long before the next is full. foldAtOnce is how
	// many are put there at a time.
	foldPace   = 2
	foldAtOnce = 1024
)

// requestID is a request's UUID.
type requestID = uuid.UUID

func parseRequestID(text string) (requestID, error) {
	if err := coupon.CheckUUID4("request_id", text); err != nil {
		return requestID{}, err
	}
	return uuid.Parse(text)
}

// place is where an entry is: its run, and which of the run's entries it is.
type place uint64

// placeBits are for the entry: a run has fewer than maxGroup.
const placeBits = 16

func newPlace(run int64, entry int) place { return place(run<<placeBits | int64(entry)) }

func (p place) run() int64 { return int64(p >> placeBits) }

func (p place) entry() int { return int(p & (1<<placeBits - 1)) }

// indexed is a request and where its entry is.
type indexed struct {
	id requestID
	at place
}

// tail has the requests of consecutive runs: to be found, and by the first byte
// of their ids, to be put in order.
type tail struct {
	places  map[requestID]place
	buckets [1 << 8][]indexed
	// last is the last of its runs.
	last int64
}

func newTail() *tail { return &tail{places: make(map[requestID]place)} }

func (t *tail) add(i indexed) {
	t.places[i.id] = i.at
	t.buckets[i.id[0]] = append(t.buckets[i.id[0]], i)
	t.last = i.at.run()
}

// sort puts a bucket, if there is such a one, in order.
func (t *tail) sort(bucket int) {
	if bucket < len(t.buckets) {
		slices.SortFunc(t.buckets[bucket], func(a, b indexed) int { return bytes.Compare(a.id[:], b.id[:]) })
	}
}

// index finds the entry of a request. What makes a request durable is its entry;
// the index follows: the newest requests are in memory, and are read from their
// entries after a start; those before are in the table `requests`. It belongs to Run.
type index struct {
	// size is how many requests make a tail full, atOnce how many are put into the
	// table at a time.
	size, atOnce int
	loaded       bool
	// young grows; old, if any, is put into the table bucket by bucket.
	young, old *tail
	// folded is how far old is in the table, due how many more of its requests are
	// to be put there.
	folded folded
	due    int
	// empty says that the table is.
	empty bool
}

// folded is how far a tail is in the table: all buckets before one, and the first
// of that one.
type folded struct{ bucket, within int }

// load reads once what is not in the table, before anything is written.
func (x *index) load(ctx context.Context, tx *sql.Tx) error {
	if x.loaded {
		return nil
	}
	var mark, until int64
	var at folded
	err := tx.QueryRowContext(ctx, `SELECT run, until, bucket, within FROM indexed`).Scan(&mark, &until, &at.bucket, &at.within)
	if err != nil {
		return fmt.Errorf("reading how far requests are indexed: %w", err)
	}
	old, young := newTail(), newTail()
	err = eachRun(ctx, tx, selectRuns+`WHERE run > ? ORDER BY run`, []any{mark}, func(number int64, r run) error {
		to := young
		if number <= until {
			to = old
		}
		for i := range r.size() {
			to.add(indexed{r.id(i), newPlace(number, i)})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the newest requests: %w", err)
	}
	x.empty, x.young, x.loaded = mark == 0 && until == 0, young, true
	if until > 0 {
		// A process that ends soon puts more into the table than it gives out.
		x.old, x.folded, x.due = old, at, x.atOnce
		x.old.sort(at.bucket)
	} else {
		x.turn()
	}
	return nil
}

// turn begins another tail if the young one is full and there is no old one.
func (x *index) turn() {
	if x.old == nil && len(x.young.places) >= x.size {
		x.old, x.young, x.folded, x.due = x.young, newTail(), folded{}, x.atOnce
		x.old.sort(0)
	}
}

// find returns where the entries of the requests are that have one.
func (x *index) find(ctx context.Context, tx *sql.Tx, ids []requestID) (map[requestID]place, error) {
	if err := x.load(ctx, tx); err != nil {
		return nil, err
	}
	found := make(map[requestID]place)
	var rest []byte
	for _, id := range ids {
		at, is := x.young.places[id]
		if !is && x.old != nil {
			at, is = x.old.places[id]
		}
		if is {
			found[id] = at
		} else {
			rest = append(rest, id[:]...)
		}
	}
	if x.empty || len(rest) == 0 {
		return found, nil
	}
	rows, err := tx.QueryContext(ctx, `
		WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
		SELECT request_id, place FROM n CROSS JOIN requests ON request_id = substr(?1, i * 16 + 1, 16)`,
		rest, len(rest)/len(requestID{}))
	if err != nil {
		return nil, fmt.Errorf("looking for requests: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, at sql.RawBytes
		if err := rows.Scan(&id, &at); err != nil {
			return nil, fmt.Errorf("looking for requests: %w", err)
		}
		if len(id) != len(requestID{}) || len(at) != 8 {
			return nil, errors.New("a request in the store is cut off")
		}
		found[requestID(id)] = place(binary.BigEndian.Uint64(at))
	}
	return found, rows.Err()
}

// fold puts some of the old tail into the table, for as many requests as have
// come. What it returns is for add, once the transaction is on the disk.
func (x *index) fold(ctx context.Context, tx *sql.Tx, come int) (folded, error) {
	at := x.folded
	if x.old == nil || x.due+foldPace*come < x.atOnce {
		return at, nil
	}
	for room := x.due + foldPace*come; room > 0 && at.bucket < len(x.old.buckets); {
		bucket := x.old.buckets[at.bucket]
		next := bucket[at.within:min(len(bucket), at.within+room)]
		if err := insertRequests(ctx, tx, next); err != nil {
			return at, err
		}
		room -= len(next)
		if at.within += len(next); at.within == len(bucket) {
			at = folded{bucket: at.bucket + 1}
			x.old.sort(at.bucket)
		}
	}
	if at.bucket == len(x.old.buckets) {
		_, err := tx.ExecContext(ctx, `UPDATE indexed SET run = ?, until = 0, bucket = 0, within = 0`, x.old.last)
		return at, err
	}
	_, err := tx.ExecContext(ctx, `UPDATE indexed SET until = ?, bucket = ?, within = ?`, x.old.last, at.bucket, at.within)
	return at, err
}

// insertRequests puts requests that are in order into the table. What is there
// stays.
func insertRequests(ctx context.Context, tx *sql.Tx, requests []indexed) error {
	rows := make([]byte, 0, len(requests)*24)
	for _, r := range requests {
		rows = append(rows, r.id[:]...)
		rows = binary.BigEndian.AppendUint64(rows, uint64(r.at))
	}
	_, err := tx.ExecContext(ctx, `
		WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
		INSERT INTO requests SELECT substr(?1, i * 24 + 1, 16), substr(?1, i * 24 + 17, 8) FROM n WHERE i < ?2
		ON CONFLICT DO NOTHING`, rows, len(requests))
	if err != nil {
		return fmt.Errorf("indexing requests: %w", err)
	}
	return nil
}

// add takes requests whose entries are on the disk, and how far fold has come.
func (x *index) add(come []indexed, now folded) {
	for _, i := range come {
		x.young.add(i)
	}
	if x.old != nil {
		if x.due += foldPace * len(come); now != x.folded {
			x.due, x.folded, x.empty = 0, now, false
		}
		if now.bucket == len(x.old.buckets) {
			x.old = nil
		}
	}
	x.turn()
}
