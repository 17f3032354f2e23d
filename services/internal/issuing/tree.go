// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import (
	"errors"
	"sync"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"ecoupon/chaincode/coupon"
)

// keptTrees bounds the frames whose trees are in memory: receipts are asked for
// soon after a frame is closed.
const keptTrees = 8

func newTree() *compact.Range {
	f := &compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	return f.NewEmptyRange(0)
}

func rootOf(tree *compact.Range) (coupon.Hash, error) {
	if tree.End() == 0 {
		return coupon.EmptyRoot, nil
	}
	root, err := tree.GetRootHash(nil)
	if err != nil {
		return coupon.Hash{}, err
	}
	return coupon.Hash(root), nil
}

// tree has the nodes of the Merkle tree of a closed frame that are roots of full
// subtrees, by level, the leaves first.
type tree struct {
	size   uint64
	levels [][]coupon.Hash
}

// add takes nodes in the order in which a tree grows.
func (t *tree) add(id compact.NodeID, hash []byte) {
	if id.Level == uint(len(t.levels)) {
		t.levels = append(t.levels, nil)
	}
	t.levels[id.Level] = append(t.levels[id.Level], coupon.Hash(hash))
}

func (t *tree) node(id compact.NodeID) ([]byte, error) {
	if id.Level >= uint(len(t.levels)) || id.Index >= uint64(len(t.levels[id.Level])) {
		return nil, errors.New("a node of a frame's tree is missing")
	}
	hash := t.levels[id.Level][id.Index]
	return hash[:], nil
}

func (t *tree) receipt(index uint64) (coupon.Receipt, error) {
	needed, err := proof.Inclusion(index, t.size)
	if err != nil {
		return coupon.Receipt{}, err
	}
	hashes := make([][]byte, len(needed.IDs))
	for i, id := range needed.IDs {
		if hashes[i], err = t.node(id); err != nil {
			return coupon.Receipt{}, err
		}
	}
	path, err := needed.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		return coupon.Receipt{}, err
	}
	receipt := coupon.Receipt{Size: int64(t.size), Index: int64(index)}
	for _, hash := range path {
		receipt.Path = append(receipt.Path, coupon.Hash(hash))
	}
	return receipt, nil
}

// trees keeps those that were used last. It is safe for concurrent use.
type trees struct {
	mu    sync.Mutex
	known map[coupon.FrameRef]*tree
	order []coupon.FrameRef // oldest first
}

// of returns the frame's tree, which is read if it is not kept. Who asks for
// another tree meanwhile waits: so there is one at a time in the making.
func (t *trees) of(ref coupon.FrameRef, read func() (*tree, error)) (*tree, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if kept, found := t.known[ref]; found {
		return kept, nil
	}
	made, err := read()
	if err != nil {
		return nil, err
	}
	if t.known == nil {
		t.known = make(map[coupon.FrameRef]*tree)
	}
	if len(t.order) == keptTrees {
		delete(t.known, t.order[0])
		t.order = t.order[1:]
	}
	t.known[ref], t.order = made, append(t.order, ref)
	return made, nil
}
