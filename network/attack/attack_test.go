// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
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
	for _, k := range attacks() {
		t.Run(k.name, func(t *testing.T) {
			if k.waits {
				t.Parallel()
			}
			line, ok := k.judge(k.play(context.WithoutCancel(t.Context()), a))
			t.Log(line)
			if !ok {
				t.Fail()
			}
		})
	}
}
