// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// reviewAfter is when a clerk repeats what a till did not: well before a
	// presentation is too old.
	reviewAfter = 10 * time.Second
	// clerks repeat so many requests at a time.
	clerks = 8
)

// leave hands a request of unknown outcome to the clerk.
func (p *play) leave(a *ask) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = append(p.left, leftover{a, time.Now()})
}

// leftover is a request that its till did not repeat.
type leftover struct {
	*ask
	since time.Time
}

// clerk repeats what tills have left, until open ends; then all of it.
func (p *play) clerk(ctx, open context.Context) error {
	for rest(open, time.Second) {
		p.review(ctx, reviewAfter)
	}
	return ctx.Err()
}

// review repeats what was left so long ago.
func (p *play) review(ctx context.Context, age time.Duration) {
	p.mu.Lock()
	due := 0
	for due < len(p.left) && time.Since(p.left[due].since) >= age {
		due++
	}
	list := p.left[:due:due]
	p.left = p.left[due:]
	p.mu.Unlock()
	var desks errgroup.Group
	desks.SetLimit(clerks)
	for _, l := range list {
		desks.Go(func() error { p.decide(ctx, l.ask); return nil })
	}
	_ = desks.Wait()
}
