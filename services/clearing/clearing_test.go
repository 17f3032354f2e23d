// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
)

// Claims of two issuers at two shops, one with a void sale, become remittances.
func TestFromClaimsToRemittances(t *testing.T) {
	t.Parallel()
	w := open(t, ledger.Config{})
	first := w.a.Redeem(t, shopA, "inv-1", 1, 2, 3)
	void := w.a.Redeem(t, shopA, "inv-2", 4, 5)
	w.a.Void(t, shopA, void)
	second := w.a.Redeem(t, shopB, "inv-3", 6)
	third := w.b.Redeem(t, shopA, "inv-4", 1, 2)
	claims := []string{w.a.Claim(t, shopA, first, void), w.a.Claim(t, shopB, second), w.b.Claim(t, shopA, third)}
	in := func(state clearingv1.ClaimState) map[string]clearingv1.ClaimState {
		return map[string]clearingv1.ClaimState{claims[0]: state, claims[1]: state, claims[2]: state}
	}
	list := w.await(t, in(received))
	want := &clearingv1.Claim{
		ClaimId: claims[0], Issuer: issuerA, Retailer: shopA, BatchIds: []string{batchID(t, first), batchID(t, void)},
		Coupons: 3, Amounts: []*typev1.Money{euro(300)}, State: received,
	}
	if diff := cmp.Diff(want, list[claims[0]], protocmp.Transform(), protocmp.IgnoreFields(want, "claim_time")); diff != "" {
		t.Errorf("claim (-want +got):\n%s", diff)
	}
	if empty := w.settle(t, &clearingv1.SettleRequest{RequestId: uuid.NewString()}); len(empty.GetRemittances()) != 0 {
		t.Errorf("settled without reconciliation: %v", empty)
	}

	if run := w.reconcile(t); run.GetClaims() != 3 || len(run.GetDifferences()) != 0 {
		t.Errorf("run: %v, want 3 claims and no differences", run)
	}
	w.await(t, in(accepted))

	request := &clearingv1.SettleRequest{RequestId: uuid.NewString()}
	settlement := w.settle(t, request)
	wantRemittances(t, settlement, request.GetRequestId(), batchID(t, first), batchID(t, second), batchID(t, third))
	w.await(t, in(settled))

	t.Run("repeats and lists", func(t *testing.T) { w.wantFound(t, request, settlement) })
	t.Run("a batch is settled once", func(t *testing.T) {
		w.reconcile(t)
		if again := w.settle(t, &clearingv1.SettleRequest{RequestId: uuid.NewString()}); len(again.GetRemittances()) != 0 {
			t.Errorf("settled again: %v", again)
		}
	})
	t.Run("an empty store learns of it", func(t *testing.T) {
		w.restart(t, filepath.Join(t.TempDir(), "empty.db"))
		w.await(t, in(settled))
		slicesSorted := cmpopts.SortSlices(func(a, b *clearingv1.Remittance) bool {
			return strings.Join(a.GetBatchIds(), "") < strings.Join(b.GetBatchIds(), "")
		})
		got := w.remittances(t, request.GetRequestId())
		if diff := cmp.Diff(settlement.GetRemittances(), got, protocmp.Transform(), slicesSorted); diff != "" {
			t.Errorf("remittances (-before +after):\n%s", diff)
		}
		w.settle(t, request)
	})
}

// wantRemittances compares a settlement with what TestFromClaimsToRemittances has
// claimed in three batches.
func wantRemittances(t *testing.T, got *clearingv1.Settlement, id, first, second, third string) {
	t.Helper()
	want := &clearingv1.Settlement{
		SettlementId: id,
		Remittances: []*clearingv1.Remittance{
			{SettlementId: id, Issuer: issuerA, Retailer: shopB, Amount: euro(100), Coupons: 1, BatchIds: []string{second}},
			{SettlementId: id, Issuer: issuerA, Retailer: shopA, Amount: euro(300), Coupons: 3, BatchIds: []string{first}},
			{SettlementId: id, Issuer: issuerB, Retailer: shopA, Amount: euro(200), Coupons: 2, BatchIds: []string{third}},
		},
		NetPositions: []*clearingv1.NetPosition{
			{Organisation: issuerA, Amount: euro(-400)}, {Organisation: issuerB, Amount: euro(-200)},
			{Organisation: shopB, Amount: euro(100)}, {Organisation: shopA, Amount: euro(500)},
		},
	}
	ignored := protocmp.IgnoreFields(&clearingv1.Remittance{}, "transaction_ids")
	if diff := cmp.Diff(want, got, protocmp.Transform(), ignored, ignoredSettleTime); diff != "" {
		t.Errorf("settlement (-want +got):\n%s", diff)
	}
	for _, r := range got.GetRemittances() {
		if len(r.GetTransactionIds()) != 1 {
			t.Errorf("transactions of a remittance: %v", r.GetTransactionIds())
		}
	}
}

// wantFound repeats a request, looks its settlement up and lists all remittances.
func (w *world) wantFound(t *testing.T, request *clearingv1.SettleRequest, settlement *clearingv1.Settlement) {
	t.Helper()
	if diff := cmp.Diff(settlement, w.settle(t, request), protocmp.Transform(), ignoredSettleTime); diff != "" {
		t.Errorf("repeat (-first +repeat):\n%s", diff)
	}
	got, err := w.operator.GetSettlement(t.Context(), &clearingv1.GetSettlementRequest{SettlementId: request.GetRequestId()})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settlement, got.GetSettlement(), protocmp.Transform(), ignoredSettleTime); diff != "" {
		t.Errorf("looked up (-settled +found):\n%s", diff)
	}
	if diff := cmp.Diff(settlement.GetRemittances(), w.remittances(t, ""), protocmp.Transform()); diff != "" {
		t.Errorf("remittances (-settlement +list):\n%s", diff)
	}
}

// ignoredSettleTime leaves out when a settlement was made.
var ignoredSettleTime = protocmp.IgnoreFields(&clearingv1.Settlement{}, "settle_time")

// remittances reads the list in pages of two.
func (w *world) remittances(t *testing.T, settlement string) []*clearingv1.Remittance {
	t.Helper()
	var all []*clearingv1.Remittance
	request := &clearingv1.ListRemittancesRequest{PageSize: 2, SettlementId: settlement}
	for {
		page, err := w.operator.ListRemittances(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.GetRemittances()...)
		if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
			return all
		}
	}
}

func TestSettleUntil(t *testing.T) {
	t.Parallel()
	w := open(t, ledger.Config{})
	early := w.a.Claim(t, shopA, w.a.Redeem(t, shopA, "inv-1", 1))
	w.Clock.Advance(time.Minute)
	until := timestamppb.New(w.Clock.Now())
	w.Clock.Advance(time.Second)
	late := w.a.Claim(t, shopA, w.a.Redeem(t, shopA, "inv-2", 2, 3))
	w.await(t, map[string]clearingv1.ClaimState{early: received, late: received})
	w.reconcile(t)
	request := &clearingv1.SettleRequest{RequestId: uuid.NewString(), UntilTime: until}
	if got := w.settle(t, request).GetRemittances(); len(got) != 1 || got[0].GetAmount().GetMinor() != 100 {
		t.Errorf("remittances %v, want that of the early claim", got)
	}
	w.await(t, map[string]clearingv1.ClaimState{early: settled, late: accepted})
	t.Run("the same request until another time", func(t *testing.T) {
		_, err := w.operator.Settle(t.Context(), &clearingv1.SettleRequest{RequestId: request.GetRequestId()})
		wantRefusal(t, err, codes.AlreadyExists, "REQUEST_CONFLICT")
	})
	if got := w.settle(t, &clearingv1.SettleRequest{RequestId: uuid.NewString()}).GetRemittances(); len(got) != 1 || got[0].GetAmount().GetMinor() != 200 {
		t.Errorf("remittances %v, want that of the late claim", got)
	}
}

// One invoice stands for one sale: two retailers that claim for the same one
// are both disputed, and others are not.
func TestInvoiceAtTwoRetailers(t *testing.T) {
	t.Parallel()
	w := open(t, ledger.Config{})
	mine := w.a.Claim(t, shopA, w.a.Redeem(t, shopA, "shared", 1))
	theirs := w.b.Claim(t, shopB, w.b.Redeem(t, shopB, "shared", 1))
	fair := w.a.Claim(t, shopB, w.a.Redeem(t, shopB, "inv-9", 2))
	// The same retailer with coupons of two issuers is an ordinary sale.
	both := []string{w.a.Claim(t, shopA, w.a.Redeem(t, shopA, "inv-8", 3)), w.b.Claim(t, shopA, w.b.Redeem(t, shopA, "inv-8", 3))}
	// A void one does not count.
	void := w.a.Redeem(t, shopA, "inv-9", 4)
	w.a.Void(t, shopA, void)
	voided := w.a.Claim(t, shopA, void)
	w.await(t, map[string]clearingv1.ClaimState{
		mine: received, theirs: received, fair: received, both[0]: received, both[1]: received, voided: received,
	})
	request := &clearingv1.ReconcileRequest{RequestId: uuid.NewString()}
	run, err := w.operator.Reconcile(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	types := make(map[string]clearingv1.DifferenceType)
	for _, d := range run.GetDifferences() {
		types[d.GetClaimId()] = d.GetType()
		if strings.Contains(d.String(), "shared") {
			t.Errorf("a difference tells the invoice: %v", d)
		}
	}
	invoice := clearingv1.DifferenceType_DIFFERENCE_TYPE_INVOICE
	if diff := cmp.Diff(map[string]clearingv1.DifferenceType{mine: invoice, theirs: invoice}, types); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	w.await(t, map[string]clearingv1.ClaimState{
		mine: disputed, theirs: disputed, fair: accepted, both[0]: accepted, both[1]: accepted, voided: accepted,
	})
	t.Run("a repeat returns the same run", func(t *testing.T) {
		again, err := w.operator.Reconcile(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(run, again, protocmp.Transform()); diff != "" {
			t.Errorf("repeat (-first +repeat):\n%s", diff)
		}
	})
	t.Run("what is disputed is not settled", func(t *testing.T) {
		settlement := w.settle(t, &clearingv1.SettleRequest{RequestId: uuid.NewString()})
		sum := int64(0)
		for _, r := range settlement.GetRemittances() {
			sum += r.GetAmount().GetMinor()
		}
		if sum != 300 {
			t.Errorf("%d paid, want 300: %v", sum, settlement)
		}
	})
	t.Run("also against what is settled", func(t *testing.T) {
		late := w.b.Claim(t, shopB, w.b.Redeem(t, shopB, "inv-8", 7))
		w.await(t, map[string]clearingv1.ClaimState{
			mine: disputed, theirs: disputed, fair: settled, both[0]: settled, both[1]: settled, voided: settled, late: received,
		})
		found := false
		for _, d := range w.reconcile(t).GetDifferences() {
			found = found || d.GetClaimId() == late && d.GetType() == invoice
		}
		if !found {
			t.Error("an invoice of a settled claim was used again, unnoticed")
		}
	})
}

// A settlement whose outcome is not known is finished by the same request, with
// a restart in between.
func TestSettlementIsFinishedLater(t *testing.T) {
	t.Parallel()
	w := open(t, ledgertest.Impatient)
	claim := w.a.Claim(t, shopA, w.a.Redeem(t, shopA, "inv-1", 1))
	w.await(t, map[string]clearingv1.ClaimState{claim: received})
	w.reconcile(t)
	w.Network.HoldBlocks()
	request := &clearingv1.SettleRequest{RequestId: uuid.NewString()}
	_, err := w.operator.Settle(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "OUTCOME_UNKNOWN")
	_, err = w.operator.GetSettlement(t.Context(), &clearingv1.GetSettlementRequest{SettlementId: request.GetRequestId()})
	wantRefusal(t, err, codes.NotFound, "NOT_FOUND")
	w.restart(t, w.path)
	w.Network.ReleaseBlocks()
	settlement := w.settle(t, request)
	if got := settlement.GetRemittances(); len(got) != 1 || got[0].GetAmount().GetMinor() != 100 || len(got[0].GetTransactionIds()) != 1 {
		t.Errorf("remittances %v", got)
	}
	w.await(t, map[string]clearingv1.ClaimState{claim: settled})
}

// claims are one at each issuer, reconciled.
func (w *world) claims(t *testing.T) (atA, atB string) {
	t.Helper()
	atA, atB = w.a.Claim(t, shopA, w.a.Redeem(t, shopA, "inv-1", 1, 2)), w.b.Claim(t, shopA, w.b.Redeem(t, shopA, "inv-2", 3))
	w.await(t, map[string]clearingv1.ClaimState{atA: received, atB: received})
	w.reconcile(t)
	return atA, atB
}

// wantPaid compares what is remitted in all.
func (w *world) wantPaid(t *testing.T, want int64) {
	t.Helper()
	sum := int64(0)
	for _, r := range w.remittances(t, "") {
		sum += r.GetAmount().GetMinor()
	}
	if sum != want {
		t.Errorf("%d paid, want %d", sum, want)
	}
}

// elsewhere has a settlement planned that cannot be endorsed, and another replica, with
// an empty store, go on. The path is that of the first.
func (w *world) elsewhere(t *testing.T, atFirst map[string]clearingv1.ClaimState) (planned *clearingv1.SettleRequest, path string) {
	t.Helper()
	planned, path = &clearingv1.SettleRequest{RequestId: uuid.NewString()}, w.path
	w.FailBefore(house, ledgertest.StepEndorse, 1_000, ledgertest.ErrPeerAway)
	_, err := w.operator.Settle(t.Context(), planned)
	wantRefusal(t, err, codes.Unavailable, "LEDGER_UNAVAILABLE")
	w.Heal()
	w.restart(t, filepath.Join(t.TempDir(), "replica.db"))
	w.await(t, atFirst)
	w.reconcile(t)
	return planned, path
}

// A settlement that nobody asks for again is finished with the next.
func TestAnAbandonedSettlementIsFinished(t *testing.T) {
	t.Parallel()
	w := open(t, ledgertest.Impatient)
	w.claims(t)
	w.FailBefore(house, ledgertest.StepStatus, 1_000, ledgertest.ErrPeerAway) // of two parts one is sent
	_, err := w.operator.Settle(t.Context(), &clearingv1.SettleRequest{RequestId: uuid.NewString()})
	wantRefusal(t, err, codes.Unavailable, "OUTCOME_UNKNOWN")
	w.Heal()
	w.settle(t, &clearingv1.SettleRequest{RequestId: uuid.NewString()})
	w.wantPaid(t, 300)
}

// A part that another replica has made, of less than was planned here, leaves the
// rest for the next.
func TestASettlementIsMadeOfLess(t *testing.T) {
	t.Parallel()
	w := open(t, ledger.Config{})
	early := w.a.Claim(t, shopA, w.a.Redeem(t, shopA, "inv-1", 1))
	w.Clock.Advance(time.Minute)
	until := timestamppb.New(w.Clock.Now())
	w.Clock.Advance(time.Second)
	late := w.a.Claim(t, shopA, w.a.Redeem(t, shopA, "inv-2", 2, 3))
	claims := map[string]clearingv1.ClaimState{early: received, late: received}
	w.await(t, claims)
	w.reconcile(t)
	planned, first := w.elsewhere(t, claims)
	w.settle(t, &clearingv1.SettleRequest{RequestId: planned.GetRequestId(), UntilTime: until})
	w.restart(t, first)
	w.await(t, map[string]clearingv1.ClaimState{early: settled, late: accepted})
	w.settle(t, &clearingv1.SettleRequest{RequestId: uuid.NewString()})
	w.wantPaid(t, 300)
}

// A settlement that was planned, and made by another replica under another id, is
// complete without what is settled there.
func TestNothingIsLeftOfAPlannedSettlement(t *testing.T) {
	t.Parallel()
	w := open(t, ledger.Config{})
	atA, atB := w.claims(t)
	planned, first := w.elsewhere(t, map[string]clearingv1.ClaimState{atA: received, atB: received})
	made := w.settle(t, &clearingv1.SettleRequest{RequestId: uuid.NewString()})
	w.restart(t, first)
	w.await(t, map[string]clearingv1.ClaimState{atA: settled, atB: settled})
	if got := w.settle(t, planned).GetRemittances(); len(got) != 0 {
		t.Errorf("settled again: %v", got)
	}
	if got := made.GetRemittances(); len(got) != 2 {
		t.Errorf("settled there: %v", got)
	}
	w.wantPaid(t, 300)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := open(t, ledger.Config{})
	calls := map[string]func(clearingv1.ClearingServiceClient, string) error{
		"ListClaims": func(c clearingv1.ClearingServiceClient, _ string) error {
			_, err := c.ListClaims(t.Context(), &clearingv1.ListClaimsRequest{PageToken: "x"})
			return err
		},
		"Reconcile": func(c clearingv1.ClearingServiceClient, id string) error {
			_, err := c.Reconcile(t.Context(), &clearingv1.ReconcileRequest{RequestId: id})
			return err
		},
		"Settle": func(c clearingv1.ClearingServiceClient, id string) error {
			_, err := c.Settle(t.Context(), &clearingv1.SettleRequest{RequestId: id})
			return err
		},
		"GetSettlement": func(c clearingv1.ClearingServiceClient, id string) error {
			_, err := c.GetSettlement(t.Context(), &clearingv1.GetSettlementRequest{SettlementId: id})
			return err
		},
		"ListRemittances": func(c clearingv1.ClearingServiceClient, id string) error {
			_, err := c.ListRemittances(t.Context(), &clearingv1.ListRemittancesRequest{SettlementId: id})
			return err
		},
	}
	for method, call := range calls {
		t.Run(method, func(t *testing.T) {
			wantRefusal(t, call(w.operator, "no-uuid"), codes.InvalidArgument, "INVALID_REQUEST")
			for _, caller := range []struct{ organisation, role, reason string }{
				{shopA, serve.RoleOperator, "WRONG_ORGANISATION"},
				{issuerA, serve.RoleService, "WRONG_ORGANISATION"},
				{house, serve.RoleTill, "WRONG_ROLE"},
			} {
				conn := w.service.Dial(t, w.Caller(t, caller.organisation, caller.role))
				err := call(clearingv1.NewClearingServiceClient(conn), uuid.NewString())
				wantRefusal(t, err, codes.PermissionDenied, caller.reason)
			}
		})
	}
	t.Run("unknown settlement", func(t *testing.T) {
		wantRefusal(t, calls["GetSettlement"](w.operator, uuid.NewString()), codes.NotFound, "NOT_FOUND")
	})
	t.Run("unknown state", func(t *testing.T) {
		_, err := w.operator.ListClaims(t.Context(), &clearingv1.ListClaimsRequest{State: 99})
		wantRefusal(t, err, codes.InvalidArgument, "INVALID_REQUEST")
	})
}
