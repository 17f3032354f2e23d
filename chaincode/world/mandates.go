// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"ecoupon/chaincode/coupon"
)

func mandateStateKey(id coupon.FrameworkID) string { return "mandate-state/" + id.String() }

// MandateState returns where a mandate stands: active if nothing is written.
func (w World) MandateState(id coupon.FrameworkID) (coupon.MandateState, error) {
	key := mandateStateKey(id)
	value, err := w.state(key)
	if err != nil {
		return coupon.MandateState{}, err
	}
	return decodeMandateState(id, value)
}

func decodeMandateState(id coupon.FrameworkID, value []byte) (coupon.MandateState, error) {
	s := coupon.MandateState{Framework: id, Status: coupon.MandateActive}
	_, err := decode(mandateStateKey(id), value, &s)
	return s, err
}

// PutMandateState writes where a mandate stands.
func (w World) PutMandateState(s coupon.MandateState) error {
	s.Format = 1
	return w.putJSON(mandateStateKey(s.Framework), s)
}

// PutQuotas writes a framework with other quotas, and notes in the collection of
// its second party that it took part: the ledger then needs its endorsement.
func (w World) PutQuotas(f coupon.Framework, second, transaction string) error {
	if err := w.PutMandateVote(second, transaction); err != nil {
		return err
	}
	return w.putJSON(frameworkKey(f.ID), f)
}
