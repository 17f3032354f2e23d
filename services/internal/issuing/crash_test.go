// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
)

const (
	// crashStore names the store of a process that is to be killed.
	crashStore = "ECOUPON_TEST_CRASH_STORE"
	// crashTail is small, so that requests are being put into the table most of
	// the time.
	crashTail = 600
)

var crashing = coupon.FrameworkID{7}

// acknowledged is what a customer of the killed process was told.
type acknowledged struct {
	ID    string
	UData coupon.PublicKey
	Given Released
}

func (a acknowledged) request() Request {
	return Request{ID: a.ID, Framework: crashing, Owner: &a.UData, Quotas: []int64{1 << 40}}
}

// TestReleaseUntilKilled is the process that TestWhatWasAcknowledgedSurvivesKilling
// kills. It writes a line for each coupon that a customer has.
func TestReleaseUntilKilled(t *testing.T) {
	path := os.Getenv(crashStore)
	if path == "" {
		return // it is run by the other test
	}
	log, stop := runSmall(openStore(t, path), crashTail)
	defer stop()
	var mu sync.Mutex
	told := json.NewEncoder(os.NewFile(3, "acknowledged"))
	var customers sync.WaitGroup
	for range 64 {
		customers.Go(func() {
			for {
				a := acknowledged{ID: uuid.NewString()}
				a.UData = coupon.PublicKey(append([]byte(a.ID[:16]), a.ID[16:32]...))
				released, err := log.Release(context.Background(), a.request(), Place{Frame: 1, MaxAge: time.Hour})
				if err != nil {
					t.Error(err)
					return
				}
				a.Given = released
				mu.Lock()
				err = told.Encode(a)
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	customers.Wait()
}

// TestWhatWasAcknowledgedSurvivesKilling kills a process that releases coupons, at
// any instruction, again and again, and compares what its customers have with the
// store that it left.
func TestWhatWasAcknowledgedSurvivesKilling(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lane.db")
	store := openStore(t, path)
	log, stop := runSmall(store, crashTail)
	opened := time.Now().UnixMilli()
	ref := coupon.FrameRef{Framework: crashing}
	err := errors.Join(
		log.Enter(t.Context(), crashing, 0), log.Closed(t.Context(), ref, opened),
		log.Open(t.Context(), ref.Next(), opened, coupon.Hash{1}),
	)
	stop()
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	var all []acknowledged
	for range 5 {
		got := untilKilled(t, path, 1+rand.IntN(2000))
		all = append(all, got...)
		checkLeft(t, path, all, got)
	}
}

// untilKilled runs the process, kills it when this many coupons were acknowledged,
// and returns all that were.
func untilKilled(t *testing.T, path string, enough int) (all []acknowledged) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReleaseUntilKilled$")
	process.Env = append(os.Environ(), crashStore+"="+path)
	process.ExtraFiles = []*os.File{writer}
	process.Stdout, process.Stderr = os.Stdout, os.Stderr
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	for lines := bufio.NewScanner(reader); lines.Scan(); {
		var a acknowledged
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			break // the line at which it was killed
		}
		if all = append(all, a); len(all) == enough {
			if err := process.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := process.Wait(); len(all) < enough || process.ProcessState.Success() {
		t.Fatalf("the process ended by itself after %d coupons: %v", len(all), err)
	}
	return all
}

// checkLeft fails unless the store that was left has all that was acknowledged, and
// its log is one chain without gaps. Of what has just been acknowledged each is
// asked for again.
func checkLeft(t *testing.T, path string, all, last []acknowledged) {
	t.Helper()
	store := openStore(t, path)
	log, stop := runSmall(store, crashTail)
	for _, a := range last {
		if again, err := log.Release(t.Context(), a.request(), Place{Frame: 1, MaxAge: time.Hour}); err != nil || again != a.Given {
			t.Fatalf("a repeat got %+v, %v, before it was killed %+v", again, err, a.Given)
		}
	}
	stop()
	entries := make(map[int64]coupon.Entry)
	err := store.View(t.Context(), func(tx *sql.Tx) error {
		of := laneID{framework: crashing}
		h, err := log.readHead(t.Context(), tx, of)
		if err != nil {
			return err
		}
		end, err := laneOf(t.Context(), tx, of)
		if err != nil {
			return err
		}
		q := coupon.FirstLink(coupon.Hash{}, coupon.Hash{1})
		err = eachEntry(t.Context(), tx, page{of: of, first: 1, size: -1}, func(e coupon.Entry) error {
			if q = coupon.NextLink(q, e.UData); e.SN != int64(len(entries))+1 || e.Q != q {
				return fmt.Errorf("after %d numbers comes %d", len(entries), e.SN)
			}
			entries[e.SN] = e
			return nil
		})
		if n := int64(len(entries)); err == nil && (end.last != n || h.q != q || int64(h.tree.End()) != n) {
			err = fmt.Errorf("the lane is at %d of %d numbers", end.last, n)
		}
		return err
	})
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if e := entries[a.Given.Number]; e.Q != a.Given.Q || e.Time != a.Given.Time || !bytes.Equal(e.UData, a.UData[:]) {
			t.Fatalf("the log has %+v where %+v was acknowledged", e, a.Given)
		}
	}
}
