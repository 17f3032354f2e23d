// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"os"
	"os/exec"
	"slices"
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

func TestABusyProcessIsSeen(t *testing.T) {
	t.Parallel()
	groups := Groups{"self": {os.Getpid()}, "nobody": {1 << 30}}
	before := Take(groups)
	for began := time.Now(); time.Since(began) < 300*time.Millisecond; {
		continue
	}
	cores := Take(groups).Cores(before)
	if cores["self"] < 0.1 || cores["nobody"] != 0 {
		t.Errorf("got %v", cores)
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
