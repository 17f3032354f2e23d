// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// batchKey is what a write batch keeps one write for.
type batchKey struct {
	collection string // empty for public state
	key        string
}

type batchWrite struct {
	value []byte // empty deletes
	purge bool
}

// write hands a write to the peer, or keeps it for the end of the batch.
// There the real shim encodes it late, so that a value changed meanwhile is
// written as changed.
func (s *stub) write(name peer.ChaincodeMessage_Type, key batchKey, w batchWrite) error {
	if err := s.checkKey(key.key); err != nil {
		return err
	}
	s.sim.checkText("collection", key.collection)
	if s.batch != nil && !s.done.Load() {
		s.batch[key] = w
		return nil
	}
	return s.request(name, func() error { return s.sim.write(key, w) })
}

func (s *simulation) write(key batchKey, w batchWrite) error {
	if key.collection == "" {
		return s.putState(key.key, w.value)
	}
	return s.putPrivate(key.collection, key.key, privateWrite(w))
}

// StartWriteBatch gathers the writes that follow. Their errors show at the
// end of the batch.
func (s *stub) StartWriteBatch() {
	if s.batch == nil {
		s.batch = map[batchKey]batchWrite{}
	}
}

// FinishWriteBatch hands the gathered writes to the peer, of each key the
// last, in no particular order. The peer stops at the first that it refuses.
func (s *stub) FinishWriteBatch() error {
	batch := s.batch
	s.batch = nil
	if len(batch) == 0 {
		return nil
	}
	err := s.request(peer.ChaincodeMessage_WRITE_BATCH_STATE, func() error {
		for key, w := range batch {
			if err := s.sim.write(key, w); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("failed send batch: %w", err)
	}
	return nil
}
