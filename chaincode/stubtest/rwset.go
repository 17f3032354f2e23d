// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"google.golang.org/protobuf/proto"
)

// writeSet is the public read-write set of a transaction: keys, values and
// versions, and hashes where they are private.
type writeSet struct {
	namespace   string
	public      *kvrwset.KVRWSet
	collections []collectionSet
}

// collectionSet is the public part of what a transaction did to a collection.
type collectionSet struct {
	name        string
	hashed      *kvrwset.HashedRWSet
	privateHash []byte // hash of the private write set, nil without writes
}

// results encodes one collection's access: hashes for the public, and the
// private write set, nil when nothing is written.
func (a *collectionAccess) results(name string) (collectionSet, *kvrwset.KVRWSet, error) {
	set := collectionSet{name: name, hashed: &kvrwset.HashedRWSet{}}
	for _, key := range slices.Sorted(maps.Keys(a.reads)) {
		set.hashed.HashedReads = append(set.hashed.HashedReads,
			&kvrwset.KVReadHash{KeyHash: keyHash(key), Version: a.reads[key].proto()})
	}
	if len(a.writes) == 0 {
		return set, nil, nil
	}
	private := &kvrwset.KVRWSet{}
	for _, key := range slices.Sorted(maps.Keys(a.writes)) {
		w := a.writes[key]
		hashed := &kvrwset.KVWriteHash{KeyHash: keyHash(key), IsDelete: len(w.value) == 0, IsPurge: w.purge}
		if !hashed.IsDelete {
			sum := sha256.Sum256(w.value)
			hashed.ValueHash = sum[:]
		}
		set.hashed.HashedWrites = append(set.hashed.HashedWrites, hashed)
		private.Writes = append(private.Writes, &kvrwset.KVWrite{Key: key, IsDelete: hashed.IsDelete, Value: w.value})
	}
	encoded, err := marshal(private)
	if err != nil {
		return collectionSet{}, nil, fmt.Errorf("encoding private writes: %w", err)
	}
	sum := sha256.Sum256(encoded)
	set.privateHash = sum[:]
	return set, private, nil
}

// encode returns the set in the form that peers sign.
func (w *writeSet) encode() ([]byte, error) {
	public, err := marshal(w.public)
	if err != nil {
		return nil, fmt.Errorf("encoding the read-write set: %w", err)
	}
	ns := &rwset.NsReadWriteSet{Namespace: w.namespace, Rwset: public}
	for _, coll := range w.collections {
		hashed, err := marshal(coll.hashed)
		if err != nil {
			return nil, fmt.Errorf("encoding the read-write set of %s: %w", coll.name, err)
		}
		ns.CollectionHashedRwset = append(ns.CollectionHashedRwset, &rwset.CollectionHashedReadWriteSet{
			CollectionName: coll.name, HashedRwset: hashed, PvtRwsetHash: coll.privateHash,
		})
	}
	return marshal(&rwset.TxReadWriteSet{DataModel: rwset.TxReadWriteSet_KV, NsRwset: []*rwset.NsReadWriteSet{ns}})
}

// decodeWriteSet is the inverse of encode.
func decodeWriteSet(data []byte) (*writeSet, error) {
	var tx rwset.TxReadWriteSet
	if err := proto.Unmarshal(data, &tx); err != nil {
		return nil, fmt.Errorf("decoding a read-write set: %w", err)
	}
	if len(tx.NsRwset) != 1 {
		return nil, fmt.Errorf("decoding a read-write set: %d namespaces, want 1", len(tx.NsRwset))
	}
	ns := tx.NsRwset[0]
	set := &writeSet{namespace: ns.Namespace, public: &kvrwset.KVRWSet{}}
	if err := proto.Unmarshal(ns.Rwset, set.public); err != nil {
		return nil, fmt.Errorf("decoding a read-write set: %w", err)
	}
	for _, c := range ns.CollectionHashedRwset {
		coll := collectionSet{name: c.CollectionName, hashed: &kvrwset.HashedRWSet{}, privateHash: c.PvtRwsetHash}
		if err := proto.Unmarshal(c.HashedRwset, coll.hashed); err != nil {
			return nil, fmt.Errorf("decoding the read-write set of %s: %w", c.CollectionName, err)
		}
		set.collections = append(set.collections, coll)
	}
	return set, nil
}

func marshal(m proto.Message) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}
