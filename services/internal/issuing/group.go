// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
)

const (
	// maxGroup bounds the requests that share one commit: beyond it the cost of
	// the commit itself no longer matters.
	maxGroup = 1024
	// queueLength lets a full group gather while another is committed.
	queueLength = 2 * maxGroup
)

// waiting is a piece of work, or a request for a coupon, whose caller waits for
// answered.
type waiting struct {
	ctx      context.Context
	work     func(ctx context.Context, tx *sql.Tx) error
	issue    *issue
	err      error
	answered chan struct{}
}

// do has work done in the transaction of a group, and returns nil once it is on
// the disk. Work must leave nothing behind where it refuses. After an error what
// work has written elsewhere must not be read: it may still be at work.
func (l *Log) do(ctx context.Context, work func(ctx context.Context, tx *sql.Tx) error) error {
	return l.wait(ctx, &waiting{ctx: ctx, work: work, answered: make(chan struct{})})
}

// give has a request given its place, and returns nil once it is on the disk. Of
// errors holds what do says.
func (l *Log) give(ctx context.Context, asked *issue) error {
	return l.wait(ctx, &waiting{ctx: ctx, issue: asked, answered: make(chan struct{})})
}

func (l *Log) wait(ctx context.Context, w *waiting) error {
	select {
	case l.queue <- w:
	case <-l.stopped:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-w.answered:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	case <-l.stopped:
	}
	select {
	case <-w.answered:
		return w.err
	default:
		return ErrStopped
	}
}

// Run answers requests until ctx ends, and then returns nil. Requests that come
// while a group is committed make up the next group, so that under load many
// share the cost of reaching the disk, and a lone one does not wait. It must
// run once only.
func (l *Log) Run(ctx context.Context) error {
	defer close(l.stopped)
	for {
		select {
		case <-ctx.Done():
			return nil
		case first := <-l.queue:
			l.answer(ctx, l.gather(first))
		}
	}
}

// gather takes what is waiting, in order of arrival.
func (l *Log) gather(first *waiting) []*waiting {
	group := []*waiting{first}
	for len(group) < maxGroup {
		select {
		case w := <-l.queue:
			group = append(group, w)
		default:
			return group
		}
	}
	return group
}

// answer does the whole group's work in one transaction. The commit is not cut
// short by ctx: its outcome would be unknown.
func (l *Log) answer(ctx context.Context, group []*waiting) {
	if err := l.commit(context.WithoutCancel(ctx), group); err != nil {
		// What was seen of lanes in a transaction that is undone is not so.
		clear(l.current)
		clear(l.heads)
		clear(l.ends)
		for _, w := range group {
			w.err = fmt.Errorf("giving out serial numbers: %w", err)
		}
	}
	for _, w := range group {
		close(w.answered)
	}
}

func (l *Log) commit(ctx context.Context, group []*waiting) error {
	var come []indexed
	var now folded
	err := l.store.Update(ctx, func(tx *sql.Tx) error {
		b, err := l.newBatch(ctx, tx, group)
		if err != nil {
			return err
		}
		for _, w := range group {
			if w.err = w.ctx.Err(); w.err != nil {
				continue
			}
			w.err = b.do(ctx, w)
			if w.err != nil && !harmless(w.err) {
				return w.err
			}
		}
		if err := b.flush(ctx); err != nil {
			return err
		}
		come = b.come
		now, err = l.index.fold(ctx, tx, len(come))
		return err
	})
	if err == nil {
		l.index.add(come, now)
	}
	return err
}

// do does one piece of a group's work; what is no request for a coupon sees all
// that was given out before it, and may change lanes.
func (b *batch) do(ctx context.Context, w *waiting) error {
	if w.issue != nil {
		return b.give(ctx, w.issue)
	}
	if err := b.flush(ctx); err != nil {
		return err
	}
	clear(b.ends)
	return w.work(ctx, b.tx)
}

// harmless is what concerns one request of a group only.
func harmless(err error) bool {
	_, refused := coupon.ReasonOf(err)
	return refused || errors.Is(err, errNew) || errors.Is(err, ErrFrameOver) || errors.Is(err, ErrLaneOver)
}
