// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	institutev1 "ecoupon/proto/gen/coupon/institute/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// sandbox is a payment institute beside the network, as its customers and its
// operator see it.
type sandbox struct {
	t      *testing.T
	name   string
	folder string
}

// startSandbox runs an institute with a name of its own until the test ends.
func startSandbox(t *testing.T) sandbox {
	t.Helper()
	s := sandbox{t: t, name: "Sandbox " + uuid.NewString()[:8], folder: t.TempDir()}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	s.run("set-up", "--dir", s.folder, "--name", s.name, "--address", address,
		"--merchant", retailer, "--merchant", shop, "--enquirer", clearing)
	process := s.command("serve", "--dir", s.folder, "--listen", address)
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait() // it was killed
	})
	eventually(t, "the institute answers", func() bool {
		return s.command("keys", "--as", s.credentials("enquirer", clearing)).Run() == nil
	})
	return s
}

func (s sandbox) command(args ...string) *exec.Cmd {
	return exec.CommandContext(s.t.Context(), filepath.Join("..", "..", "bin", "institute"), args...)
}

func (s sandbox) run(args ...string) []byte {
	s.t.Helper()
	out, err := s.command(args...).Output()
	if err != nil {
		s.t.Fatalf("institute %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func (s sandbox) credentials(kind, mspID string) string {
	return filepath.Join(s.folder, "customers", kind+"-"+mspID)
}

// pay pays what a unit costs, or another amount, and returns the file with the
// payment, and the payment.
func (s sandbox) pay(merchant, amount string) (string, *typev1.Invoice) {
	s.t.Helper()
	out := s.run("pay", "--as", s.credentials("merchant", merchant), "--amount", amount)
	file := filepath.Join(s.t.TempDir(), "payment.json")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		s.t.Fatal(err)
	}
	var paid institutev1.PayResponse
	if err := protojson.Unmarshal(out, &paid); err != nil {
		s.t.Fatalf("%v in %s", err, out)
	}
	return file, paid.GetInvoice()
}

// key is the public key that attests payments.
func (s sandbox) key() string {
	s.t.Helper()
	var list institutev1.ListKeysResponse
	if err := protojson.Unmarshal(s.run("keys", "--as", s.credentials("enquirer", clearing)), &list); err != nil {
		s.t.Fatal(err)
	}
	return list.GetKeys()[0]
}

// invented is a payment that nobody made, attested by whoever has the key.
func invented(institute string, key ed25519.PrivateKey) *typev1.Invoice {
	i := coupon.Invoice{
		Institute: institute, Number: "X-" + uuid.NewString()[:13], Currency: "EUR", Amount: 249, PaidAt: time.Now().UnixMilli(),
	}
	return &typev1.Invoice{
		Institute: i.Institute, Number: i.Number, Amount: &typev1.Money{Currency: i.Currency, Minor: i.Amount},
		PaidTime: timestamppb.New(time.UnixMilli(i.PaidAt)), Attestation: i.Attest(key, retailer).String(),
	}
}

// A campaign wants payments attested: those that the institute attested to this
// retailer are taken, made-up and altered ones are not.
func TestPaymentsMustBeAttested(t *testing.T) {
	s := startSandbox(t)
	line := commandLine{t: t}
	house := []string{"--as", consortium.Folder("clearing", "operator"), "clearing"}
	line.do(append(house, "register-institute", s.name, "--issuer", issuer, "--key", s.key())...)
	o := launch(t, coupon.HolderBound, func(l *desk.Launch) { l.Campaign.AttestationRequired = true })

	file, _ := s.pay(retailer, "2.49")
	line.do("--as", consortium.Folder("retailer", "till-1"), "till", "redeem", o.show(t, retailer),
		"--line", gtin+":1:2.49", "--payment", file)

	_, elsewhere := s.pay(shop, "2.49")
	_, cent := s.pay(retailer, "0.01")
	_, good := s.pay(retailer, "2.49")
	altered := func(change func(i *typev1.Invoice)) *typev1.Invoice {
		i := proto.CloneOf(good)
		change(i)
		return i
	}
	_, stranger, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	held := o.show(t, retailer)
	try := func(name string, paid *typev1.Invoice, want string) {
		t.Helper()
		sale := request(held)
		sale.Invoice = paid
		_, err := retailerDesk(t, "retailer", retailer).Redeem(t.Context(), sale)
		if !slices.Contains(desk.Reasons(err), want) {
			t.Errorf("%s: %v %v, want %s", name, err, desk.Reasons(err), want)
		}
	}
	try("not attested", altered(func(i *typev1.Invoice) { i.Attestation = "" }), "ATTESTATION_REQUIRED")
	try("another number", altered(func(i *typev1.Invoice) { i.Number = "P-00000000000000000000" }), "WRONG_ATTESTATION")
	try("another amount", altered(func(i *typev1.Invoice) { i.Amount.Minor++ }), "WRONG_ATTESTATION")
	try("another time", altered(func(i *typev1.Invoice) { i.PaidTime.Seconds-- }), "WRONG_ATTESTATION")
	try("attested to another merchant", elsewhere, "WRONG_ATTESTATION")
	try("attested by somebody else", invented(s.name, stranger), "WRONG_ATTESTATION")
	try("an institute that is not registered", invented("Freepay", stranger), "WRONG_ATTESTATION")
	try("a payment of a cent", cent, "PAYMENT_TOO_SMALL")

	// Nothing of all this has spent the coupon, nor used the payment.
	sale := request(held)
	sale.Invoice = good
	redeem(t, sale)

	line.do(append(house, "register-institute", s.name, "--issuer", issuer, "--withdraw")...)
	_, late := s.pay(retailer, "2.49")
	held = o.show(t, retailer)
	try("a key that was withdrawn", late, "WRONG_ATTESTATION")
}

// The runner has set an institute up beside the network: its key is registered
// with each issuer, a till pays with the credentials in its organisation's
// folder, and is told beforehand that it must.
func TestTheNetworksInstitute(t *testing.T) {
	x := consortium.Consortium().Institutes[0]
	house := must[clearingv1.ClearingServiceClient](t)(sit(t, "clearing", "operator").Clearing(clearing))
	for _, of := range []string{issuer, retailer} {
		known := must[*clearingv1.GetInstituteResponse](t)(house.GetInstitute(t.Context(), &clearingv1.GetInstituteRequest{
			Issuer: of, Institute: x.InvoiceName,
		}))
		if keys := known.GetInstitute().GetKeys(); len(keys) != 1 {
			t.Errorf("with %s the institute has the keys %v", of, keys)
		}
	}
	o := launch(t, coupon.HolderBound, func(l *desk.Launch) { l.Campaign.AttestationRequired = true })
	sale := request(o.show(t, retailer))
	till := must[retailerv1.RetailerServiceClient](t)(sit(t, "retailer", "till-1").Retailer(retailer))
	told := must[*retailerv1.VerifyResponse](t)(till.Verify(t.Context(), &retailerv1.VerifyRequest{Coupons: sale.GetCoupons(), Basket: sale.GetBasket()}))
	if v := told.GetVerdicts()[0]; !v.GetAttestationRequired() || v.GetDiscount() == nil {
		t.Errorf("the till is told %v", v)
	}
	institute, err := desk.OpenInstitute(consortium.CustomerFolder("retailer", x.Name, runner.Merchant))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = institute.Close() }()
	if err := institute.Pay(t.Context(), sale.GetInvoice()); err != nil {
		t.Fatal(err)
	}
	redeem(t, sale)
}

// Nobody asks for an attestation, and the clearing house asks the institute
// about the payments that are claimed for.
func TestInventedPaymentsAreFoundBySampling(t *testing.T) {
	s := startSandbox(t)
	o := launch(t, coupon.HolderBound, nil)
	_, paid := s.pay(retailer, "2.49")
	made := proto.CloneOf(paid)
	made.Number = "P-00000000000000000000"
	sold := map[string]string{} // redemption ids
	for name, invoice := range map[string]*typev1.Invoice{"real": paid, "invented": made} {
		sale := request(o.show(t, retailer))
		sale.Invoice = invoice
		sold[name] = redeem(t, sale).GetRedemptionId()
	}
	claims := must[*retailerv1.ClaimResponse](t)(retailerDesk(t, "retailer", retailer).Claim(t.Context(), &retailerv1.ClaimRequest{
		RequestId: uuid.NewString(), Issuer: issuer,
	})).GetClaims()
	house := must[clearingv1.ClearingServiceClient](t)(sit(t, "clearing", "operator").Clearing(clearing))
	state := func() clearingv1.ClaimState {
		request := &clearingv1.ListClaimsRequest{PageSize: 200}
		for {
			page := must[*clearingv1.ListClaimsResponse](t)(house.ListClaims(t.Context(), request))
			for _, c := range page.GetClaims() {
				if c.GetClaimId() == claims[0].GetClaimId() {
					return c.GetState()
				}
			}
			if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
				return clearingv1.ClaimState_CLAIM_STATE_UNSPECIFIED
			}
		}
	}
	eventually(t, "the clearing house learns of the claim", func() bool { return state() != clearingv1.ClaimState_CLAIM_STATE_UNSPECIFIED })

	s.ask(1000)
	run := must[*clearingv1.ReconcileResponse](t)(house.Reconcile(t.Context(), &clearingv1.ReconcileRequest{RequestId: uuid.NewString()}))
	found := map[string]bool{}
	for _, d := range run.GetDifferences() {
		if d.GetType() == clearingv1.DifferenceType_DIFFERENCE_TYPE_PAYMENT {
			found[d.GetRedemptionId()] = true
		}
	}
	if !found[sold["invented"]] || found[sold["real"]] {
		t.Errorf("of %v the institute does not know %v", sold, found)
	}
	if got := state(); got != clearingv1.ClaimState_CLAIM_STATE_DISPUTED {
		t.Errorf("the claim is %s", got)
	}
	list := commandLine{t: t}.do("--as", consortium.Folder("clearing", "operator"), "clearing", "claims", "--state", "disputed")
	if !strings.Contains(list, claims[0].GetClaimId()) {
		t.Errorf("the disputed claims are\n%s", list)
	}
}

// ask has the clearing house ask about so many of a thousand payments, until the
// test ends.
func (s sandbox) ask(perMille int) {
	s.t.Helper()
	folder := consortium.Folder("clearing", "services", "clearing")
	credentials := filepath.Join(folder, "institutes", "sandbox")
	if err := os.CopyFS(credentials, os.DirFS(s.credentials("enquirer", clearing))); err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(folder, "institutes.json")
	before, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := errors.Join(os.WriteFile(file, before, 0o600), os.RemoveAll(credentials)); err != nil {
			s.t.Error(err)
		}
	})
	content, err := json.Marshal(map[string]any{"sample_per_mille": perMille, "folders": []string{"institutes/sandbox"}})
	if err == nil {
		err = os.WriteFile(file, content, 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}
