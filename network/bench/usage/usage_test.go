// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	t.Parallel()
	start, spent, err := parse("42 (a) name (x) S 1 42 42 0 -1 4194304 500 0 0 0 700 30 8 9 20 0 5 0 123456 100 200")
	if err != nil || start != "123456" || spent != 747 {
		t.Errorf("got %q %d %v", start, spent, err)
	}
	for _, bad := range []string{"", "42 (x) S 1", "42 (x) S 1 42 42 0 -1 4194304 500 0 0 0 many 30 8 9 20 0 5 0 123456 100"} {
		if _, _, err := parse(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// work spends so much processor time, however long that takes, and returns how
// long it took.
func work(t *testing.T, worth time.Duration) time.Duration {
	t.Helper()
	spent := func() time.Duration {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			t.Fatal(err)
		}
		return time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	began := time.Now()
	for until := spent() + worth; spent() < until; {
		continue
	}
	return time.Since(began)
}

func TestABusyProcessIsSeen(t *testing.T) {
	groups := Groups{"self": {os.Getpid()}, "nobody": {1 << 30}}
	before := Take(groups)
	took := work(t, 300*time.Millisecond)
	cores := Take(groups).Cores(before)
	if spent := cores["self"] * took.Seconds(); spent < 0.25 || spent > 0.6 || cores["nobody"] != 0 {
		t.Errorf("%.2f s of %v", spent, cores)
	}
	// Without a group of its own it is elsewhere.
	before = Take(nil)
	took = work(t, 300*time.Millisecond)
	cores = Take(nil).Cores(before)
	if spent := cores[Elsewhere] * took.Seconds(); spent < 0.25 || len(cores) != 1 {
		t.Errorf("%.2f s of %v", spent, cores)
	}
}

func TestChildren(t *testing.T) {
	t.Parallel()
	child := exec.CommandContext(t.Context(), "sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	if family := Children(os.Getpid()); !slices.Contains(family, child.Process.Pid) || family[0] != os.Getpid() {
		t.Errorf("got %v", family)
	}
}
