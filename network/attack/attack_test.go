// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"
)

// TestAttacks plays every attack on a network of its own.
func TestAttacks(t *testing.T) {
	a, err := newArena(t.Context(), os.Stderr)
	if a != nil {
		t.Cleanup(a.close)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.playEach(t.Context(), attacks(), func(k attack, o outcome) {
		t.Run(k.name, func(t *testing.T) {
			line, ok := k.judge(o)
			t.Log(line)
			if !ok {
				t.Fail()
			}
		})
	})
}
