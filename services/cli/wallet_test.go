// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/cli"
	"ecoupon/services/wallet"
	"ecoupon/services/wallet/wallettest"
)

// customer runs wallet commands against an advertiser.
type customer struct {
	*wallettest.Advertiser

	consortium *consortium
	flags      []string
}

func newCustomer(t *testing.T) *customer {
	t.Helper()
	a := wallettest.New(t)
	a.Offer("cocoa", typev1.Holder_HOLDER_BEARER, noon.Add(-time.Hour), nil)
	a.Offer("tea", typev1.Holder_HOLDER_BOUND, noon.Add(-time.Hour), nil)
	folder := t.TempDir()
	roots := filepath.Join(folder, "roots.pem")
	if err := os.WriteFile(roots, a.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return &customer{a, newConsortium(t), []string{
		"--wallet", filepath.Join(folder, "wallet.json"), "--advertiser", a.URL, "--roots", roots,
	}}
}

func (c *customer) run(t *testing.T, args string) result {
	t.Helper()
	return c.consortium.run(t, "", append(strings.Fields("wallet "+args), c.flags...)...)
}

// json runs a command that must succeed, and decodes what it prints.
func (c *customer) json(t *testing.T, args string, into any) {
	t.Helper()
	got := c.run(t, args+" --json")
	if got.exit != cli.ExitDone {
		t.Fatalf("%s: %+v", args, got)
	}
	if err := json.Unmarshal([]byte(got.out), into); err != nil {
		t.Fatalf("%s: %v in %s", args, err, got.out)
	}
}

// coupons is what get and list print as JSON.
type coupons struct {
	Coupons []wallet.Holding `json:"coupons"`
}

func TestWalletFromOfferToPresentation(t *testing.T) {
	t.Parallel()
	c := newCustomer(t)
	compare(t, "wallet-offers.txt", c.run(t, "offers"))
	var got coupons
	c.json(t, "get tea --count 2", &got)
	if len(got.Coupons) != 2 || got.Coupons[0].State != wallet.Held {
		t.Fatalf("%+v", got)
	}
	id := got.Coupons[0].ID
	presented := c.run(t, "present "+id[:10]+" --retailer RetailerMSP --invoice A1")
	p, err := coupon.ParsePresentation(strings.TrimSuffix(presented.out, "\n"))
	if err != nil || p.VerifySignature(p.Coupon.Owner) != nil || p.Retailer != "RetailerMSP" || p.Invoice != "A1" || p.PresentedAt != noon.UnixMilli() {
		t.Fatalf("%+v: %+v, %v", presented, p, err)
	}
	for _, file := range []struct{ name, args string }{{"wallet-list.txt", "list"}, {"wallet-show.txt", "show " + id}} {
		shown := c.run(t, file.args)
		shown.out = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f-]{27})?  |[0-9a-f-]{36}|ec1\.\S+`).ReplaceAllString(shown.out, "…")
		compare(t, file.name, shown)
	}
	if c := c.run(t, "forget "+id); c.exit != cli.ExitDone {
		t.Errorf("%+v", c)
	}
	c.json(t, "list", &got)
	if len(got.Coupons) != 1 || got.Coupons[0].ID == id {
		t.Errorf("%+v", got)
	}
}

func TestWalletPresentsBearerCouponsAsTheyAre(t *testing.T) {
	t.Parallel()
	c := newCustomer(t)
	var got coupons
	c.json(t, "get cocoa", &got)
	var shown struct{ Text string }
	c.json(t, "present "+got.Coupons[0].ID, &shown)
	if shown.Text != got.Coupons[0].Coupon {
		t.Errorf("%+v", shown)
	}
}

func TestWalletAsksAgain(t *testing.T) {
	t.Parallel()
	c := newCustomer(t)
	c.Misbehave(wallettest.Misconduct{LoseAnswers: 3})
	lost := c.run(t, "get tea")
	if lost.exit != cli.ExitRepeat || !strings.Contains(lost.err, "get --again") {
		t.Fatalf("%+v", lost)
	}
	var got coupons
	c.json(t, "get --again", &got)
	if len(got.Coupons) != 1 || got.Coupons[0].State != wallet.Held || c.Issued() != 1 {
		t.Errorf("%+v, %d issued", got, c.Issued())
	}
}

func TestWalletRefusals(t *testing.T) {
	t.Parallel()
	c := newCustomer(t)
	c.Offer("false", typev1.Holder_HOLDER_BOUND, noon, func(o *advertiserv1.Offer) {
		o.Campaign.Terms = strings.Replace(o.Campaign.Terms, "50", "5000", 1)
	})
	var offers struct {
		Offers []struct {
			Refused coupon.Reason `json:"refused"`
		} `json:"offers"`
	}
	c.json(t, "offers", &offers)
	if len(offers.Offers) != 3 || offers.Offers[0].Refused != "" || offers.Offers[2].Refused != coupon.ReasonTermsMismatch {
		t.Errorf("%+v", offers)
	}
	var got coupons
	c.json(t, "get tea", &got)
	tests := []struct {
		args string
		exit int
		want string
	}{
		{"get false", cli.ExitRefused, "TERMS_MISMATCH: The terms shown are not those that the issuer has authorised."},
		{"get nothing", cli.ExitRefused, "NOT_FOUND"},
		{"get -", cli.ExitRefused, "NOT_FOUND"},
		{"present " + got.Coupons[0].ID, cli.ExitRefused, "AUDIENCE_REQUIRED"},
		{"present zzz", cli.ExitRefused, "NOT_FOUND"},
		{"show zzz", cli.ExitRefused, "NOT_FOUND"},
		{"offers --advertiser https://127.0.0.1:1", cli.ExitRepeat, "the advertiser does not answer"},
		{"offers --roots missing.pem", cli.ExitUsage, "no such file"},
		{"offers --consortium missing.json", cli.ExitUsage, "no such file"},
	}
	for _, test := range tests {
		got := c.consortium.run(t, "", append(append([]string{"wallet"}, c.flags...), strings.Fields(test.args)...)...)
		if got.exit != test.exit || !strings.Contains(got.err, test.want) {
			t.Errorf("%s: %+v", test.args, got)
		}
	}
}

func TestWalletFileThatIsDamagedIsNamed(t *testing.T) {
	t.Parallel()
	c := newCustomer(t)
	if err := os.WriteFile(c.flags[1], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := c.run(t, "list")
	if got.exit != cli.ExitFault || !strings.Contains(got.err, "the wallet file is damaged") || !strings.Contains(got.err, c.flags[1]) {
		t.Errorf("%+v", got)
	}
}
