// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// simulation is one run of a proposal on one peer: what it read of a snapshot
// and what it would write.
type simulation struct {
	network   *Network
	view      view
	namespace string
	proposal  *proposal

	reads       map[string]version
	writes      map[string][]byte
	ranges      []*rangeRead
	collections map[string]*collectionAccess
	event       *peer.ChaincodeEvent

	writePerformed bool
	privateQuery   bool
	paginatedQuery bool

	faultMu sync.Mutex
	fault   *FaultError
}

// collectionAccess is what a simulation read and wrote of one collection.
type collectionAccess struct {
	reads  map[string]version
	writes map[string]privateWrite
}

type privateWrite struct {
	value []byte
	purge bool
}

// rangeRead is one range query and the part of its results that the peer
// fetched, which is what validation compares.
type rangeRead struct {
	start, end string
	exhausted  bool
	results    []*kvrwset.KVRead
}

func (s *simulation) public() spaceID {
	return spaceID{namespace: s.namespace, kind: publicSpace}
}

func (s *simulation) getState(key string) []byte {
	item, _ := s.view.snap.get(s.public(), key)
	s.reads[key] = item.ver
	return item.value
}

func (s *simulation) putState(key string, value []byte) error {
	if err := s.checkWrite(); err != nil {
		return err
	}
	s.writes[key] = slices.Clone(value)
	return nil
}

// getPrivate reads a value of a collection. Like a peer it fails where the
// public hash has another version than this peer's copy, which is so for every
// key that exists when the peer's organisation is no member.
func (s *simulation) getPrivate(collection, key string) ([]byte, error) {
	if err := s.checkCollection(collection); err != nil {
		return nil, err
	}
	hash, _ := s.view.snap.get(spaceID{s.namespace, collection, hashedSpace}, string(keyHash(key)))
	item := s.privateEntry(collection, key)
	if hash.ver != item.ver {
		return nil, fmt.Errorf("private data matching public hash version is not available. "+
			"Public hash version = %s, Private data version = %s", hash.ver, item.ver)
	}
	s.collection(collection).reads[key] = item.ver
	return item.value, nil
}

// getPrivateUnchecked is what a peer does for several keys at once: it does
// not compare versions, so a non-member reads absence and records it.
func (s *simulation) getPrivateUnchecked(collection, key string) []byte {
	item := s.privateEntry(collection, key)
	s.collection(collection).reads[key] = item.ver
	return item.value
}

// privateEntry is this peer's own copy, if it has one.
func (s *simulation) privateEntry(collection, key string) entry {
	if !s.holds(collection, key) {
		return entry{}
	}
	item, _ := s.view.snap.get(spaceID{s.namespace, collection, privateSpace}, key)
	return item
}

// holds tells whether this peer should have and has its copy of a value.
func (s *simulation) holds(collection, key string) bool {
	mspID, implicit := owner(collection)
	member := implicit && mspID == s.view.peer.mspID ||
		s.view.definition.collections[collection].members[s.view.peer.mspID]
	return member && !s.view.missing[privateKey{s.namespace, collection, key}]
}

func (s *simulation) getPrivateHash(collection, key string) ([]byte, error) {
	if err := s.checkCollection(collection); err != nil {
		return nil, err
	}
	hash, _ := s.view.snap.get(spaceID{s.namespace, collection, hashedSpace}, string(keyHash(key)))
	s.collection(collection).reads[key] = hash.ver
	return hash.value, nil
}

func (s *simulation) putPrivate(collection, key string, w privateWrite) error {
	if err := s.checkCollection(collection); err != nil {
		return err
	}
	if err := s.checkWrite(); err != nil {
		return err
	}
	w.value = slices.Clone(w.value)
	s.collection(collection).writes[key] = w
	return nil
}

func (s *simulation) collection(name string) *collectionAccess {
	access := s.collections[name]
	if access == nil {
		access = &collectionAccess{reads: map[string]version{}, writes: map[string]privateWrite{}}
		s.collections[name] = access
	}
	return access
}

func (s *simulation) checkCollection(name string) error {
	mspID, implicit := owner(name)
	known := implicit && s.view.organisations[mspID] != nil
	if _, explicit := s.view.definition.collections[name]; !explicit && !known {
		return fmt.Errorf("collection [%s] not defined in the collection config for chaincode [%s]", name, s.namespace)
	}
	return nil
}

func (s *simulation) checkWrite() error {
	switch {
	case s.privateQuery:
		return fmt.Errorf("txid [%s]: unsuppored transaction. Transaction has already performed queries on pvt data. "+
			"Writes are not allowed", s.proposal.txID)
	case s.paginatedQuery:
		return fmt.Errorf("txid [%s]: unsuppored transaction. Transaction has already performed a paginated query. "+
			"Writes are not allowed", s.proposal.txID)
	}
	s.writePerformed = true
	return nil
}

func (s *simulation) checkPrivateQuery() error {
	if s.writePerformed {
		return fmt.Errorf("txid [%s]: unsuppored transaction. Queries on pvt data is supported only in a read-only "+
			"transaction", s.proposal.txID)
	}
	s.privateQuery = true
	return nil
}

func (s *simulation) checkPaginatedQuery() error {
	if s.writePerformed {
		return fmt.Errorf("txid [%s]: unsuppored transaction. Paginated queries are supported only in a read-only "+
			"transaction", s.proposal.txID)
	}
	s.paginatedQuery = true
	return nil
}

// results returns the read-write set in the order and form in which peers
// encode it, so that two peers' results can be compared byte for byte.
func (s *simulation) results() (*writeSet, privateValues, error) {
	set := &writeSet{namespace: s.namespace, public: &kvrwset.KVRWSet{}}
	for _, key := range slices.Sorted(maps.Keys(s.reads)) {
		set.public.Reads = append(set.public.Reads, &kvrwset.KVRead{Key: key, Version: s.reads[key].proto()})
	}
	for _, key := range slices.Sorted(maps.Keys(s.writes)) {
		value := s.writes[key]
		set.public.Writes = append(set.public.Writes,
			&kvrwset.KVWrite{Key: key, IsDelete: len(value) == 0, Value: value})
	}
	set.public.RangeQueriesInfo = s.rangeQueries()
	private := privateValues{}
	for _, name := range slices.Sorted(maps.Keys(s.collections)) {
		coll, values, err := s.collections[name].results(name)
		if err != nil {
			return nil, nil, err
		}
		set.collections = append(set.collections, coll)
		if values != nil {
			private[privateKeyOf(coll)] = values
		}
	}
	return set, private, nil
}

func (s *simulation) rangeQueries() []*kvrwset.RangeQueryInfo {
	type query struct {
		start, end string
		exhausted  bool
	}
	seen := map[query]bool{}
	var infos []*kvrwset.RangeQueryInfo
	for _, r := range s.ranges {
		if q := (query{r.start, r.end, r.exhausted}); !seen[q] {
			seen[q] = true
			info := &kvrwset.RangeQueryInfo{StartKey: r.start, EndKey: r.end, ItrExhausted: r.exhausted}
			if len(r.results) > 0 {
				info.ReadsInfo = &kvrwset.RangeQueryInfo_RawReads{RawReads: &kvrwset.QueryReads{KvReads: r.results}}
			}
			infos = append(infos, info)
		}
	}
	return infos
}

var errBusy = errors.New("channel exists: the stub was used by two goroutines at once")

// checkText panics where the real shim does: a string that is not valid UTF-8
// cannot be encoded, and the chaincode process dies unless it recovers.
func (s *simulation) checkText(what, text string) {
	if !utf8.ValidString(text) {
		problem := fmt.Sprintf("%s %q is not valid UTF-8", what, text)
		s.fail(problem)
		panic(problem)
	}
}

// fail records what would have killed or confused a real chaincode process.
// The endorsement comes to nothing, whatever the chaincode makes of it.
func (s *simulation) fail(problem string) {
	fault := &FaultError{MSPID: s.view.peer.mspID, TxID: s.proposal.txID, Problem: problem}
	s.faultMu.Lock()
	if s.fault == nil {
		s.fault = fault
	}
	s.faultMu.Unlock()
	s.network.recordFault(fault)
}
