// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// accepted is how an attack ended that was not refused.
const accepted = "accepted"

// attack is one that is known.
type attack struct {
	name string
	// by is who attacks.
	by string
	// want are the reasons or validation codes one of which must end it.
	want []string
	// residual says what bounds an attack that may succeed; empty for one that
	// must not.
	residual string
	// waits says that it takes minutes, in which others may go on.
	waits bool
	run   func(ctx context.Context, a *arena) outcome
}

// outcome is how an attack ended.
type outcome struct {
	// with is a reason, a validation code, or accepted.
	with string
	// by is who refused.
	by   string
	took time.Duration
	// err says that it could not be played.
	err error
}

// play runs the attack. What is needed for it and fails makes it one that could
// not be played.
func (k attack) play(ctx context.Context, a *arena) (o outcome) {
	if err := guard(func() { o = k.run(ctx, a) }); err != nil {
		return outcome{err: err}
	}
	return o
}

// judge returns a line about the outcome, and whether it is as it should be.
func (k attack) judge(o outcome) (string, bool) {
	head := fmt.Sprintf("%-62s %-22s", k.name, k.by)
	switch {
	case o.err != nil:
		return fmt.Sprintf("%s NOT PLAYED: %v", head, o.err), false
	case o.with == accepted && k.residual != "":
		return fmt.Sprintf("%s RESIDUAL: %s", head, k.residual), true
	case o.with == accepted:
		return fmt.Sprintf("%s ACCEPTED, want %s", head, strings.Join(k.want, " or ")), false
	case !slices.Contains(k.want, o.with):
		return fmt.Sprintf("%s %s by %s, WANT %s", head, o.with, o.by, strings.Join(k.want, " or ")), false
	default:
		return fmt.Sprintf("%s %-30s %-34s %6d ms", head, o.with, o.by, o.took.Milliseconds()), true
	}
}

// broken is what must and check give up with. It never leaves the package: whatever
// calls them runs in a guard.
type broken struct{ error }

// guard does something, and turns giving up into an error.
func guard(do func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			failed, ok := r.(broken)
			if !ok {
				panic(r)
			}
			err = failed.error
		}
	}()
	do()
	return nil
}

// must returns what a preparation made, or gives the attack up.
func must[T any](v T, err error) T {
	check(err)
	return v
}

// check gives the attack up if a preparation failed.
func check(err error) {
	if err != nil {
		panic(broken{err})
	}
}
