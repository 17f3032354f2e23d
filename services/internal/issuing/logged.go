// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import "ecoupon/chaincode/coupon"

// Logged is the Merkle tree (RFC 6962) over a frame's log, for who examines one
// that was shown.
type Logged struct {
	// Root is that of the tree.
	Root coupon.Hash
	tree tree
}

// NewLogged makes the tree of a log, in its order.
func NewLogged(entries []coupon.Entry) (*Logged, error) {
	l := &Logged{tree: tree{size: uint64(len(entries))}}
	grown := newTree()
	for _, e := range entries {
		leaf := e.Leaf()
		if err := grown.Append(leaf[:], l.tree.add); err != nil {
			return nil, err
		}
	}
	var err error
	l.Root, err = rootOf(grown)
	return l, err
}

// Receipt returns the proof that the entry of this place, from 0, is in the log.
func (l *Logged) Receipt(index int) (coupon.Receipt, error) {
	return l.tree.receipt(uint64(index))
}
