// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"testing"

	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
)

// Design property: what a service has acknowledged survives its end at any
// moment, and its store.
func TestAnAcceptedRequestIsAnsweredAgainAfterACrash(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	sale := request(o.show(t, retailer))
	first := redeem(t, sale)
	const service = "retailer.retailer"
	for _, lose := range []bool{false, true} {
		name := "its store kept"
		if lose {
			name = "its store lost"
		}
		t.Run(name, func(t *testing.T) {
			if err := consortium.Kill(t.Context(), service); err != nil {
				t.Fatal(err)
			}
			if lose {
				if err := os.RemoveAll(consortium.Folder("retailer", "services", "retailer", "data")); err != nil {
					t.Fatal(err)
				}
			}
			if err := consortium.Start(t.Context(), service); err != nil {
				t.Fatal(err)
			}
			again := redeem(t, sale)
			if !proto.Equal(first, again) {
				t.Errorf("first %v, again %v", first, again)
			}
		})
	}
	redeem(t, request(o.show(t, retailer)))
}

// A coupon's serial number is durable before the coupon leaves.
func TestNoSerialNumberIsGivenTwiceAfterACrash(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	seen := map[int64]bool{}
	take := func() {
		c, err := coupon.ParseCoupon(o.get(t).Coupon)
		if err != nil {
			t.Fatal(err)
		}
		if seen[c.SN] {
			t.Fatalf("serial number %d was given twice", c.SN)
		}
		seen[c.SN] = true
	}
	for range 3 {
		for range 5 {
			take()
		}
		if err := consortium.Kill(t.Context(), "advertiser.advertiser"); err != nil {
			t.Fatal(err)
		}
		if err := consortium.Start(t.Context(), "advertiser.advertiser"); err != nil {
			t.Fatal(err)
		}
	}
	take()
}
