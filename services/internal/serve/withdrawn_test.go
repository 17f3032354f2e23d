// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve_test

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

func TestAWithdrawnTillIsRefusedOnItsOpenConnection(t *testing.T) {
	t.Parallel()
	consortium := servetest.New(t, servetest.Default()...)
	authority := consortium.TillsCA(servetest.RetailerMSP)
	file := filepath.Join(t.TempDir(), "tills.crl")
	write := func(certificates ...tls.Certificate) {
		t.Helper()
		list := authority.Withdraw(t, certificates...)
		if err := os.WriteFile(file+".part", list, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".part", file); err != nil {
			t.Fatal(err)
		}
	}
	write()
	organisation, _ := consortium.Directory.ByMSP(servetest.RetailerMSP)
	o := options(&handlers{})
	var err error
	if o.Withdrawn, err = serve.LoadWithdrawn(file, organisation, servetest.Logger(t)); err != nil {
		t.Fatal(err)
	}
	service := consortium.Serve(t, servetest.RetailerMSP, o)
	certificates := []tls.Certificate{
		consortium.Caller(t, servetest.RetailerMSP, serve.RoleTill), consortium.Caller(t, servetest.RetailerMSP, serve.RoleTill),
	}
	var tills []retailerv1.RetailerServiceClient
	for _, c := range certificates {
		tills = append(tills, retailerv1.NewRetailerServiceClient(service.Dial(t, c)))
	}
	ask := func(till int) error {
		_, err := tills[till].Redeem(t.Context(), &retailerv1.RedeemRequest{})
		return err
	}
	for till := range tills {
		if err := ask(till); err != nil {
			t.Fatal(err)
		}
	}
	write(certificates[0])
	eventually(t, "the withdrawn till is refused", func() bool { return ask(0) != nil })
	if err := ask(0); status.Code(err) != codes.PermissionDenied {
		t.Errorf("got %v", err)
	}
	if err := ask(1); err != nil {
		t.Errorf("another till: %v", err)
	}
	// A list that nobody signed changes nothing.
	if err := os.WriteFile(file+".part", consortium.TillsCA(servetest.IssuerMSP).Withdraw(t, certificates[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".part", file); err != nil {
		t.Fatal(err)
	}
	if _, err := serve.LoadWithdrawn(file, organisation, servetest.Logger(t)); err == nil || !strings.Contains(err.Error(), "verification failure") {
		t.Errorf("a list of another authority: %v", err)
	}
	write(certificates[1])
	eventually(t, "the other till is refused", func() bool { return ask(1) != nil })
	if err := ask(0); err != nil {
		t.Errorf("a till that is no longer on the list: %v", err)
	}
}

func TestAListThatIsMissingStopsTheService(t *testing.T) {
	t.Parallel()
	consortium := servetest.New(t, servetest.Default()...)
	organisation, _ := consortium.Directory.ByMSP(servetest.RetailerMSP)
	file := filepath.Join(t.TempDir(), "tills.crl")
	if _, err := serve.LoadWithdrawn(file, organisation, servetest.Logger(t)); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(file, []byte("no list"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := serve.LoadWithdrawn(file, organisation, servetest.Logger(t)); err == nil || !strings.Contains(err.Error(), "no list in PEM") {
		t.Errorf("got %v", err)
	}
}
