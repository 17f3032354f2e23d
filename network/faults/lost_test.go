// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/network/desk"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

const (
	// toldWithin is how long a till waits at most to be told that it cannot be
	// served now.
	toldWithin = 2 * time.Second
	// startWithin bounds the start of the network, its programs being built.
	startWithin = 5 * time.Minute
	// changeWithin bounds a change of leader, on a machine that is shared.
	changeWithin = 10 * time.Second
)

// losing is a network of which members are lost.
type losing struct {
	*play
	at *shop
}

// newLosing starts a network that ends with the test; the organisations that
// are named have a second peer.
func newLosing(t *testing.T, twoPeers ...string) *losing {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	s, err := build(ctx, t.TempDir(), os.Stderr, twoPeers...)
	if s != nil {
		t.Cleanup(func() {
			if err := s.strike(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return &losing{play: newPlay(s), at: s.shops[0]}
}

// A member that is lost stops only what needs it. One network for all: each
// part gives back what it took.
func TestLostMembers(t *testing.T) {
	l := newLosing(t)
	l.sellsAtOnce(t)
	t.Run("an orderer for some time, which then complains alone", l.complainer)
	t.Run("an orderer, the leader among them", l.orderers)
	t.Run("the peers of the advertiser and the clearing house", l.bystanders)
	t.Run("the issuer's peer ends", func(t *testing.T) { l.issuersPeer(t, kill) })
	t.Run("the issuer's peer hangs", func(t *testing.T) { l.issuersPeer(t, pause) })
	l.booksAgree(t, l.compare)
}

// booksAgree has all that is owed settled, and compares the books.
func (l *losing) booksAgree(t *testing.T, compare func(context.Context) error) {
	t.Helper()
	if err := l.settleAll(t.Context()); err != nil {
		t.Error(err)
	}
	if err := compare(t.Context()); err != nil {
		t.Error(err)
	}
	for _, problem := range l.book.problems {
		t.Error(problem)
	}
}

// lose takes a process away; the function returned gives it back.
func (l *losing) lose(t *testing.T, a action, name string) (giveBack func()) {
	t.Helper()
	n := l.stage.network
	take, give := n.Kill, n.Start
	if a == pause {
		take, give = n.Pause, n.Resume
	}
	do := func(what func(context.Context, string) error) {
		t.Helper()
		l.hands.Lock()
		defer l.hands.Unlock()
		if err := what(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	do(take)
	return func() { t.Helper(); do(give) }
}

// customer gets a coupon.
func (l *losing) get(t *testing.T) held {
	t.Helper()
	w, err := l.stage.wallet("customer-" + uuid.NewString())
	if err != nil {
		t.Fatal(err)
	}
	h, err := l.play.get(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// sells serves one customer, by repetition if need be, and returns how long it
// took.
func (l *losing) sells(t *testing.T) time.Duration {
	t.Helper()
	h := l.get(t)
	began := time.Now()
	sale, _, err := l.sell(t.Context(), l.at, []held{h})
	if err != nil || sale == nil {
		t.Fatalf("a customer was not served: %v %v", err, l.book.problems)
	}
	return time.Since(began)
}

// sellsAtOnce serves some customers, none of whom waits for a repetition.
func (l *losing) sellsAtOnce(t *testing.T) {
	t.Helper()
	again := l.book.again
	for range 5 {
		l.sells(t)
	}
	if l.book.again != again {
		t.Errorf("tills had to ask again: %v", l.book.faults)
	}
}

// complainer: an orderer that was away does not know of what the others have
// decided meanwhile, and may call for another leader. It gives that up once it
// sees the leader at work: while it goes on it keeps synchronising, and when
// another orderer is lost then, too few take part.
func (l *losing) complainer(t *testing.T) {
	const name, tries = "orderer.retailer", 12
	for range tries {
		giveBack := l.lose(t, pause, name)
		for began := time.Now(); time.Since(began) < 4*time.Second; {
			l.sells(t)
		}
		giveBack()
		if l.sellsUntil(t, 4*time.Second, func() bool { return l.alone(t, name) }) {
			if !l.sellsUntil(t, 15*time.Second, func() bool { return !l.alone(t, name) }) {
				t.Errorf("%s goes on complaining: %v", name, l.stage.network.Views(t.Context()))
			}
			l.catchesUp(t)
			return
		}
	}
	t.Errorf("%s has not complained alone in %d attempts", name, tries)
}

// alone reports whether this orderer says that it calls for another view, and no
// other does.
func (l *losing) alone(t *testing.T, name string) bool {
	t.Helper()
	var calling []string
	for other, v := range l.stage.network.Views(t.Context()) {
		if v.Next > v.Number {
			calling = append(calling, other)
		}
	}
	return slices.Equal(calling, []string{name})
}

// sellsUntil goes on selling until the condition holds; false if it does not
// within the time.
func (l *losing) sellsUntil(t *testing.T, limit time.Duration, condition func() bool) bool {
	t.Helper()
	for began := time.Now(); time.Since(began) < limit; {
		l.sells(t)
		if condition() {
			return true
		}
	}
	return false
}

func (l *losing) orderers(t *testing.T) {
	leader, err := l.stage.network.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	others := slices.DeleteFunc(slices.Clone(victims[1].targets), func(name string) bool { return name == leader })
	for _, name := range append(others, leader) {
		giveBack := l.lose(t, kill, name)
		took := l.sells(t)
		if took > changeWithin {
			t.Errorf("without %s the first redemption took %s: %v %v", name, took, l.book.faults, l.stage.network.Views(t.Context()))
		}
		t.Logf("without %s (leader: %t) the first redemption took %s", name, name == leader, took.Round(time.Millisecond))
		l.sellsAtOnce(t)
		giveBack()
		l.catchesUp(t) // then it takes part again
	}
	now, err := l.stage.network.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if now == leader {
		t.Errorf("%s still leads", now)
	}
	l.sells(t)
}

// bystanders are needed neither to issue nor to redeem.
func (l *losing) bystanders(t *testing.T) {
	for _, name := range []string{"peer.advertiser", "peer.clearing"} {
		giveBack := l.lose(t, kill, name)
		l.sellsAtOnce(t)
		giveBack()
	}
}

// issuersPeer is needed for the issuer's coupons: tills are told so, soon and
// clearly, and the same requests succeed when it is back. A claim needs no
// issuer.
func (l *losing) issuersPeer(t *testing.T, a action) {
	h, before := l.get(t), l.get(t)
	text, err := h.present(l.at)
	if err != nil {
		t.Fatal(err)
	}
	voidable, _, err := l.sell(t.Context(), l.at, []held{before})
	if err != nil || voidable == nil {
		t.Fatal(err, l.book.problems)
	}
	sale := request(text)
	void := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: voidable.answer.GetRedemptionId()}
	giveBack := l.lose(t, a, "peer.issuer")
	for range 3 {
		l.told(t, "Redeem", func(ctx context.Context) error {
			_, err := l.at.till.Redeem(ctx, sale)
			return err
		})
		l.told(t, "Verify", func(ctx context.Context) error {
			_, err := l.at.till.Verify(ctx, &retailerv1.VerifyRequest{Coupons: sale.GetCoupons(), Basket: sale.GetBasket()})
			return err
		})
		l.told(t, "Void", func(ctx context.Context) error {
			_, err := l.at.till.Void(ctx, void)
			return err
		})
	}
	other := l.other(l.at)
	claim := &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuerMSP}
	if _, err := other.operator.Claim(t.Context(), claim); err != nil {
		t.Errorf("claiming without the issuer's peer: %v %v", err, desk.Reasons(err))
	}
	giveBack()
	back := time.Now()
	if _, err := l.redeem(t.Context(), l.at, sale, []serial{h.serial}); err != nil {
		t.Errorf("the issuer's peer is back: %v %v", err, desk.Reasons(err))
	}
	t.Logf("the issuer's peer is back: the redemption that waited took %s", time.Since(back).Round(time.Millisecond))
	err = l.insist(t.Context(), "void", tillDeadline, func(ctx context.Context) error {
		_, err := l.at.till.Void(ctx, void)
		return err
	})
	if err != nil {
		t.Errorf("voiding when the issuer's peer is back: %v %v", err, desk.Reasons(err))
	}
	l.book.void(voidable)
	for range 3 {
		l.sells(t) // some by repetition, until all peers have found it again
	}
}

// told expects the clear answer that the same request is to be sent again.
func (l *losing) told(t *testing.T, what string, call func(context.Context) error) {
	t.Helper()
	began := time.Now()
	err := call(t.Context())
	took := time.Since(began)
	if status.Code(err) != codes.Unavailable || !slices.Contains(desk.Reasons(err), "TRY_AGAIN") {
		t.Errorf("%s without the issuer's peer: %v %v", what, err, desk.Reasons(err))
	}
	if took > toldWithin {
		t.Errorf("%s without the issuer's peer: told after %s", what, took)
	}
	t.Logf("%s: told after %s", what, took.Round(time.Millisecond))
}
