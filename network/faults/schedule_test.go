// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
)

func TestTheSameSeedMakesTheSameSchedule(t *testing.T) {
	t.Parallel()
	short, long := schedule(7, 50), schedule(7, 100)
	if len(short) != 50 || len(long) != 100 {
		t.Fatalf("%d and %d episodes", len(short), len(long))
	}
	if !slices.Equal(short, long[:50]) {
		t.Error("the longer schedule begins otherwise than the shorter one")
	}
	if slices.Equal(long, schedule(8, 100)) {
		t.Error("another seed makes the same schedule")
	}
}

func TestEveryFaultComesBeforeAnyComesAgain(t *testing.T) {
	t.Parallel()
	faults := len(victims)*3 + 1
	seen := map[string]int{}
	for i, e := range schedule(1, 3*faults) {
		if seen[e.fault()]++; seen[e.fault()] > i/faults+1 {
			t.Fatalf("episode %d: %s for the %d. time", i, e.fault(), seen[e.fault()])
		}
	}
	if len(seen) != faults {
		t.Errorf("%d kinds of fault, want %d", len(seen), faults)
	}
}
