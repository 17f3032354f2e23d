// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/issuing"
	"ecoupon/services/internal/sqlstore"
)

var (
	summer = coupon.FrameworkID{1}
	winter = coupon.FrameworkID{2}
	alice  = &coupon.PublicKey{10}
	bob    = &coupon.PublicKey{11}
)

func open(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), sqlstore.Options{
		Path: path, Migrations: os.DirFS(filepath.Join("..", "..", "advertiser", "migrations")),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func newOn(store *sqlstore.Store) *issuing.Log {
	return issuing.New(issuing.Options{Store: store, Now: time.Now})
}

func newLog(t testing.TB) *issuing.Log {
	t.Helper()
	return run(t, newOn(open(t, filepath.Join(t.TempDir(), "serials.db"))))
}

// run runs the log until the test ends.
func run(t testing.TB, log *issuing.Log) *issuing.Log {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = log.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	return log
}

func request(framework coupon.FrameworkID, owner *coupon.PublicKey, quotas ...int64) issuing.Request {
	return issuing.Request{ID: uuid.NewString(), Framework: framework, Owner: owner, Quotas: quotas}
}

func allocate(t testing.TB, log *issuing.Log, r issuing.Request) issuing.Serial {
	t.Helper()
	serial, err := log.Allocate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return serial
}

func TestNumbersAreGivenInOrderLaneAfterLane(t *testing.T) {
	t.Parallel()
	log := newLog(t)
	want := []issuing.Serial{{0, 1}, {0, 2}, {1, 1}, {2, 1}, {2, 2}, {2, 3}}
	for _, expected := range want {
		if got := allocate(t, log, request(summer, nil, 2, 1, 3)); got != expected {
			t.Errorf("got %v, want %v", got, expected)
		}
	}
	_, err := log.Allocate(t.Context(), request(summer, nil, 2, 1, 3))
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonSoldOut {
		t.Errorf("beyond the quota: %v, want SOLD_OUT", err)
	}
	if got := allocate(t, log, request(winter, nil, 5)); got != (issuing.Serial{Lane: 0, Number: 1}) {
		t.Errorf("another framework begins with %v", got)
	}
	issued, err := log.Issued(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[coupon.FrameworkID]issuing.Issued{summer: {Count: 6}, winter: {Count: 1}}, issued); diff != "" {
		t.Errorf("issued (-want +got):\n%s", diff)
	}
}

func TestARepeatGetsTheSameNumber(t *testing.T) {
	t.Parallel()
	log := newLog(t)
	first := request(summer, alice, 2)
	want := allocate(t, log, first)
	allocate(t, log, request(summer, bob, 2))
	if got := allocate(t, log, first); got != want {
		t.Errorf("the repeat got %v, want %v although all are given out", got, want)
	}
	got, found, err := log.Find(t.Context(), first)
	if err != nil || !found || got != want {
		t.Errorf("found %v, %t, %v, want %v", got, found, err, want)
	}
	if _, found, err := log.Find(t.Context(), request(summer, alice, 2)); err != nil || found {
		t.Errorf("a new request was found: %t, %v", found, err)
	}
}

func TestAnIDIsForOneContent(t *testing.T) {
	t.Parallel()
	log := newLog(t)
	first := request(summer, alice, 9)
	allocate(t, log, first)
	for name, change := range map[string]func(*issuing.Request){
		"another framework": func(r *issuing.Request) { r.Framework = winter },
		"another owner":     func(r *issuing.Request) { r.Owner = bob },
		"no owner":          func(r *issuing.Request) { r.Owner = nil },
	} {
		other := first
		change(&other)
		_, err := log.Allocate(t.Context(), other)
		if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonRequestConflict {
			t.Errorf("%s: %v, want REQUEST_CONFLICT", name, err)
		}
		_, _, err = log.Find(t.Context(), other)
		if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonRequestConflict {
			t.Errorf("%s: found with %v, want REQUEST_CONFLICT", name, err)
		}
	}
	if got := allocate(t, log, request(summer, nil, 9)); got.Number != 2 {
		t.Errorf("conflicts used up numbers: the next is %d, want 2", got.Number)
	}
}

// claims gathers numbers from many goroutines.
type claims struct {
	mu    sync.Mutex
	taken map[issuing.Serial]int
}

func (c *claims) add(serial issuing.Serial) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken[serial]++
}

func TestConcurrentRequestsGetEachNumberOnce(t *testing.T) {
	t.Parallel()
	log := newLog(t)
	const customers, each, firstLane = 40, 25, 600
	got := claims{taken: make(map[issuing.Serial]int)}
	var asking sync.WaitGroup
	for range customers {
		asking.Go(func() {
			for range each {
				r := request(summer, nil, firstLane, 10_000)
				serial, err := log.Allocate(t.Context(), r)
				if err != nil {
					t.Error(err)
					return
				}
				got.add(serial)
				// Half of the customers lose the answer and ask again.
				if again, err := log.Allocate(t.Context(), r); err != nil || again != serial {
					t.Errorf("asked again: %v, %v, want %v", again, err, serial)
				}
			}
		})
	}
	asking.Wait()
	want := make(map[issuing.Serial]int)
	for n := range int64(firstLane) {
		want[issuing.Serial{Lane: 0, Number: n + 1}] = 1
	}
	for n := range int64(customers*each - firstLane) {
		want[issuing.Serial{Lane: 1, Number: n + 1}] = 1
	}
	if diff := cmp.Diff(want, got.taken); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

// TestWhatWasGivenSurvivesACrash copies the files as they are between two
// requests, which is what a killed process leaves behind.
func TestWhatWasGivenSurvivesACrash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "serials.db")
	log := run(t, newOn(open(t, path)))
	var given []issuing.Request
	for range 20 {
		r := request(summer, alice, 100)
		allocate(t, log, r)
		given = append(given, r)
	}
	left := filepath.Join(t.TempDir(), "serials.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(left+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	revived := run(t, newOn(open(t, left)))
	for i, r := range given {
		if got := allocate(t, revived, r); got.Number != int64(i+1) {
			t.Errorf("request %d has number %d after the crash", i+1, got.Number)
		}
	}
	if got := allocate(t, revived, request(summer, bob, 100)); got.Number != 21 {
		t.Errorf("the next number is %d, want 21", got.Number)
	}
}

func TestWhoGaveUpTakesNoNumber(t *testing.T) {
	t.Parallel()
	log := newOn(open(t, filepath.Join(t.TempDir(), "serials.db")))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		if _, err := log.Allocate(gone, request(summer, nil, 10)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	}
	run(t, log)
	if got := allocate(t, log, request(summer, nil, 10)); got.Number != 1 {
		t.Errorf("the first number is %d", got.Number)
	}
}

func TestNothingIsGivenOutAfterTheEnd(t *testing.T) {
	t.Parallel()
	log := newOn(open(t, filepath.Join(t.TempDir(), "serials.db")))
	ended, end := context.WithCancel(t.Context())
	end()
	if err := log.Run(ended); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := log.Allocate(t.Context(), request(summer, nil, 10)); !errors.Is(err, issuing.ErrStopped) {
			t.Fatalf("got %v, want ErrStopped", err)
		}
	}
}

func TestABrokenStoreGivesNothingOut(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "serials.db"))
	log := run(t, newOn(store))
	allocate(t, log, request(summer, nil, 10))
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := log.Allocate(t.Context(), request(summer, nil, 10))
	if _, refused := coupon.ReasonOf(err); err == nil || refused {
		t.Errorf("got %v, want an error that is no refusal", err)
	}
}

func BenchmarkAllocate(b *testing.B) {
	log := newLog(b)
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			allocate(b, log, request(summer, nil, 1<<40))
		}
	})
}
