// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/wallet"
	"ecoupon/services/wallet/wallettest"
)

var noon = time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC)

// at returns a wallet on the file whose clock stands at noon.
func at(t *testing.T, a *wallettest.Advertiser, path string) *wallet.Wallet {
	t.Helper()
	w, err := wallet.New(wallet.Config{Path: path, Roots: a.Roots, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// shop returns an advertiser with one bound and one bearer offer, and a wallet.
func shop(t *testing.T) (*wallettest.Advertiser, *wallet.Wallet, string) {
	t.Helper()
	a := wallettest.New(t)
	a.Offer("bound", typev1.Holder_HOLDER_BOUND, noon, nil)
	a.Offer("bearer", typev1.Holder_HOLDER_BEARER, noon, nil)
	path := filepath.Join(t.TempDir(), "wallet.json")
	return a, at(t, a, path), path
}

func offer(t *testing.T, a *wallettest.Advertiser, w *wallet.Wallet, campaign string) wallet.Offer {
	t.Helper()
	offers, err := w.Offers(t.Context(), a.URL)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(offers, func(o wallet.Offer) bool { return o.Mandate.Campaign == campaign })
	if i < 0 {
		t.Fatalf("no offer of %s", campaign)
	}
	return offers[i]
}

func wantReason(t *testing.T, err error, want coupon.Reason) {
	t.Helper()
	if got, _ := coupon.ReasonOf(err); got != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func wantEmpty(t *testing.T, w *wallet.Wallet) {
	t.Helper()
	if held, err := w.Coupons(); err != nil || len(held) != 0 {
		t.Errorf("the wallet has %v, %v", held, err)
	}
}

func TestGetAndPresentBoundCoupon(t *testing.T) {
	t.Parallel()
	a, w, path := shop(t)
	got, err := w.Get(t.Context(), a.URL, offer(t, a, w, "bound"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := at(t, a, path).Present(got.ID, wallet.Audience{Retailer: "RetailerMSP", Invoice: "A-1"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := coupon.ParsePresentation(text)
	if err != nil || p.VerifySignature(p.Coupon.Owner) != nil {
		t.Fatalf("%v, %v", err, p.VerifySignature(p.Coupon.Owner))
	}
	if p.Coupon.Text() != got.Coupon || p.PresentedAt != noon.UnixMilli() || p.Retailer != "RetailerMSP" || p.Invoice != "A-1" {
		t.Errorf("presentation %+v", p)
	}
	held, err := w.Coupon(got.ID)
	if err != nil || held.State != wallet.Presented {
		t.Errorf("%+v, %v", held, err)
	}
	want := []wallet.Use{{At: noon.UnixMilli(), Retailer: "RetailerMSP", Invoice: "A-1"}}
	if diff := cmp.Diff(want, held.Uses); diff != "" {
		t.Error(diff)
	}
}

func TestPresentationsDiffer(t *testing.T) {
	t.Parallel()
	a, w, _ := shop(t)
	got, err := w.Get(t.Context(), a.URL, offer(t, a, w, "bound"))
	if err != nil {
		t.Fatal(err)
	}
	first, err1 := w.Present(got.ID, wallet.Audience{Retailer: "RetailerMSP"})
	second, err2 := w.Present(got.ID, wallet.Audience{Retailer: "RetailerMSP"})
	if err := errors.Join(err1, err2); err != nil || first == second {
		t.Errorf("equal presentations, or %v", err)
	}
}

func TestBearerCouponHasNoKey(t *testing.T) {
	t.Parallel()
	a, w, _ := shop(t)
	got, err := w.Get(t.Context(), a.URL, offer(t, a, w, "bearer"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := w.Present(got.ID, wallet.Audience{Retailer: "RetailerMSP"})
	if err != nil || text != got.Coupon || !strings.HasPrefix(text, "ec1.") {
		t.Errorf("%q, %v", text, err)
	}
	held, _ := w.Coupon(got.ID)
	if diff := cmp.Diff([]wallet.Use{{At: noon.UnixMilli()}}, held.Uses); diff != "" {
		t.Error(diff)
	}
}

func TestPresentRefusesWithoutAudience(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*typev1.Campaign)
		to     wallet.Audience
		want   coupon.Reason
	}{
		{"retailer missing", func(*typev1.Campaign) {}, wallet.Audience{Invoice: "A"}, coupon.ReasonAudienceRequired},
		{"retailer waived", func(c *typev1.Campaign) { c.AudienceWaived = true }, wallet.Audience{}, ""},
		{"invoice missing", func(c *typev1.Campaign) { c.InvoiceRequired = true },
			wallet.Audience{Retailer: "R"}, coupon.ReasonAudienceRequired},
		{"no id", func(*typev1.Campaign) {}, wallet.Audience{Retailer: "R\n"}, coupon.ReasonInvalidRequest},
		{"no invoice number", func(*typev1.Campaign) {}, wallet.Audience{Retailer: "R", Invoice: "é"}, coupon.ReasonInvalidRequest},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := wallettest.New(t)
			a.Offer("c", typev1.Holder_HOLDER_BOUND, noon, func(o *advertiserv1.Offer) { test.change(o.Campaign) })
			w := at(t, a, filepath.Join(t.TempDir(), "w"))
			got, err := w.Get(t.Context(), a.URL, offer(t, a, w, "c"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Present(got.ID, test.to)
			wantReason(t, err, test.want)
			if held, _ := w.Coupon(got.ID); (held.State == wallet.Presented) != (test.want == "") {
				t.Errorf("state %s", held.State)
			}
		})
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	a, w, _ := shop(t)
	got, err := w.Get(t.Context(), a.URL, offer(t, a, w, "bearer"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Forget(got.ID); err != nil {
		t.Fatal(err)
	}
	wantEmpty(t, w)
	wantReason(t, w.Forget(got.ID), coupon.ReasonNotFound)
}
