// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/network/desk"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/wallet"
)

// catchUpLimit is how long a part that was gone may take to have all blocks.
const catchUpLimit = 100 * time.Second

// gone is a row of the docs' table.
type gone struct {
	name  string
	parts []string
	// goesOn and stops are called while the parts are gone. What stops
	// returns is called when they are back.
	goesOn func(t *testing.T)
	stops  func(t *testing.T) (again func(t *testing.T))
}

func (l *losing) gone() []gone {
	return []gone{
		{
			"two orderers of four", []string{"orderer.issuer", "orderer.clearing"},
			func(t *testing.T) { l.verifies(t, l.get(t)) },
			func(t *testing.T) func(t *testing.T) {
				return l.waits(t, l.at, l.get(t), "TRY_AGAIN", "OUTCOME_UNKNOWN")
			},
		},
		{
			"the issuer's chaincode server", []string{"chaincode.issuer"},
			func(t *testing.T) { l.claims(t, l.other(l.at), codes.OK, "") },
			func(t *testing.T) func(t *testing.T) { return l.waits(t, l.at, l.get(t), "TRY_AGAIN") },
		},
		{
			"the retailer's peer", []string{"peer.retailer"},
			func(t *testing.T) { l.sellsAt(t, l.other(l.at)) },
			func(t *testing.T) func(t *testing.T) { return l.waits(t, l.at, l.get(t), "TRY_AGAIN") },
		},
		{
			"the retailer's chaincode server", []string{"chaincode.retailer"},
			func(t *testing.T) { l.sellsAt(t, l.other(l.at)) },
			func(t *testing.T) func(t *testing.T) { return l.waits(t, l.at, l.get(t), "TRY_AGAIN") },
		},
		{
			"the clearing house's peer", []string{"peer.clearing"},
			func(t *testing.T) { l.sells(t) },
			func(t *testing.T) func(t *testing.T) {
				l.claims(t, l.at, codes.Unavailable, "LEDGER_UNAVAILABLE")
				return func(t *testing.T) { l.claims(t, l.at, codes.OK, "") }
			},
		},
		{
			"the clearing house's and the issuer's service", []string{"clearing.clearing", "issuer.issuer"},
			func(t *testing.T) { l.sells(t); l.claims(t, l.at, codes.OK, "") },
			func(*testing.T) func(t *testing.T) { return func(*testing.T) {} },
		},
	}
}

// When a part is gone, what the docs' table says of it is so, and the requests
// that could not be decided are when it is back.
func TestWhenAPartIsGone(t *testing.T) {
	l := newLosing(t)
	l.sells(t)
	for _, part := range l.gone() {
		t.Run(part.name, func(t *testing.T) {
			var back []func()
			for _, name := range part.parts {
				back = append(back, l.lose(t, kill, name))
			}
			part.goesOn(t)
			again := part.stops(t)
			for _, giveBack := range back {
				giveBack()
			}
			again(t)
			l.catchesUp(t)
			l.sells(t)
		})
	}
	t.Run("the advertiser's service", func(t *testing.T) {
		h := l.get(t)
		giveBack := l.lose(t, kill, "advertiser.advertiser")
		if _, err := l.newWallet(t).Offers(t.Context(), l.stage.url); err == nil {
			t.Error("there are offers")
		}
		l.waits(t, l.at, h)(t)
		giveBack()
		l.sells(t)
	})
	l.booksAgree(t, l.compare)
}

// catchesUp goes on selling until all peers and orderers have the same blocks:
// an orderer that was away learns from next ones only that it lacks some.
func (l *losing) catchesUp(t *testing.T) {
	t.Helper()
	var err error
	for began := time.Now(); time.Since(began) < catchUpLimit; {
		l.sells(t)
		ctx, cancel := context.WithTimeout(t.Context(), catchUpLimit/10)
		if err = l.stage.network.AwaitPeers(ctx); err == nil {
			err = l.stage.network.AwaitOrderers(ctx)
		}
		cancel()
		if err == nil {
			return
		}
	}
	t.Fatal(err)
}

// waits has a till ask once, which is answered with one of the reasons, if
// there are any, and then until it is decided.
func (l *losing) waits(t *testing.T, at *shop, h held, reasons ...string) (again func(t *testing.T)) {
	t.Helper()
	text, err := h.present(at)
	if err != nil {
		t.Fatal(err)
	}
	sale := request(text)
	if len(reasons) > 0 {
		ctx, cancel := context.WithTimeout(t.Context(), officeDeadline)
		defer cancel()
		_, err := at.till.Redeem(ctx, sale)
		got := desk.Reasons(err)
		if status.Code(err) != codes.Unavailable || len(got) != 1 || !slices.Contains(reasons, got[0]) {
			t.Errorf("a till is told %v %v, not one of %v", err, got, reasons)
		}
		t.Logf("a till is told %v", got)
	}
	return func(t *testing.T) {
		t.Helper()
		if _, err := l.redeem(t.Context(), at, sale, []serial{h.serial}); err != nil {
			t.Errorf("the same request in the end: %v %v", err, desk.Reasons(err))
		}
	}
}

func (l *losing) newWallet(t *testing.T) *wallet.Wallet {
	t.Helper()
	w, err := l.stage.wallet("customer-" + uuid.NewString())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// sellsAt serves a customer of a shop without delay.
func (l *losing) sellsAt(t *testing.T, at *shop) {
	t.Helper()
	if sale, _, err := l.sell(t.Context(), at, []held{l.get(t)}); err != nil || sale == nil {
		t.Fatalf("a customer was not served: %v %v", err, l.book.problems)
	}
}

func (l *losing) verifies(t *testing.T, h held) {
	t.Helper()
	text, err := h.present(l.at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.at.till.Verify(t.Context(), &retailerv1.VerifyRequest{Coupons: []string{text}}); err != nil {
		t.Errorf("verifying: %v %v", err, desk.Reasons(err))
	}
}

// claims claims what a shop has not claimed. Where that must succeed it is said
// again for as long as the ledger is away: who was lost may just be back.
func (l *losing) claims(t *testing.T, at *shop, code codes.Code, reason string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), offersLimit)
	defer cancel()
	request := &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuerMSP}
	_, err := at.operator.Claim(ctx, request)
	for code == codes.OK && status.Code(err) == codes.Unavailable && rest(ctx, firstPause) {
		_, err = at.operator.Claim(ctx, request)
	}
	got := desk.Reasons(err)
	if status.Code(err) != code || reason != "" && !slices.Contains(got, reason) {
		t.Errorf("claiming: %v %v, want %s %s", err, got, code, reason)
	}
}
