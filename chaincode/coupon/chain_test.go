// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"slices"
	"testing"
)

func distinct(t *testing.T, what string, hashes ...Hash) {
	t.Helper()
	for i, h := range hashes {
		if slices.Contains(hashes[:i], h) || h == (Hash{}) {
			t.Errorf("%s %d is there before", what, i)
		}
	}
}

func TestLinksDependOnEverything(t *testing.T) {
	t.Parallel()
	user := func(n byte) []byte { return slices.Repeat([]byte{n}, 32) }
	distinct(t, "link",
		NextLink(Hash{1}, user(1)), NextLink(Hash{2}, user(1)), NextLink(Hash{1}, user(2)), NextLink(Hash{1}, nil),
		NextLink(Hash{1}, user(1)[:31]), FirstLink(Hash{1}, Hash(user(1))), FirstLink(Hash{1}, Hash{2}), FirstLink(Hash{2}, Hash{1}),
	)
}

func TestBeaconsDependOnEverything(t *testing.T) {
	t.Parallel()
	k1, k2 := Key(secretOf("k_B")), Key(secretOf("another k_B"))
	f := FrameworkID{1}
	distinct(t, "beacon",
		NewBeacon(k1, f, 2, 3, Hash{4}), NewBeacon(k2, f, 2, 3, Hash{4}), NewBeacon(k1, FrameworkID{2}, 2, 3, Hash{4}),
		NewBeacon(k1, f, 3, 3, Hash{4}), NewBeacon(k1, f, 2, 4, Hash{4}), NewBeacon(k1, f, 3, 2, Hash{4}), NewBeacon(k1, f, 2, 3, Hash{5}),
	)
}

// TestChainShowsWhatCameBefore swaps, drops and inserts a coupon: the last link
// is another each time.
func TestChainShowsWhatCameBefore(t *testing.T) {
	t.Parallel()
	chain := func(users ...byte) Hash {
		q := FirstLink(Hash{}, Hash{7})
		for _, u := range users {
			q = NextLink(q, slices.Repeat([]byte{u}, 32))
		}
		return q
	}
	distinct(t, "chain", chain(), chain(1, 2, 3), chain(2, 1, 3), chain(1, 3), chain(1, 2, 2, 3), chain(1, 2, 3, 3), chain(3, 2, 1))
}

func TestEntryOfACoupon(t *testing.T) {
	t.Parallel()
	c := logged(4)
	entry := c.Entry()
	if entry.Leaf() != leafHash(entry.Encoded()) {
		t.Error("the leaf is not the hash of what is encoded")
	}
	entry.UData = nil
	if entry.Leaf() == c.Entry().Leaf() {
		t.Error("a coupon without u_data has the same leaf")
	}
}
