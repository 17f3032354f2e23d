// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"maps"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// Result is what became of a transaction.
type Result struct {
	TxID  string
	Block uint64
	Index int
	Code  peer.TxValidationCode
}

// Valid reports whether the transaction took effect.
func (r Result) Valid() bool { return r.Code == peer.TxValidationCode_VALID }

// Commit makes one block of exactly these transactions, in this order, and
// applies it on every peer that does not lag. The results are in the same
// order. Without transactions no block is made.
func (n *Network) Commit(txs ...*Transaction) []Result {
	n.commit.Lock()
	defer n.commit.Unlock()
	return n.makeBlock(txs)
}

// makeBlock runs with n.commit held.
func (n *Network) makeBlock(txs []*Transaction) []Result {
	if len(txs) == 0 {
		return nil
	}
	n.mu.RLock()
	base, definitions := n.head, n.definitions
	block := &Block{Number: base.height}
	codes := n.checkEndorsements(txs, definitions)
	private := make([]privateValues, len(txs))
	for i, tx := range txs {
		private[i] = maps.Clone(n.transient[tx.ID])
	}
	n.mu.RUnlock()

	next := base.draft(block.Number)
	results := make([]Result, len(txs))
	for i, tx := range txs {
		if codes[i] == peer.TxValidationCode_VALID {
			codes[i] = next.check(tx.set)
		}
		if codes[i] == peer.TxValidationCode_VALID {
			next.apply(tx.set, private[i], uint64(i))
		}
		block.Transactions = append(block.Transactions,
			&Committed{Transaction: tx, Block: block.Number, Index: i, Code: codes[i], private: private[i]})
		results[i] = Result{TxID: tx.ID, Block: block.Number, Index: i, Code: codes[i]}
	}
	n.publish(block, next.snapshot(), results)
	return results
}

// checkEndorsements judges everything that does not depend on the order of
// transactions but for ids, of which the first occurrence counts.
func (n *Network) checkEndorsements(txs []*Transaction, definitions map[string]*definition) []peer.TxValidationCode {
	codes := make([]peer.TxValidationCode, len(txs))
	seen := map[string]bool{}
	for i, tx := range txs {
		_, known := n.status[tx.ID]
		def := definitions[tx.set.namespace]
		switch {
		case known || seen[tx.ID]:
			codes[i] = peer.TxValidationCode_DUPLICATE_TXID
		case def == nil || tx.Namespace != tx.set.namespace:
			codes[i] = peer.TxValidationCode_INVALID_CHAINCODE
		case !def.satisfied(tx.set, tx.endorsers):
			codes[i] = peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE
		}
		seen[tx.ID] = true
	}
	return codes
}

// publish makes a block and the state after it visible to everybody.
func (n *Network) publish(block *Block, state *snapshot, results []Result) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocks = append(n.blocks, block)
	n.head = state
	for _, org := range n.organisations {
		if !org.lagging {
			org.snap = state
		}
	}
	for _, r := range results {
		if _, known := n.status[r.TxID]; !known {
			n.status[r.TxID] = r
		}
		delete(n.transient, r.TxID)
	}
	close(n.changed)
	n.changed = make(chan struct{})
}

// check compares everything that a transaction read with the state before it:
// what was committed, and what earlier transactions of the block wrote.
func (d *draft) check(set *writeSet) peer.TxValidationCode {
	public := spaceID{namespace: set.namespace, kind: publicSpace}
	for _, r := range set.public.Reads {
		if !d.fresh(public, r.Key, versionOf(r.Version)) {
			return peer.TxValidationCode_MVCC_READ_CONFLICT
		}
	}
	for _, q := range set.public.RangeQueriesInfo {
		if !d.sameRange(public, q) {
			return peer.TxValidationCode_PHANTOM_READ_CONFLICT
		}
	}
	for _, coll := range set.collections {
		id := spaceID{set.namespace, coll.name, hashedSpace}
		for _, r := range coll.hashed.HashedReads {
			if !d.fresh(id, string(r.KeyHash), versionOf(r.Version)) {
				return peer.TxValidationCode_MVCC_READ_CONFLICT
			}
		}
	}
	return peer.TxValidationCode_VALID
}

// sameRange runs a range query again and compares keys and versions. Where the
// chaincode stopped early, the last key that it was given ends the range and
// belongs to it.
func (d *draft) sameRange(id spaceID, q *kvrwset.RangeQueryInfo) bool {
	cursor := d.spaces[id].seek(q.StartKey)
	for _, read := range q.GetRawReads().GetKvReads() {
		item, ok := cursor.next()
		if !ok || item.key != read.Key || item.ver != versionOf(read.Version) {
			return false
		}
	}
	if !q.ItrExhausted {
		return true // the last result compared was the end of the range
	}
	item, ok := cursor.next()
	return !ok || (q.EndKey != "" && item.key >= q.EndKey)
}
