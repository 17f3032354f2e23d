// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"syscall"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// benchmarkCoupons is the size of a full batch of the retailer's service.
const benchmarkCoupons = 200

// benchmark has one peer run a call again and again; what it writes comes to
// nothing.
func benchmark(b *testing.B, c *consortium, k call) {
	b.Helper()
	p := c.proposal(k)
	began := used(b)
	for b.Loop() {
		if _, err := c.Evaluate(p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(used(b)-began)/float64(b.N)/benchmarkCoupons, "cpu-ns/coupon")
}

// used is the processor time of this process: what else runs on the machine
// does not count.
func used(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// sales is a full batch of sales with one coupon each.
func (c *consortium) sales(tender func(sn int64) coupon.Tendered) coupon.BatchInput {
	in := c.batch()
	for i := range benchmarkCoupons {
		in.Sales = append(in.Sales, c.sale(tender(int64(i+1))))
	}
	return in
}

// BenchmarkRules is what a batch of redemptions costs the chaincode processes:
// the check and the redemption on the issuer's peer, and the redemption on the
// retailer's. The peer's part is a map in memory. Signatures are verified in the
// first round and known in the others, as to the issuer's process in Redeem.
func BenchmarkRules(b *testing.B) {
	c := foundedOn(b, 0)
	for _, kind := range []struct {
		name   string
		tender func(sn int64) coupon.Tendered
	}{
		{"bearer", bearer.tender},
		{"bound", func(sn int64) coupon.Tendered { return c.presented(bound, sn) }},
	} {
		in := c.sales(kind.tender)
		var sales []coupon.CheckedSale
		for _, s := range in.Sales {
			sales = append(sales, checked(s))
		}
		b.Run(kind.name+"/check", func(b *testing.B) { benchmark(b, c, check(sales...)) })
		for _, mspID := range []string{issuer, retailer} {
			k := redeem(in)
			k.endorsers = []string{mspID}
			b.Run(kind.name+"/redeem/"+mspID, func(b *testing.B) { benchmark(b, c, k) })
		}
	}
}
