// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"crypto/sha256"
	"sync"

	"ecoupon/chaincode/coupon"
)

// maxSignatures is how many presentations each half of signatures holds: those
// of several full batches on their way from Check to Redeem.
const maxSignatures = 32_768

// signatures remembers presentations that were found to be signed by their
// owner: the issuer's peer checks each in Check and once more in Redeem, moments
// later, and to verify a signature is most of what either costs. What is
// remembered depends on nothing but the bytes of presentation and key, so no
// state and no caller can change a verdict. Only good ones are remembered. It is
// safe for concurrent use.
type signatures struct {
	mu             sync.Mutex
	recent, before map[coupon.Hash]bool
}

// verify is Presentation.VerifySignature.
func (s *signatures) verify(p *coupon.Presentation, owner coupon.PublicKey) error {
	id := coupon.Hash(sha256.Sum256(append(p.Bytes(), owner[:]...)))
	if s.known(id) {
		return nil
	}
	if err := p.VerifySignature(owner); err != nil {
		return err
	}
	s.remember(id)
	return nil
}

func (s *signatures) known(id coupon.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recent[id] || s.before[id]
}

// remember forgets the older half when the newer is full.
func (s *signatures) remember(id coupon.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.recent) >= maxSignatures {
		s.before, s.recent = s.recent, nil
	}
	if s.recent == nil {
		s.recent = make(map[coupon.Hash]bool)
	}
	s.recent[id] = true
}
