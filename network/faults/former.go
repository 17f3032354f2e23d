// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import "ecoupon/chaincode/coupon"

// former is what the book had before it was compared and forgotten.
type former struct {
	sales, voided, turned, settled int
	// taken is what each retailer's tills took off and did not give back.
	taken map[string]owed
}

// forget drops what was compared, and keeps its sums. Coupons that nobody has
// used yet stay.
func (b *book) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.former.taken = b.takenOff()
	for _, s := range b.sales {
		if s.voided {
			b.former.voided++
		}
	}
	b.former.sales += len(b.sales)
	b.former.turned += len(b.turned)
	b.former.settled += len(b.settled)
	for c := range b.tracks {
		delete(b.issued, c)
	}
	b.sales, b.turned, b.settled, b.tracks = nil, nil, nil, map[serial]track{}
}

// takenOff is what each retailer's tills took off since the beginning.
func (b *book) takenOff() map[string]owed {
	taken := map[string]owed{}
	for retailer, sum := range b.former.taken {
		taken[retailer] = sum
	}
	for _, s := range b.sales {
		if !s.voided {
			t := taken[s.shop.mspID]
			taken[s.shop.mspID] = owed{t.minor + s.answer.GetTotal().GetMinor(), t.coupons + int64(len(s.coupons))}
		}
	}
	return taken
}

// givenOut is a set of serial numbers: a bit for each, by framework and lane.
type givenOut map[lane][]uint64

type lane struct {
	framework coupon.FrameworkID
	number    uint16
}

// add reports whether the serial number is new.
func (g givenOut) add(s serial) bool {
	l := lane{s.framework, s.lane}
	word, bit := int(s.sn/64), uint64(1)<<(s.sn%64)
	for len(g[l]) <= word {
		g[l] = append(g[l], 0)
	}
	before := g[l][word]
	g[l][word] |= bit
	return before&bit == 0
}
