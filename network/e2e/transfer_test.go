// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/services/wallet"
)

// handedOn makes a launch one of coupons that may be handed on.
func handedOn(times int64) func(*desk.Launch) {
	return func(l *desk.Launch) { l.Campaign.MaxTransfers = times }
}

// another is a second customer's wallet.
func (o offer) another(t *testing.T) *wallet.Wallet {
	t.Helper()
	_, roots, err := sit(t, "retailer", "operator").Public(advertiser)
	if err != nil {
		t.Fatal(err)
	}
	return must[*wallet.Wallet](t)(wallet.New(wallet.Config{
		Path: filepath.Join(t.TempDir(), "wallet.json"), Roots: roots, Now: time.Now,
	}))
}

// A coupon goes from wallet to wallet on the ledger. Who has handed it on can not
// redeem it, not even with a presentation from before.
func TestACouponIsHandedOn(t *testing.T) {
	o := launch(t, coupon.HolderBound, handedOn(1))
	till, next := retailerDesk(t, "retailer", retailer), o.another(t)
	held := o.get(t)
	before := must[string](t)(o.wallet.Present(held.ID, wallet.Audience{Retailer: retailer}))
	key := must[string](t)(next.NewKey())
	given := must[wallet.Holding](t)(o.wallet.Transfer(t.Context(), held.ID, key))
	if again := must[wallet.Holding](t)(o.wallet.Transfer(t.Context(), held.ID, key)); again.Handover != given.Handover {
		t.Error("handed on again, something else is handed over")
	}
	taken := must[wallet.Holding](t)(next.TakeOver(t.Context(), o.url, given.Handover))

	_, err := till.Redeem(t.Context(), request(before))
	if !slices.Contains(desk.Reasons(err), "COUPON_TRANSFERRED") {
		t.Errorf("redeemed by the former owner: %v %v", err, desk.Reasons(err))
	}
	if _, err := o.wallet.Present(held.ID, wallet.Audience{Retailer: retailer}); !reason(err, coupon.ReasonCouponTransferred) {
		t.Errorf("the former owner's wallet: %v", err)
	}
	back := must[string](t)(o.wallet.NewKey())
	if _, err := next.Transfer(t.Context(), taken.ID, back); !reason(err, coupon.ReasonTransferNotAllowed) {
		t.Errorf("handed on a second time: %v", err)
	}
	shown := must[string](t)(next.Present(taken.ID, wallet.Audience{Retailer: retailer}))
	redeem(t, request(shown))
	_, err = till.Redeem(t.Context(), request(shown))
	if !slices.Contains(desk.Reasons(err), "ALREADY_REDEEMED") {
		t.Errorf("redeemed again: %v %v", err, desk.Reasons(err))
	}
}

// A transfer and a redemption of one coupon that meet: the ledger takes one of
// them, whoever is faster, and the other is told why.
func TestTransferAndRedemptionMeet(t *testing.T) {
	const rounds = 40
	o := launch(t, coupon.HolderBound, handedOn(1))
	till, next := retailerDesk(t, "retailer", retailer), o.another(t)
	transferred := 0
	for round := range rounds {
		held := o.get(t)
		shown := must[string](t)(o.wallet.Present(held.ID, wallet.Audience{Retailer: retailer}))
		key := must[string](t)(next.NewKey())
		var given wallet.Holding
		var handing, redeeming error
		var meeting sync.WaitGroup
		ready := make(chan struct{})
		meeting.Go(func() {
			<-ready
			given, handing = o.wallet.Transfer(t.Context(), held.ID, key)
		})
		meeting.Go(func() {
			<-ready
			_, redeeming = insist(t.Context(), till, request(shown))
		})
		close(ready)
		meeting.Wait()
		switch {
		case handing == nil && slices.Contains(desk.Reasons(redeeming), "COUPON_TRANSFERRED"):
			transferred++
			taken := must[wallet.Holding](t)(next.TakeOver(t.Context(), o.url, given.Handover))
			redeem(t, request(must[string](t)(next.Present(taken.ID, wallet.Audience{Retailer: retailer}))))
		case redeeming == nil && reason(handing, coupon.ReasonAlreadyRedeemed):
			if h := must[wallet.Holding](t)(o.wallet.Coupon(held.ID)); h.State != wallet.Presented || h.Leaving != "" {
				t.Errorf("round %d: the coupon that was not handed on: %+v", round, h)
			}
		default:
			t.Errorf("round %d: handing on: %v, redeeming: %v %v", round, handing, redeeming, desk.Reasons(redeeming))
		}
	}
	t.Logf("%d of %d coupons were handed on, the others redeemed before", transferred, rounds)
}

// The same by the command line.
func TestTheCommandLineHandsCouponsOn(t *testing.T) {
	o := launch(t, coupon.HolderBound, handedOn(1))
	from := commandLine{t: t, wallet: filepath.Join(t.TempDir(), "wallet.json")}
	to := commandLine{t: t, wallet: filepath.Join(t.TempDir(), "wallet.json")}
	till := consortium.Folder("retailer", "till-2")
	there := []string{"--as", till, "--organisation", advertiser}
	id := from.field(from.do(append(there, "--json", "wallet", "get", o.Framework.String())...), "id")
	key := strings.TrimSpace(to.do("wallet", "key"))
	handover := strings.TrimSpace(from.do(append(there, "wallet", "transfer", id, "--to", key)...))
	taken, errs, code := to.run(handover+"\n", append(there, "--json", "wallet", "take", "-")...)
	if code != 0 {
		t.Fatalf("take: exit code %d: %s%s", code, taken, errs)
	}
	if _, errs, code := from.run("", "wallet", "present", id, "--retailer", retailer); code != 1 || !strings.Contains(errs, "COUPON_TRANSFERRED") {
		t.Errorf("presented by the former owner: exit code %d: %s", code, errs)
	}
	shown := strings.TrimSpace(to.do("wallet", "present", to.field(taken, "id"), "--retailer", retailer))
	to.do("--as", till, "till", "redeem", shown, "--invoice", "CLI-"+id[:8], "--institute", "Girohaus", "--line", gtin+":1:2.49")
}
