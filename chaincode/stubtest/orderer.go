// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"context"
	"fmt"
	"time"
)

// queue is the orderer's: transactions that are in no block yet.
type queue struct {
	pending []*Transaction
	held    bool
	timer   bool // a cut is already on its way
}

// Submit appends a transaction to the next block, which is cut by Cut or by a
// SubmitAndWait.
func (n *Network) Submit(tx *Transaction) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queue.pending = append(n.queue.pending, tx)
}

// Cut makes a block of everything submitted, if there is anything.
func (n *Network) Cut() []Result { return n.cut(true) }

func (n *Network) cut(evenIfHeld bool) []Result {
	n.commit.Lock()
	defer n.commit.Unlock()
	n.mu.Lock()
	var txs []*Transaction
	n.queue.timer = false
	if evenIfHeld || !n.queue.held {
		txs, n.queue.pending = n.queue.pending, nil
	}
	n.mu.Unlock()
	return n.makeBlock(txs)
}

// HoldBlocks keeps SubmitAndWait from cutting blocks until ReleaseBlocks, so
// that a test can put several transactions into one.
func (n *Network) HoldBlocks() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queue.held = true
}

// ReleaseBlocks ends HoldBlocks and makes a block of what has gathered.
func (n *Network) ReleaseBlocks() []Result {
	n.mu.Lock()
	n.queue.held = false
	n.mu.Unlock()
	return n.cut(false)
}

// Pending returns how many transactions wait for the next block.
func (n *Network) Pending() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.queue.pending)
}

// SubmitAndWait orders a transaction and returns what became of it. It may be
// called again for a transaction whose fate is unknown: the first occurrence
// is what counts. When ctx ends first the transaction may still be committed.
func (n *Network) SubmitAndWait(ctx context.Context, tx *Transaction) (Result, error) {
	n.Submit(tx)
	n.cutSoon()
	return n.Await(ctx, tx.ID)
}

func (n *Network) cutSoon() {
	if n.cfg.BlockInterval == 0 {
		n.cut(false)
		return
	}
	n.mu.Lock()
	timer := n.queue.timer
	n.queue.timer = true
	n.mu.Unlock()
	if !timer {
		time.AfterFunc(n.cfg.BlockInterval, func() { n.cut(false) })
	}
}

// Status returns what became of a transaction, if it is in a block.
func (n *Network) Status(txID string) (Result, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	r, ok := n.status[txID]
	return r, ok
}

// Await waits until a transaction is in a block. The error is ctx's.
func (n *Network) Await(ctx context.Context, txID string) (Result, error) {
	for {
		n.mu.RLock()
		r, ok := n.status[txID]
		changed := n.changed
		n.mu.RUnlock()
		if ok {
			return r, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Result{}, fmt.Errorf("awaiting transaction %s: %w", txID, ctx.Err())
		}
	}
}
