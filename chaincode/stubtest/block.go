// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// Block is a committed block. Nothing of it changes.
type Block struct {
	Number       uint64
	Transactions []*Committed
}

// Committed is a transaction in its block, valid or not: the ledger keeps
// invalid ones too, and everybody reads them.
type Committed struct {
	*Transaction
	Block uint64
	Index int
	Code  peer.TxValidationCode

	private privateValues
}

// PrivateSet returns what was written into a collection in the form that the
// transaction has the hash of; nil if that is not known.
func (c *Committed) PrivateSet(collection string) []byte {
	for _, coll := range c.set.collections {
		if set := c.private.of(coll); set != nil && coll.name == collection {
			return must(marshal(set))
		}
	}
	return nil
}

// Valid reports whether the transaction took effect.
func (c *Committed) Valid() bool { return c.Code == peer.TxValidationCode_VALID }

// Write is a public write.
type Write struct {
	Key    string
	Value  []byte
	Delete bool
}

// PrivateWrite is what everybody sees of a write to a collection.
type PrivateWrite struct {
	Collection string
	KeyHash    []byte
	ValueHash  []byte
	Delete     bool
	Purge      bool
}

// Writes returns the public writes in the order of their keys.
func (t *Transaction) Writes() []Write {
	var out []Write
	for _, w := range t.set.public.Writes {
		out = append(out, Write{Key: w.Key, Value: w.Value, Delete: w.IsDelete})
	}
	return out
}

// Reads returns the public keys that the transaction read one by one.
func (t *Transaction) Reads() []string {
	var out []string
	for _, r := range t.set.public.Reads {
		out = append(out, r.Key)
	}
	return out
}

// PrivateWrites returns the hashes of what was written into collections.
func (t *Transaction) PrivateWrites() []PrivateWrite {
	var out []PrivateWrite
	for _, coll := range t.set.collections {
		for _, w := range coll.hashed.HashedWrites {
			out = append(out, PrivateWrite{coll.name, w.KeyHash, w.ValueHash, w.IsDelete, w.IsPurge})
		}
	}
	return out
}

// Event is a chaincode event of a valid transaction.
type Event struct {
	Namespace string
	Name      string
	Payload   []byte
	Block     uint64
	TxID      string
}

// Events returns the events of the block's valid transactions in a namespace.
func (b *Block) Events(namespace string) []Event {
	var out []Event
	for _, c := range b.Transactions {
		if c.Valid() && c.event != nil && c.Namespace == namespace {
			out = append(out, Event{
				Namespace: namespace, Name: c.event.EventName, Payload: c.event.Payload, Block: b.Number, TxID: c.ID,
			})
		}
	}
	return out
}
