// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/sqlstore"
)

// migrations are those of the advertiser.
var migrations = os.DirFS(filepath.Join("..", "..", "advertiser", "migrations"))

func openStore(t *testing.T, path string) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: path, Migrations: migrations})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// runSmall runs a log whose tails are full with this many requests, until stop,
// and go into the table in several parts.
func runSmall(store *sqlstore.Store, size int) (log *Log, stop func()) {
	log = New(Options{Store: store, Now: time.Now})
	log.index.size, log.index.atOnce = size, size/3
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = log.Run(ctx) })
	return log, func() { cancel(); running.Wait() }
}

func count(t *testing.T, store *sqlstore.Store, query string) (n int) {
	t.Helper()
	err := store.View(t.Context(), func(tx *sql.Tx) error { return tx.QueryRowContext(t.Context(), query).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRequestsAreFoundWhereverTheyAre has requests in memory, half in the table,
// and in it, before and after restarts at any of these points.
func TestRequestsAreFoundWhereverTheyAre(t *testing.T) {
	t.Parallel()
	store := openStore(t, filepath.Join(t.TempDir(), "serials.db"))
	const customers, rounds, tailed = 40, 50, 600
	var given []Request
	for round := range rounds {
		log, stop := runSmall(store, tailed)
		fresh := make([]Request, customers)
		var asking sync.WaitGroup
		for i := range fresh {
			fresh[i] = Request{ID: uuid.NewString(), Framework: coupon.FrameworkID{1}, Quotas: []int64{1 << 40}}
			asking.Go(func() {
				if _, err := log.Allocate(t.Context(), fresh[i]); err != nil {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		given = append(given, fresh...)
		if round%25 == 24 {
			repeat(t, log, given)
		}
		stop()
	}
	if n := count(t, store, `SELECT count(*) FROM requests`); n < customers*rounds-2*tailed || n > customers*rounds {
		t.Errorf("%d of %d requests are in the table", n, customers*rounds)
	}
	if n := count(t, store, `SELECT sum(last_sn - first_sn + 1) FROM runs`); n != customers*rounds {
		t.Errorf("%d numbers were given out to %d requests", n, customers*rounds)
	}
}

// repeat fails unless each request has a number of its own, by both ways to ask.
func repeat(t *testing.T, log *Log, given []Request) {
	t.Helper()
	seen := make(map[Serial]bool)
	for _, r := range given {
		serial, err := log.Allocate(t.Context(), r)
		if err != nil || seen[serial] || serial.Number > int64(len(given)) {
			t.Fatalf("a repeat got %+v, %v", serial, err)
		}
		if found, is, err := log.Find(t.Context(), r); err != nil || !is || found != serial {
			t.Fatalf("found %+v, %t, %v, want %+v", found, is, err, serial)
		}
		seen[serial] = true
		r.Owner = &coupon.PublicKey{1}
		if _, err := log.Allocate(t.Context(), r); !conflict(err) {
			t.Fatalf("an id for another request: %v", err)
		}
	}
}

func conflict(err error) bool {
	reason, _ := coupon.ReasonOf(err)
	return reason == coupon.ReasonRequestConflict
}

// TestTwinsGetOneNumber sends a request twice in one group, and once with other
// content.
func TestTwinsGetOneNumber(t *testing.T) {
	t.Parallel()
	store := openStore(t, filepath.Join(t.TempDir(), "serials.db"))
	log := New(Options{Store: store, Now: time.Now})
	first := Request{ID: uuid.NewString(), Framework: coupon.FrameworkID{1}, Quotas: []int64{9}}
	other := first
	other.Owner = &coupon.PublicKey{1}
	var group []*waiting
	for _, r := range []Request{first, first, other} {
		id, err := parseRequestID(r.ID)
		if err != nil {
			t.Fatal(err)
		}
		group = append(group, &waiting{ctx: t.Context(), issue: &issue{Request: r, id: id}, answered: make(chan struct{})})
	}
	log.answer(t.Context(), group)
	one, two := group[0], group[1]
	if one.err != nil || two.err != nil || one.issue.given.Number != 1 || two.issue.given != one.issue.given {
		t.Errorf("%+v, %v and %+v, %v", one.issue.given, one.err, two.issue.given, two.err)
	}
	if !conflict(group[2].err) {
		t.Errorf("with other content: %v", group[2].err)
	}
	if n := count(t, store, `SELECT last_sn FROM lanes`); n != 1 {
		t.Errorf("%d numbers are used up", n)
	}
}

// TestNoNumberIsStoredTwice has a store that was altered so that its lane is
// behind what was given out.
func TestNoNumberIsStoredTwice(t *testing.T) {
	t.Parallel()
	store := openStore(t, filepath.Join(t.TempDir(), "serials.db"))
	log, stop := runSmall(store, tailSize)
	request := func() Request {
		return Request{ID: uuid.NewString(), Framework: coupon.FrameworkID{1}, Quotas: []int64{9}}
	}
	for range 3 {
		if _, err := log.Allocate(t.Context(), request()); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	err := store.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE lanes SET last_sn = 1`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	log, stop = runSmall(store, tailSize)
	defer stop()
	if serial, err := log.Allocate(t.Context(), request()); err == nil {
		t.Errorf("number %d is given out again", serial.Number)
	}
}

// TestAStoreWithARowForEachNumberIsTakenOver fills a store as it was before runs.
func TestAStoreWithARowForEachNumberIsTakenOver(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "serials.db")
	before := fstest.MapFS{}
	for _, name := range []string{"00001_serials.sql", "00002_offers.sql", "00003_frames.sql", "00006_openings.sql", "00007_mandates.sql"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "advertiser", "migrations", name))
		if err != nil {
			t.Fatal(err)
		}
		before[name] = &fstest.MapFile{Data: text}
	}
	old, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: path, Migrations: before})
	if err != nil {
		t.Fatal(err)
	}
	static, dynamic, owner, q := coupon.FrameworkID{1}, coupon.FrameworkID{2}, coupon.PublicKey{3}, coupon.Hash{4}
	bearer := Request{ID: uuid.NewString(), Framework: static, Quotas: []int64{9}}
	bound := Request{ID: uuid.NewString(), Framework: static, Owner: &owner, Quotas: []int64{9}}
	released := Request{ID: uuid.NewString(), Framework: dynamic, Owner: &owner, Quotas: []int64{9}}
	beacon := coupon.Hash{5}
	err = old.Update(t.Context(), func(tx *sql.Tx) error {
		for _, row := range []struct {
			query     string
			arguments []any
		}{
			{`INSERT INTO lanes VALUES (?, 0, 2, 0), (?, 0, 1, 0)`, []any{static[:], dynamic[:]}},
			{`INSERT INTO issued (request_id, framework_id, lane, sn, owner) VALUES (?, ?, 0, 1, x'')`, []any{bearer.ID, static[:]}},
			{`INSERT INTO issued (request_id, framework_id, lane, sn, owner) VALUES (?, ?, 0, 2, ?)`, []any{bound.ID, static[:], owner[:]}},
			{`INSERT INTO issued VALUES (?, ?, 0, 1, ?, 1, 1800000000123, ?)`, []any{released.ID, dynamic[:], owner[:], q[:]}},
			{`INSERT INTO frames VALUES (?, 0, 1, 1800000000000, ?, 1, ?, NULL, NULL, NULL, NULL, NULL)`, []any{dynamic[:], beacon[:], q[:]}},
		} {
			if _, err := tx.ExecContext(t.Context(), row.query, row.arguments...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	log, stop := runSmall(openStore(t, path), tailSize)
	defer stop()
	for i, r := range []Request{bearer, bound} {
		if serial, err := log.Allocate(t.Context(), r); err != nil || serial != (Serial{Number: int64(i) + 1}) {
			t.Errorf("request %d has %+v, %v", i, serial, err)
		}
	}
	want := Released{Serial: Serial{Number: 1}, Release: coupon.Release{Frame: 1, Time: 1800000000123, Q: q}, Beacon: beacon}
	if got, found, err := log.FindReleased(t.Context(), released); err != nil || !found || got != want {
		t.Errorf("found %+v, %t, %v, want %+v", got, found, err, want)
	}
	if at, err := log.Standing(t.Context(), dynamic, 0); err != nil || at.Begun != 1800000000123 || at.LastSN != 1 {
		t.Errorf("the lane stands at %+v, %v", at, err)
	}
	bearer.ID = uuid.NewString()
	if serial, err := log.Allocate(t.Context(), bearer); err != nil || serial.Number != 3 {
		t.Errorf("the next number is %+v, %v", serial, err)
	}
}
