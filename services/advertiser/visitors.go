// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// maxVisitors bounds the addresses that are remembered: some 10 MB.
	maxVisitors = 100_000
	// sweepPause is the least time between two searches for addresses that can
	// be forgotten.
	sweepPause = time.Second
	// networkBits is how much of an IPv6 address is one customer's: whoever has
	// one address of a /64 has them all.
	networkBits = 64
)

// visitors limits how often each address asks. It is the only place that knows
// addresses; they are kept in memory, and are forgotten once they have not
// asked for a while.
type visitors struct {
	rate  rate.Limit
	burst int
	now   func() time.Time
	most  int

	mu    sync.Mutex
	known map[netip.Addr]*rate.Limiter
	swept time.Time
	// others is shared by all who come when there is no more room.
	others *rate.Limiter
}

func newVisitors(limits Limits, now func() time.Time) *visitors {
	v := &visitors{
		rate: rate.Limit(limits.AddressRate), burst: limits.AddressBurst, now: now, most: maxVisitors,
		known: make(map[netip.Addr]*rate.Limiter),
	}
	v.others = v.newLimiter()
	return v
}

func (v *visitors) newLimiter() *rate.Limiter {
	return rate.NewLimiter(v.rate, v.burst)
}

// allow reports whether the visitor may ask now. The address is host and port.
func (v *visitors) allow(address string) bool {
	now := v.now()
	return v.limiter(network(address), now).AllowN(now, 1)
}

func (v *visitors) limiter(from netip.Addr, now time.Time) *rate.Limiter {
	v.mu.Lock()
	defer v.mu.Unlock()
	if limiter, found := v.known[from]; found {
		return limiter
	}
	if len(v.known) >= v.most {
		v.sweep(now)
	}
	if len(v.known) >= v.most {
		return v.others
	}
	limiter := v.newLimiter()
	v.known[from] = limiter
	return limiter
}

// sweep forgets those who may ask as often as a stranger.
func (v *visitors) sweep(now time.Time) {
	if now.Sub(v.swept) < sweepPause {
		return
	}
	v.swept = now
	for from, limiter := range v.known {
		if limiter.TokensAt(now) >= float64(v.burst) {
			delete(v.known, from)
		}
	}
}

// network is the part of an address that stands for a customer; the zero
// address for what is none.
func network(address string) netip.Addr {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Addr{}
	}
	from := parsed.Addr().Unmap().WithZone("")
	if from.Is4() {
		return from
	}
	prefix, err := from.Prefix(networkBits)
	if err != nil {
		return netip.Addr{}
	}
	return prefix.Addr()
}
