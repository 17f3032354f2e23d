// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
)

// slowLedger answers every question after a second, and counts the questions.
type slowLedger struct {
	Ledger
	mu    sync.Mutex
	asked map[string]int
	err   error
}

func (l *slowLedger) Evaluate(ctx context.Context, call ledger.Call, out any) error {
	l.mu.Lock()
	l.asked[call.Function]++
	err := l.err
	l.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	switch out := out.(type) {
	case *coupon.Framework:
		out.Issuer = "IssuerMSP"
	case *coupon.CampaignEntry:
		out.Campaign.Terms = `{"format":1,"currency":"EUR","gtins":["09521234543213"],"quantity":1,"benefit":{"type":"amount_off","amount":50}}`
	}
	return err
}

func TestAllWhoAskAtOnceForAnOfferShareTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &slowLedger{asked: make(map[string]int), err: ledger.ErrUnavailable}
		known := newOffers(l, []string{"IssuerMSP"})
		// crowd has a hundred ask.
		crowd := func(want error) {
			t.Helper()
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					if _, err := known.find(t.Context(), coupon.FrameworkID{1}); !errors.Is(err, want) {
						t.Errorf("got %v, want %v", err, want)
					}
				})
			}
			all.Wait()
		}
		crowd(ledger.ErrUnavailable) // and does not stay so
		l.err = nil
		crowd(nil)
		crowd(nil)
		if l.asked["GetFramework"] != 2 || l.asked["GetCampaign"] != 1 {
			t.Errorf("the ledger was asked: %v", l.asked)
		}
	})
}

// TestWhoLeavesTakesNoAnswerFromOthers: the first who asked for an offer hangs up.
func TestWhoLeavesTakesNoAnswerFromOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		known := newOffers(&slowLedger{asked: make(map[string]int)}, []string{"IssuerMSP"})
		first, leave := context.WithCancel(t.Context())
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := known.find(first, coupon.FrameworkID{1}); !errors.Is(err, context.Canceled) {
				t.Errorf("the first got %v", err)
			}
		})
		synctest.Wait()
		both.Go(func() {
			if _, err := known.find(t.Context(), coupon.FrameworkID{1}); err != nil {
				t.Errorf("the second got %v", err)
			}
		})
		synctest.Wait()
		leave()
		both.Wait()
	})
}
