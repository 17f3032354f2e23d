// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"

	"ecoupon/chaincode/coupon"
)

// CampaignKey returns k_M on the issuer's peer; elsewhere only whether it is
// there.
func (w World) CampaignKey(issuer string, ref coupon.CampaignRef) (coupon.Key, bool, error) {
	return w.key(issuer, privateCampaignKey(ref))
}

// PutCampaignKey writes k_M into the issuer's collection.
func (w World) PutCampaignKey(issuer string, ref coupon.CampaignRef, k coupon.Key) error {
	return w.putPrivate(privateCampaignKey(ref), k[:], issuer)
}

// RetailerKey returns the copy of k_IR that owner keeps, on its own peer;
// elsewhere only whether it is there.
func (w World) RetailerKey(owner, retailer string) (coupon.Key, bool, error) {
	return w.key(owner, privateRetailerKey(retailer))
}

// PutRetailerKey writes k_IR into both parties' collections.
func (w World) PutRetailerKey(retailer string, k coupon.Key, parties ...string) error {
	return w.putPrivate(privateRetailerKey(retailer), k[:], parties...)
}

func (w World) key(owner, key string) (coupon.Key, bool, error) {
	value, present, err := w.private(owner, key)
	if err != nil || value == nil {
		return coupon.Key{}, present, err
	}
	if len(value) != len(coupon.Key{}) {
		return coupon.Key{}, false, fmt.Errorf("private %s is not a key", key)
	}
	return coupon.Key(value), true, nil
}

// EmitterKey returns the copy of a framework's key that owner keeps, on its
// own peer; elsewhere only whether it is there.
func (w World) EmitterKey(owner string, id coupon.FrameworkID) (coupon.EmitterKey, bool, error) {
	var k coupon.EmitterKey
	key := privateEmitterKey(id)
	value, present, err := w.private(owner, key)
	if err != nil || value == nil {
		return k, present, err
	}
	_, err = decode(key, value, &k)
	return k, true, err
}

// PutEmitterKey writes k_ME and mac_M into both parties' collections.
func (w World) PutEmitterKey(k coupon.EmitterKey, issuer, emitter string) error {
	k.Format = 1
	return w.putPrivateJSON(privateEmitterKey(k.Framework), k, issuer, emitter)
}

// PutAdmissionVote notes in an organisation's collection that it took part in
// an admission; the ledger then needs its endorsement.
func (w World) PutAdmissionVote(owner, transaction string) error {
	return w.putPrivate(privateAdmissionKey, []byte(transaction), owner)
}

// PutMandateVote notes in an organisation's collection that it took part in a
// mandate that brings it no key; the ledger then needs its endorsement.
func (w World) PutMandateVote(owner, transaction string) error {
	return w.putPrivate(privateMandateKey, []byte(transaction), owner)
}
