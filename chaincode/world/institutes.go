// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package world

import "ecoupon/chaincode/coupon"

// privateInstituteKey is where the clearing house notes that it endorsed.
const privateInstituteKey = "institute"

func instituteKey(name string) string { return "institute/" + text(name) }

// Institute returns the keys of a payment institute; false if it was never
// registered.
func (w World) Institute(name string) (coupon.Institute, bool, error) {
	var i coupon.Institute
	found, err := w.readJSON(instituteKey(name), &i)
	return i, found, err
}

// Institutes reads several in one call; those that were never registered have
// no keys.
func (w World) Institutes(names []string) (map[string]coupon.Institute, error) {
	keys := make([]string, len(names))
	for n, name := range names {
		keys[n] = instituteKey(name)
	}
	values, err := w.states(keys)
	if err != nil {
		return nil, err
	}
	institutes := make(map[string]coupon.Institute, len(names))
	for n, name := range names {
		var i coupon.Institute
		if _, err := decode(keys[n], values[n], &i); err != nil {
			return nil, err
		}
		institutes[name] = i
	}
	return institutes, nil
}

// PutInstitute replaces the keys of a payment institute, and notes in the
// clearing house's collection that it took part: the ledger then needs its
// endorsement.
func (w World) PutInstitute(i coupon.Institute, clearing, transaction string) error {
	i.Format = 1
	if err := w.putPrivate(privateInstituteKey, []byte(transaction), clearing); err != nil {
		return err
	}
	return w.putJSON(instituteKey(i.Institute), i)
}
