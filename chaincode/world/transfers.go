// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"

	"ecoupon/chaincode/coupon"
)

// transferKey is the key of an owner's marker in public state, and of the record
// of the transfer that ended its step in the two parties' collections.
func transferKey(tag coupon.Tag) string { return "transfer/" + tag.String() }

// OwnerMarkers reads the owners' markers of transfer tags in one call; of a step
// in which nothing has happened there is none in the map.
func (w World) OwnerMarkers(tags []coupon.Tag) (map[coupon.Tag]coupon.OwnerMarker, error) {
	keys := make([]string, len(tags))
	for i, tag := range tags {
		keys[i] = transferKey(tag)
	}
	values, err := w.states(keys)
	if err != nil {
		return nil, err
	}
	markers := make(map[coupon.Tag]coupon.OwnerMarker, len(tags))
	for i, value := range values {
		if value == nil {
			continue
		}
		m, err := coupon.ParseOwnerMarker(value)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", keys[i], err)
		}
		markers[tags[i]] = m
	}
	return markers, nil
}

// TransferRecord returns owner's copy of what is kept of the transfer that ended
// a step, on owner's peer only; false if there is none.
func (w World) TransferRecord(owner string, tag coupon.Tag) (coupon.TransferRecord, bool, error) {
	var r coupon.TransferRecord
	key := transferKey(tag)
	value, _, err := w.private(owner, key)
	if err != nil {
		return r, false, err
	}
	found, err := decode(key, value, &r)
	return r, found, err
}

// PutOwnerMarker writes what an owner has done with a coupon.
func (w World) PutOwnerMarker(tag coupon.Tag, m coupon.OwnerMarker) error {
	return w.put(transferKey(tag), m.Bytes())
}

// PutTransfer writes the marker of the step that a transfer ends, and what its
// two parties keep of it: both must endorse.
func (w World) PutTransfer(tag coupon.Tag, m coupon.OwnerMarker, record coupon.TransferRecord, parties ...string) error {
	record.Format = 1
	if err := w.putPrivateJSON(transferKey(tag), record, parties...); err != nil {
		return err
	}
	return w.PutOwnerMarker(tag, m)
}
