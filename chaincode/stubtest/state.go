// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
)

const implicitPrefix = "_implicit_org_"

// spaceKind tells the three sorts of key spaces apart.
type spaceKind uint8

const (
	publicSpace  spaceKind = iota // keys and values that everybody holds
	hashedSpace                   // hashes of a collection's keys and values, held by everybody
	privateSpace                  // a collection's keys and values, held by its members
)

// spaceID names a key space; collection is empty for the public one.
type spaceID struct {
	namespace  string
	collection string
	kind       spaceKind
}

// snapshot is the world state after a block. It never changes; a peer that
// lags just keeps an older one.
type snapshot struct {
	height uint64 // number of blocks it includes
	spaces map[spaceID]*node
}

func (s *snapshot) get(id spaceID, key string) (entry, bool) {
	return s.spaces[id].find(key)
}

// draft is the next snapshot while a block is validated and applied.
type draft struct {
	block   uint64
	edit    *edit
	spaces  map[spaceID]*node
	deleted map[spaceID]map[string]bool // keys deleted by this block, existing or not
}

func (s *snapshot) draft(block uint64) *draft {
	return &draft{
		block: block, edit: &edit{}, spaces: maps.Clone(s.spaces),
		deleted: map[spaceID]map[string]bool{},
	}
}

func (d *draft) snapshot() *snapshot {
	return &snapshot{height: d.block + 1, spaces: d.spaces}
}

// fresh reports whether key still has the version that was read and no
// earlier transaction of this block has written or deleted it.
func (d *draft) fresh(id spaceID, key string, read version) bool {
	if d.deleted[id][key] {
		return false
	}
	item, _ := d.spaces[id].find(key)
	return item.ver == read
}

func (d *draft) put(id spaceID, key string, value []byte, ver version) {
	d.spaces[id] = d.edit.put(d.spaces[id], entry{key: key, value: value, ver: ver})
}

func (d *draft) remove(id spaceID, key string) {
	if d.deleted[id] == nil {
		d.deleted[id] = map[string]bool{}
	}
	d.deleted[id][key] = true
	if _, exists := d.spaces[id].find(key); exists {
		d.spaces[id] = d.edit.remove(d.spaces[id], key)
	}
}

// apply writes what a valid transaction wrote. Private values are those that
// its endorsers handed on; where there are none the members lack the value.
func (d *draft) apply(set *writeSet, private privateValues, tx uint64) {
	ver := version{block: d.block, tx: tx}
	public := spaceID{namespace: set.namespace, kind: publicSpace}
	for _, w := range set.public.Writes {
		if w.IsDelete {
			d.remove(public, w.Key)
		} else {
			d.put(public, w.Key, w.Value, ver)
		}
	}
	for _, coll := range set.collections {
		id := spaceID{set.namespace, coll.name, hashedSpace}
		for _, w := range coll.hashed.HashedWrites {
			if w.IsDelete {
				d.remove(id, string(w.KeyHash))
			} else {
				d.put(id, string(w.KeyHash), w.ValueHash, ver)
			}
		}
		id.kind = privateSpace
		for _, w := range private.of(coll).GetWrites() {
			if w.IsDelete {
				d.remove(id, w.Key)
			} else {
				d.put(id, w.Key, w.Value, ver)
			}
		}
	}
}

// privateValues are private write sets by collection and hash, so that a
// proposal endorsed twice with different results gets those of its transaction.
type privateValues map[string]*kvrwset.KVRWSet

func privateKeyOf(coll collectionSet) string {
	return coll.name + "/" + string(coll.privateHash)
}

func (p privateValues) of(coll collectionSet) *kvrwset.KVRWSet {
	return p[privateKeyOf(coll)]
}

func (v version) proto() *kvrwset.Version {
	if v == (version{}) {
		return nil
	}
	return &kvrwset.Version{BlockNum: v.block, TxNum: v.tx}
}

func versionOf(v *kvrwset.Version) version {
	return version{block: v.GetBlockNum(), tx: v.GetTxNum()}
}

// String is the form in which a peer's errors show a version.
func (v version) String() string {
	if v == (version{}) {
		return "<nil>"
	}
	return fmt.Sprintf("{BlockNum: %d, TxNum: %d}", v.block, v.tx)
}

func keyHash(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}

// owner returns the organisation whose implicit collection this is.
func owner(collection string) (mspID string, implicit bool) {
	return strings.CutPrefix(collection, implicitPrefix)
}

// Implicit returns the name of an organisation's implicit collection.
func Implicit(mspID string) string {
	return implicitPrefix + mspID
}
