// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/retailer"
	"ecoupon/services/wallet"
)

// present is a campaign whose coupons may be handed on twice, with the real
// advertiser and retailer on a ledger in memory.
type present struct {
	*ledgertest.Consortium
	address string
	roots   *x509.CertPool
	shop    *retailer.Service
	// retailer is whose shop it is.
	retailer string
	offer    coupon.FrameworkID
}

func newPresent(t *testing.T, change func(*campaigntest.Options)) *present {
	t.Helper()
	p := &present{Consortium: ledgertest.New(t, ledgertest.Options{}), retailer: servetest.RetailerMSP}
	p.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	_, p.address, p.roots = runAdvertiser(t, p.Consortium, servetest.AdvertiserMSP)
	p.shop = runRetailer(t, p.Consortium, servetest.RetailerMSP, nil)
	options := campaigntest.Options{ID: "present", Holder: coupon.HolderBound, MaxTransfers: 2}
	change(&options)
	p.offer = campaigntest.Publish(t, p.Consortium, options).Framework.ID
	return p
}

func (p *present) wallet(t *testing.T) *wallet.Wallet {
	t.Helper()
	w, err := wallet.New(wallet.Config{Path: filepath.Join(t.TempDir(), "w"), Roots: p.roots, Now: p.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// handOn takes a coupon from one wallet to the other.
func (p *present) handOn(t *testing.T, from, to *wallet.Wallet, id string) wallet.Holding {
	t.Helper()
	key, err := to.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	given, err := from.Transfer(t.Context(), id, key)
	if err != nil || given.State != wallet.Transferred || given.Leaving != "" {
		t.Fatalf("%+v, %v", given, err)
	}
	again, err := from.Transfer(t.Context(), id, key)
	if err != nil || again.Handover != given.Handover {
		t.Errorf("handed on again: %+v, %v", again, err)
	}
	for range 2 {
		held, err := to.TakeOver(t.Context(), p.address, given.Handover)
		if err != nil || held.State != wallet.Held || held.Coupon != given.Coupon {
			t.Fatalf("%+v, %v", held, err)
		}
		given.ID = held.ID
	}
	if all, err := to.Coupons(); err != nil || len(all) != 1 {
		t.Errorf("accepted twice, the wallet has %d coupons, %v", len(all), err)
	}
	p.Clock.Advance(time.Second)
	return given
}

// redeem presents a coupon at the till.
func (p *present) redeem(t *testing.T, text string) error {
	t.Helper()
	_, err := p.shop.Redeem(t.Context(), saleOf(p.Consortium, coupon.CheckedCoupon{Text: text}))
	return err
}

func (p *present) presented(t *testing.T, w *wallet.Wallet, id string) string {
	t.Helper()
	text, err := w.Present(id, wallet.Audience{Retailer: p.retailer})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func wantRefusal(t *testing.T, what string, err error, want coupon.Reason) {
	t.Helper()
	var got coupon.Reason
	if r := refusalsIn(err); len(r) > 0 {
		got = r[0]
	}
	if got != want {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

// refusalsIn are the reasons of single coupons, or the one of the whole.
func refusalsIn(err error) []coupon.Reason {
	var found []coupon.Reason
	var batch *ledger.BatchRefusal
	if errors.As(err, &batch) {
		for _, r := range batch.Refusals {
			found = append(found, r.Reason)
		}
	}
	if reason, ok := coupon.ReasonOf(err); ok && len(found) == 0 {
		found = append(found, reason)
	}
	return found
}

// TestLifeOfACouponThatIsHandedOn takes a coupon through three wallets to the
// till. The presentations that the first two made before are worth nothing.
func TestLifeOfACouponThatIsHandedOn(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*campaigntest.Options){
		"static": func(*campaigntest.Options) {},
		"dynamic": func(o *campaigntest.Options) {
			o.Kind, o.MaxFrameAge = coupon.KindDynamic, time.Hour
			o.Terms = strings.Replace(campaigntest.Terms, `"amount":100`, `"amount":100,"schedule":{"type":"linear","from":"release","end":7200000,"to":20}`, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPresent(t, change)
			a, b, c := p.wallet(t), p.wallet(t), p.wallet(t)
			first := obtain(t, a, p.address, p.offer)
			p.Clock.Advance(time.Second)
			byA := p.presented(t, a, first.ID)
			second := p.handOn(t, a, b, first.ID)
			byB := p.presented(t, b, second.ID)
			third := p.handOn(t, b, c, second.ID)
			wantRefusal(t, "the first owner", p.redeem(t, byA), coupon.ReasonCouponTransferred)
			wantRefusal(t, "the second owner", p.redeem(t, byB), coupon.ReasonCouponTransferred)
			_, err := a.Present(first.ID, wallet.Audience{Retailer: servetest.RetailerMSP})
			wantRefusal(t, "the first wallet", err, coupon.ReasonCouponTransferred)
			key, err := a.NewKey()
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Transfer(t.Context(), third.ID, key)
			wantRefusal(t, "a third transfer", err, coupon.ReasonTransferNotAllowed)
			_, err = a.Transfer(t.Context(), first.ID, key)
			wantRefusal(t, "a transfer to another", err, coupon.ReasonCouponTransferred)
			if err := p.redeem(t, p.presented(t, c, third.ID)); err != nil {
				t.Errorf("the third owner: %v", err)
			}
			wantRefusal(t, "the third owner again", p.redeem(t, p.presented(t, c, third.ID)), coupon.ReasonAlreadyRedeemed)
		})
	}
}

// TestWhatIsHandedOverIsNotBelieved spoils what the giver shows, and has him
// show what is not so.
func TestWhatIsHandedOverIsNotBelieved(t *testing.T) {
	t.Parallel()
	p := newPresent(t, func(*campaigntest.Options) {})
	a, b, c := p.wallet(t), p.wallet(t), p.wallet(t)
	held := obtain(t, a, p.address, p.offer)
	p.Clock.Advance(time.Second)
	keyB, err := b.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	given, err := a.Transfer(t.Context(), held.ID, keyB)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(from, to string) string {
		data, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(given.Handover, "eh1."))
		if err != nil || !strings.Contains(string(data), from) {
			t.Fatalf("%s is not in %s, %v", from, data, err)
		}
		return "eh1." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(data), from, to, 1)))
	}
	second := given.Transfers[0]
	twice := `"` + second + `","` + second + `"`
	for name, test := range map[string]struct {
		text string
		want coupon.Reason
	}{
		"nothing":          {"", coupon.ReasonMalformedTransfer},
		"cut off":          {given.Handover[:len(given.Handover)-3], coupon.ReasonMalformedTransfer},
		"too long":         {"eh1." + strings.Repeat("A", 10<<20), coupon.ReasonMalformedTransfer},
		"another form":     {changed(`{"format":1`, `{"format":2`), coupon.ReasonMalformedTransfer},
		"unknown field":    {changed(`{"format":1`, `{"x":1,"format":1`), coupon.ReasonMalformedTransfer},
		"no transfers":     {changed(`"`+second+`"`, ""), coupon.ReasonMalformedTransfer},
		"better terms":     {changed(`\"amount\":100`, `\"amount\":900`), coupon.ReasonTermsMismatch},
		"transfer cut off": {changed(second, second[:len(second)-2]), coupon.ReasonMalformedTransfer},
		"the same twice":   {changed(`"`+second+`"`, twice), coupon.ReasonWrongTransferStep},
		"another owner":    {changed(second, otherSignature(t, second)), coupon.ReasonWrongSignature},
	} {
		_, err := b.TakeOver(t.Context(), p.address, test.text)
		wantRefusal(t, name, err, test.want)
	}
	_, err = c.TakeOver(t.Context(), p.address, given.Handover)
	wantRefusal(t, "a wallet that did not make the key", err, coupon.ReasonBadOwnerKey)
	if all, err := b.Coupons(); err != nil || len(all) != 0 {
		t.Errorf("the wallet has %d coupons, %v", len(all), err)
	}
	// It has gone on before it was accepted: there is nothing left to accept.
	accepted, err := b.TakeOver(t.Context(), p.address, given.Handover)
	if err != nil {
		t.Fatal(err)
	}
	p.handOn(t, b, c, accepted.ID)
	if err := b.Forget(accepted.ID); err != nil {
		t.Fatal(err)
	}
	_, err = b.TakeOver(t.Context(), p.address, given.Handover)
	wantRefusal(t, "a key that was used", err, coupon.ReasonBadOwnerKey)
}

// otherSignature is the transfer with another signature.
func otherSignature(t *testing.T, text string) string {
	t.Helper()
	transfer, err := coupon.ParseTransfer(text)
	if err != nil {
		t.Fatal(err)
	}
	transfer.Signature[0] ^= 1
	return transfer.Text()
}
