// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/cli"
)

const fakeKey = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

func (c *clearingServer) RegisterInstitute(
	_ context.Context, r *clearingv1.RegisterInstituteRequest,
) (*clearingv1.RegisterInstituteResponse, error) {
	return &clearingv1.RegisterInstituteResponse{Institute: &clearingv1.Institute{
		Issuer: r.GetIssuer(), Institute: r.GetInstitute(), Keys: r.GetKeys(),
	}}, nil
}

func (c *clearingServer) GetInstitute(_ context.Context, r *clearingv1.GetInstituteRequest) (*clearingv1.GetInstituteResponse, error) {
	return &clearingv1.GetInstituteResponse{Institute: &clearingv1.Institute{Issuer: r.GetIssuer(), Institute: r.GetInstitute()}}, nil
}

func TestInstitutesAreRegisteredAsNamed(t *testing.T) {
	t.Parallel()
	at := func(day int) *timestamppb.Timestamp {
		return timestamppb.New(time.Date(2030, 5, day, 0, 0, 0, 0, zone))
	}
	other := strings.Repeat("ab", 32)
	for args, want := range map[string]*clearingv1.RegisterInstituteRequest{
		"--key " + fakeKey + ",from=2030-05-02,until=+7d --key " + other + " --issuer OtherMSP": {Issuer: "OtherMSP", Keys: []*clearingv1.InstituteKey{
			{Key: fakeKey, FromTime: at(2), UntilTime: at(8)}, {Key: other},
		}},
		"--withdraw": {Issuer: "IssuerMSP"},
	} {
		c := newConsortium(t)
		got := c.run(t, "", strings.Fields("--as f clearing register-institute Sandbox "+args+" --request-id "+requestID)...)
		want.RequestId, want.Institute = requestID, "Sandbox"
		if diff := cmp.Diff(want, c.last, protocmp.Transform()); got.exit != cli.ExitDone || diff != "" {
			t.Errorf("%s: %+v\n%s", args, got, diff)
		}
	}
}

func TestPaymentsAreSentAsTheInstituteAnswered(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "payment.json")
	text := `{"invoice":{"number":"P-1","institute":"Sandbox","amount":{"currency":"EUR","minor":"498"},` +
		`"paid_time":"2030-05-01T15:30:00.123Z","attestation":"` + strings.Repeat("0a", 64) + `"},"merchant":"RetailerMSP"}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newConsortium(t)
	got := c.run(t, "", strings.Fields("--as f till redeem ec1.a --line 9521234544012:2:2.49 --payment "+file)...)
	want := &typev1.Invoice{
		Number: "P-1", Institute: "Sandbox", Amount: euros(498), Attestation: strings.Repeat("0a", 64),
		PaidTime: timestamppb.New(time.Date(2030, 5, 1, 15, 30, 0, 123_000_000, time.UTC)),
	}
	if got.exit != cli.ExitDone {
		t.Fatalf("%+v", got)
	}
	if diff := cmp.Diff(want, c.last.(*retailerv1.RedeemRequest).GetInvoice(), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestMistakesAboutInstitutesAndPayments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad, empty := filepath.Join(dir, "bad.json"), filepath.Join(dir, "empty.json")
	for file, text := range map[string]string{bad: "{", empty: "{}"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	register := "clearing register-institute Sandbox "
	redeem := "till redeem ec1.a --line 9521234544012:2:2.49 --payment "
	for args, want := range map[string]string{
		register: "name all keys with --key", register + "--withdraw --key " + fakeKey: "name all keys with --key",
		register + "--key " + fakeKey + ",from=noon":             "is no time",
		register + "--key " + fakeKey + ",since=today":           "is not one from= or until=",
		register + "--key " + fakeKey + ",from=today,from=today": "is not one from= or until=",
		redeem + filepath.Join(dir, "none.json"):                 "no such file",
		redeem + bad:                                             "--payment",
		redeem + empty:                                           "has no invoice",
		redeem + empty + " --invoice A1":                         "the payment is in --payment, or in",
	} {
		c := newConsortium(t)
		got := c.run(t, "", strings.Fields("--as f "+args)...)
		if got.exit != cli.ExitUsage || !strings.Contains(got.err, want) || c.called != "" {
			t.Errorf("%s: %+v, called %q, want %q", args, got, c.called, want)
		}
	}
}
