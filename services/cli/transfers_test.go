// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ecoupon/services/cli"
	"ecoupon/services/wallet"
	"ecoupon/services/wallet/wallettest"
)

// friend is another wallet at the same advertiser.
func (c *customer) friend(t *testing.T) *customer {
	t.Helper()
	flags := slices.Clone(c.flags)
	flags[1] = filepath.Join(t.TempDir(), "wallet.json")
	return &customer{c.Advertiser, c.consortium, flags}
}

func TestWalletsHandCouponsOn(t *testing.T) {
	t.Parallel()
	from := newCustomer(t)
	from.Transferable(1)
	to := from.friend(t)
	var got coupons
	from.json(t, "get tea", &got)
	id := got.Coupons[0].ID
	var made struct{ Key string }
	to.json(t, "key", &made)
	printed := to.run(t, "key")
	if printed.exit != cli.ExitDone || printed.out == made.Key+"\n" || !strings.HasPrefix(printed.out, "ek1.") {
		t.Errorf("%+v", printed)
	}
	key := strings.TrimSpace(printed.out)
	from.Misbehave(wallettest.Misconduct{LoseAnswers: 3})
	doubt := from.run(t, "transfer "+id+" --to "+key)
	if doubt.exit != cli.ExitRepeat || !strings.Contains(doubt.err, "sends the same transfer again") {
		t.Errorf("%+v", doubt)
	}
	if shown := from.run(t, "show "+id); !strings.Contains(shown.out, "on its way  to another wallet") {
		t.Errorf("%+v", shown)
	}
	given := from.run(t, "transfer "+id+" --to "+key)
	if given.exit != cli.ExitDone || !strings.HasPrefix(given.out, "eh1.") {
		t.Fatalf("%+v", given)
	}
	var again struct{ Handover string }
	if from.json(t, "transfer "+id+" --to "+key, &again); again.Handover+"\n" != given.out {
		t.Errorf("printed again: %+v", again)
	}
	for _, test := range []struct {
		args string
		exit int
		want string
	}{
		{"show " + id, cli.ExitDone, ": transferred\n"},
		{"show " + id, cli.ExitDone, "handed on  1 of at most 1 times\n"},
		{"present " + id + " --retailer R", cli.ExitRefused, "COUPON_TRANSFERRED: The coupon was given on to another wallet."},
		{"transfer " + id + " --to " + made.Key, cli.ExitRefused, "COUPON_TRANSFERRED"},
		{"transfer " + id + " --to ek1.x", cli.ExitRefused, "INVALID_REQUEST"},
		{"transfer " + id, cli.ExitUsage, "--to"},
		{"take eh1.x", cli.ExitRefused, "MALFORMED_TRANSFER"},
		{"take " + again.Handover, cli.ExitRefused, "BAD_OWNER_KEY"},
	} {
		if got := from.run(t, test.args); got.exit != test.exit || !strings.Contains(got.out+got.err, test.want) {
			t.Errorf("%s: %+v", test.args, got)
		}
	}
	taken := to.consortium.run(t, given.out, append([]string{"wallet", "take", "-"}, to.flags...)...)
	if taken.exit != cli.ExitDone || !strings.Contains(taken.out, "handed on  1 of at most 1 times\n") {
		t.Errorf("%+v", taken)
	}
	var held wallet.Holding
	to.json(t, "take "+again.Handover, &held)
	if shown := to.run(t, "present "+held.ID+" --retailer R"); shown.exit != cli.ExitDone || !strings.HasPrefix(shown.out, "ep1.") {
		t.Errorf("%+v", shown)
	}
	unknown := to.consortium.run(t, "", "wallet", "take", again.Handover, "--wallet", to.flags[1])
	if unknown.exit != cli.ExitUsage || !strings.Contains(unknown.err, "--advertiser") {
		t.Errorf("%+v", unknown)
	}
}
