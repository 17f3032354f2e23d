// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	institutev1 "ecoupon/proto/gen/coupon/institute/v1"
	"ecoupon/services/clearing"
	"ecoupon/services/dial"
	"ecoupon/services/institute"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/servetest"
)

// bank is a payment institute that knows the numbers it is told, and counts what
// it is asked.
type bank struct {
	mu       sync.Mutex
	perMille int
	names    []string
	known    []string
	away     bool
	asked    []string
}

func (b *bank) Sampling() (clearing.Sampling, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return clearing.Sampling{PerMille: b.perMille, Institutes: b.names}, nil
}

func (b *bank) Confirm(_ context.Context, name string, payments []clearing.Payment) ([]bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return nil, errors.New("nobody is at home")
	}
	var answers []bool
	for _, p := range payments {
		b.asked = append(b.asked, p.Number)
		answers = append(answers, p.Institute == name && p.Merchant != "" && slices.Contains(b.known, p.Number))
	}
	return answers, nil
}

func (b *bank) change(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
}

// asking is a world whose clearing house asks the bank about all payments.
func asking(t *testing.T, known ...string) (*world, *bank) {
	t.Helper()
	w := open(t, ledger.Config{})
	b := &bank{perMille: 1000, names: []string{"Girobank"}, known: known}
	w.asked = b
	w.restart(t, w.path)
	return w, b
}

// unpaid lists the claims of differences about payments, sorted, and expects no
// others.
func unpaid(t *testing.T, run *clearingv1.ReconcileResponse) []string {
	t.Helper()
	claims := []string{}
	for _, d := range run.GetDifferences() {
		if d.GetType() != clearingv1.DifferenceType_DIFFERENCE_TYPE_PAYMENT || d.GetBatchId() == "" || d.GetRedemptionId() == "" {
			t.Errorf("difference %v", d)
		}
		claims = append(claims, d.GetClaimId())
	}
	return sorted(claims...)
}

// sorted, as the claims of two issuers come in any order.
func sorted(claims ...string) []string {
	slices.Sort(claims)
	return claims
}

func TestInventedPaymentsAreFound(t *testing.T) {
	t.Parallel()
	w, b := asking(t, "paid-1", "paid-2")
	honest := w.a.Claim(t, shopA, w.a.Redeem(t, shopA, "paid-1", 1), w.a.Redeem(t, shopA, "paid-2", 2))
	invented := w.a.Claim(t, shopB, w.a.Redeem(t, shopB, "made-up", 3), w.a.Redeem(t, shopB, "paid-2x", 4))
	elsewhere := w.b.Claim(t, shopB, w.b.RedeemPaid(t, shopB, coupon.Invoice{
		Institute: "Freebank", Number: "paid-1", Currency: "EUR", Amount: 300, PaidAt: w.Clock.Now().UnixMilli(),
	}, nil, 1))
	w.await(t, map[string]clearingv1.ClaimState{honest: received, invented: received, elsewhere: received})
	got := unpaid(t, w.reconcile(t))
	if want := sorted(invented, invented, elsewhere); !cmp.Equal(want, got) {
		t.Errorf("differences of %v, want %v", got, want)
	}
	states := map[string]clearingv1.ClaimState{honest: accepted, invented: disputed, elsewhere: disputed}
	w.await(t, states)
	w.settle(t, &clearingv1.SettleRequest{RequestId: uuid.NewString()})
	states[honest] = settled
	w.await(t, states)

	// What was answered stays, also over a restart; and where the institute comes
	// to know a payment, nothing stands against it any more.
	w.restart(t, w.path)
	b.change(func() { b.known, b.asked = append(b.known, "made-up"), nil })
	if got, want := unpaid(t, w.reconcile(t)), sorted(invented, elsewhere); !cmp.Equal(want, got) {
		t.Errorf("later, differences of %v, want %v", got, want)
	}
	b.change(func() {
		slices.Sort(b.asked)
		if want := []string{"made-up", "paid-2x"}; !cmp.Equal(want, b.asked) {
			t.Errorf("later asked about %v, want %v", b.asked, want)
		}
		b.perMille = 0
	})
	if got := unpaid(t, w.reconcile(t)); len(got) != 0 {
		t.Errorf("without sampling, differences of %v", got)
	}
}

// TestAnInstituteThatIsAwayHoldsNobodyUp: claims are accepted and settled
// without its answer, and what it says later is reported then.
func TestAnInstituteThatIsAwayHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	w, b := asking(t, "paid")
	b.change(func() { b.away = true })
	first := w.a.Claim(t, shopA, w.a.Redeem(t, shopA, "paid", 1), w.a.Redeem(t, shopA, "made-up", 2))
	w.await(t, map[string]clearingv1.ClaimState{first: received})
	if got := unpaid(t, w.reconcile(t)); len(got) != 0 {
		t.Errorf("without an answer, differences of %v", got)
	}
	w.await(t, map[string]clearingv1.ClaimState{first: accepted})
	w.settle(t, &clearingv1.SettleRequest{RequestId: uuid.NewString()})
	w.await(t, map[string]clearingv1.ClaimState{first: settled})
	b.change(func() { b.away = false })
	if got := unpaid(t, w.reconcile(t)); !cmp.Equal([]string{first}, got) {
		t.Errorf("once it answers, differences of %v, want %s", got, first)
	}
	w.await(t, map[string]clearingv1.ClaimState{first: settled})
	if got := unpaid(t, w.reconcile(t)); len(got) != 0 {
		t.Errorf("told again: %v", got)
	}
}

// TestSharesAreDrawnOnce: about a third is asked about, and who was spared stays
// so.
func TestSharesAreDrawnOnce(t *testing.T) {
	t.Parallel()
	w, b := asking(t)
	b.change(func() { b.perMille = 333 })
	var records []string
	for i := range 90 {
		records = append(records, w.a.Redeem(t, shopA, fmt.Sprintf("n-%d", i), int64(i+1)))
	}
	claim := w.a.Claim(t, shopA, records...)
	w.await(t, map[string]clearingv1.ClaimState{claim: received})
	drawn := len(unpaid(t, w.reconcile(t)))
	if drawn < 5 || drawn > 60 { // 30 expected; further off in one of 10⁸ runs
		t.Errorf("%d of 90 were drawn", drawn)
	}
	for range 3 {
		if again := len(unpaid(t, w.reconcile(t))); again != drawn {
			t.Errorf("%d differ, before it were %d", again, drawn)
		}
	}
}

// TestAttestedPaymentsAreNotAskedAbout, unless their key was withdrawn since.
func TestAttestedPaymentsAreNotAskedAbout(t *testing.T) {
	t.Parallel()
	w, b := asking(t)
	campaign := campaigntest.Publish(t, w.Consortium, campaigntest.Options{
		ID: "attested", AttestationRequired: true, Retailers: []string{shopA},
	})
	old, key := campaigntest.Wallet(t), campaigntest.Wallet(t)
	campaign.RegisterInstitute(t, "Girobank", old, key)
	paid := func(number string, key ed25519.PrivateKey, sn int64) string {
		i := coupon.Invoice{Institute: "Girobank", Number: number, Currency: "EUR", Amount: 300, PaidAt: w.Clock.Now().UnixMilli()}
		attestation := i.Attest(key, shopA)
		return campaign.RedeemPaid(t, shopA, i, &attestation, sn)
	}
	good := campaign.Claim(t, shopA, paid("n-1", key, 1))
	stale := campaign.Claim(t, shopA, paid("n-2", old, 2))
	campaign.RegisterInstitute(t, "Girobank", key)
	w.await(t, map[string]clearingv1.ClaimState{good: received, stale: received})
	if got := unpaid(t, w.reconcile(t)); !cmp.Equal([]string{stale}, got) {
		t.Errorf("differences of %v, want %s", got, stale)
	}
	b.change(func() {
		if !cmp.Equal([]string{"n-2"}, b.asked) {
			t.Errorf("asked about %v", b.asked)
		}
	})
}

// TestASandboxInstituteIsAsked over its own API, with the credentials that it
// gave the clearing house.
func TestASandboxInstituteIsAsked(t *testing.T) {
	t.Parallel()
	w := open(t, ledger.Config{})
	file := filepath.Join(t.TempDir(), "institutes.json")
	w.asked = clearing.InstitutesFile(file)
	w.restart(t, w.path)
	folder := institute.Folder(t.TempDir())
	merchant := institute.Customer{MSPID: shopA, Kind: institute.Merchant}
	enquirer := institute.Customer{MSPID: house, Kind: institute.Enquirer}
	stop := serveInstitute(t, folder, merchant, enquirer)
	paid := payAt(t, folder.Customer(merchant), 300)
	made := paid
	made.Number = "P-0123456789"
	real, invented := w.a.Claim(t, shopA, w.a.RedeemPaid(t, shopA, paid, nil, 1)), w.a.Claim(t, shopA, w.a.RedeemPaid(t, shopA, made, nil, 2))
	w.await(t, map[string]clearingv1.ClaimState{real: received, invented: received})
	if got := unpaid(t, w.reconcile(t)); len(got) != 0 {
		t.Errorf("nobody is to be asked, and differences of %v", got)
	}
	w.await(t, map[string]clearingv1.ClaimState{real: accepted, invented: accepted})
	writeJSON(t, file, map[string]any{"sample_per_mille": 1000, "folders": []string{folder.Customer(enquirer)}})
	if got := unpaid(t, w.reconcile(t)); !cmp.Equal([]string{invented}, got) {
		t.Errorf("differences of %v, want %s", got, invented)
	}
	w.await(t, map[string]clearingv1.ClaimState{real: accepted, invented: disputed})
	stop()
	if got := unpaid(t, w.reconcile(t)); !cmp.Equal([]string{invented}, got) {
		t.Errorf("with the institute away, differences of %v, want %s", got, invented)
	}
	for _, bad := range []any{
		map[string]any{"sample_per_mille": 1001, "folders": []string{}}, map[string]any{"share": 1},
		map[string]any{"sample_per_mille": 1000, "folders": []string{t.TempDir()}},
	} {
		writeJSON(t, file, bad)
		if _, err := w.operator.Reconcile(t.Context(), &clearingv1.ReconcileRequest{RequestId: uuid.NewString()}); err == nil {
			t.Errorf("reconciles with %v", bad)
		}
	}
}

func writeJSON(t *testing.T, path string, content any) {
	t.Helper()
	text, err := json.Marshal(content)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func serveInstitute(t *testing.T, folder institute.Folder, customers ...institute.Customer) (stop func()) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.SetUp("Sandbox", listener.Addr().String(), customers...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- folder.Serve(ctx, institute.Listeners{Customers: listener}, servetest.Logger(t)) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the institute ended with: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func payAt(t *testing.T, folder string, minor int64) coupon.Invoice {
	t.Helper()
	_, connection, err := dial.OpenInstitute(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	answer, err := institutev1.NewInstituteServiceClient(connection).Pay(t.Context(), &institutev1.PayRequest{
		RequestId: uuid.NewString(), Amount: euro(minor),
	})
	if err != nil {
		t.Fatal(err)
	}
	i := answer.GetInvoice()
	return coupon.Invoice{
		Institute: i.GetInstitute(), Number: i.GetNumber(), Currency: i.GetAmount().GetCurrency(),
		Amount: i.GetAmount().GetMinor(), PaidAt: i.GetPaidTime().AsTime().UnixMilli(),
	}
}
