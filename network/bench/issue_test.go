// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

func TestMetricsOf(t *testing.T) {
	t.Parallel()
	said := `goos: linux
pkg: ecoupon/services/advertiser
BenchmarkIssue/dynamic/callers=256
BenchmarkIssue/dynamic/callers=256-2         	       1	       900 coupons/s
BenchmarkIssue/dynamic/callers=256-2         	  200000	        60.5 cpu-us/coupon	     21000 coupons/s	        11.2 median-ms
PASS
`
	metrics, err := metricsOf(said)
	if err != nil || metrics["coupons/s"] != 21000 || metrics["cpu-us/coupon"] != 60.5 || len(metrics) != 3 {
		t.Errorf("got %v %v", metrics, err)
	}
	for _, bad := range []string{"", "PASS\n", "BenchmarkX-2 1 many coupons/s\n"} {
		if metrics, err := metricsOf(bad); err == nil {
			t.Errorf("%q gives %v", bad, metrics)
		}
	}
}

func TestTheMixIsOfSeventyTwentyTen(t *testing.T) {
	t.Parallel()
	counted := make(map[int]int)
	for i := range 1000 {
		counted[mixed(i)]++
	}
	if counted[1] != 700 || counted[2] != 200 || counted[3] != 100 {
		t.Errorf("got %v", counted)
	}
	if got := (&selling{coupons: mixed}).perCustomer(); got != 1.4 {
		t.Errorf("%.2f coupons a customer", got)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	all, err := choose("")
	if err != nil || len(all) != len(parts()) {
		t.Errorf("%d parts, %v", len(all), err)
	}
	two, err := choose("bearer,lone")
	if err != nil || len(two) != 2 || two[0].name != "lone" {
		t.Errorf("got %v %v", two, err)
	}
	for _, bad := range []string{"lone,lonely", "lone,lone", ","} {
		if _, err := choose(bad); err == nil {
			t.Errorf("%q names parts", bad)
		}
	}
}
