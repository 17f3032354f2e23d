// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestNetworksAtOnceGetPortsOfTheirOwn(t *testing.T) {
	t.Parallel()
	const networks, count = 10, 4 * PortsPerOrganisation
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		taken = map[int]bool{}
	)
	for range networks {
		dir := t.TempDir()
		wg.Go(func() {
			base, err := pickPorts(t.Context(), count, "127.0.0.1", dir)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for p := base; p < base+count; p++ {
				if taken[p] {
					t.Errorf("port %d was given twice", p)
				}
				taken[p] = true
			}
		})
	}
	wg.Wait()
}

func TestPortsOfAPurgedNetworkAreFreeAgain(t *testing.T) {
	t.Parallel()
	gone, here := filepath.Join(t.TempDir(), "gone"), t.TempDir()
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	base, err := pickPorts(t.Context(), claimUnit, "127.0.0.1", gone)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := claim(base, claimUnit, here); err != nil || ok {
		t.Fatalf("claimed twice: %v, %v", ok, err)
	}
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if ok, err := claim(base, claimUnit, here); err != nil || !ok {
		t.Fatalf("a claim of no network stands: %v, %v", ok, err)
	}
	release(base, claimUnit, gone) // not its own any more
	if ok, err := claim(base, claimUnit, t.TempDir()); err != nil || ok {
		t.Fatalf("another's claim was released: %v, %v", ok, err)
	}
	release(base, claimUnit, here)
}
