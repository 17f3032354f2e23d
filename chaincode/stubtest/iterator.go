// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"errors"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// open starts a range query on the snapshot and fetches the first results.
func (s *simulation) open(it *iterator, q rangeQuery) error {
	id := s.public()
	it.pageOnly = q.paginated && (q.pageSize != 0 || q.bookmark != "")
	switch {
	case q.collection != "":
		if err := s.checkCollection(q.collection); err != nil {
			return err
		}
		if err := s.checkPrivateQuery(); err != nil {
			return err
		}
		id = spaceID{s.namespace, q.collection, privateSpace}
		it.collection = q.collection
	case it.pageOnly:
		if err := s.checkPaginatedQuery(); err != nil {
			return err
		}
		if q.bookmark != "" {
			q.start = q.bookmark
		}
		if size := int(q.pageSize); size > 0 && size < it.limit {
			it.limit = size
		}
	}
	if q.collection == "" {
		it.read = &rangeRead{start: q.start}
		s.ranges = append(s.ranges, it.read)
	}
	it.cursor = s.view.snap.spaces[id].seek(q.start)
	it.fetch()
	return nil
}

// fetch fills the pending batch. Outside of pages the peer reads one result
// beyond the batch to know that there are more; within pages it stops at the
// limit without looking further.
func (it *iterator) fetch() {
	it.pending, it.at = nil, 0
	if it.ahead != nil {
		it.pending, it.ahead = append(it.pending, it.ahead), nil
	}
	for it.count < it.limit {
		kv := it.advance()
		if kv == nil {
			return
		}
		it.count++
		if !it.pageOnly && len(it.pending) == fetchSize {
			it.ahead = kv
			return
		}
		it.pending = append(it.pending, kv)
	}
}

// advance reads the next result and notes it in the read set.
func (it *iterator) advance() *queryresult.KV {
	for {
		item, ok := it.cursor.next()
		if !ok || (it.end != "" && item.key >= it.end) {
			it.cursor = &cursor{}
			if it.read != nil {
				it.read.exhausted, it.read.end = true, it.end
			}
			return nil
		}
		sim := it.stub.sim
		if it.collection != "" && !sim.holds(it.collection, item.key) {
			continue
		}
		if it.read != nil {
			it.read.results = append(it.read.results, newRead(item))
			it.read.end = item.key
		}
		return &queryresult.KV{Namespace: sim.namespace, Key: item.key, Value: clone(item.value)}
	}
}

// bookmark is the key at which the next page begins, "" after the last.
func (it *iterator) bookmark() string {
	key := it.cursor.peek()
	if it.end != "" && key >= it.end {
		return ""
	}
	return key
}

// HasNext tells whether Next has another result.
func (it *iterator) HasNext() bool {
	return it.at < len(it.pending) || it.ahead != nil
}

// Next returns the next key and value.
func (it *iterator) Next() (*queryresult.KV, error) {
	if it.at >= len(it.pending) {
		return nil, errors.New("no such key")
	}
	kv := it.pending[it.at]
	it.at++
	if it.at == len(it.pending) && it.ahead != nil {
		err := it.stub.request(peer.ChaincodeMessage_QUERY_STATE_NEXT, func() error {
			it.fetch()
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return kv, nil
}

// Close ends the query.
func (it *iterator) Close() error {
	return it.stub.request(peer.ChaincodeMessage_QUERY_STATE_CLOSE, func() error { return nil })
}
