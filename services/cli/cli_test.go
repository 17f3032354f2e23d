// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/cli"
)

var update = flag.Bool("update", false, "write testdata from what commands print")

const (
	requestID = "3f0c8f5e-7d1b-4a55-8a43-1f2e3d4c5b6a"
	sample    = "../../examples/sales.csv"
	// fakeFrameworkID is that of every fake mandate.
	fakeFrameworkID = "abababababababababababababababab"
)

// golden has commands and the files in testdata that have what they print.
var golden = []struct {
	file string
	args string
}{
	{"publish", "issuer campaign publish ../../examples/campaign-tea.yaml"},
	{"pause", "issuer campaign pause tea"},
	{"resume", "issuer campaign resume tea"},
	{"close", "issuer campaign close tea --redeem-until +7d"},
	{"show", "issuer campaign show tea"},
	{"show-dynamic", "issuer campaign show coffee"},
	{"list", "issuer campaign list"},
	{"authorise", "issuer emitter authorise tea --quota 1000,500"},
	{"emitters", "issuer emitter list tea"},
	{"publish-new", "issuer campaign publish ../../examples/campaign-tea.yaml --new-version"},
	{"raise-quota", "issuer raise-quota " + fakeFrameworkID + " --quota 2000,500,10"},
	{"suspend", "issuer suspend " + fakeFrameworkID},
	{"suspend-redeem", "issuer suspend " + fakeFrameworkID + " --redeem"},
	{"reinstate", "issuer reinstate " + fakeFrameworkID},
	{"revoke", "issuer revoke " + fakeFrameworkID},
	{"rotate-key", "issuer rotate-key " + fakeFrameworkID},
	{"admit", "issuer retailer admit tea"},
	{"statistics", "issuer statistics tea"},
	{"verify", "till verify ec1.a --line 9521234544012:2:2.49"},
	{"verify-used", "till verify ec1.a ec1.b"},
	{"verify-attested", "till verify ec1.attested --line 9521234544012:2:2.49"},
	{"redeem", "till redeem ec1.a ep1.b --sales " + sample + " --sale b0001"},
	{"void", "till void " + fakeClaimID},
	{"redemption", "till show " + fakeClaimID},
	{"claim", "retailer claim"},
	{"claim-nothing", "retailer claim --issuer PoorMSP"},
	{"claims-none", "retailer claims"},
	{"claims", "clearing claims --state accepted"},
	{"reconcile", "clearing reconcile"},
	{"reconcile-differs", "clearing reconcile --request-id " + fakeClaimID},
	{"settle", "clearing settle"},
	{"settlement-empty", "clearing settlement " + fakeSettlementID},
	{"remittances", "clearing remittances"},
	{"register-institute", "clearing register-institute Sandbox --key " + fakeKey + ",from=2030-05-01"},
	{"institute-withdrawn", "clearing institute Sandbox"},
	{"version", "version"},
}

func TestOutput(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	for _, test := range golden {
		for _, form := range []string{"", "--json"} {
			args := strings.Fields("--as folder " + test.args + " " + form)
			got := c.run(t, "", args...)
			compare(t, test.file+strings.TrimPrefix(form, "-")+".txt", got)
		}
	}
}

func compare(t *testing.T, name string, r result) {
	t.Helper()
	path := filepath.Join("testdata", name)
	got := fmt.Sprintf("%s%sexit %d\n", r.out, r.err, r.exit)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s; go test ./cli -update writes it anew (-want +got):\n%s", name, diff)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	compare(t, "help.txt", newConsortium(t).run(t, "", "--help"))
}

func TestRequests(t *testing.T) {
	t.Parallel()
	basket := &typev1.Basket{Currency: "EUR", Lines: []*typev1.Line{{Gtin: "09521234544012", Quantity: 2, UnitPrice: 249}}}
	paid := func(amount int64, at time.Time) *typev1.Invoice {
		return &typev1.Invoice{Number: "A1", Institute: "Bank", Amount: euros(amount), PaidTime: timestamppb.New(at)}
	}
	tests := []struct {
		name, args, in string
		want           proto.Message
	}{
		{"pause", "issuer campaign pause tea --version 2", "",
			&issuerv1.PauseCampaignRequest{RequestId: requestID, Campaign: "tea", Version: 2}},
		{"close", "issuer campaign close tea --redeem-until 2030-05-08", "", &issuerv1.CloseCampaignRequest{
			RequestId: requestID, Campaign: "tea", Version: 1,
			RedeemUntilTime: timestamppb.New(time.Date(2030, 5, 8, 0, 0, 0, 0, zone)),
		}},
		{"authorise", "issuer emitter authorise tea --quota 10,20 --emitter OtherMSP", "", &issuerv1.AuthoriseEmitterRequest{
			RequestId: requestID, Campaign: "tea", Version: 1, Emitter: "OtherMSP", Kind: typev1.Kind_KIND_STATIC, Quotas: []int64{10, 20},
		}},
		{"authorise for the campaign's kind", "issuer emitter authorise coffee --quota 10", "", &issuerv1.AuthoriseEmitterRequest{
			RequestId: requestID, Campaign: "coffee", Version: 1, Emitter: "AdvertiserMSP", Kind: typev1.Kind_KIND_DYNAMIC, Quotas: []int64{10},
		}},
		{"redeem with receipts", "till redeem ec1.a - er1.d --line 9521234544012:2:2.49 --invoice A1 --institute Bank", "ec1.b\ner1.b\nec1.c\nec1.d",
			&retailerv1.RedeemRequest{
				RequestId: requestID, Basket: basket, Coupons: []string{"ec1.a", "ec1.b", "ec1.c", "ec1.d"}, Invoice: paid(498, noon),
				Receipts: []*retailerv1.Receipt{{Index: 1, Text: "er1.b"}, {Index: 3, Text: "er1.d"}},
			}},
		{"admit the only one", "issuer retailer admit tea", "", &issuerv1.AdmitRetailerRequest{
			RequestId: requestID, Campaign: "tea", Version: 1, Retailer: "RetailerMSP",
		}},
		{"raise quota", "issuer raise-quota aa --quota 7,8", "", &issuerv1.RaiseQuotaRequest{
			RequestId: requestID, FrameworkId: "aa", Quotas: []int64{7, 8},
		}},
		{"suspend", "issuer suspend aa --redeem", "", &issuerv1.SuspendEmitterRequest{
			RequestId: requestID, FrameworkId: "aa", RedeemClosedFrames: true,
		}},
		{"reinstate", "issuer reinstate aa", "", &issuerv1.ReinstateEmitterRequest{RequestId: requestID, FrameworkId: "aa"}},
		{"revoke", "issuer revoke aa", "", &issuerv1.RevokeEmitterRequest{RequestId: requestID, FrameworkId: "aa"}},
		{"rotate key", "issuer rotate-key aa", "", &issuerv1.RotateKeyRequest{RequestId: requestID, FrameworkId: "aa"}},
		{"rotate key with quotas", "issuer rotate-key aa --quota 5", "", &issuerv1.RotateKeyRequest{
			RequestId: requestID, FrameworkId: "aa", Quotas: []int64{5},
		}},
		{"redeem lines", "till redeem ec1.a --line 9521234544012:2:2.49 --invoice A1 --institute Bank --paid -10m", "",
			&retailerv1.RedeemRequest{
				RequestId: requestID, Basket: basket, Coupons: []string{"ec1.a"}, Invoice: paid(498, noon.Add(-10*time.Minute)),
			}},
		{"redeem from input", "till redeem - --line 9521234544012:2:2.49 --invoice A1 --institute Bank --amount 4.00", "ec1.a\n\n ec1.b \n",
			&retailerv1.RedeemRequest{
				RequestId: requestID, Basket: basket, Coupons: []string{"ec1.a", "ec1.b"}, Invoice: paid(400, noon),
			}},
		{"claim", "retailer claim", "", &retailerv1.ClaimRequest{RequestId: requestID, Issuer: "IssuerMSP"}},
		{"settle", "clearing settle --until today", "", &clearingv1.SettleRequest{
			RequestId: requestID, UntilTime: timestamppb.New(time.Date(2030, 5, 1, 0, 0, 0, 0, zone)),
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newConsortium(t)
			got := c.run(t, test.in, strings.Fields("--as f "+test.args+" --request-id "+requestID)...)
			if got.exit != cli.ExitDone {
				t.Fatalf("%+v", got)
			}
			if diff := cmp.Diff(test.want, c.last, protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestANewVersionFollowsTheNewest publishes a file whose campaign has version 1
// on the ledger, with other content.
func TestANewVersionFollowsTheNewest(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../examples/campaign-tea.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tea.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "campaign: brezelhof-tea-20", "campaign: tea", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newConsortium(t)
	if got := c.run(t, "", "--as", "f", "issuer", "campaign", "publish", file, "--new-version"); got.exit != cli.ExitDone {
		t.Fatalf("%+v", got)
	}
	if version := c.last.(*issuerv1.PublishCampaignRequest).GetCampaign().GetVersion(); version != 2 {
		t.Errorf("version %d is published", version)
	}
}

func TestRequestIDsAreNewUUIDs(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	seen := make(map[string]bool)
	for range 2 {
		c.run(t, "", "--as", "f", "retailer", "claim")
		id := c.last.(*retailerv1.ClaimRequest).GetRequestId()
		if err := coupon.CheckUUID4("", id); err != nil || seen[id] {
			t.Errorf("%q: %v", id, err)
		}
		seen[id] = true
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	redeem := "till redeem ec1.a ep1.b --line 9521234544012:2:2.49 --invoice A1 --institute Bank --request-id " + requestID
	tests := []struct {
		file, args string
		refusal    error
	}{
		{"refused-coupons", redeem, refuse(codes.FailedPrecondition, "BATCH_REFUSED", "", "BATCH_REFUSED: see each",
			&typev1.RefusedCoupon{Index: 1, Reason: typev1.ErrorReason_ERROR_REASON_WRONG_SIGNATURE, Detail: "not the owner"},
			&typev1.RefusedCoupon{Index: -1, Reason: typev1.ErrorReason_ERROR_REASON_INVOICE_USED})},
		{"refused-field", redeem, refuse(codes.InvalidArgument, "BAD_GTIN", "lines[0].gtin", "BAD_GTIN: lines[0].gtin: 14 digits are needed")},
		{"refused-class", redeem, refuse(codes.FailedPrecondition, "NOT_VALID", "", "the coupon is not valid")},
		{"refused-unknown-reason", redeem, refuse(codes.FailedPrecondition, "MOON_TOO_FULL", "", "MOON_TOO_FULL: wait")},
		{"refused-unknown-outcome", redeem, refuse(codes.Unavailable, "OUTCOME_UNKNOWN", "", "the outcome is not known yet")},
		{"refused-fault", redeem, refuse(codes.Internal, "INTERNAL", "", "the service itself is at fault; its log says how")},
		{"refused-caller", "issuer campaign list", refuse(codes.PermissionDenied, "WRONG_ROLE", "", "WRONG_ROLE: till may not call this")},
		{"refused-plainly", "issuer campaign list", refuse(codes.PermissionDenied, "", "", "no\x1b[2Jthing")},
	}
	for _, test := range tests {
		c := newConsortium(t)
		c.refusal = test.refusal
		for _, form := range []string{"", "--json"} {
			got := c.run(t, "", strings.Fields("--as f "+test.args+" "+form)...)
			compare(t, test.file+strings.TrimPrefix(form, "-")+".txt", got)
		}
	}
}

func TestNothingIsSentAfterAMistake(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("campaign: tea\nedition: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	basket := " --line 9521234544012:2:2.49"
	paid := " --invoice A1 --institute Bank"
	tests := []struct{ args, want string }{
		{"nonsense", "unknown command"},
		{"issuer nonsense", "unknown command"},
		{"issuer campaign", "name one of the commands below"},
		{"issuer campaign pause", "accepts 1 arg(s)"},
		{"issuer campaign show tea --nonsense", "unknown flag"},
		{"issuer campaign show tea --version x", "invalid argument"},
		{"issuer campaign publish missing.yaml", "no such file"},
		{"issuer campaign publish " + bad, "bad.yaml:2: edition: there is no such field"},
		{"issuer campaign close tea --redeem-until tomorrow", "is no time"},
		{"issuer emitter authorise tea", `required flag(s) "quota" not set`},
		{"till redeem", "requires at least 1 arg"},
		{"till redeem ec1.a", "a sale has a basket"},
		{"till redeem ec1.a" + basket, "a sale has a basket, --invoice"},
		{"till redeem -" + basket + paid, "1 to 50 coupons"},
		{"till verify er1.a ec1.b", "a receipt follows the coupon"},
		{"till redeem ec1.a --line 9521234544012:2" + paid, "is not GTIN:QUANTITY:PRICE"},
		{"till redeem ec1.a --line 9521234544013:2:2.49" + paid, "BAD_GTIN"},
		{"till redeem ec1.a --line 9521234544012:x:2.49" + paid, `"x" is no count`},
		{"till redeem ec1.a --line 9521234544012:0:2.49" + paid, "BAD_BASKET"},
		{"till redeem ec1.a --line 9521234544012:2:249" + paid, "is no amount of EUR"},
		{"till redeem ec1.a --basket missing.csv" + paid, "no such file"},
		{"till redeem ec1.a --basket missing.csv" + basket + paid, "the basket is in --line"},
		{"till redeem ec1.a --sales " + sample + " --sale b9", `has no basket "b9"`},
		{"till redeem ec1.a --amount 1" + basket + paid, "--amount"},
		{"till redeem ec1.a --paid noon" + basket + paid, "--paid"},
		{"clearing claims --state lost", "--state is received"},
		{"clearing settle --until then", "--until"},
		{"wallet get", "name an offer"},
		{"wallet get tea --count 0", "name an offer"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			c := newConsortium(t)
			args := strings.Fields(test.args)
			if args[0] != "wallet" {
				args = append(args, "--as", "f")
			}
			got := c.run(t, "", args...)
			if got.exit != cli.ExitUsage || !strings.Contains(got.err, test.want) {
				t.Errorf("%+v", got)
			}
			if c.called != "" {
				t.Errorf("%s was called", c.called)
			}
		})
	}
}

func TestCredentialsMustBeNamed(t *testing.T) {
	t.Parallel()
	got := newConsortium(t).run(t, "", "issuer", "campaign", "list")
	if got.exit != cli.ExitUsage || !strings.Contains(got.err, "--as") {
		t.Errorf("%+v", got)
	}
}

func TestSeveralMembersMustBeNamed(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	c.members["issuer"] = append(c.members["issuer"], c.members["retailer"]...)
	got := c.run(t, "", "--as", "f", "retailer", "claim")
	if got.exit != cli.ExitUsage || !strings.Contains(got.err, "name one with --issuer") {
		t.Errorf("%+v", got)
	}
	// Nobody claims from itself, and one other is left.
	c.own = "RetailerMSP"
	if got := c.run(t, "", "--as", "f", "retailer", "claim"); got.exit != cli.ExitDone {
		t.Errorf("with one other issuer: %+v", got)
	}
}
