// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

func TestSerialNumbersAreGivenOnce(t *testing.T) {
	t.Parallel()
	g := givenOut{}
	for _, s := range []serial{{sn: 1}, {sn: 64}, {sn: 63}, {sn: 100_000}, {lane: 1, sn: 1}, {framework: [16]byte{1}, sn: 1}} {
		if !g.add(s) {
			t.Errorf("%v was given before", s)
		}
		if g.add(s) {
			t.Errorf("%v was not given", s)
		}
	}
	if g.next() != 2 {
		t.Errorf("lane %d is the first that was never used, want 2", g.next())
	}
}

func TestWhatIsForgottenIsStillPaid(t *testing.T) {
	t.Parallel()
	at := &shop{mspID: "RetailerMSP"}
	b := newBook()
	b.sales = []*sold{sale(at, 50), sale(at, 50), sale(at, 50)}
	b.sales[0].voided = true
	b.turned = []turned{{shop: at}}
	b.issued = map[serial]bool{{sn: 1}: true, {sn: 2}: true}
	b.trackOf(serial{sn: 1})
	b.forget()
	b.sales = append(b.sales, sale(at, 50))
	if got, want := b.takenOff()[at.mspID], (owed{minor: 150, coupons: 3}); got != want {
		t.Errorf("%+v was taken off, want %+v", got, want)
	}
	if b.former.sales != 3 || b.former.voided != 1 || b.former.turned != 1 || len(b.tracks) != 0 {
		t.Errorf("%+v", b.former)
	}
	if len(b.issued) != 1 || !b.issued[serial{sn: 2}] {
		t.Errorf("left to compare: %v", b.issued)
	}
}
