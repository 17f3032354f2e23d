// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// once is setParties as a call that has its effect once.
func once(name string) ledger.Call {
	call := setParties
	call.Once = name
	return call
}

func TestWhatWasDoneOnceIsFoundByWhoeverIsAskedAgain(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	first, err := consortium.For(t, issuer).Submit(t.Context(), once("request 1"))
	if err != nil {
		t.Fatal(err)
	}
	// Another process with the same identity, and nothing in its journal.
	journal := new(ledgertest.Journal)
	again, err := consortium.Client(t, issuer, serve.RoleService, journal).Submit(t.Context(), once("request 1"))
	if again != first || err != nil {
		t.Errorf("got %+v, %v; want %+v", again, err, first)
	}
	if pending, _ := journal.Pending(t.Context()); len(pending) > 0 || len(journal.Outcomes()) > 0 {
		t.Errorf("it has sent %+v, %+v", pending, journal.Outcomes())
	}
	for _, call := range []ledger.Call{setParties, once("request 2")} {
		_, err = consortium.For(t, issuer).Submit(t.Context(), call)
		if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonAlreadyExists {
			t.Errorf("another request %q: %v", call.Once, err)
		}
	}
}

// Two processes are asked for the same at the same time: there is one
// transaction, and both are told of it.
func TestTwoWhoDoTheSameOnce(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	consortium.Network.HoldBlocks()
	receipts := make([]ledger.Receipt, 2)
	var group sync.WaitGroup
	for i := range receipts {
		client := consortium.Client(t, issuer, serve.RoleService, new(ledgertest.Journal))
		group.Go(func() {
			var err error
			if receipts[i], err = client.Submit(t.Context(), once("request")); err != nil {
				t.Error(err)
			}
		})
	}
	awaitPending(t, consortium, 2)
	consortium.Network.ReleaseBlocks()
	group.Wait()
	if receipts[0] != receipts[1] || receipts[0].Block == 0 {
		t.Errorf("got %+v", receipts)
	}
}

// The other is faster between the look at the ledger and the endorsement.
func TestOnceIsDoneByAnotherMeanwhile(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	reached, release := consortium.Hold(issuer, setParties.Function)
	defer release()
	type answer struct {
		receipt ledger.Receipt
		err     error
	}
	slow := make(chan answer, 1)
	client := consortium.Client(t, issuer, serve.RoleService, new(ledgertest.Journal))
	go func() {
		receipt, err := client.Submit(t.Context(), once("request"))
		slow <- answer{receipt, err}
	}()
	<-reached
	want, err := consortium.For(t, issuer).Submit(t.Context(), once("request"))
	if err != nil {
		t.Fatal(err)
	}
	release()
	if got := <-slow; got != (answer{receipt: want}) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// After a transaction that was invalid the next has another id, and after that it
// is the valid one that counts.
func TestOnceAfterAConflict(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	client := consortium.For(t, issuer)
	call := tick
	call.Once = "tick"
	if _, err := client.Submit(t.Context(), setParties); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Submit(t.Context(), tick); err != nil {
		t.Fatal(err)
	}
	consortium.Clock.Advance(3 * time.Minute)
	consortium.Network.HoldBlocks()
	errs := make([]error, 2)
	var group sync.WaitGroup
	group.Go(func() { _, errs[0] = client.Submit(t.Context(), tick) })
	awaitPending(t, consortium, 1)
	group.Go(func() { _, errs[1] = client.Submit(t.Context(), call) })
	awaitPending(t, consortium, 2)
	consortium.Network.ReleaseBlocks()
	group.Wait()
	if reason, _ := coupon.ReasonOf(errs[1]); errs[0] != nil || reason != coupon.ReasonTickTooEarly {
		t.Fatalf("got %v", errs)
	}
	consortium.Clock.Advance(3 * time.Minute)
	first, err := client.Submit(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	again, err := client.Submit(t.Context(), call)
	if again != first || err != nil {
		t.Errorf("got %+v, %v; want %+v", again, err, first)
	}
}

func TestOnceWhileTheLedgerCannotBeAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		consortium := ledgertest.New(t, ledgertest.Options{})
		client := consortium.For(t, issuer)
		consortium.FailBefore(issuer, ledgertest.StepEvaluate, 1, ledgertest.ErrPeerAway)
		if _, err := client.Submit(t.Context(), once("request")); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("looking for it: %v", err)
		}
		if _, err := client.Submit(t.Context(), once("request")); err != nil {
			t.Fatal(err)
		}
		consortium.FailBefore(issuer, ledgertest.StepStatus, 1000, ledgertest.ErrPeerAway)
		if _, err := client.Submit(t.Context(), once("request")); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("its status: %v", err)
		}
	})
}

// What was endorsed is on its way twice: the second copy is invalid, and the
// first is what both are told of.
func TestCopiesOfATransaction(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	client := consortium.For(t, servetest.IssuerMSP)
	transaction, err := client.Prepare(t.Context(), setParties)
	if err != nil {
		t.Fatal(err)
	}
	consortium.Network.HoldBlocks()
	receipts := make([]ledger.Receipt, 2)
	var group sync.WaitGroup
	for i := range receipts {
		group.Go(func() {
			var err error
			if receipts[i], err = client.Send(t.Context(), transaction); err != nil {
				t.Error(err)
			}
		})
	}
	awaitPending(t, consortium, 2)
	consortium.Network.ReleaseBlocks()
	group.Wait()
	if receipts[0] != receipts[1] || receipts[0].TransactionID != transaction.ID {
		t.Errorf("got %+v", receipts)
	}
}
