// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/stubtest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
)

// Nobody answers in time: before anything is sent that is a ledger out of reach,
// and after it an outcome that is not known.
func TestDeadlinesOfEveryStep(t *testing.T) {
	t.Parallel()
	isUnavailable := func(err error) bool { return errors.Is(err, ledger.ErrUnavailable) }
	isUnknown := func(err error) bool {
		var unknown *ledger.UnknownOutcome
		return errors.As(err, &unknown) && !errors.Is(err, ledger.ErrUnavailable)
	}
	isDone := func(err error) bool { return err == nil }
	tests := []struct {
		name      string
		fault     func(*ledgertest.Consortium)
		want      func(error) bool
		committed bool
	}{
		{"endorsing hangs", func(c *ledgertest.Consortium) {
			c.FailBefore(issuer, ledgertest.StepEndorse, 1, ledgertest.ErrHangs)
		}, isUnavailable, false},
		{"the endorsement's answer is lost", func(c *ledgertest.Consortium) {
			c.FailAfter(issuer, ledgertest.StepEndorse, 1, ledgertest.ErrHangs)
		}, isUnavailable, false},
		{"the orderers hang, and it never arrives", func(c *ledgertest.Consortium) {
			c.FailBefore(issuer, ledgertest.StepSubmit, 1000, ledgertest.ErrHangs)
		}, isUnknown, false},
		{"the orderers hang, and it is sent again", func(c *ledgertest.Consortium) {
			c.FailBefore(issuer, ledgertest.StepSubmit, 1, ledgertest.ErrHangs)
		}, isDone, true},
		{"the orderers' answer is lost", func(c *ledgertest.Consortium) {
			c.FailAfter(issuer, ledgertest.StepSubmit, 1, ledgertest.ErrHangs)
		}, isDone, true},
		{"the orderers' queue is full at first", func(c *ledgertest.Consortium) {
			c.FailBefore(issuer, ledgertest.StepSubmit, 2, ledgertest.ErrQueueFull)
		}, isDone, true},
		{"the orderers' queue stays full", func(c *ledgertest.Consortium) {
			c.FailBefore(issuer, ledgertest.StepSubmit, 1000, ledgertest.ErrQueueFull)
		}, isUnknown, false},
		{"the status hangs", func(c *ledgertest.Consortium) {
			c.FailBefore(issuer, ledgertest.StepStatus, 1000, ledgertest.ErrHangs)
		}, isUnknown, true},
		{"no block comes", func(c *ledgertest.Consortium) { c.Network.HoldBlocks() }, isUnknown, false},
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
				if !test.want(err) {
					t.Errorf("got %v", err)
				}
				if committed := consortium.Network.Height() > 1; committed != test.committed {
					t.Errorf("committed: %t", committed)
				}
				pending, _ := journal.Pending(t.Context())
				if len(pending) > 0 != isUnknown(err) {
					t.Errorf("pending: %+v", pending)
				}
				// The truth is learnt when the network is well again.
				consortium.Heal()
				consortium.Network.ReleaseBlocks()
				if err := client.Resume(t.Context()); err != nil {
					t.Fatal(err)
				}
				if pending, _ := journal.Pending(t.Context()); len(pending) > 0 {
					t.Errorf("still pending: %+v", pending)
				}
			})
		})
	}
}

// Every code that a peer can give a transaction has one of four meanings.
func TestEveryValidationCode(t *testing.T) {
	t.Parallel()
	conflicts := map[string]bool{"MVCC_READ_CONFLICT": true, "PHANTOM_READ_CONFLICT": true}
	outdated := map[string]bool{
		"ENDORSEMENT_POLICY_FAILURE": true, "EXPIRED_CHAINCODE": true, "CHAINCODE_VERSION_CONFLICT": true,
	}
	for code, name := range peer.TxValidationCode_name {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				consortium := ledgertest.New(t, ledgertest.Options{})
				journal := new(ledgertest.Journal)
				client := consortium.Client(t, issuer, serve.RoleService, journal)
				transaction, err := client.Prepare(t.Context(), setParties)
				if err != nil {
					t.Fatal(err)
				}
				consortium.Judge(issuer, peer.TxValidationCode(code))
				receipt, err := client.Send(t.Context(), transaction)
				var invalid *ledger.Invalid
				var unknown *ledger.UnknownOutcome
				switch name {
				case "VALID":
					if err != nil || receipt.Block == 0 {
						t.Errorf("got %+v, %v", receipt, err)
					}
					return
				case "DUPLICATE_TXID":
					// It tells of a copy, never of the transaction itself: that is asked for again.
					if !errors.As(err, &unknown) || len(journal.Outcomes()) > 0 {
						t.Errorf("got %v, %+v", err, journal.Outcomes())
					}
					return
				}
				if !errors.As(err, &invalid) || invalid.Code != name || invalid.TransactionID != transaction.ID {
					t.Fatalf("got %v", err)
				}
				if errors.Is(err, ledger.ErrConflict) != conflicts[name] || invalid.Outdated() != outdated[name] {
					t.Errorf("conflict: %t, outdated: %t", errors.Is(err, ledger.ErrConflict), invalid.Outdated())
				}
				if outcomes := journal.Outcomes(); len(outcomes) != 1 || outcomes[0].Invalid != name {
					t.Errorf("noted: %+v", outcomes)
				}
			})
		})
	}
}

// The definition changes between endorsement and block: what was endorsed before
// counts no longer. It is proposed anew, once.
func TestAnOutdatedEndorsementIsRenewedOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		restore bool
	}{{"the next is valid", true}, {"the next is invalid, too", false}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			consortium := ledgertest.New(t, ledgertest.Options{Altered: true})
			client := consortium.For(t, issuer)
			consortium.Network.HoldBlocks()
			done := make(chan error, 1)
			go func() {
				_, err := client.Submit(t.Context(), setParties)
				done <- err
			}()
			awaitPending(t, consortium, 1)
			stranger := stubtest.IssuerAndOther("StrangerMSP")
			consortium.Network.Define(namespace, stranger)
			if test.restore {
				reached, release := consortium.Hold(issuer, setParties.Function)
				consortium.Network.ReleaseBlocks()
				<-reached
				consortium.Network.Define(namespace, stubtest.IssuerAndOther(issuer))
				release()
			} else {
				consortium.Network.ReleaseBlocks()
			}
			err := <-done
			var invalid *ledger.Invalid
			switch {
			case test.restore && err != nil:
				t.Error(err)
			case !test.restore && (!errors.As(err, &invalid) || invalid.Code != "ENDORSEMENT_POLICY_FAILURE"):
				t.Errorf("got %v", err)
			}
			if blocks := consortium.Network.Height() - 1; blocks != 2 {
				t.Errorf("%d blocks, want 2", blocks)
			}
		})
	}
}

// A peer that does not know the caller answers with an error that no repetition
// changes.
func TestAccessDeniedIsNeitherRefusalNorAbsence(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	client := consortium.For(t, issuer)
	consortium.FailBefore(issuer, ledgertest.StepEndorse, 1, status.Error(codes.PermissionDenied, "access denied: creator is unknown"))
	_, err := client.Submit(t.Context(), setParties)
	if status.Code(err) != codes.PermissionDenied || errors.Is(err, ledger.ErrUnavailable) || errors.Is(err, ledger.ErrConflict) {
		t.Errorf("got %v", err)
	}
	if _, err := client.Submit(t.Context(), setParties); err != nil {
		t.Error(err)
	}
}
