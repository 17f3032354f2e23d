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
	if !slices.EqualFunc(short, long[:50], same) {
		t.Error("the longer schedule begins otherwise than the shorter one")
	}
	if slices.EqualFunc(long, schedule(8, 100), same) {
		t.Error("another seed makes the same schedule")
	}
}

func same(a, b episode) bool { return a.calm == b.calm && a.String() == b.String() }

func TestEveryFaultComesBeforeAnyComesAgain(t *testing.T) {
	t.Parallel()
	faults := len(victims) * 3
	for _, list := range others {
		faults += len(list)
	}
	deck := faults + pairs
	seen := map[string]int{}
	for i, e := range schedule(1, 3*deck) {
		seen[e.fault()]++
		if n := seen[e.fault()]; e.also == nil && n > i/deck+1 {
			t.Fatalf("episode %d: %s for the %d. time", i, e.fault(), n)
		}
	}
	if seen["two at once"] != 3*pairs {
		t.Errorf("%d episodes of two faults, want %d", seen["two at once"], 3*pairs)
	}
	if len(seen) != faults+1 {
		t.Errorf("%d kinds of fault, want %d", len(seen), faults+1)
	}
}

func TestPairsCanBeBorne(t *testing.T) {
	t.Parallel()
	for _, e := range schedule(3, 1000) {
		if e.also == nil {
			continue
		}
		if e.target == e.also.target || e.ofOrderer() && e.also.ofOrderer() {
			t.Errorf("%s", e)
		}
	}
}

func TestServicesStartAfterWhatTheyNeed(t *testing.T) {
	t.Parallel()
	list := []episode{
		{action: pause, target: "peer.retailer"}, {action: kill, target: "orderer.issuer"}, {action: kill, target: "chaincode.shop"},
		{action: restart, target: "peer.shop"}, {action: loseStore, target: "retailer.retailer"},
	}
	for i, e := range list {
		if e.rank() != i {
			t.Errorf("%s has rank %d, want %d", e, e.rank(), i)
		}
	}
}
