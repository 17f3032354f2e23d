// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet_test

import (
	"crypto/ed25519"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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
	if err != nil || p.VerifySignature() != nil {
		t.Fatalf("%v, %v", err, p.VerifySignature())
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

func TestAlteredTermsAreRefusedBeforeAsking(t *testing.T) {
	t.Parallel()
	better := strings.Replace(wallettest.Terms, `"amount":50`, `"amount":500`, 1)
	tests := map[string]func(*advertiserv1.Offer){
		"terms":    func(o *advertiserv1.Offer) { o.Campaign.Terms = better },
		"space":    func(o *advertiserv1.Offer) { o.Campaign.Terms += " " },
		"product":  func(o *advertiserv1.Offer) { o.Campaign.Product = "Champagne" },
		"offer":    func(o *advertiserv1.Offer) { o.Campaign.Offer = "5 euros off" },
		"campaign": func(o *advertiserv1.Offer) { o.Campaign.Campaign = "better" },
		"version":  func(o *advertiserv1.Offer) { o.Campaign.Version = 2 },
		"issuer":   func(o *advertiserv1.Offer) { o.Campaign.Issuer = "OtherMSP" },
		"emitter":  func(o *advertiserv1.Offer) { o.Framework.Emitter = "OtherMSP" },
		"epoch":    func(o *advertiserv1.Offer) { o.Framework.Epoch = 2 },
		"id":       func(o *advertiserv1.Offer) { o.Framework.FrameworkId = strings.Repeat("ab", 16) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := wallettest.New(t)
			a.Offer("c", typev1.Holder_HOLDER_BOUND, noon, change)
			w := at(t, a, filepath.Join(t.TempDir(), "w"))
			offers, err := w.Offers(t.Context(), a.URL)
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Get(t.Context(), a.URL, offers[0])
			wantReason(t, err, coupon.ReasonTermsMismatch)
			if a.Issued() != 0 {
				t.Error("the coupon was asked for")
			}
			wantEmpty(t, w)
		})
	}
}

func TestWrongCouponsAreNotKept(t *testing.T) {
	t.Parallel()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	foreign := coupon.PublicKey(public)
	tests := []struct {
		name     string
		campaign string
		conduct  wallettest.Misconduct
		want     coupon.Reason
	}{
		{"foreign owner", "bound", wallettest.Misconduct{Owner: &foreign}, coupon.ReasonBadOwnerKey},
		{"owner of small order", "bound", wallettest.Misconduct{Owner: &coupon.PublicKey{1}}, coupon.ReasonBadOwnerKey},
		{"bound in place of bearer", "bearer", wallettest.Misconduct{Owner: &foreign}, coupon.ReasonWrongHolder},
		{"other framework", "bound", wallettest.Misconduct{Framework: &coupon.FrameworkID{1}}, coupon.ReasonTermsMismatch},
		{"garbage", "bound", wallettest.Misconduct{Garbage: "ec1.AQ"}, coupon.ReasonMalformedCoupon},
		{"sold out", "bound", wallettest.Misconduct{Refuse: coupon.ReasonSoldOut}, coupon.ReasonSoldOut},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, w, _ := shop(t)
			a.Misbehave(test.conduct)
			_, err := w.Get(t.Context(), a.URL, offer(t, a, w, test.campaign))
			wantReason(t, err, test.want)
			wantEmpty(t, w)
		})
	}
}

func TestLostAnswerIsAskedForAgainWithinGet(t *testing.T) {
	t.Parallel()
	a, w, _ := shop(t)
	a.Misbehave(wallettest.Misconduct{LoseAnswers: 2})
	got, err := w.Get(t.Context(), a.URL, offer(t, a, w, "bound"))
	if err != nil || got.State != wallet.Held {
		t.Fatalf("%+v, %v", got, err)
	}
	if a.Issued() != 1 {
		t.Errorf("%d coupons were made", a.Issued())
	}
}

func TestLostAnswerIsAskedForAgainByResume(t *testing.T) {
	t.Parallel()
	a, w, path := shop(t)
	bound := offer(t, a, w, "bound")
	a.Misbehave(wallettest.Misconduct{LoseAnswers: 3})
	_, err := w.Get(t.Context(), a.URL, bound)
	var unanswered *wallet.Unanswered
	if !errors.As(err, &unanswered) {
		t.Fatalf("got %v", err)
	}
	asked, err := w.Coupon(unanswered.ID)
	if err != nil || asked.State != wallet.Asked {
		t.Fatalf("%+v, %v", asked, err)
	}
	_, err = w.Present(asked.ID, wallet.Audience{Retailer: "R"})
	wantReason(t, err, coupon.ReasonNotFound)

	came, err := at(t, a, path).Resume(t.Context())
	if err != nil || len(came) != 1 || came[0].ID != asked.ID || came[0].State != wallet.Held {
		t.Fatalf("%+v, %v", came, err)
	}
	if a.Issued() != 1 {
		t.Errorf("%d coupons were made", a.Issued())
	}
	if again, err := w.Resume(t.Context()); err != nil || len(again) != 0 {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestARefusalAfterALostAnswerKeepsTheRequest(t *testing.T) {
	t.Parallel()
	a, w, _ := shop(t)
	bound := offer(t, a, w, "bound")
	a.Misbehave(wallettest.Misconduct{LoseAnswers: 3})
	if _, err := w.Get(t.Context(), a.URL, bound); err == nil {
		t.Fatal("no error")
	}
	a.Misbehave(wallettest.Misconduct{Refuse: coupon.ReasonCampaignPaused})
	_, err := w.Resume(t.Context())
	wantReason(t, err, coupon.ReasonCampaignPaused)
	a.Misbehave(wallettest.Misconduct{})
	if came, err := w.Resume(t.Context()); err != nil || len(came) != 1 {
		t.Errorf("%v, %v", came, err)
	}
}

func TestTheAdvertiserLearnsNothingMore(t *testing.T) {
	t.Parallel()
	a, w, _ := shop(t)
	for _, campaign := range []string{"bound", "bearer", "bound"} {
		if _, err := w.Get(t.Context(), a.URL, offer(t, a, w, campaign)); err != nil {
			t.Fatal(err)
		}
	}
	peers, values := make(map[string]bool), make(map[any]bool)
	for _, r := range a.Requests() {
		for _, name := range []string{"User-Agent", "Cookie", "Referer", "Authorization", "Accept-Encoding"} {
			if r.Header.Get(name) != "" {
				t.Errorf("%s %s has a header %s", r.Method, r.Path, name)
			}
		}
		for name, value := range r.Body {
			if name != "request_id" && name != "owner" || values[value] {
				t.Errorf("%s %s says %s %v, or says it again", r.Method, r.Path, name, value)
			}
			values[value] = true
		}
		if peers[r.Peer] {
			t.Errorf("%s %s uses a connection again", r.Method, r.Path)
		}
		peers[r.Peer] = true
	}
	if len(values) != 3+2 {
		t.Errorf("values seen: %v", slices.Collect(maps.Keys(values)))
	}
}

func TestFileIsPrivateAndDurableInOnePiece(t *testing.T) {
	t.Parallel()
	a, w, path := shop(t)
	got, err := w.Get(t.Context(), a.URL, offer(t, a, w, "bound"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(names) != 2 {
		t.Errorf("beside wallet and lock there is %v, %v", names, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Coupons(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
	if err := w.Forget(got.ID); err == nil {
		t.Error("changed a file that others can read")
	}
}

func TestDamagedFileIsNamedAndLeftAlone(t *testing.T) {
	t.Parallel()
	a, w, path := shop(t)
	got, err := w.Get(t.Context(), a.URL, offer(t, a, w, "bound"))
	if err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"cut off":       string(good[:len(good)/2]),
		"empty":         "",
		"other format":  strings.Replace(string(good), `"format": 1`, `"format": 2`, 1),
		"unknown field": strings.Replace(string(good), `"advertiser"`, `"advertizer"`, 1),
		"other key":     strings.Replace(string(good), `"private_key": "`, `"private_key": "0000`, 1),
		"changed key":   changeKey(string(good)),
		"coupon cut":    strings.Replace(string(good), got.Coupon, got.Coupon[:40], 1),
		"terms":         strings.Replace(string(good), `\"amount\":50`, `\"amount\":99`, 1),
		"twice":         twice(string(good)),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "w")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			w := at(t, a, path)
			if _, err := w.Coupons(); !errors.Is(err, wallet.ErrDamaged) || !strings.Contains(err.Error(), path) {
				t.Errorf("reading: %v", err)
			}
			if err := w.Forget(got.ID); !errors.Is(err, wallet.ErrDamaged) {
				t.Errorf("changing: %v", err)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != text {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
}

// changeKey turns one digit of the private key.
func changeKey(file string) string {
	const name = `"private_key": "`
	i := strings.Index(file, name) + len(name)
	digit := byte('0')
	if file[i] == digit {
		digit = '1'
	}
	return file[:i] + string(digit) + file[i+1:]
}

// twice has the one coupon of the file two times.
func twice(file string) string {
	from, to := strings.Index(file, "[")+1, strings.LastIndex(file, "]")
	return file[:to] + "," + file[from:to] + file[to:]
}

func TestConcurrentWalletsLoseNothing(t *testing.T) {
	t.Parallel()
	a, w, path := shop(t)
	bearer := offer(t, a, w, "bearer")
	const wallets, each = 4, 5
	var group sync.WaitGroup
	for range wallets {
		group.Go(func() {
			w := at(t, a, path)
			for range each {
				if _, err := w.Get(t.Context(), a.URL, bearer); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	held, err := w.Coupons()
	if err != nil || len(held) != wallets*each {
		t.Fatalf("%d coupons, %v", len(held), err)
	}
	texts := make(map[string]bool)
	for _, h := range held {
		texts[h.Coupon] = true
	}
	if len(texts) != wallets*each {
		t.Errorf("%d different coupons", len(texts))
	}
}

func TestAddressesThatAreNotHTTPSAreRefused(t *testing.T) {
	t.Parallel()
	_, w, _ := shop(t)
	for _, address := range []string{"", "http://127.0.0.1:1", "https://", "https://a:b@c", "https://a?b=c", "https://a#b", "ftp://a", ":"} {
		if _, err := w.Offers(t.Context(), address); err == nil {
			t.Errorf("%q was accepted", address)
		}
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
