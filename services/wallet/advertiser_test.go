// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet_test

import (
	"crypto/ed25519"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/wallet"
	"ecoupon/services/wallet/wallettest"
)

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

func TestAddressesThatAreNotHTTPSAreRefused(t *testing.T) {
	t.Parallel()
	_, w, _ := shop(t)
	for _, address := range []string{"", "http://127.0.0.1:1", "https://", "https://a:b@c", "https://a?b=c", "https://a#b", "ftp://a", ":"} {
		if _, err := w.Offers(t.Context(), address); err == nil {
			t.Errorf("%q was accepted", address)
		}
	}
}
