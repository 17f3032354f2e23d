// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ecoupon/services/wallet"
)

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
