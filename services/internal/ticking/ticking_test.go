// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ticking_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/internal/ticking"
)

var namespace = config.Namespace(servetest.IssuerMSP)

func newKeeper(t *testing.T, c *ledgertest.Consortium, mspID, second string, after time.Duration) *ticking.Keeper {
	t.Helper()
	keeper, err := ticking.New(ticking.Options{
		Ledger: c.For(t, mspID), Namespaces: []string{namespace}, Second: second,
		After: after, Now: c.Clock.Now, Logger: servetest.Logger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	return keeper
}

// tickOf is false while there is no tick.
func tickOf(t *testing.T, c *ledgertest.Consortium) (int64, bool) {
	t.Helper()
	var tick coupon.Tick
	err := c.For(t, servetest.ClearingMSP).Evaluate(t.Context(), ledger.Call{Namespace: namespace, Function: "GetTick"}, &tick)
	if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonTickMissing {
		return 0, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return tick.At, true
}

func TestATickIsRolledWhenItIsOldEnough(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, by, second string
		after, age       time.Duration
		rolled           bool
	}{
		{"the issuer leaves a young one", servetest.IssuerMSP, servetest.ClearingMSP, ticking.Due, 119 * time.Second, false},
		{"the issuer rolls one that is due", servetest.IssuerMSP, servetest.ClearingMSP, ticking.Due, 2 * time.Minute, true},
		{"a retailer leaves one that is due", servetest.RetailerMSP, servetest.RetailerMSP, ticking.Overdue, 3 * time.Minute, false},
		{"a retailer rolls one that is overdue", servetest.RetailerMSP, servetest.RetailerMSP, ticking.Overdue, 4 * time.Minute, true},
		{"a clock ahead of the ledger's is no error", servetest.RetailerMSP, servetest.RetailerMSP, time.Second, time.Minute, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := ledgertest.New(t, ledgertest.Options{})
			keeper := newKeeper(t, c, test.by, test.second, test.after)
			if err := keeper.Roll(t.Context(), namespace); err != nil {
				t.Fatal(err)
			}
			first, found := tickOf(t, c)
			if !found {
				t.Fatal("a missing tick was not rolled")
			}
			c.Clock.Advance(test.age)
			if err := keeper.Roll(t.Context(), namespace); err != nil {
				t.Fatal(err)
			}
			if second, _ := tickOf(t, c); (second != first) != test.rolled {
				t.Errorf("from %d to %d after %s, rolled should be %t", first, second, test.age, test.rolled)
			}
		})
	}
}

func TestManyMayRollATickAtOnce(t *testing.T) {
	t.Parallel()
	c := ledgertest.New(t, ledgertest.Options{})
	var rolling sync.WaitGroup
	for _, mspID := range []string{servetest.IssuerMSP, servetest.RetailerMSP, servetest.ClearingMSP, servetest.AdvertiserMSP} {
		keeper := newKeeper(t, c, mspID, servetest.ClearingMSP, ticking.Due)
		rolling.Go(func() {
			if err := keeper.Roll(t.Context(), namespace); err != nil {
				t.Errorf("%s: %v", mspID, err)
			}
		})
	}
	rolling.Wait()
	if _, found := tickOf(t, c); !found {
		t.Error("there is no tick")
	}
}

func TestALedgerOutOfReachIsAnError(t *testing.T) {
	t.Parallel()
	c := ledgertest.New(t, ledgertest.Options{})
	c.FailBefore(servetest.IssuerMSP, ledgertest.StepEvaluate, 100, ledgertest.ErrPeerAway)
	keeper := newKeeper(t, c, servetest.IssuerMSP, servetest.ClearingMSP, ticking.Due)
	if err := keeper.Roll(t.Context(), namespace); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestRunRollsUntilItIsTold(t *testing.T) {
	t.Parallel()
	c := ledgertest.New(t, ledgertest.Options{})
	// The first attempt fails; Run does not give up.
	c.FailBefore(servetest.IssuerMSP, ledgertest.StepEvaluate, 1, ledgertest.ErrPeerAway)
	keeper := newKeeper(t, c, servetest.IssuerMSP, servetest.ClearingMSP, ticking.Due)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	next := c.Network.Height()
	go func() { ended <- keeper.Run(ctx) }()
	if _, err := c.Network.WaitBlock(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if _, found := tickOf(t, c); !found {
		t.Error("there is no tick")
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run ended with %v", err)
	}
}

func TestOptionsAreRequired(t *testing.T) {
	t.Parallel()
	if _, err := ticking.New(ticking.Options{}); err == nil {
		t.Error("a keeper without ledger was made")
	}
}
