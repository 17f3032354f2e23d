// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"math/rand/v2"
)

// version is the height (block and position in it) of the transaction that
// last wrote a key. Block 0 holds no transactions, so the zero version means
// that the key does not exist.
type version struct {
	block, tx uint64
}

// entry is one key of a tree with its value and version.
type entry struct {
	key   string
	value []byte
	ver   version
}

// node is a node of a persistent treap ordered by the bytes of its keys. A
// node that belongs to a published snapshot never changes.
type node struct {
	entry
	priority    uint64
	left, right *node
	owner       *edit
}

// edit is the licence to change nodes in place: those that it made itself and
// that no snapshot has seen. Others are copied first.
type edit struct {
	_ byte // distinct edits need distinct addresses
}

// find returns the entry of key and whether there is one.
func (n *node) find(key string) (entry, bool) {
	for n != nil {
		switch {
		case key < n.key:
			n = n.left
		case key > n.key:
			n = n.right
		default:
			return n.entry, true
		}
	}
	return entry{}, false
}

// put returns the tree with item added, in place of an entry of the same key.
func (e *edit) put(n *node, item entry) *node {
	if n == nil {
		return &node{entry: item, priority: rand.Uint64(), owner: e} //nolint:gosec // for balance alone
	}
	n = e.own(n)
	switch {
	case item.key < n.key:
		n.left = e.put(n.left, item)
		if n.left.priority > n.priority {
			top := n.left
			n.left, top.right = top.right, n
			return top
		}
	case item.key > n.key:
		n.right = e.put(n.right, item)
		if n.right.priority > n.priority {
			top := n.right
			n.right, top.left = top.left, n
			return top
		}
	default:
		n.entry = item
	}
	return n
}

// remove returns the tree without key, which must be in it.
func (e *edit) remove(n *node, key string) *node {
	if key == n.key {
		return e.merge(n.left, n.right)
	}
	n = e.own(n)
	if key < n.key {
		n.left = e.remove(n.left, key)
	} else {
		n.right = e.remove(n.right, key)
	}
	return n
}

// merge joins two trees, every key of the first being less than the second's.
func (e *edit) merge(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.priority > b.priority:
		a = e.own(a)
		a.right = e.merge(a.right, b)
		return a
	default:
		b = e.own(b)
		b.left = e.merge(a, b.left)
		return b
	}
}

func (e *edit) own(n *node) *node {
	if n.owner == e {
		return n
	}
	c := *n
	c.owner = e
	return &c
}

// cursor walks a tree in ascending order of keys.
type cursor struct {
	path []*node
}

// seek returns a cursor before the first key that is not less than start.
func (n *node) seek(start string) *cursor {
	c := &cursor{}
	for n != nil {
		if n.key >= start {
			c.path = append(c.path, n)
			n = n.left
		} else {
			n = n.right
		}
	}
	return c
}

// next returns the next entry, or false at the end of the tree.
func (c *cursor) next() (entry, bool) {
	if len(c.path) == 0 {
		return entry{}, false
	}
	n := c.path[len(c.path)-1]
	c.path = c.path[:len(c.path)-1]
	for m := n.right; m != nil; m = m.left {
		c.path = append(c.path, m)
	}
	return n.entry, true
}

// peek returns the key that next would return, or "" at the end.
func (c *cursor) peek() string {
	if len(c.path) == 0 {
		return ""
	}
	return c.path[len(c.path)-1].key
}
