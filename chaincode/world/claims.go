// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package world

import "ecoupon/chaincode/coupon"

// Digests reads the digests of batches; that of an unknown batch is nil.
func (w World) Digests(ids []coupon.BatchID) ([]*coupon.Hash, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = batchKey(id)
	}
	values, err := w.states(keys)
	if err != nil {
		return nil, err
	}
	digests := make([]*coupon.Hash, len(ids))
	for i, key := range keys {
		if digests[i], err = parseDigest(key, values[i]); err != nil {
			return nil, err
		}
	}
	return digests, nil
}

// Standing reads what the ledger knows of batches: digests, settlements, and
// which of the two copies of a claim's mark stand.
func (w World) Standing(clearing, retailer string, ids []coupon.BatchID) ([]coupon.BatchStanding, error) {
	keys := make([]string, 0, 2*len(ids))
	for _, id := range ids {
		keys = append(keys, batchKey(id), settledKey(id))
	}
	values, err := w.states(keys)
	if err != nil {
		return nil, err
	}
	standing := make([]coupon.BatchStanding, len(ids))
	for i, id := range ids {
		s := &standing[i]
		s.Batch = id
		if s.Digest, err = parseDigest(keys[2*i], values[2*i]); err != nil {
			return nil, err
		}
		if s.Settled, err = parseDigest(keys[2*i+1], values[2*i+1]); err != nil {
			return nil, err
		}
		if s.ClaimedByClearing, err = w.privatePresent(clearing, privateClaimedKey(id)); err != nil {
			return nil, err
		}
		if s.ClaimedByRetailer, err = w.privatePresent(retailer, privateClaimedKey(id)); err != nil {
			return nil, err
		}
	}
	return standing, nil
}

// PutClaim writes a claim and the marks of its batches into the collections of
// retailer and clearing house, and nothing else: so the issuer's endorsement
// is not needed and it cannot block a claim.
func (w World) PutClaim(c coupon.ClaimRecord, clearing string) error {
	c.Format = 1
	if err := w.putPrivateJSON(privateClaimKey(c.Retailer, c.ID), c, c.Retailer, clearing); err != nil {
		return err
	}
	mark := coupon.ClaimMark{Format: 1, Salt: c.Salt, Claim: c.ID, Retailer: c.Retailer}
	for _, b := range c.Batches {
		if err := w.putPrivateJSON(privateClaimedKey(b.ID), mark, c.Retailer, clearing); err != nil {
			return err
		}
	}
	return nil
}

// ClaimPresent says whether a claim of this id was made.
func (w World) ClaimPresent(owner string, q coupon.ClaimQuery) (bool, error) {
	return w.privatePresent(owner, privateClaimKey(q.Retailer, q.ClaimID))
}

// Claim returns owner's copy of a claim, on owner's peer only.
func (w World) Claim(owner string, q coupon.ClaimQuery) (coupon.ClaimRecord, bool, error) {
	var c coupon.ClaimRecord
	key := privateClaimKey(q.Retailer, q.ClaimID)
	value, _, err := w.private(owner, key)
	if err != nil {
		return c, false, err
	}
	found, err := decode(key, value, &c)
	return c, found, err
}

// PutSettlement writes a settlement's record into the collections of issuer
// and clearing house and its digest under each of its batches.
func (w World) PutSettlement(s coupon.SettlementRecord, record []byte, digest coupon.Hash, clearing string) error {
	q := coupon.SettlementQuery{SettlementID: s.ID, Retailer: s.Retailer, Part: s.Part}
	if err := w.putPrivate(privateSettlementKey(q), record, s.Issuer, clearing); err != nil {
		return err
	}
	for _, b := range s.Batches {
		if err := w.put(settledKey(b.ID), digestBytes(digest)); err != nil {
			return err
		}
	}
	return nil
}

// SettlementPresent says whether this part of a settlement was made.
func (w World) SettlementPresent(owner string, q coupon.SettlementQuery) (bool, error) {
	return w.privatePresent(owner, privateSettlementKey(q))
}

// Settlement returns owner's copy of a settlement's part, on owner's peer only.
func (w World) Settlement(owner string, q coupon.SettlementQuery) (coupon.SettlementRecord, bool, error) {
	var s coupon.SettlementRecord
	key := privateSettlementKey(q)
	value, _, err := w.private(owner, key)
	if err != nil {
		return s, false, err
	}
	found, err := decode(key, value, &s)
	return s, found, err
}
