// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/wallet"
	"ecoupon/services/wallet/wallettest"
)

// dynamicShop has dynamic offers: bound and bearer ones that decay, and early,
// whose coupons need receipts.
func dynamicShop(t *testing.T) (*wallettest.Advertiser, *wallet.Wallet, string) {
	t.Helper()
	a := wallettest.New(t)
	a.Now = func() time.Time { return noon.Add(time.Second) }
	a.Dynamic("bound", wallettest.Decaying, typev1.Holder_HOLDER_BOUND, noon)
	a.Dynamic("bearer", wallettest.Decaying, typev1.Holder_HOLDER_BEARER, noon)
	a.Dynamic("early", wallettest.EarlyBird, typev1.Holder_HOLDER_BOUND, noon)
	path := filepath.Join(t.TempDir(), "wallet.json")
	return a, at(t, a, path), path
}

func get(t *testing.T, a *wallettest.Advertiser, w *wallet.Wallet, campaign string) wallet.Holding {
	t.Helper()
	got, err := w.Get(t.Context(), a.URL, offer(t, a, w, campaign))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestGetAndPresentDynamicCoupons(t *testing.T) {
	t.Parallel()
	a, w, path := dynamicShop(t)
	for campaign, field := range map[string]string{"bound": "owner", "bearer": "u_data"} {
		got := get(t, a, w, campaign)
		c, err := coupon.ParseCoupon(got.Coupon)
		if err != nil || c.Kind != coupon.KindDynamic || c.Release.Time != noon.Add(time.Second).UnixMilli() || got.NeedsReceipt {
			t.Fatalf("%+v, %v", got, err)
		}
		requests := a.Requests()
		sent, _ := requests[len(requests)-1].Body[field].(string)
		if sent != base64.StdEncoding.EncodeToString(c.Owner[:]) || c.Owner == (coupon.PublicKey{}) {
			t.Errorf("%s: sent %q, and the coupon has %x", campaign, sent, c.Owner)
		}
		text, err := at(t, a, path).Present(got.ID, wallet.Audience{Retailer: "RetailerMSP"})
		if err != nil {
			t.Fatal(err)
		}
		tender, err := coupon.ParseTender(text)
		switch {
		case err != nil:
			t.Errorf("%s: %v", campaign, err)
		case campaign == "bearer" && text != got.Coupon:
			t.Errorf("a bearer coupon was presented as %s", text)
		case campaign == "bound" && tender.Presentation.VerifySignature(c.Owner) != nil:
			t.Errorf("a bound coupon was presented as %s", text)
		}
	}
}

func TestTwoBearerCouponsHaveOtherBytes(t *testing.T) {
	t.Parallel()
	a, w, _ := dynamicShop(t)
	first, err1 := coupon.ParseCoupon(get(t, a, w, "bearer").Coupon)
	second, err2 := coupon.ParseCoupon(get(t, a, w, "bearer").Coupon)
	if err := errors.Join(err1, err2); err != nil || first.Owner == second.Owner {
		t.Errorf("%x and %x, %v", first.Owner, second.Owner, err)
	}
}

func TestWrongDynamicCouponsAreNotKept(t *testing.T) {
	t.Parallel()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	foreign := coupon.PublicKey(public)
	frameZero := coupon.Coupon{Kind: coupon.KindDynamic, SN: 1}.Text()
	for _, test := range []struct {
		name     string
		campaign string
		conduct  wallettest.Misconduct
		want     coupon.Reason
	}{
		{"foreign owner", "bound", wallettest.Misconduct{Owner: &foreign}, coupon.ReasonBadOwnerKey},
		{"foreign bytes", "bearer", wallettest.Misconduct{Owner: &foreign}, coupon.ReasonBadOwnerKey},
		{"other framework", "bearer", wallettest.Misconduct{Framework: &coupon.FrameworkID{1}}, coupon.ReasonTermsMismatch},
		{"static", "bound", wallettest.Misconduct{Static: true}, coupon.ReasonUnsupportedKind},
		{"static bearer", "bearer", wallettest.Misconduct{Static: true}, coupon.ReasonUnsupportedKind},
		{"of frame 0", "bearer", wallettest.Misconduct{Garbage: frameZero}, coupon.ReasonMalformedCoupon},
		{"dated ahead", "bound", wallettest.Misconduct{Late: 2 * time.Minute}, coupon.ReasonWrongReleaseTime},
		{"dated back", "bound", wallettest.Misconduct{Late: -2*time.Minute - 2*time.Second}, coupon.ReasonWrongReleaseTime},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, w, _ := dynamicShop(t)
			a.Misbehave(test.conduct)
			_, err := w.Get(t.Context(), a.URL, offer(t, a, w, test.campaign))
			wantReason(t, err, test.want)
			wantEmpty(t, w)
		})
	}
}

// An answer that was lost for an hour has the release of that time.
func TestResumedDynamicCouponMayBeOld(t *testing.T) {
	t.Parallel()
	a, w, path := dynamicShop(t)
	bearer := offer(t, a, w, "bearer")
	a.Misbehave(wallettest.Misconduct{LoseAnswers: 3})
	var unanswered *wallet.Unanswered
	if _, err := w.Get(t.Context(), a.URL, bearer); !errors.As(err, &unanswered) {
		t.Fatalf("got %v", err)
	}
	later, err := wallet.New(wallet.Config{Path: path, Roots: a.Roots, Now: func() time.Time { return noon.Add(time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	if came, err := later.Resume(t.Context()); err != nil || len(came) != 1 || came[0].ID != unanswered.ID {
		t.Errorf("%+v, %v", came, err)
	}
}

func TestReceiptIsFetchedCheckedAndKept(t *testing.T) {
	t.Parallel()
	a, w, path := dynamicShop(t)
	var held []wallet.Holding
	for range 3 {
		held = append(held, get(t, a, w, "early"))
	}
	for _, h := range held {
		if !h.NeedsReceipt || h.Receipt != nil {
			t.Errorf("%+v", h)
		}
		_, err := w.Present(h.ID, wallet.Audience{Retailer: "RetailerMSP"})
		wantReason(t, err, coupon.ReasonReceiptRequired)
		_, err = w.FetchReceipt(t.Context(), h.ID, nil)
		wantReason(t, err, coupon.ReasonFrameNotClosed)
	}
	a.CloseFrames()
	for _, h := range held {
		got, err := w.FetchReceipt(t.Context(), h.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := at(t, a, path).Coupon(h.ID)
		if err != nil || kept.Receipt == nil || *kept.Receipt != *got.Receipt || got.Receipt.ClosedAt != noon.Add(time.Second).UnixMilli() {
			t.Fatalf("%+v, %v", kept, err)
		}
		c, err1 := coupon.ParseCoupon(h.Coupon)
		r, err2 := coupon.ParseReceipt(kept.Receipt.Text)
		if err := errors.Join(err1, err2, c.CheckReceipt(r, kept.Receipt.Log)); err != nil {
			t.Error(err)
		}
		if _, err := w.Present(h.ID, wallet.Audience{Retailer: "RetailerMSP"}); err != nil {
			t.Error(err)
		}
		log := kept.Receipt.Log
		if _, err := w.FetchReceipt(t.Context(), h.ID, &log); err != nil {
			t.Errorf("with the ledger's digest: %v", err)
		}
	}
}

func TestWrongReceiptsAreNotKept(t *testing.T) {
	t.Parallel()
	a, w, _ := dynamicShop(t)
	h := get(t, a, w, "early")
	get(t, a, w, "early")
	a.CloseFrames()
	other := get(t, a, w, "early")
	a.CloseFrames()
	foreign, err := w.FetchReceipt(t.Context(), other.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*advertiserv1.GetReceiptResponse)
		want   coupon.Reason
	}{
		"none":              {func(r *advertiserv1.GetReceiptResponse) { r.Receipt = "" }, coupon.ReasonMalformedReceipt},
		"garbage":           {func(r *advertiserv1.GetReceiptResponse) { r.Receipt = "er1.AQ" }, coupon.ReasonMalformedReceipt},
		"another coupon's":  {func(r *advertiserv1.GetReceiptResponse) { r.Receipt = foreign.Receipt.Text }, coupon.ReasonWrongReceipt},
		"another log":       {func(r *advertiserv1.GetReceiptResponse) { r.Frame.LogSha256[0] ^= 1 }, coupon.ReasonWrongReceipt},
		"no log":            {func(r *advertiserv1.GetReceiptResponse) { r.Frame.LogSha256 = nil }, coupon.ReasonWrongReceipt},
		"no frame":          {func(r *advertiserv1.GetReceiptResponse) { r.Frame = nil }, coupon.ReasonWrongReceipt},
		"another frame":     {func(r *advertiserv1.GetReceiptResponse) { r.Frame.Frame++ }, coupon.ReasonWrongReceipt},
		"another lane":      {func(r *advertiserv1.GetReceiptResponse) { r.Frame.Lane++ }, coupon.ReasonWrongReceipt},
		"another framework": {func(r *advertiserv1.GetReceiptResponse) { r.Frame.FrameworkId = strings.Repeat("ab", 16) }, coupon.ReasonWrongReceipt},
	} {
		a.Misbehave(wallettest.Misconduct{Receipt: test.change})
		_, err := w.FetchReceipt(t.Context(), h.ID, nil)
		if got, _ := coupon.ReasonOf(err); got != test.want {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	a.Misbehave(wallettest.Misconduct{})
	_, err = w.FetchReceipt(t.Context(), h.ID, &coupon.Hash{1})
	wantReason(t, err, coupon.ReasonWrongReceipt)
	if kept, err := w.Coupon(h.ID); err != nil || kept.Receipt != nil {
		t.Errorf("%+v, %v", kept, err)
	}
}

func TestNoReceipts(t *testing.T) {
	t.Parallel()
	a, w, _ := shop(t)
	static := get(t, a, w, "bound")
	_, err := w.FetchReceipt(t.Context(), static.ID, nil)
	wantReason(t, err, coupon.ReasonUnsupportedKind)
	_, err = w.FetchReceipt(t.Context(), "none", nil)
	wantReason(t, err, coupon.ReasonNotFound)
	a.Misbehave(wallettest.Misconduct{LoseAnswers: 3})
	var unanswered *wallet.Unanswered
	if _, err := w.Get(t.Context(), a.URL, offer(t, a, w, "bound")); !errors.As(err, &unanswered) {
		t.Fatalf("got %v", err)
	}
	_, err = w.FetchReceipt(t.Context(), unanswered.ID, nil)
	wantReason(t, err, coupon.ReasonNotFound)
}

func TestDamagedDynamicEntriesAreFound(t *testing.T) {
	t.Parallel()
	a, w, path := dynamicShop(t)
	bearer, early := get(t, a, w, "bearer"), get(t, a, w, "early")
	a.CloseFrames()
	receipt, err := w.FetchReceipt(t.Context(), early.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	c, _ := coupon.ParseCoupon(bearer.Coupon)
	for name, text := range map[string]string{
		"other bytes":   strings.Replace(good, c.Owner.String(), strings.Repeat("0", 64), 1),
		"no bytes":      strings.Replace(good, `"u_data": "`+c.Owner.String()+`",`, "", 1),
		"receipt cut":   strings.Replace(good, receipt.Receipt.Text, receipt.Receipt.Text[:20], 1),
		"another log":   strings.Replace(good, receipt.Receipt.Log.String(), strings.Repeat("0", 64), 1),
		"coupon is off": strings.Replace(good, `"coupon": "`+early.Coupon+`",`, "", 1),
	} {
		if text == good {
			t.Fatalf("%s: the file was not changed", name)
		}
		path := filepath.Join(t.TempDir(), "w")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := at(t, a, path).Coupons(); !errors.Is(err, wallet.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
