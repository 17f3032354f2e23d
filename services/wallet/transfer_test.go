// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/wallet"
	"ecoupon/services/wallet/wallettest"
)

// passing is a coupon in one wallet, and a key of another that awaits it.
type passing struct {
	*wallettest.Advertiser
	from, to *wallet.Wallet
	paths    [2]string
	held     wallet.Holding
	key      string
}

func newPassing(t *testing.T, times int64) *passing {
	t.Helper()
	a, w, path := shop(t)
	a.Transferable(times)
	p := &passing{Advertiser: a, from: w, paths: [2]string{path, filepath.Join(t.TempDir(), "wallet.json")}}
	p.to = at(t, a, p.paths[1])
	var err error
	if p.held, err = w.Get(t.Context(), a.URL, offer(t, a, w, "bound")); err != nil {
		t.Fatal(err)
	}
	p.key = newKey(t, p.to)
	return p
}

func newKey(t *testing.T, w *wallet.Wallet) string {
	t.Helper()
	key, err := w.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeysAreWholeOrRefused(t *testing.T) {
	t.Parallel()
	good := wallet.KeyText(coupon.PublicKey{1, 2, 3})
	if key, err := wallet.ParseKey(good); err != nil || key != (coupon.PublicKey{1, 2, 3}) || len(good) != 52 {
		t.Errorf("%s of %d characters: %v, %v", good, len(good), key, err)
	}
	slip := []byte(good)
	slip[10] ^= 1
	for name, test := range map[string]struct {
		text string
		want coupon.Reason
	}{
		"nothing":        {"", coupon.ReasonInvalidRequest},
		"another prefix": {"ec1." + good[4:], coupon.ReasonInvalidRequest},
		"cut off":        {good[:len(good)-4], coupon.ReasonInvalidRequest},
		"longer":         {good + "AAAA", coupon.ReasonInvalidRequest},
		"line break":     {good[:20] + "\n" + good[20:], coupon.ReasonInvalidRequest},
		"a slip":         {string(slip), coupon.ReasonInvalidRequest},
		"small order":    {wallet.KeyText(coupon.PublicKey{}), coupon.ReasonBadOwnerKey},
	} {
		if _, err := wallet.ParseKey(test.text); !isReason(err, test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

func isReason(err error, want coupon.Reason) bool {
	got, _ := coupon.ReasonOf(err)
	return got == want
}

func TestACouponGoesFromWalletToWallet(t *testing.T) {
	t.Parallel()
	p := newPassing(t, 1)
	given, err := p.from.Transfer(t.Context(), p.held.ID, p.key)
	if err != nil || given.State != wallet.Transferred || len(given.Transfers) != 1 {
		t.Fatalf("%+v, %v", given, err)
	}
	taken, err := p.to.TakeOver(t.Context(), p.URL, given.Handover)
	if err != nil || taken.State != wallet.Held || taken.Coupon != p.held.Coupon || taken.Advertiser != p.URL {
		t.Fatalf("%+v, %v", taken, err)
	}
	// What is on the disk is read again, by both.
	for i, want := range []wallet.Holding{given, taken} {
		if got, err := at(t, p.Advertiser, p.paths[i]).Coupon(want.ID); err != nil || got.State != want.State || got.Handover != want.Handover {
			t.Errorf("wallet %d: %+v, %v", i, got, err)
		}
	}
	text, err := p.to.Present(taken.ID, wallet.Audience{Retailer: "R"})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := coupon.ParsePresentation(text)
	key, _ := wallet.ParseKey(p.key)
	if err != nil || shown.VerifySignature(key) != nil {
		t.Errorf("the new owner has not signed %s: %v", text, err)
	}
	_, err = p.from.Present(p.held.ID, wallet.Audience{Retailer: "R"})
	wantReason(t, err, coupon.ReasonCouponTransferred)
	_, err = p.to.Transfer(t.Context(), taken.ID, newKey(t, p.from))
	wantReason(t, err, coupon.ReasonTransferNotAllowed)
	for _, r := range p.Requests() {
		if strings.Contains(r.Path, "transfers") && len(r.Body) != 1 {
			t.Errorf("the advertiser was told %v", r.Body)
		}
	}
}

func TestTransfersThatTheWalletRefuses(t *testing.T) {
	t.Parallel()
	p := newPassing(t, 1)
	bearer, err := p.from.Get(t.Context(), p.URL, offer(t, p.Advertiser, p.from, "bearer"))
	if err != nil {
		t.Fatal(err)
	}
	before := len(p.Requests())
	for name, test := range map[string]struct {
		id, key string
		want    coupon.Reason
	}{
		"no such coupon": {"x", p.key, coupon.ReasonNotFound},
		"bearer coupon":  {bearer.ID, p.key, coupon.ReasonTransferNotAllowed},
		"no key":         {p.held.ID, "ek1.", coupon.ReasonInvalidRequest},
	} {
		if _, err := p.from.Transfer(t.Context(), test.id, test.key); !isReason(err, test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	if n := len(p.Requests()); n != before {
		t.Errorf("%d requests were sent", n-before)
	}
	p.Misbehave(wallettest.Misconduct{Refuse: coupon.ReasonCampaignPaused})
	_, err = p.from.Transfer(t.Context(), p.held.ID, p.key)
	wantReason(t, err, coupon.ReasonCampaignPaused)
	if h, err := p.from.Coupon(p.held.ID); err != nil || h.State != wallet.Held || h.Leaving != "" {
		t.Errorf("after a refusal: %+v, %v", h, err)
	}
	never := newPassing(t, 0)
	_, err = never.from.Transfer(t.Context(), never.held.ID, never.key)
	wantReason(t, err, coupon.ReasonTransferNotAllowed)
}

// TestATransferInDoubtIsSentAgain loses the answers, and lets the advertiser say
// that it does not know: the wallet sends the same until it is told.
func TestATransferInDoubtIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, conduct := range map[string]wallettest.Misconduct{
		"lost":        {LoseAnswers: 3},
		"unknown":     {Refuse: coupon.ReasonOutcomeUnknown},
		"too many":    {Refuse: coupon.ReasonRateLimited},
		"not of this": {Owned: func(o *advertiserv1.Ownership) { o.TransferSha256[0] ^= 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPassing(t, 1)
			p.Misbehave(conduct)
			_, err := p.from.Transfer(t.Context(), p.held.ID, p.key)
			var doubt *wallet.InDoubt
			if !errors.As(err, &doubt) || doubt.ID != p.held.ID {
				t.Fatalf("got %v", err)
			}
			p.Misbehave(wallettest.Misconduct{})
			again := at(t, p.Advertiser, p.paths[0])
			leaving, err := again.Coupon(p.held.ID)
			if err != nil || leaving.Leaving == "" || leaving.State != wallet.Held {
				t.Fatalf("%+v, %v", leaving, err)
			}
			_, err = again.Transfer(t.Context(), p.held.ID, newKey(t, p.to))
			wantReason(t, err, coupon.ReasonRequestConflict)
			given, err := again.Transfer(t.Context(), p.held.ID, p.key)
			if err != nil || !slices.Equal(given.Transfers, []string{leaving.Leaving}) {
				t.Fatalf("%+v, %v", given, err)
			}
			if _, err := p.to.TakeOver(t.Context(), p.URL, given.Handover); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTheLedgerDecidesWhatIsTaken has the advertiser say what the ledger has.
func TestTheLedgerDecidesWhatIsTaken(t *testing.T) {
	t.Parallel()
	p := newPassing(t, 1)
	given, err := p.from.Transfer(t.Context(), p.held.ID, p.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		owned func(*advertiserv1.Ownership)
		want  coupon.Reason
	}{
		"no transfer yet":  {func(o *advertiserv1.Ownership) { o.Step = 0 }, coupon.ReasonNotFound},
		"one more":         {func(o *advertiserv1.Ownership) { o.Step = 2 }, coupon.ReasonCouponTransferred},
		"another owner":    {func(o *advertiserv1.Ownership) { o.Owner[0] ^= 1 }, coupon.ReasonCouponTransferred},
		"another transfer": {func(o *advertiserv1.Ownership) { o.TransferSha256[0] ^= 1 }, coupon.ReasonCouponTransferred},
	} {
		p.Misbehave(wallettest.Misconduct{Owned: test.owned})
		if _, err := p.to.TakeOver(t.Context(), p.URL, given.Handover); !isReason(err, test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	wantEmpty(t, p.to)
	p.Misbehave(wallettest.Misconduct{})
	if _, err := p.to.TakeOver(t.Context(), p.URL, given.Handover); err != nil {
		t.Error(err)
	}
}

// TestDamagedTransfersAreNoticed changes the files of both wallets.
func TestDamagedTransfersAreNoticed(t *testing.T) {
	t.Parallel()
	p := newPassing(t, 2)
	given, err := p.from.Transfer(t.Context(), p.held.ID, p.key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.to.TakeOver(t.Context(), p.URL, given.Handover); err != nil {
		t.Fatal(err)
	}
	made := given.Transfers[0]
	forged, err := coupon.ParseTransfer(made)
	if err != nil {
		t.Fatal(err)
	}
	forged.Signature[0] ^= 1
	for i, path := range p.paths {
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"cut off": strings.Replace(string(good), made, made[:len(made)-4], 1),
			"forged":  strings.Replace(string(good), made, forged.Text(), 1),
			"twice":   strings.Replace(string(good), `"`+made+`"`, `"`+made+`","`+made+`"`, 1),
			"going":   strings.Replace(string(good), `"transfers"`, `"outgoing": "`+made+`", "transfers"`, 1),
		} {
			if text == string(good) {
				t.Fatalf("%s: nothing is changed in %s", name, good)
			}
			damaged := filepath.Join(t.TempDir(), "w")
			if err := os.WriteFile(damaged, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := at(t, p.Advertiser, damaged).Coupons(); !errors.Is(err, wallet.ErrDamaged) {
				t.Errorf("wallet %d, %s: %v", i, name, err)
			}
		}
	}
}
