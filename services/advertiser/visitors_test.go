// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"fmt"
	"testing"
	"time"
)

// clock is set by the test.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newTestVisitors(perSecond float64, burst int) (*visitors, *clock) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	return newVisitors(Limits{AddressRate: perSecond, AddressBurst: burst}, c.now), c
}

// asks counts how many of n questions are allowed.
func asks(v *visitors, address string, n int) int {
	allowed := 0
	for range n {
		if v.allow(address) {
			allowed++
		}
	}
	return allowed
}

func TestEachAddressHasItsLimit(t *testing.T) {
	t.Parallel()
	v, clock := newTestVisitors(2, 5)
	if got := asks(v, "192.0.2.1:1000", 20); got != 5 {
		t.Errorf("%d questions at once, want the burst of 5", got)
	}
	if got := asks(v, "192.0.2.1:2000", 20); got != 0 {
		t.Errorf("%d questions from another port of the same address, want 0", got)
	}
	if got := asks(v, "192.0.2.2:1000", 20); got != 5 {
		t.Errorf("%d questions from another address, want 5", got)
	}
	clock.at = clock.at.Add(time.Second)
	if got := asks(v, "192.0.2.1:1000", 20); got != 2 {
		t.Errorf("%d questions after a second, want the rate of 2", got)
	}
}

func TestOneCustomerIsOneNetwork(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, first, second string
		same                bool
	}{
		{"two addresses of a /64", "[2001:db8::1]:1", "[2001:db8::2:3]:1", true},
		{"two /64", "[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"IPv4 in IPv6", "[::ffff:192.0.2.1]:1", "192.0.2.1:1", true},
		{"two IPv4", "192.0.2.1:1", "192.0.2.2:1", false},
		{"what is no address", "somebody", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v, _ := newTestVisitors(1, 1)
			v.allow(test.first)
			if got := !v.allow(test.second); got != test.same {
				t.Errorf("counted together: %t, want %t", got, test.same)
			}
		})
	}
}

func TestAddressesAreForgotten(t *testing.T) {
	t.Parallel()
	v, clock := newTestVisitors(1, 2)
	v.most = 10
	for n := range 10 {
		v.allow(fmt.Sprintf("192.0.2.%d:1", n))
	}
	// All places are taken by those who have just asked: strangers share one limit.
	if got := asks(v, "198.51.100.1:1", 5) + asks(v, "198.51.100.2:1", 5); got != 2 {
		t.Errorf("strangers asked %d times, want 2 together", got)
	}
	clock.at = clock.at.Add(5 * time.Second)
	if got := asks(v, "198.51.100.1:1", 5); got != 2 {
		t.Errorf("asked %d times once there is room, want 2", got)
	}
	if len(v.known) != 1 {
		t.Errorf("%d addresses are remembered, want 1", len(v.known))
	}
}
