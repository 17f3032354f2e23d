// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

const (
	// elsewhereWithin is how long no redemption may succeed at a shop when one
	// of two peers goes, on a machine that is shared.
	elsewhereWithin = 5 * time.Second
	// salesWithout is how many redemptions follow at each shop while a peer is
	// away.
	salesWithout = 5
	// wholeWithin bounds the wait for what a peer missed.
	wholeWithin = 30 * time.Second
)

// An issuer and a retailer with two peers each go on when one of them is gone,
// whichever it is, and whichever was gone before.
func TestSecondPeers(t *testing.T) {
	l := newLosing(t, "issuer", "retailer")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	finish := l.trade(ctx)
	finished := false
	defer func() {
		if !finished {
			cancel()
			_ = finish()
		}
	}()
	if err := l.await(ctx, time.Now(), "the first redemptions"); err != nil {
		t.Fatal(err)
	}
	l.without(t, kill, "peer.retailer", "peer.issuer")
	l.without(t, kill, "peer2.retailer", "peer2.issuer")
	l.without(t, pause, "peer.retailer")
	finished = true
	if err := finish(); err != nil {
		t.Error(err)
	}
	l.booksAgree(t, l.compare)
	t.Logf("%d sales, %d of %d calls made again: %v", len(l.book.sales), l.book.again, l.book.asked, l.book.faults)
}

// without takes one peer after the other away, and gives them back when the
// shops have gone on. Then it waits until they have what they missed.
func (l *losing) without(t *testing.T, a action, names ...string) {
	t.Helper()
	var back []func()
	for _, name := range names {
		began := time.Now()
		back = append(back, l.lose(t, a, name))
		l.goesOn(t, fmt.Sprintf("%s %s", a, name), began)
	}
	missed := l.book.batches()
	for _, giveBack := range back {
		giveBack()
	}
	returned := time.Now()
	for _, name := range names {
		l.whole(t, name, missed)
	}
	t.Logf("%v are back: all that they missed is there after %s", names, time.Since(returned).Round(time.Millisecond))
}

// goesOn waits for some redemptions at each shop.
func (l *losing) goesOn(t *testing.T, what string, began time.Time) {
	t.Helper()
	for range salesWithout {
		if err := l.await(t.Context(), time.Now(), what); err != nil {
			t.Fatal(err)
		}
	}
	gap := l.book.longestGap(l.stage.shops, began, time.Now())
	if gap > elsewhereWithin {
		t.Errorf("%s: no redemption for %s", what, gap)
	}
	slowest := l.book.takeSlowest()
	if slowest > tillDeadline {
		t.Errorf("%s: a till waited %s to be told", what, slowest)
	}
	t.Logf("%s: no redemption for %s, longest wait %s", what, gap.Round(time.Millisecond), slowest.Round(time.Millisecond))
}

// batches are those of all sales.
func (b *book) batches() []coupon.BatchID {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[coupon.BatchID]bool{}
	for _, s := range b.sales {
		var id coupon.BatchID
		if err := id.UnmarshalText([]byte(s.answer.GetBatchId())); err != nil {
			b.problems = append(b.problems, fmt.Sprintf("%q is no batch: %v", s.answer.GetBatchId(), err))
			continue
		}
		if s.shop.name == "retailer" {
			all[id] = true
		}
	}
	return slices.Collect(maps.Keys(all))
}

// whole waits until the peer can read the private records of the batches.
func (l *losing) whole(t *testing.T, name string, batches []coupon.BatchID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wholeWithin)
	defer cancel()
	witnesses, err := l.stage.witnesses()
	for _, w := range witnesses {
		defer w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(batches) == 0 {
		t.Fatal("there are no batches")
	}
	for _, id := range batches {
		for {
			var result coupon.BatchResult
			err := witnesses[name].ask(ctx, "GetBatch", coupon.BatchQuery{Batch: id}, &result)
			if err == nil && json.Valid([]byte(result.Record)) {
				break
			}
			if !rest(ctx, 50*time.Millisecond) {
				t.Fatalf("%s has not got batch %s: %v", name, id, err)
			}
		}
	}
}
