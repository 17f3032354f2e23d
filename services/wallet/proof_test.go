// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet_test

import (
	"path/filepath"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/wallet"
	"ecoupon/services/wallet/wallettest"
)

// proofShop has offers of purchase proofs, bound and bearer, and one of coupons.
func proofShop(t *testing.T) (*wallettest.Advertiser, *wallet.Wallet, string) {
	t.Helper()
	a := wallettest.New(t)
	a.Now = func() time.Time { return noon }
	a.Proofs("bound", typev1.Holder_HOLDER_BOUND, noon)
	a.Proofs("bearer", typev1.Holder_HOLDER_BEARER, noon)
	a.Offer("coupons", typev1.Holder_HOLDER_BOUND, noon, nil)
	path := filepath.Join(t.TempDir(), "wallet.json")
	return a, at(t, a, path), path
}

func expect(t *testing.T, a *wallettest.Advertiser, w *wallet.Wallet, campaign string) wallet.Expectation {
	t.Helper()
	expected, err := w.Expect(a.URL, offer(t, a, w, campaign))
	if err != nil {
		t.Fatal(err)
	}
	return expected
}

func TestExpectAndAcceptProofs(t *testing.T) {
	t.Parallel()
	a, w, path := proofShop(t)
	for _, campaign := range []string{"bound", "bearer"} {
		expected, other := expect(t, a, w, campaign), expect(t, a, w, campaign)
		if expected.UData == other.UData || expected.UData == (coupon.PublicKey{}) {
			t.Errorf("%s: the keys are %s and %s", campaign, expected.UData, other.UData)
		}
		if again, err := at(t, a, path).Expected(expected.ID); err != nil || again != expected {
			t.Errorf("%s: shown again as %+v, %v", campaign, again, err)
		}
		h, err := w.Coupon(expected.ID)
		if err != nil || h.State != wallet.Expected {
			t.Errorf("%s: it is %+v, %v", campaign, h, err)
		}
		if came, err := w.Resume(t.Context()); err != nil || came != nil {
			t.Errorf("%s: asked for %+v, %v", campaign, came, err)
		}
		_, err = w.Present(expected.ID, wallet.Audience{Retailer: "RetailerMSP"})
		wantReason(t, err, coupon.ReasonNotFound)
		text := a.Prove(expected.Framework, expected.UData, nil)
		for range 2 {
			h, err = at(t, a, path).Accept(text)
			if err != nil || h.ID != expected.ID || h.State != wallet.Held || h.Coupon != text {
				t.Fatalf("%s: accepted as %+v, %v", campaign, h, err)
			}
		}
		_, err = w.Expected(expected.ID)
		wantReason(t, err, coupon.ReasonNotFound)
		_, err = w.Accept(a.Prove(expected.Framework, expected.UData, nil))
		wantReason(t, err, coupon.ReasonAlreadyExists)
		if _, err := w.Present(expected.ID, wallet.Audience{Retailer: "RetailerMSP"}); err != nil {
			t.Error(err)
		}
	}
	for _, request := range a.Requests() {
		if request.Body != nil {
			t.Errorf("the shop was sent %v", request.Body)
		}
	}
}

func TestWrongProofsAreNotAccepted(t *testing.T) {
	t.Parallel()
	a, w, _ := proofShop(t)
	bound, bearer := expect(t, a, w, "bound"), expect(t, a, w, "bearer")
	for _, test := range []struct {
		name string
		text string
		want coupon.Reason
	}{
		{"no coupon", "ec1.AA", coupon.ReasonMalformedCoupon},
		{"another key", a.Prove(bound.Framework, coupon.PublicKey{1}, nil), coupon.ReasonNotFound},
		{"another offer's key", a.Prove(bound.Framework, bearer.UData, nil), coupon.ReasonNotFound},
		{"dynamic coupon", a.Prove(bound.Framework, bound.UData, func(c *coupon.Coupon) {
			c.Kind, c.Product = coupon.KindDynamic, coupon.Product{}
		}), coupon.ReasonUnsupportedKind},
		{"released before it was expected", a.Prove(bound.Framework, bound.UData, func(c *coupon.Coupon) {
			c.Release.Time -= 120_001
		}), coupon.ReasonWrongReleaseTime},
		{"released later", a.Prove(bearer.Framework, bearer.UData, func(c *coupon.Coupon) {
			c.Release.Time += 120_001
		}), coupon.ReasonWrongReleaseTime},
	} {
		_, err := w.Accept(test.text)
		if reason, _ := coupon.ReasonOf(err); reason != test.want {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
	for _, expected := range []wallet.Expectation{bound, bearer} {
		if again, err := w.Expected(expected.ID); err != nil || again != expected {
			t.Errorf("after wrong proofs: %+v, %v", again, err)
		}
	}
}

func TestProofsAreNotAskedForNorCouponsExpected(t *testing.T) {
	t.Parallel()
	a, w, _ := proofShop(t)
	_, err := w.Get(t.Context(), a.URL, offer(t, a, w, "bound"))
	wantReason(t, err, coupon.ReasonUnsupportedKind)
	_, err = w.Expect(a.URL, offer(t, a, w, "coupons"))
	wantReason(t, err, coupon.ReasonUnsupportedKind)
	altered := offer(t, a, w, "bound")
	altered.Terms += " "
	_, err = w.Expect(a.URL, altered)
	wantReason(t, err, coupon.ReasonTermsMismatch)
	wantEmpty(t, w)
	_, err = w.Expected("00000000-0000-4000-8000-000000000000")
	wantReason(t, err, coupon.ReasonNotFound)
}
