// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/issuing"
	"ecoupon/services/internal/sqlstore"
)

const (
	quota  = 10
	maxAge = 10 * time.Second
	// opening is when lanes open, Unix milliseconds.
	opening = 1_800_000_000_000
)

// laneLog is a log with lane 0 of a framework, and a clock.
type laneLog struct {
	*issuing.Log
	store *sqlstore.Store
	clock *atomic.Int64
	ref   coupon.FrameRef
}

// newLane opens a lane and its frame 1.
func newLane(t *testing.T) *laneLog {
	t.Helper()
	l := &laneLog{
		store: open(t, filepath.Join(t.TempDir(), "lane.db")), clock: new(atomic.Int64),
		ref: coupon.FrameRef{Framework: summer},
	}
	l.clock.Store(opening)
	l.start(t)
	if err := l.Enter(t.Context(), summer, 0); err != nil {
		t.Fatal(err)
	}
	l.next(t, opening)
	return l
}

// start runs a log that knows nothing but the store.
func (l *laneLog) start(t *testing.T) {
	t.Helper()
	now := func() time.Time { return time.UnixMilli(l.clock.Load()) }
	l.Log = run(t, issuing.New(issuing.Options{Store: l.store, Now: now}))
}

// next says that the newest frame is closed on the ledger, and opens the next.
func (l *laneLog) next(t *testing.T, at int64) {
	t.Helper()
	if err := l.Closed(t.Context(), l.ref, at); err != nil {
		t.Fatal(err)
	}
	l.ref = l.ref.Next()
	if err := l.Open(t.Context(), l.ref, at, coupon.Hash{byte(l.ref.Frame)}); err != nil {
		t.Fatal(err)
	}
}

func (l *laneLog) try(ctx context.Context, r issuing.Request) (issuing.Released, error) {
	return l.Release(ctx, r, issuing.Place{Frame: l.ref.Frame, MaxAge: maxAge})
}

func (l *laneLog) release(t *testing.T) issuing.Released {
	t.Helper()
	released, err := l.try(t.Context(), dynamic())
	if err != nil {
		t.Fatal(err)
	}
	return released
}

func dynamic() issuing.Request {
	id := uuid.New()
	uData := coupon.PublicKey(append(id[:], id[:]...))
	return issuing.Request{ID: id.String(), Framework: summer, Owner: &uData, Quotas: []int64{quota}}
}

func TestFramesFollowEachOther(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	q := coupon.Hash{}
	sn := int64(0)
	for frame := range uint32(3) {
		q = coupon.FirstLink(q, coupon.Hash{byte(frame + 1)})
		var want []coupon.Entry
		for range frame { // the first one is empty
			r := dynamic()
			released, err := l.try(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			sn, q = sn+1, coupon.NextLink(q, r.Owner[:])
			want = append(want, coupon.Entry{SN: sn, Time: l.clock.Load(), UData: r.Owner[:], Q: q})
			if released.Number != sn || released.Q != q || released.Frame != frame+1 || released.Beacon != (coupon.Hash{byte(frame + 1)}) {
				t.Errorf("released %+v", released)
			}
			l.start(t) // each goes on from the store alone
		}
		content, err := l.Close(t.Context(), l.ref)
		if err != nil || content.Last != q || content.LastSN != sn || content.Count != int64(len(want)) || content.Salt == (coupon.Hash{}) {
			t.Errorf("frame %d is closed with %+v, %v", frame+1, content, err)
		}
		l.start(t)
		if again, err := l.Close(t.Context(), l.ref); err != nil || again != content {
			t.Errorf("and then with %+v, %v", again, err)
		}
		closed := l.ref
		l.next(t, l.clock.Add(1000))
		got, _, err := l.Entries(t.Context(), closed, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the log (-want +got):\n%s", diff)
		}
	}
}

func TestNothingIsReleasedInAFrameThatIsOver(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	over := func(when string, want error) {
		t.Helper()
		if _, err := l.try(t.Context(), dynamic()); !errors.Is(err, want) {
			t.Errorf("%s: %v", when, err)
		}
	}
	l.clock.Add(maxAge.Milliseconds())
	kept := dynamic()
	first, err := l.try(t.Context(), kept)
	if err != nil {
		t.Fatal(err)
	}
	l.clock.Add(1)
	over("too old", issuing.ErrFrameOver)
	l.clock.Store(opening)
	if next := l.release(t); next.Time != first.Time {
		t.Errorf("after the clock went back the time is %d, want %d", next.Time, first.Time)
	}
	if _, err := l.Close(t.Context(), l.ref); err != nil {
		t.Fatal(err)
	}
	over("when it is being closed", issuing.ErrFrameOver)
	l.next(t, opening+20_000)
	if next := l.release(t); next.Number != 3 || next.Time != opening+20_000 {
		t.Errorf("a clock that is behind the ledger: %+v", next)
	}
	if again, err := l.try(t.Context(), kept); err != nil || again != first {
		t.Errorf("a repeat got %+v, %v, want %+v", again, err, first)
	}
	for range quota - 3 {
		l.release(t)
	}
	over("when the lane is used up", issuing.ErrLaneOver)
	if err := l.Lose(t.Context(), summer, 0, quota); err != nil {
		t.Fatal(err)
	}
	over("when the lane is lost", issuing.ErrFrameOver)
	if _, err := l.Close(t.Context(), l.ref); !errors.Is(err, issuing.ErrFrameOver) {
		t.Errorf("a frame of a lane that is lost is closed: %v", err)
	}
}

// TestWhatIsUndoneIsNotInTheChain makes the store refuse a coupon after the
// numbers were given.
func TestWhatIsUndoneIsNotInTheChain(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	first := l.release(t)
	alter := func(query string) {
		t.Helper()
		err := l.store.Update(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), query)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	alter(`CREATE TRIGGER fail BEFORE INSERT ON runs WHEN new.last_sn > 1 BEGIN SELECT RAISE(ABORT, 'no'); END`)
	if _, err := l.try(t.Context(), dynamic()); err == nil {
		t.Error("a coupon that is not stored is given out")
	}
	alter(`DROP TRIGGER fail`)
	r := dynamic()
	second, err := l.try(t.Context(), r)
	if err != nil || second.Number != 2 || second.Q != coupon.NextLink(first.Q, r.Owner[:]) {
		t.Errorf("it goes on with %+v, %v", second, err)
	}
}

// TestALogThatWasAlteredGivesNoReceipts changes an entry of a closed frame.
func TestALogThatWasAlteredGivesNoReceipts(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	serial := l.release(t).Serial
	if _, err := l.Close(t.Context(), l.ref); err != nil {
		t.Fatal(err)
	}
	l.next(t, opening+1000)
	err := l.store.Update(t.Context(), func(tx *sql.Tx) error {
		// The last byte of the time of release.
		_, err := tx.ExecContext(t.Context(),
			`UPDATE runs SET entries = unhex(hex(substr(entries, 1, 23)) || 'ff' || hex(substr(entries, 25)))`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if receipt, _, err := l.Receipt(t.Context(), summer, serial); err == nil {
		t.Errorf("got %+v", receipt)
	}
}

func BenchmarkRelease(b *testing.B) {
	log := run(b, newOn(open(b, filepath.Join(b.TempDir(), "lane.db"))))
	ref := coupon.FrameRef{Framework: summer}
	now := time.Now().UnixMilli()
	err := errors.Join(
		log.Enter(b.Context(), summer, 0), log.Closed(b.Context(), ref, now),
		log.Open(b.Context(), ref.Next(), now, coupon.Hash{1}),
	)
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := dynamic()
			r.Quotas[0] = 1 << 40
			if _, err := log.Release(b.Context(), r, issuing.Place{Frame: 1, MaxAge: time.Hour}); err != nil {
				b.Error(err)
			}
		}
	})
}
