// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	"ecoupon/services/internal/ledgertest"
)

// The settlement's answer is lost, the process ends, and another with an empty
// store is asked the same, with the blocks still to be read.
func TestSettlementInDoubtIsAnsweredByAnother(t *testing.T) {
	t.Parallel()
	w := open(t, ledgertest.Impatient)
	claims := map[string]clearingv1.ClaimState{
		w.a.Claim(t, shopA, w.a.Redeem(t, shopA, "inv-1", 1, 2)): received,
		w.a.Claim(t, shopB, w.a.Redeem(t, shopB, "inv-2", 3)):    received,
		w.b.Claim(t, shopA, w.b.Redeem(t, shopA, "inv-3", 1)):    received,
	}
	w.await(t, claims)
	w.reconcile(t)
	request := &clearingv1.SettleRequest{RequestId: uuid.NewString()}
	// The first part is sent and its outcome is lost, the others are not sent.
	w.FailBefore(house, ledgertest.StepStatus, 1_000, ledgertest.ErrPeerAway)
	_, err := w.operator.Settle(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "OUTCOME_UNKNOWN")
	first := w.path
	w.FailBefore(house, ledgertest.StepEvents, 1_000, ledgertest.ErrPeerAway) // none learns it from blocks
	w.FailBefore(house, ledgertest.StepEvaluate, 1_000, ledgertest.ErrPeerAway)
	w.restart(t, filepath.Join(t.TempDir(), "empty.db"))
	_, err = w.operator.Settle(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "LEDGER_UNAVAILABLE")
	w.Heal()
	part := w.settle(t, request)
	if got := part.GetRemittances(); len(got) != 1 {
		t.Fatalf("on the ledger is one part: %v", got)
	}
	if diff := cmp.Diff(part, w.settle(t, request), protocmp.Transform()); diff != "" {
		t.Errorf("asked again (-first +again):\n%s", diff)
	}

	// It learns this part from the blocks, too, and then misses the others.
	learning := filepath.Join(t.TempDir(), "learning.db")
	w.Heal()
	w.restart(t, learning)
	w.awaitSettlement(t, request.GetRequestId())

	// The process that has planned the settlement finishes it.
	w.restart(t, first)
	whole := w.settle(t, request)
	sum := int64(0)
	for _, r := range whole.GetRemittances() {
		sum += r.GetAmount().GetMinor()
	}
	if sum != 400 || len(whole.GetRemittances()) != 3 {
		t.Errorf("settled %v", whole)
	}
	ignored := protocmp.IgnoreFields(whole, "settle_time")
	byName := protocmp.SortRepeated(func(a, b *clearingv1.Remittance) bool {
		return a.GetIssuer()+a.GetRetailer() < b.GetIssuer()+b.GetRetailer()
	})
	for _, path := range []string{learning, filepath.Join(t.TempDir(), "empty-again.db")} {
		w.FailBefore(house, ledgertest.StepEvents, 1_000, ledgertest.ErrPeerAway)
		w.restart(t, path)
		if diff := cmp.Diff(whole, w.settle(t, request), protocmp.Transform(), ignored, byName); diff != "" {
			t.Errorf("%s, asked for the whole (-first +this):\n%s", filepath.Base(path), diff)
		}
	}
}

// awaitSettlement polls until the settlement is known.
func (w *world) awaitSettlement(t *testing.T, id string) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(20 * time.Second)
	for {
		_, err := w.operator.GetSettlement(t.Context(), &clearingv1.GetSettlementRequest{SettlementId: id})
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal(err)
		}
	}
}
