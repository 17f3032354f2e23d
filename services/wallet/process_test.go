// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet_test

import (
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"ecoupon/services/wallet"
)

const (
	pathVariable, idVariable = "WALLET_TEST_PATH", "WALLET_TEST_ID"
	presentationsEach        = 20
)

// TestProcess is what TestTwoProcesses runs in processes of their own.
func TestProcess(t *testing.T) {
	path, id := os.Getenv(pathVariable), os.Getenv(idVariable)
	if path == "" {
		t.Skip("only in a process of its own")
	}
	w, err := wallet.New(wallet.Config{Path: path, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for range presentationsEach {
		if _, err := w.Present(id, wallet.Audience{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTwoProcessesLoseNothing(t *testing.T) {
	t.Parallel()
	a, w, path := shop(t)
	got, err := w.Get(t.Context(), a.URL, offer(t, a, w, "bearer"))
	if err != nil {
		t.Fatal(err)
	}
	const processes = 2
	var group sync.WaitGroup
	for range processes {
		group.Go(func() {
			process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcess$")
			process.Env = append(os.Environ(), pathVariable+"="+path, idVariable+"="+got.ID)
			if said, err := process.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, said)
			}
		})
	}
	group.Wait()
	held, err := w.Coupon(got.ID)
	if err != nil || len(held.Uses) != processes*presentationsEach {
		t.Errorf("%d uses, %v", len(held.Uses), err)
	}
}
