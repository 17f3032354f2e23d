// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/cli"
	"ecoupon/services/wallet"
)

const product = "(01)09521234543213(21)S0001"

// TestProofFromTheTillToTheWallet goes the way of a customer: what the wallet
// prints is given to the till, and what the till prints to the wallet.
func TestProofFromTheTillToTheWallet(t *testing.T) {
	t.Parallel()
	c := newCustomer(t)
	c.Now = func() time.Time { return noon }
	c.Proofs("grinder", typev1.Holder_HOLDER_BOUND, noon.Add(-time.Hour))
	expected := c.run(t, "expect grinder")
	shown := strings.Fields(expected.out)
	if expected.exit != cli.ExitDone || len(shown) != 2 {
		t.Fatalf("%+v", expected)
	}
	var framework coupon.FrameworkID
	var key coupon.PublicKey
	if framework.UnmarshalText([]byte(shown[0])) != nil || key.UnmarshalText([]byte(shown[1])) != nil {
		t.Fatalf("%+v", expected)
	}
	var got coupons
	c.json(t, "list", &got)
	if len(got.Coupons) != 1 || got.Coupons[0].State != wallet.Expected {
		t.Fatalf("%+v", got)
	}
	id := got.Coupons[0].ID
	again := c.run(t, "show "+id)
	if !strings.Contains(again.out, ": expected\n") || !strings.Contains(again.out, "for the till  "+strings.TrimSpace(expected.out)+"\n") {
		t.Errorf("%+v", again)
	}

	c.consortium.proof = c.Prove(framework, key, nil)
	proven := c.consortium.run(t, "", append(append([]string{"--as", "folder", "till", "prove"}, shown...),
		"--product", product, "--invoice", "R 1", "--request-id", requestID)...)
	if proven.exit != cli.ExitDone || proven.out != c.consortium.proof+"\n" {
		t.Fatalf("%+v", proven)
	}
	want := &retailerv1.IssueProofRequest{
		RequestId: requestID, FrameworkId: shown[0], UData: key[:], ProductId: product, InvoiceNumber: "R 1",
	}
	if diff := cmp.Diff(want, c.consortium.last, protocmp.Transform()); diff != "" {
		t.Errorf("the till sends (-want +got):\n%s", diff)
	}

	accepted := c.run(t, "accept "+strings.TrimSpace(proven.out))
	if accepted.exit != cli.ExitDone || !strings.HasPrefix(accepted.out, id+": held\n") {
		t.Errorf("%+v", accepted)
	}
	presented := c.run(t, "present "+id+" --retailer RetailerMSP")
	p, err := coupon.ParsePresentation(strings.TrimSuffix(presented.out, "\n"))
	if err != nil || p.VerifySignature(key) != nil {
		t.Errorf("%+v: %v", presented, err)
	}
}

func TestProofCommandsRefuse(t *testing.T) {
	t.Parallel()
	c := newCustomer(t)
	key := strings.Repeat("0", 64)
	for _, test := range []struct {
		args string
		exit int
		want string
	}{
		{"wallet expect tea", cli.ExitRefused, "UNSUPPORTED_KIND"},
		{"wallet expect nothing", cli.ExitRefused, "NOT_FOUND"},
		{"wallet accept ec1.x", cli.ExitRefused, "MALFORMED_COUPON"},
		{"--as f till prove a " + key + " --product b", cli.ExitUsage, "invoice"},
		{"--as f till prove a b --product c --invoice d", cli.ExitUsage, "KEY: "},
		{"--as f till prove a --product c --invoice d", cli.ExitUsage, "accepts 2 arg"},
	} {
		args := strings.Fields(test.args)
		if args[0] == "wallet" {
			args = append(args, c.flags...)
		}
		if got := c.consortium.run(t, "", args...); got.exit != test.exit || !strings.Contains(got.err, test.want) {
			t.Errorf("%s: %+v", test.args, got)
		}
	}
	c.consortium.refusal = fmt.Errorf("away")
	got := c.consortium.run(t, "", strings.Fields("--as f till prove a "+key+" --product c --invoice d --request-id "+requestID)...)
	if got.exit == cli.ExitDone || got.out != "" {
		t.Errorf("%+v", got)
	}
}
