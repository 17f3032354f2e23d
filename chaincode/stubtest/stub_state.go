// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

var (
	errEmptyKey        = errors.New("key must not be an empty string")
	errEmptyCollection = errors.New("collection must not be an empty string")
)

func unsupported(what string) error {
	return fmt.Errorf("stubtest: %s is not supported", what)
}

// checkKey refuses empty keys with an error, and keys that are not UTF-8 in
// the way of the real shim, which panics.
func (s *stub) checkKey(key string) error {
	s.sim.checkText("key", key)
	if key == "" {
		return errEmptyKey
	}
	return nil
}

// GetState reads the committed value, nil if there is none.
func (s *stub) GetState(key string) ([]byte, error) {
	if err := s.checkKey(key); err != nil {
		return nil, err
	}
	var value []byte
	err := s.request(peer.ChaincodeMessage_GET_STATE, func() error {
		value = clone(s.sim.getState(key))
		return nil
	})
	return value, err
}

// GetMultipleStates reads several committed values, nil for each that is
// absent.
func (s *stub) GetMultipleStates(keys ...string) ([][]byte, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	values := make([][]byte, 0, len(keys))
	err := s.request(peer.ChaincodeMessage_GET_STATE_MULTIPLE, func() error {
		for _, key := range keys {
			if err := s.checkKey(key); err != nil {
				return err
			}
			values = append(values, clone(s.sim.getState(key)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// PutState writes a value; an empty one deletes the key.
func (s *stub) PutState(key string, value []byte) error {
	return s.write(peer.ChaincodeMessage_PUT_STATE, batchKey{key: key}, batchWrite{value: value})
}

// DelState deletes a key.
func (s *stub) DelState(key string) error {
	return s.write(peer.ChaincodeMessage_DEL_STATE, batchKey{key: key}, batchWrite{})
}

// GetPrivateData reads a value of a collection from the peer's own copy.
func (s *stub) GetPrivateData(collection, key string) ([]byte, error) {
	if collection == "" {
		return nil, errEmptyCollection
	}
	if err := s.checkKey(key); err != nil {
		return nil, err
	}
	var value []byte
	err := s.request(peer.ChaincodeMessage_GET_STATE, func() error {
		stored, err := s.sim.getPrivate(collection, key)
		value = clone(stored)
		return err
	})
	return value, err
}

// GetMultiplePrivateData reads several values of a collection. Like a peer it
// does not notice values that are missing at this peer: the transaction reads
// absence and comes to nothing at validation.
func (s *stub) GetMultiplePrivateData(collection string, keys ...string) ([][]byte, error) {
	if collection == "" {
		return nil, errEmptyCollection
	}
	if len(keys) == 0 {
		return nil, nil
	}
	values := make([][]byte, 0, len(keys))
	err := s.request(peer.ChaincodeMessage_GET_STATE_MULTIPLE, func() error {
		if err := s.sim.checkCollection(collection); err != nil {
			return err
		}
		for _, key := range keys {
			if err := s.checkKey(key); err != nil {
				return err
			}
			values = append(values, clone(s.sim.getPrivateUnchecked(collection, key)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// GetPrivateDataHash reads the hash of a value, which every peer has.
func (s *stub) GetPrivateDataHash(collection, key string) ([]byte, error) {
	if collection == "" {
		return nil, errEmptyCollection
	}
	if err := s.checkKey(key); err != nil {
		return nil, err
	}
	var value []byte
	err := s.request(peer.ChaincodeMessage_GET_PRIVATE_DATA_HASH, func() error {
		stored, err := s.sim.getPrivateHash(collection, key)
		value = clone(stored)
		return err
	})
	return value, err
}

// PutPrivateData writes a value into a collection; any peer may.
func (s *stub) PutPrivateData(collection, key string, value []byte) error {
	if collection == "" {
		return errEmptyCollection
	}
	return s.write(peer.ChaincodeMessage_PUT_STATE, batchKey{collection, key}, batchWrite{value: value})
}

// DelPrivateData deletes a key of a collection.
func (s *stub) DelPrivateData(collection, key string) error {
	if collection == "" {
		return errEmptyCollection
	}
	return s.write(peer.ChaincodeMessage_DEL_STATE, batchKey{collection, key}, batchWrite{})
}

// PurgePrivateData deletes a key of a collection for good.
func (s *stub) PurgePrivateData(collection, key string) error {
	if collection == "" {
		return errEmptyCollection
	}
	return s.write(peer.ChaincodeMessage_PURGE_PRIVATE_DATA, batchKey{collection, key}, batchWrite{purge: true})
}

// SetStateValidationParameter is not supported.
func (s *stub) SetStateValidationParameter(string, []byte) error {
	return unsupported("a key-level policy")
}

// GetStateValidationParameter is not supported.
func (s *stub) GetStateValidationParameter(string) ([]byte, error) {
	return nil, unsupported("a key-level policy")
}

// SetPrivateDataValidationParameter is not supported.
func (s *stub) SetPrivateDataValidationParameter(string, string, []byte) error {
	return unsupported("a key-level policy")
}

// GetPrivateDataValidationParameter is not supported.
func (s *stub) GetPrivateDataValidationParameter(string, string) ([]byte, error) {
	return nil, unsupported("a key-level policy")
}

// clone copies a stored value for chaincode, which may change it.
func clone(value []byte) []byte {
	if len(value) == 0 {
		return nil
	}
	return append([]byte(nil), value...)
}
