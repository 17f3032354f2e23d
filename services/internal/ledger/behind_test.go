// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"errors"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

func TestPeersThatAreBehindAreAskedAgain(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	client := consortium.For(t, issuer)
	whileCatchingUp := func(call func() error) error {
		done := make(chan error, 1)
		go func() { done <- call() }()
		consortium.Network.CatchUp(clearing)
		return <-done
	}

	consortium.Network.Lag(clearing)
	if _, err := client.Submit(t.Context(), setParties); err != nil {
		t.Fatal(err)
	}
	read := getParties
	read.Endorsers = []string{clearing}
	err := client.Evaluate(t.Context(), read, nil)
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonPartiesMissing {
		t.Fatalf("a refusal that is not expected: %v", err)
	}
	read.RetryOn = []coupon.Reason{coupon.ReasonPartiesMissing}
	if err := whileCatchingUp(func() error { return client.Evaluate(t.Context(), read, nil) }); err != nil {
		t.Errorf("a refusal that is expected of a peer that is behind: %v", err)
	}

	consortium.Network.Lag(clearing)
	elsewhere := tick
	elsewhere.Endorsers = []string{issuer, servetest.RetailerMSP}
	if _, err := client.Submit(t.Context(), elsewhere); err != nil {
		t.Fatal(err)
	}
	consortium.Clock.Advance(3 * time.Minute)
	if _, err := client.Prepare(t.Context(), tick); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("results that differ as often as they are compared: %v", err)
	}
	if err := whileCatchingUp(func() error { _, err := client.Submit(t.Context(), tick); return err }); err != nil {
		t.Errorf("results that differ at first: %v", err)
	}
}

// What a peer that is behind refuses is no refusal where nothing else can be meant.
func TestAPeerThatStaysBehindIsUnavailable(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	client := consortium.For(t, issuer)
	for _, call := range []ledger.Call{setParties, tick} {
		if _, err := client.Submit(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
	call := tick
	call.RetryOn = []coupon.Reason{coupon.ReasonTickTooEarly}
	_, err := client.Submit(t.Context(), call)
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonTickTooEarly {
		t.Errorf("a refusal that may be one: %v", err)
	}
	call.Certain = true
	_, err = client.Submit(t.Context(), call)
	if _, refused := coupon.ReasonOf(err); refused || !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("a refusal that cannot be one: %v", err)
	}
}
