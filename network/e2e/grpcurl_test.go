// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// grpcurl calls the retailer's service as somebody would who has nothing but
// that program, an address and, perhaps, a certificate.
func grpcurl(t *testing.T, folder string, arguments ...string) (string, error) {
	t.Helper()
	program := os.Getenv("GRPCURL")
	if program == "" {
		program = "grpcurl"
	}
	options := []string{"-cacert", consortium.Folder("retailer", "ca", "tls.pem"), "-max-time", "20"}
	if folder != "" {
		options = append(options, "-cert", filepath.Join(folder, "cert.pem"), "-key", filepath.Join(folder, "key.pem"))
	}
	out, err := exec.CommandContext(t.Context(), program, append(options, arguments...)...).CombinedOutput()
	return string(out), err
}

// retailerAddress is where the retailer's service listens.
func retailerAddress(t *testing.T) string {
	t.Helper()
	status, err := consortium.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range status.Processes {
		if p.Name == "retailer.retailer" {
			return p.Address.Advertise
		}
	}
	t.Fatal("there is no retailer service")
	return ""
}

func TestATillNeedsNothingButGrpcurl(t *testing.T) {
	o := launch(t, coupon.HolderBound, nil)
	address, till := retailerAddress(t), consortium.Folder("retailer", "till-1")
	sale := request(o.show(t, retailer))
	body := func(m proto.Message) string { return protojson.MarshalOptions{}.Format(m) }

	list, err := grpcurl(t, till, address, "list")
	if err != nil || !strings.Contains(list, "coupon.retailer.v1.RetailerService") {
		t.Fatalf("list: %v: %s", err, list)
	}
	verify := body(&retailerv1.VerifyRequest{Coupons: sale.GetCoupons(), Basket: sale.GetBasket()})
	verdict, err := grpcurl(t, till, "-d", verify, address, "coupon.retailer.v1.RetailerService/Verify")
	if err != nil || !strings.Contains(verdict, `"minor": "50"`) {
		t.Fatalf("verify: %v: %s", err, verdict)
	}
	redeemed, err := grpcurl(t, till, "-d", body(sale), address, "coupon.retailer.v1.RetailerService/Redeem")
	if err != nil || !strings.Contains(redeemed, "redemptionId") {
		t.Fatalf("redeem: %v: %s", err, redeemed)
	}
}

func TestWithoutATillsCertificateNothingIsAnswered(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	sale := request(o.show(t, retailer))
	address := retailerAddress(t)
	for name, folder := range map[string]string{
		"no certificate":               "",
		"the advertiser's certificate": consortium.Folder("advertiser", "operator"),
		"the advertiser's till":        consortium.Folder("advertiser", "till-1"),
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := grpcurl(t, folder, address, "list"); err == nil {
				t.Errorf("could list the services: %s", out)
			}
			out, err := grpcurl(t, folder, "-d", protojson.Format(sale), address, "coupon.retailer.v1.RetailerService/Redeem")
			if err == nil {
				t.Errorf("could redeem: %s", out)
			}
		})
	}
	redeem(t, sale)
}
