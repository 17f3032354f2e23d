// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package world is the world state of one issuer's namespace: which keys there
// are, and how each kind of record is read and written. Nothing else sees the
// ledger's keys.
//
// A transaction does not read its own writes, and no two goroutines may use
// one World.
package world

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"

	"ecoupon/chaincode/coupon"
)

// World reads and writes the state of a namespace within one transaction, on
// the peer of one organisation.
type World struct {
	stub shim.ChaincodeStubInterface
	self string
}

// New returns the state as the peer of organisation self sees it.
func New(stub shim.ChaincodeStubInterface, self string) World {
	return World{stub: stub, self: self}
}

// Batch runs write and sends what it puts to the peer at once. Within write
// nothing must be read.
func (w World) Batch(write func() error) error {
	w.stub.StartWriteBatch()
	if err := write(); err != nil {
		return err
	}
	if err := w.stub.FinishWriteBatch(); err != nil {
		return fmt.Errorf("writing a batch: %w", err)
	}
	return nil
}

// states reads many keys in one call. An absent key has a nil value. The shim
// does not report a database error of a single key: an answer of another
// length than asked is an error.
func (w World) states(keys []string) ([][]byte, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	values, err := w.stub.GetMultipleStates(keys...)
	if err != nil {
		return nil, fmt.Errorf("reading %d keys: %w", len(keys), err)
	}
	if len(values) != len(keys) {
		return nil, fmt.Errorf("reading %d keys: got %d values", len(keys), len(values))
	}
	for i, value := range values {
		values[i] = absent(value)
	}
	return values, nil
}

func (w World) state(key string) ([]byte, error) {
	value, err := w.stub.GetState(key)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", key, err)
	}
	return absent(value), nil
}

// absent makes an empty value nil: no value on the ledger is empty, and whether
// an absent one is empty or nil depends on how it travelled.
func absent(value []byte) []byte {
	if len(value) == 0 {
		return nil
	}
	return value
}

func (w World) put(key string, value []byte) error {
	if err := w.stub.PutState(key, value); err != nil {
		return fmt.Errorf("writing %s: %w", key, err)
	}
	return nil
}

func (w World) putJSON(key string, record any) error {
	value, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", key, err)
	}
	return w.put(key, value)
}

// readJSON decodes the value of a key into record; false if it is absent.
func (w World) readJSON(key string, record any) (bool, error) {
	value, err := w.state(key)
	if err != nil {
		return false, err
	}
	return decode(key, value, record)
}

// decode decodes a stored value; false if it is absent.
func decode(key string, value []byte, record any) (bool, error) {
	if value == nil {
		return false, nil
	}
	if err := json.Unmarshal(value, record); err != nil {
		return false, fmt.Errorf("decoding %s: %w", key, err)
	}
	return true, nil
}

// scan calls visit for at most limit keys of a prefix after the key after.
func (w World) scan(prefix, after string, limit int, visit func(key string, value []byte) error) error {
	start := prefix
	if after != "" {
		start = prefix + after + "\x01"
	}
	it, err := w.stub.GetStateByRange(start, prefix[:len(prefix)-1]+prefixEnd)
	if err != nil {
		return fmt.Errorf("listing %s: %w", prefix, err)
	}
	defer it.Close()
	for n := 0; n < limit && it.HasNext(); n++ {
		kv, err := it.Next()
		if err != nil {
			return fmt.Errorf("listing %s: %w", prefix, err)
		}
		if err := visit(kv.Key, kv.Value); err != nil {
			return err
		}
	}
	return nil
}

// private reads a key of an organisation's collection: by value on that
// organisation's own peer, elsewhere only whether it is there. Both leave the
// same mark in the transaction's read set, so that endorsers agree.
func (w World) private(owner, key string) (value []byte, present bool, err error) {
	if owner == w.self {
		value, err = w.stub.GetPrivateData(implicitCollection(owner), key)
		if err != nil {
			return nil, false, privateFault("reading", key, err)
		}
		return absent(value), len(value) > 0, nil
	}
	hash, err := w.stub.GetPrivateDataHash(implicitCollection(owner), key)
	if err != nil {
		return nil, false, privateFault("reading the hash of", key, err)
	}
	return nil, len(hash) > 0, nil
}

// noCollection is in the peer's words for a collection that does not exist. The
// implicit ones are of the channel's members.
const noCollection = "not defined in the collection config"

// privateFault says what the peer was asked; that an organisation is none is its
// caller's mistake.
func privateFault(doing, key string, err error) error {
	if strings.Contains(err.Error(), noCollection) {
		return coupon.Refuse(coupon.ReasonNotFound, "", "an organisation is no member of the channel")
	}
	return fmt.Errorf("%s private %s: %w", doing, key, err)
}

// privatePresent says whether a key is in an organisation's collection, from
// its hash, on any peer.
func (w World) privatePresent(owner, key string) (bool, error) {
	hash, err := w.stub.GetPrivateDataHash(implicitCollection(owner), key)
	if err != nil {
		return false, privateFault("reading the hash of", key, err)
	}
	return len(hash) > 0, nil
}

// putPrivate writes the same value into the collection of each owner, once
// each. The ledger then needs each owner's endorsement.
func (w World) putPrivate(key string, value []byte, owners ...string) error {
	written := make(map[string]bool, len(owners))
	for _, owner := range owners {
		if written[owner] {
			continue
		}
		written[owner] = true
		if err := w.stub.PutPrivateData(implicitCollection(owner), key, value); err != nil {
			return privateFault("writing", key, err)
		}
	}
	return nil
}

func (w World) putPrivateJSON(key string, record any, owners ...string) error {
	value, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encoding private %s: %w", key, err)
	}
	return w.putPrivate(key, value, owners...)
}

// digestSize is a leading version and a SHA-256.
const digestSize = 1 + 32

// valueFormat leads all stored values that are not JSON.
const valueFormat = 1

func digestBytes(h coupon.Hash) []byte { return append([]byte{valueFormat}, h[:]...) }

func parseDigest(key string, value []byte) (*coupon.Hash, error) {
	if value == nil {
		return nil, nil
	}
	if len(value) != digestSize || value[0] != valueFormat {
		return nil, fmt.Errorf("%s is not a digest of format 1", key)
	}
	h := coupon.Hash(value[1:])
	return &h, nil
}

func idBytes(id [16]byte) []byte { return append([]byte{valueFormat}, id[:]...) }

func parseID(key string, value []byte) (id [16]byte, err error) {
	if len(value) != 1+len(id) || value[0] != valueFormat {
		return id, fmt.Errorf("%s is not an id of format 1", key)
	}
	return [16]byte(value[1:]), nil
}
