// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

const (
	issuer   = servetest.IssuerMSP
	clearing = servetest.ClearingMSP
)

var (
	namespace  = config.Namespace(issuer)
	setParties = ledger.Call{
		Namespace: namespace, Function: "SetParties", Argument: coupon.PartiesRequest{Clearing: clearing},
		Endorsers: []string{issuer, clearing}, Reference: "set-up",
	}
	getParties = ledger.Call{Namespace: namespace, Function: "GetParties"}
	tick       = ledger.Call{Namespace: namespace, Function: "Tick", Endorsers: []string{issuer, clearing}}
)

func TestSubmitReturnsOnceTheTransactionIsValid(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	journal := new(ledgertest.Journal)
	client := consortium.Client(t, issuer, serve.RoleService, journal)
	receipt, err := client.Submit(t.Context(), setParties)
	if err != nil {
		t.Fatal(err)
	}
	var parties coupon.Parties
	if err := client.Evaluate(t.Context(), getParties, &parties); err != nil || parties.Clearing != clearing {
		t.Errorf("got %+v, %v", parties, err)
	}
	if diff := cmp.Diff([]ledger.Outcome{{Receipt: receipt}}, journal.Outcomes()); diff != "" {
		t.Error(diff)
	}
	again, err := client.Status(t.Context(), receipt.TransactionID)
	if again != receipt || err != nil {
		t.Errorf("asked again: %+v, %v; want %+v", again, err, receipt)
	}
}

func TestRefusalsCarryTheirReasonAndAreNotProposedAnew(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	client := consortium.For(t, issuer)
	err := client.Evaluate(t.Context(), getParties, nil)
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonPartiesMissing {
		t.Errorf("reading what is not there: %v", err)
	}
	_, err = consortium.Client(t, issuer, serve.RoleAuditor, new(ledgertest.Journal)).Submit(t.Context(), setParties)
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonWrongRole {
		t.Errorf("as an auditor: %v", err)
	}
	height := consortium.Network.Height()
	if _, err := client.Submit(t.Context(), setParties); err != nil {
		t.Fatal(err)
	}
	_, err = client.Submit(t.Context(), setParties)
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonAlreadyExists {
		t.Errorf("twice: %v", err)
	}
	if got := consortium.Network.Height() - height; got != 1 {
		t.Errorf("%d blocks for one transaction", got)
	}
}

func TestConflictsAreProposedAnew(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	client := consortium.For(t, issuer)
	if _, err := client.Submit(t.Context(), setParties); err != nil {
		t.Fatal(err)
	}
	// Two ticks that are in one block conflict; proposed anew, the second is judged by what the first has done.
	consortium.Network.HoldBlocks()
	errs := make(chan error, 2)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			_, err := client.Submit(t.Context(), tick)
			errs <- err
		})
	}
	awaitPending(t, consortium, 2)
	consortium.Network.ReleaseBlocks()
	group.Wait()
	first, second := <-errs, <-errs
	if first != nil {
		first, second = second, first
	}
	if reason, _ := coupon.ReasonOf(second); first != nil || reason != coupon.ReasonTickTooEarly {
		t.Errorf("got %v and %v", first, second)
	}
}

// awaitPending polls until the orderer holds that many transactions.
func awaitPending(t *testing.T, consortium *ledgertest.Consortium, count int) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	for consortium.Network.Pending() < count {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("only %d transactions are pending", consortium.Network.Pending())
		}
	}
}

func TestAConflictAtTheLastAttemptIsOne(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{Ledger: ledger.Config{Attempts: 1}})
	client := consortium.For(t, issuer)
	late, err := client.Prepare(t.Context(), setParties)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Submit(t.Context(), setParties); err != nil {
		t.Fatal(err)
	}
	_, err = client.Send(t.Context(), late)
	var invalid *ledger.Invalid
	if !errors.Is(err, ledger.ErrConflict) || !errors.As(err, &invalid) || invalid.TransactionID != late.ID {
		t.Errorf("got %v", err)
	}
}

func TestWhatTheOrderersAnswerDecidesNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault func(*ledgertest.Consortium)
	}{
		{"too few orderers, and yet it commits", func(c *ledgertest.Consortium) {
			c.FailAfter(issuer, ledgertest.StepSubmit, 1, ledgertest.ErrTooFewOrderers)
		}},
		{"already processed", func(c *ledgertest.Consortium) {
			c.FailAfter(issuer, ledgertest.StepSubmit, 1, ledgertest.ErrAlreadyProcessed)
		}},
		{"lost on its way, and sent again", func(c *ledgertest.Consortium) {
			c.FailBefore(issuer, ledgertest.StepSubmit, 2, ledgertest.ErrPeerAway)
		}},
		{"the status cannot be asked at first", func(c *ledgertest.Consortium) {
			c.FailBefore(issuer, ledgertest.StepStatus, 1, ledgertest.ErrPeerAway)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				consortium := ledgertest.New(t, ledgertest.Options{})
				test.fault(consortium)
				receipt, err := consortium.For(t, issuer).Submit(t.Context(), setParties)
				if err != nil || receipt.Block == 0 {
					t.Errorf("got %+v, %v", receipt, err)
				}
			})
		})
	}
}

func TestAnUnknownOutcomeIsLearntLater(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault func(*ledgertest.Consortium)
		// committed before it is asked about again
		committed bool
	}{
		{"the status cannot be read", func(c *ledgertest.Consortium) {
			c.FailBefore(issuer, ledgertest.StepStatus, 1000, ledgertest.ErrPeerAway)
		}, true},
		{"it has never arrived", func(c *ledgertest.Consortium) {
			c.FailBefore(issuer, ledgertest.StepSubmit, 1000, ledgertest.ErrPeerAway)
		}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				consortium := ledgertest.New(t, ledgertest.Options{})
				journal := new(ledgertest.Journal)
				client := consortium.Client(t, issuer, serve.RoleService, journal)
				test.fault(consortium)
				_, err := client.Submit(t.Context(), setParties)
				var unknown *ledger.UnknownOutcome
				if !errors.As(err, &unknown) {
					t.Fatalf("got %v", err)
				}
				pending, err := journal.Pending(t.Context())
				if err != nil || len(pending) != 1 || pending[0].ID != unknown.TransactionID || pending[0].Reference != "set-up" {
					t.Fatalf("pending: %+v, %v", pending, err)
				}
				if _, found := consortium.Network.Status(unknown.TransactionID); found != test.committed {
					t.Fatalf("committed: %t", found)
				}

				// Still away: what is pending stays so.
				if err := client.Resume(t.Context()); err != nil || len(journal.Outcomes()) > 0 {
					t.Fatalf("resumed: %v, %+v", err, journal.Outcomes())
				}
				consortium.Heal()
				// As after a restart: another client with the same journal.
				if err := consortium.Client(t, issuer, serve.RoleService, journal).Resume(t.Context()); err != nil {
					t.Fatal(err)
				}
				outcomes := journal.Outcomes()
				if len(outcomes) != 1 || outcomes[0].TransactionID != unknown.TransactionID || outcomes[0].Invalid != "" {
					t.Errorf("got %+v", outcomes)
				}
				if pending, _ := journal.Pending(t.Context()); len(pending) > 0 {
					t.Errorf("still pending: %+v", pending)
				}
			})
		})
	}
}

func TestSendTwiceGivesOneOutcome(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	client := consortium.For(t, issuer)
	transaction, err := client.Prepare(t.Context(), setParties)
	if err != nil {
		t.Fatal(err)
	}
	first, err := client.Send(t.Context(), transaction)
	if err != nil {
		t.Fatal(err)
	}
	second, err := client.Send(t.Context(), transaction)
	if first != second || err != nil {
		t.Errorf("got %+v and %+v, %v", first, second, err)
	}
}

func TestNothingIsSentThatIsNotInTheJournal(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	full := errors.New("the disk is full")
	_, err := consortium.Client(t, issuer, serve.RoleService, brokenJournal{full}).Submit(t.Context(), setParties)
	if !errors.Is(err, full) || consortium.Network.Height() != 1 {
		t.Errorf("got %v, %d blocks", err, consortium.Network.Height())
	}
}

func TestALedgerOutOfReachIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, answer := range []error{ledgertest.ErrPeerAway, ledgertest.ErrBusy} {
		consortium := ledgertest.New(t, ledgertest.Options{})
		client := consortium.For(t, issuer)
		consortium.FailBefore(issuer, ledgertest.StepEndorse, 1, answer)
		if _, err := client.Submit(t.Context(), setParties); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("submitting: %v", err)
		}
		consortium.FailBefore(issuer, ledgertest.StepEvaluate, 1, answer)
		if err := client.Evaluate(t.Context(), getParties, nil); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("evaluating: %v", err)
		}
	}
}

type brokenJournal struct{ err error }
