// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// gapSales is how many sales an old copy does not know.
const gapSales = 6

// asked is a sale that was answered, to be asked for again.
type asked struct {
	sale    *sold
	request *retailerv1.RedeemRequest
}

// A peer that goes on with an old copy of its state catches up while the tills
// of others go on. Meanwhile and afterwards nobody is told otherwise than
// before, though its organisation's service knows blocks that the peer has not.
func TestPeersFromOldCopies(t *testing.T) {
	l := newLosing(t, "retailer")
	before := l.sale(t)
	if err := l.settleAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	copies := map[string]string{}
	for _, name := range []string{"peer.retailer", "peer.clearing", "peer.advertiser", "peer.issuer"} {
		copies[name] = filepath.Join(t.TempDir(), name)
		if err := l.stage.network.Backup(t.Context(), name, copies[name]); err != nil {
			t.Fatal(err)
		}
	}
	var gap []asked
	for range gapSales {
		gap = append(gap, l.sale(t))
	}
	l.claim(t.Context(), l.at)
	l.claimsArrive(t)
	for range gapSales {
		gap = append(gap, l.sale(t))
	}
	shut := l.open(t, l.other(l.at))
	for _, name := range []string{"peer.retailer", "peer.clearing", "peer.advertiser"} {
		l.goBack(t, name, copies[name])
		l.sameAgain(t, append(gap, before))
		l.caughtUp(t)
		l.sameAgain(t, append(gap, before))
		l.sells(t)
	}
	l.recordComesBack(t, gap[0].sale)
	// What the old copies did not know is voided, claimed and settled.
	l.voids(t, gap[len(gap)-1].sale)
	shut()
	if err := l.settleAll(t.Context()); err != nil {
		t.Error(err)
	}
	if err := l.compare(t.Context()); err != nil {
		t.Error(err)
	}
	// Last, because with it the issuer's copies of the sales' records are gone.
	gap = append(gap[:len(gap)-1], l.sale(t), l.sale(t))
	shut = l.open(t, l.other(l.at))
	l.goBack(t, "peer.issuer", copies["peer.issuer"])
	l.spentStays(t, gap)
	l.caughtUp(t)
	l.sameAgain(t, append(gap, before))
	l.sells(t)
	l.recordIsGone(t, gap[0].sale)
	shut()
	l.booksAgree(t, l.compareMoney)
}

// sale serves one customer.
func (l *losing) sale(t *testing.T) asked {
	t.Helper()
	sale, request, err := l.sell(t.Context(), l.at, []held{l.get(t)})
	if err != nil || sale == nil {
		t.Fatalf("a customer was not served: %v %v", err, l.book.problems)
	}
	return asked{sale, request}
}

// open has customers come to a shop until the function returned is called.
func (l *losing) open(t *testing.T, at *shop) (closeShop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done, sales := make(chan struct{}), 0
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			// What goes wrong is noted in the book.
			if sale, _, err := l.sell(t.Context(), at, []held{l.get(t)}); err != nil || sale == nil {
				return
			}
			sales++
		}
	}()
	return func() {
		t.Helper()
		cancel()
		<-done
		t.Logf("%s made %d sales meanwhile", at.name, sales)
		if sales == 0 {
			t.Errorf("%s made no sale", at.name)
		}
	}
}

// goBack has a peer go on with a copy of its state.
func (l *losing) goBack(t *testing.T, name, from string) {
	t.Helper()
	began := time.Now()
	if err := l.stage.network.Restore(t.Context(), name, runner.RestoreOptions{From: from}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s serves again after %s", name, time.Since(began).Round(time.Millisecond))
}

// caughtUp waits until all peers have what any of them has now.
func (l *losing) caughtUp(t *testing.T) {
	t.Helper()
	began := time.Now()
	if err := l.stage.network.AwaitCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("it had caught up after %s", time.Since(began).Round(time.Millisecond))
}

// sameAgain repeats requests: each has its first answer.
func (l *losing) sameAgain(t *testing.T, sales []asked) {
	t.Helper()
	for _, a := range sales {
		if err := l.repeat(t.Context(), a.sale, a.request); err != nil {
			t.Fatal(err)
		}
	}
}

// spentStays shows spent coupons again, at both shops: they are refused, or it
// is not decided.
func (l *losing) spentStays(t *testing.T, sales []asked) {
	t.Helper()
	for i, a := range sales {
		again := proto.CloneOf(a.request)
		again.RequestId, again.Invoice.Number = uuid.NewString(), "A-"+uuid.NewString()[:13]
		at := l.stage.shops[i%len(l.stage.shops)]
		ctx, cancel := context.WithTimeout(t.Context(), tillDeadline)
		answer, err := at.till.Redeem(ctx, again)
		cancel()
		if err == nil {
			t.Errorf("coupons of redemption %s were spent again: %v", a.sale.answer.GetRedemptionId(), answer)
		}
		t.Logf("%s: %v", at.name, desk.Reasons(err))
	}
}

// recordAt asks an organisation's peer for its own copy of a sale's record.
func (l *losing) recordAt(t *testing.T, mspID string, s *sold) error {
	t.Helper()
	id, err := hex.DecodeString(s.answer.GetBatchId())
	if err != nil {
		t.Fatal(err)
	}
	witnesses, err := l.stage.witnesses()
	for _, w := range witnesses {
		defer func() { _ = w.Close() }()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range witnesses {
		if w.mspID == mspID {
			var result coupon.BatchResult
			return w.ask(t.Context(), "GetBatch", coupon.BatchQuery{Batch: coupon.BatchID(id)}, &result)
		}
	}
	return errNotFound
}

// recordComesBack: the retailer's other peer has what the old copy lacks.
func (l *losing) recordComesBack(t *testing.T, s *sold) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	began := time.Now()
	for {
		err := l.recordAt(t, s.shop.mspID, s)
		if err == nil {
			break
		}
		if !rest(ctx, longestPause) {
			t.Fatalf("the record did not come back: %v", err)
		}
	}
	t.Logf("the record was back after another %s", time.Since(began).Round(time.Millisecond))
}

// recordIsGone: the issuer has no other peer. Then its peer says that it lacks
// the record, and nothing else in its place.
func (l *losing) recordIsGone(t *testing.T, s *sold) {
	t.Helper()
	if err := l.recordAt(t, issuerMSP, s); err == nil || errors.Is(err, errNotFound) || !strings.Contains(err.Error(), "private data") {
		t.Errorf("the record of a sale after the copy: %v", err)
	}
}

// claimsArrive waits until the clearing house has every claim of the shop.
func (l *losing) claimsArrive(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), offersLimit)
	defer cancel()
	claims, err := l.at.operator.ListClaims(ctx, &retailerv1.ListClaimsRequest{PageSize: page})
	if err != nil {
		t.Fatal(err)
	}
	for {
		known, err := l.stage.clearing.ListClaims(ctx, &clearingv1.ListClaimsRequest{PageSize: page})
		if err != nil {
			t.Fatal(err)
		}
		missing := len(claims.GetClaims())
		for _, c := range known.GetClaims() {
			if c.GetRetailer() == l.at.mspID {
				missing--
			}
		}
		if missing == 0 {
			return
		}
		if !rest(ctx, firstPause) {
			t.Fatalf("%d claims did not arrive", missing)
		}
	}
}

// voids undoes a sale.
func (l *losing) voids(t *testing.T, s *sold) {
	t.Helper()
	void := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: s.answer.GetRedemptionId()}
	err := l.insist(t.Context(), "void", tillDeadline, func(ctx context.Context) error {
		_, err := s.shop.till.Void(ctx, void)
		return err
	})
	if err != nil {
		t.Fatalf("voiding: %v %v", err, desk.Reasons(err))
	}
	l.book.void(s)
}
