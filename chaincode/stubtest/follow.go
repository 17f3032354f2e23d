// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"context"
	"fmt"
	"slices"
)

// Height returns the number of blocks; the next one's number.
func (n *Network) Height() uint64 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return uint64(len(n.blocks))
}

// Blocks returns all blocks. With their transactions' Bytes they are all that
// is public on the channel.
func (n *Network) Blocks() []*Block {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return slices.Clone(n.blocks)
}

// WaitBlock returns the block of that number as soon as there is one. The
// error is ctx's.
func (n *Network) WaitBlock(ctx context.Context, number uint64) (*Block, error) {
	for {
		n.mu.RLock()
		var block *Block
		if number < uint64(len(n.blocks)) {
			block = n.blocks[number]
		}
		changed := n.changed
		n.mu.RUnlock()
		if block != nil {
			return block, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("awaiting block %d: %w", number, ctx.Err())
		}
	}
}

// Subscribe delivers the events of a namespace from a block on, those of the
// past first, until ctx ends; then it closes the channel. Whoever subscribes
// must read the channel or end ctx.
func (n *Network) Subscribe(ctx context.Context, namespace string, from uint64) <-chan Event {
	out := make(chan Event)
	go func() {
		defer close(out)
		for number := from; ; number++ {
			block, err := n.WaitBlock(ctx, number)
			if err != nil {
				return
			}
			for _, event := range block.Events(namespace) {
				select {
				case out <- event:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}

// Events returns all events of a namespace so far.
func (n *Network) Events(namespace string) []Event {
	var out []Event
	for _, block := range n.Blocks() {
		out = append(out, block.Events(namespace)...)
	}
	return out
}

// State returns the committed public value of a key, nil if there is none.
func (n *Network) State(namespace, key string) []byte {
	n.mu.RLock()
	defer n.mu.RUnlock()
	item, _ := n.head.get(spaceID{namespace: namespace, kind: publicSpace}, key)
	return clone(item.value)
}

// Keys returns the committed public keys of a namespace in their order.
func (n *Network) Keys(namespace string) []string {
	n.mu.RLock()
	root := n.head.spaces[spaceID{namespace: namespace, kind: publicSpace}]
	n.mu.RUnlock()
	var out []string
	c := root.seek("")
	for item, ok := c.next(); ok; item, ok = c.next() {
		out = append(out, item.key)
	}
	return out
}

// PrivateState returns the committed value of a key of a collection as its
// members have it, nil if there is none.
func (n *Network) PrivateState(namespace, collection, key string) []byte {
	n.mu.RLock()
	defer n.mu.RUnlock()
	item, _ := n.head.get(spaceID{namespace, collection, privateSpace}, key)
	return clone(item.value)
}
