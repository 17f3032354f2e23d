// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package institute_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	institutev1 "ecoupon/proto/gen/coupon/institute/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/dial"
	"ecoupon/services/institute"
	"ecoupon/services/internal/servetest"
)

const name = "Sandbox Pay"

var (
	merchant  = institute.Customer{MSPID: "RetailerMSP", Kind: institute.Merchant}
	merchant2 = institute.Customer{MSPID: "OtherMSP", Kind: institute.Merchant}
	enquirer  = institute.Customer{MSPID: "ClearingMSP", Kind: institute.Enquirer}
)

// start runs the institute of a folder until the test ends or stop is called.
func start(t *testing.T, folder institute.Folder) (stop func()) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.SetUp(name, listener.Addr().String(), merchant, merchant2, enquirer); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- folder.Serve(ctx, institute.Listeners{Customers: listener}, servetest.Logger(t)) }()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			if err := <-ended; err != nil {
				t.Errorf("the institute ended with: %v", err)
			}
		}
		stopped = true
	}
	t.Cleanup(stop)
	return stop
}

func client(t *testing.T, folder string) institutev1.InstituteServiceClient {
	t.Helper()
	_, connection, err := dial.OpenInstitute(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return institutev1.NewInstituteServiceClient(connection)
}

func euros(minor int64) *typev1.Money { return &typev1.Money{Currency: "EUR", Minor: minor} }

func request(minor int64) *institutev1.PayRequest {
	return &institutev1.PayRequest{RequestId: uuid.NewString(), Amount: euros(minor)}
}

func pay(t *testing.T, c institutev1.InstituteServiceClient, r *institutev1.PayRequest) *institutev1.PayResponse {
	t.Helper()
	paid, err := c.Pay(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return paid
}

// attested says whether a key attests the payment.
func attested(t *testing.T, key string, paid *institutev1.PayResponse) bool {
	t.Helper()
	var public coupon.PublicKey
	var attestation coupon.Signature
	if err := public.UnmarshalText([]byte(key)); err != nil {
		t.Fatal(err)
	}
	if err := attestation.UnmarshalText([]byte(paid.GetInvoice().GetAttestation())); err != nil {
		t.Fatal(err)
	}
	i := paid.GetInvoice()
	return coupon.Invoice{
		Institute: i.GetInstitute(), Number: i.GetNumber(), Currency: i.GetAmount().GetCurrency(),
		Amount: i.GetAmount().GetMinor(), PaidAt: i.GetPaidTime().AsTime().UnixMilli(),
	}.CheckAttestation(public, paid.GetMerchant(), attestation) == nil
}

func keys(t *testing.T, c institutev1.InstituteServiceClient) []string {
	t.Helper()
	list, err := c.ListKeys(t.Context(), &institutev1.ListKeysRequest{})
	if err != nil || list.GetInstitute() != name {
		t.Fatalf("%v (%v)", list, err)
	}
	return list.GetKeys()
}

func known(t *testing.T, c institutev1.InstituteServiceClient, paid ...*institutev1.PayResponse) []bool {
	t.Helper()
	r := &institutev1.ConfirmRequest{}
	for _, p := range paid {
		r.Payments = append(r.Payments, &institutev1.Payment{Invoice: p.GetInvoice(), Merchant: p.GetMerchant()})
	}
	answer, err := c.Confirm(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetKnown()
}

func TestPaymentsAreAttestedAndConfirmed(t *testing.T) {
	t.Parallel()
	folder := institute.Folder(t.TempDir())
	stop := start(t, folder)
	till := client(t, folder.Customer(merchant))
	before := time.Now().Add(-time.Second)
	first := request(1999)
	paid := pay(t, till, first)
	if !attested(t, keys(t, till)[0], paid) {
		t.Errorf("the institute's key does not attest %v", paid)
	}
	if i := paid.GetInvoice(); paid.GetMerchant() != "RetailerMSP" || i.GetInstitute() != name || !proto.Equal(i.GetAmount(), euros(1999)) ||
		i.GetPaidTime().AsTime().Before(before) || i.GetPaidTime().AsTime().After(time.Now()) {
		t.Errorf("paid %v", paid)
	}
	if diff := cmp.Diff(paid, pay(t, till, first), protocmp.Transform()); diff != "" {
		t.Errorf("repeated (-first +repeat):\n%s", diff)
	}
	other := pay(t, client(t, folder.Customer(merchant2)), &institutev1.PayRequest{RequestId: first.GetRequestId(), Amount: euros(1999)})
	if other.GetInvoice().GetNumber() == paid.GetInvoice().GetNumber() || other.GetMerchant() != "OtherMSP" {
		t.Errorf("another merchant's request of the same id gets %v", other)
	}
	stop()

	// It is remembered; a new key attests what is paid from now on.
	if err := folder.Rotate(); err != nil {
		t.Fatal(err)
	}
	start(t, folder)
	till = client(t, folder.Customer(merchant))
	asker := client(t, folder.Customer(enquirer))
	later := pay(t, till, request(500))
	if list := keys(t, asker); len(list) != 2 || !attested(t, list[0], later) || attested(t, list[0], paid) || !attested(t, list[1], paid) {
		t.Errorf("after a new key, keys %v do not attest in their order", list)
	}
	if diff := cmp.Diff(paid, pay(t, till, first), protocmp.Transform()); diff != "" {
		t.Errorf("repeated later (-first +repeat):\n%s", diff)
	}
	if got := known(t, asker, paid, other, later); !cmp.Equal(got, []bool{true, true, true}) {
		t.Errorf("known: %v", got)
	}
}

// TestItsHealthIsTold on an address of its own, as services tell theirs.
func TestItsHealthIsTold(t *testing.T) {
	t.Parallel()
	folder := institute.Folder(t.TempDir())
	var listen institute.Listeners
	for _, to := range []*net.Listener{&listen.Customers, &listen.Debug} {
		var err error
		if *to, err = new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	if err := folder.SetUp(name, listen.Customers.Addr().String()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- folder.Serve(ctx, listen, servetest.Logger(t)) }()
	get := func(path string) (string, error) {
		answer, err := http.Get("http://" + listen.Debug.Addr().String() + path)
		if err != nil {
			return "", err
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		return answer.Status + " " + string(text), err
	}
	for path, want := range map[string]string{"/healthz": "200 OK SERVING", "/metrics": "go_goroutines"} {
		if got, err := get(path); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %v %.80s, want %q", path, err, got, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the institute ended with: %v", err)
	}
	if _, err := get("/healthz"); err == nil {
		t.Error("an institute that has ended answers")
	}
}

func TestWhatWasNotPaidIsNotKnown(t *testing.T) {
	t.Parallel()
	folder := institute.Folder(t.TempDir())
	start(t, folder)
	paid := pay(t, client(t, folder.Customer(merchant)), request(1999))
	asked := []*institutev1.PayResponse{paid}
	for _, change := range []func(p *institutev1.PayResponse){
		func(p *institutev1.PayResponse) { p.Merchant = "OtherMSP" },
		func(p *institutev1.PayResponse) { p.Invoice.Number += "1" },
		func(p *institutev1.PayResponse) { p.Invoice.Institute = "Sandbox" },
		func(p *institutev1.PayResponse) { p.Invoice.Amount.Minor++ },
		func(p *institutev1.PayResponse) { p.Invoice.Amount.Currency = "USD" },
		func(p *institutev1.PayResponse) { p.Invoice.Amount = nil },
		func(p *institutev1.PayResponse) {
			p.Invoice.PaidTime = timestamppb.New(p.GetInvoice().GetPaidTime().AsTime().Add(time.Millisecond))
		},
		func(p *institutev1.PayResponse) { p.Invoice = nil },
	} {
		p := proto.CloneOf(paid)
		change(p)
		asked = append(asked, p)
	}
	got := known(t, client(t, folder.Customer(enquirer)), asked...)
	want := make([]bool, len(asked))
	want[0] = true
	if !cmp.Equal(want, got) {
		t.Errorf("known %v, want the first alone", got)
	}
}

func TestTheInstituteRefuses(t *testing.T) {
	t.Parallel()
	folder := institute.Folder(t.TempDir())
	start(t, folder)
	till, asker := client(t, folder.Customer(merchant)), client(t, folder.Customer(enquirer))
	first := request(1999)
	pay(t, till, first)
	payment := &institutev1.Payment{Merchant: "RetailerMSP"}
	early := &institutev1.Payment{Invoice: &typev1.Invoice{PaidTime: timestamppb.New(time.Unix(-1, 0))}}
	for _, test := range []struct {
		name   string
		call   func() error
		code   codes.Code
		reason string
	}{
		{"an enquirer that pays", func() error { _, err := asker.Pay(t.Context(), request(1)); return err }, codes.PermissionDenied, "WRONG_ROLE"},
		{"a merchant that asks", func() error {
			_, err := till.Confirm(t.Context(), &institutev1.ConfirmRequest{Payments: []*institutev1.Payment{payment}})
			return err
		}, codes.PermissionDenied, "WRONG_ROLE"},
		{"a request id that can be guessed", func() error {
			_, err := till.Pay(t.Context(), &institutev1.PayRequest{RequestId: "1", Amount: euros(1)})
			return err
		}, codes.InvalidArgument, "INVALID_REQUEST"},
		{"the same request with another amount", func() error {
			_, err := till.Pay(t.Context(), &institutev1.PayRequest{RequestId: first.GetRequestId(), Amount: euros(2000)})
			return err
		}, codes.AlreadyExists, "REQUEST_CONFLICT"},
		{"nothing", func() error { _, err := till.Pay(t.Context(), request(0)); return err }, codes.InvalidArgument, "INVALID_REQUEST"},
		{"too much", func() error { _, err := till.Pay(t.Context(), request(coupon.MaxTotal+1)); return err }, codes.InvalidArgument, "INVALID_REQUEST"},
		{"no currency", func() error {
			_, err := till.Pay(t.Context(), &institutev1.PayRequest{RequestId: uuid.NewString()})
			return err
		}, codes.InvalidArgument, "INVALID_REQUEST"},
		{"no payments", func() error { _, err := asker.Confirm(t.Context(), &institutev1.ConfirmRequest{}); return err }, codes.InvalidArgument, "TOO_MANY"},
		{"201 payments", func() error {
			r := &institutev1.ConfirmRequest{}
			for range 201 {
				r.Payments = append(r.Payments, payment)
			}
			_, err := asker.Confirm(t.Context(), r)
			return err
		}, codes.InvalidArgument, "TOO_MANY"},
		{"a time before 1970", func() error {
			_, err := asker.Confirm(t.Context(), &institutev1.ConfirmRequest{Payments: []*institutev1.Payment{early}})
			return err
		}, codes.InvalidArgument, "INVALID_REQUEST"},
	} {
		err := test.call()
		got := ""
		for _, detail := range status.Convert(err).Details() {
			if info, ok := detail.(*errdetails.ErrorInfo); ok {
				got = info.GetReason()
			}
		}
		if status.Code(err) != test.code || got != test.reason {
			t.Errorf("%s: %s %s (%v), want %s %s", test.name, status.Code(err), got, err, test.code, test.reason)
		}
	}
}

// TestStrangersAreNotAnswered: customers of another institute have certificates
// of its authority, not of this one's.
func TestStrangersAreNotAnswered(t *testing.T) {
	t.Parallel()
	folder, elsewhere := institute.Folder(t.TempDir()), institute.Folder(t.TempDir())
	start(t, folder)
	start(t, elsewhere)
	stranger := elsewhere.Customer(merchant)
	about, err := os.ReadFile(filepath.Join(folder.Customer(merchant), dial.InstituteFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(stranger, dial.InstituteFile), about, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client(t, stranger).Pay(t.Context(), request(1)); status.Code(err) != codes.Unavailable {
		t.Errorf("a stranger gets %v", err)
	}
}

func TestSettingUpRefuses(t *testing.T) {
	t.Parallel()
	for what, err := range map[string]error{
		"a name with a line break": institute.Folder(t.TempDir()).SetUp("a\nb", "127.0.0.1:1"),
		"an address without port":  institute.Folder(t.TempDir()).SetUp(name, "127.0.0.1"),
		"a customer that is a path": institute.Folder(t.TempDir()).SetUp(name, "127.0.0.1:1",
			institute.Customer{MSPID: "../x", Kind: institute.Merchant}),
		"a customer of no kind": institute.Folder(t.TempDir()).SetUp(name, "127.0.0.1:1", institute.Customer{MSPID: "X", Kind: "till"}),
	} {
		if err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
}
