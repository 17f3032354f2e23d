// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

const (
	// fetchSize is how many results a peer sends at a time. It reads one
	// further, and what it has read is in the read set, used or not.
	fetchSize = 100
	// firstSimpleKey stands for an empty start key: keys that begin with a
	// zero byte are composite ones and no part of a simple range.
	firstSimpleKey = "\x01"
	compositeStart = "\x00"
	maxRune        = string(utf8.MaxRune)
)

// rangeQuery is one range query as the shim puts it to the peer.
type rangeQuery struct {
	collection string
	start, end string
	paginated  bool
	pageSize   int32
	bookmark   string
}

// iterator fetches the results of a range query as a peer does.
type iterator struct {
	stub       *stub
	collection string // empty for public state
	cursor     *cursor
	end        string
	limit      int
	pageOnly   bool
	read       *rangeRead // nil for private ranges, which are in no read set
	pending    []*queryresult.KV
	ahead      *queryresult.KV // fetched, but not yet of the pending batch
	count      int
	at         int
}

// GetStateByRange returns the keys from startKey to before endKey by the order
// of their bytes; an empty one leaves that side open.
func (s *stub) GetStateByRange(startKey, endKey string) (shim.StateQueryIteratorInterface, error) {
	it, _, err := s.simpleRange(rangeQuery{start: startKey, end: endKey})
	return it, err
}

// GetStateByRangeWithPagination returns a page of a range, in read-only
// transactions alone.
func (s *stub) GetStateByRangeWithPagination(startKey, endKey string, pageSize int32, bookmark string,
) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return s.simpleRange(rangeQuery{start: startKey, end: endKey, paginated: true, pageSize: pageSize, bookmark: bookmark})
}

// GetPrivateDataByRange returns a range of the keys that this peer holds of a
// collection, in read-only transactions alone.
func (s *stub) GetPrivateDataByRange(collection, startKey, endKey string) (shim.StateQueryIteratorInterface, error) {
	if collection == "" {
		return nil, errEmptyCollection
	}
	it, _, err := s.simpleRange(rangeQuery{collection: collection, start: startKey, end: endKey})
	return it, err
}

func (s *stub) simpleRange(q rangeQuery) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	if q.start == "" {
		q.start = firstSimpleKey
	}
	for _, key := range []string{q.start, q.end} {
		if key != "" && key[0] == compositeStart[0] {
			return nil, nil, fmt.Errorf("first character of the key [%s] contains a null character which is not allowed", key)
		}
	}
	return s.query(q)
}

// GetStateByPartialCompositeKey returns the composite keys with a prefix.
func (s *stub) GetStateByPartialCompositeKey(objectType string, attributes []string,
) (shim.StateQueryIteratorInterface, error) {
	it, _, err := s.compositeRange(rangeQuery{}, objectType, attributes)
	return it, err
}

// GetStateByPartialCompositeKeyWithPagination returns a page of the composite
// keys with a prefix, in read-only transactions alone.
func (s *stub) GetStateByPartialCompositeKeyWithPagination(objectType string, attributes []string, pageSize int32,
	bookmark string) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return s.compositeRange(rangeQuery{paginated: true, pageSize: pageSize, bookmark: bookmark}, objectType, attributes)
}

// GetPrivateDataByPartialCompositeKey returns the composite keys with a prefix
// that this peer holds of a collection, in read-only transactions alone.
func (s *stub) GetPrivateDataByPartialCompositeKey(collection, objectType string, attributes []string,
) (shim.StateQueryIteratorInterface, error) {
	if collection == "" {
		return nil, errEmptyCollection
	}
	it, _, err := s.compositeRange(rangeQuery{collection: collection}, objectType, attributes)
	return it, err
}

// GetAllStatesCompositeKeyWithPagination returns a page of all composite keys,
// in read-only transactions alone.
func (s *stub) GetAllStatesCompositeKeyWithPagination(pageSize int32, bookmark string,
) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return s.query(rangeQuery{
		start: compositeStart, end: compositeStart + maxRune, paginated: true, pageSize: pageSize, bookmark: bookmark,
	})
}

func (s *stub) compositeRange(q rangeQuery, objectType string, attributes []string,
) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	prefix, err := shim.CreateCompositeKey(objectType, attributes)
	if err != nil {
		return nil, nil, err
	}
	q.start, q.end = prefix, prefix+maxRune
	return s.query(q)
}

// query opens an iterator. Errors come with a nil interface, as callers
// compare it.
func (s *stub) query(q rangeQuery) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	s.sim.checkText("start key", q.start)
	s.sim.checkText("end key", q.end)
	s.sim.checkText("bookmark", q.bookmark)
	it := &iterator{stub: s, end: q.end, limit: s.sim.network.cfg.QueryLimit}
	err := s.request(peer.ChaincodeMessage_GET_STATE_BY_RANGE, func() error { return s.sim.open(it, q) })
	if err != nil {
		return nil, nil, err
	}
	metadata := &peer.QueryResponseMetadata{}
	if q.paginated {
		metadata.FetchedRecordsCount = int32(len(it.pending))
		metadata.Bookmark = it.bookmark()
	}
	return it, metadata, nil
}

// CreateCompositeKey joins an object type and attributes to a key.
func (s *stub) CreateCompositeKey(objectType string, attributes []string) (string, error) {
	return shim.CreateCompositeKey(objectType, attributes)
}

// SplitCompositeKey is the inverse of CreateCompositeKey.
func (s *stub) SplitCompositeKey(compositeKey string) (string, []string, error) {
	return splitCompositeKey(compositeKey)
}

// GetQueryResult is not supported.
func (s *stub) GetQueryResult(string) (shim.StateQueryIteratorInterface, error) {
	return nil, unsupported("a rich query")
}

// GetQueryResultWithPagination is not supported.
func (s *stub) GetQueryResultWithPagination(string, int32, string,
) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return nil, nil, unsupported("a rich query")
}

// GetPrivateDataQueryResult is not supported.
func (s *stub) GetPrivateDataQueryResult(string, string) (shim.StateQueryIteratorInterface, error) {
	return nil, unsupported("a rich query")
}

// GetHistoryForKey is not supported.
func (s *stub) GetHistoryForKey(string) (shim.HistoryQueryIteratorInterface, error) {
	return nil, unsupported("the history of a key")
}

var errMalformed = errors.New("malformed composite key")

func splitCompositeKey(key string) (string, []string, error) {
	var parts []string
	from := 1
	for i := 1; i < len(key); i++ {
		if key[i] == compositeStart[0] {
			parts = append(parts, key[from:i])
			from = i + 1
		}
	}
	if len(parts) == 0 {
		return "", nil, errMalformed
	}
	return parts[0], parts[1:], nil
}

func newRead(item entry) *kvrwset.KVRead {
	return &kvrwset.KVRead{Key: item.key, Version: item.ver.proto()}
}
