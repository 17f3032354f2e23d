// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"

	"ecoupon/chaincode/coupon"
)

// BatchReads names all that a batch of redemptions reads first.
type BatchReads struct {
	Frameworks  []coupon.FrameworkID
	Tags        []coupon.Tag
	Products    []coupon.Tag
	Invoices    []coupon.Tag
	Redemptions []coupon.RedemptionID
}

// BatchState is what those keys hold; what is absent is not in a map.
type BatchState struct {
	Tick       *coupon.Tick
	Frameworks map[coupon.FrameworkID]coupon.Framework
	// Mandates has an entry for each framework.
	Mandates    map[coupon.FrameworkID]coupon.MandateState
	Markers     map[coupon.Tag]coupon.Marker
	Products    map[coupon.Tag]coupon.Marker
	Invoices    map[coupon.Tag]bool
	Redemptions map[coupon.RedemptionID]coupon.BatchID
}

// ReadBatch reads a batch's keys in one call to the peer.
func (w World) ReadBatch(r BatchReads) (BatchState, error) {
	keys := make([]string, 0, 1+2*len(r.Frameworks)+len(r.Tags)+len(r.Products)+len(r.Invoices)+len(r.Redemptions))
	keys = append(keys, tickKey)
	for _, id := range r.Frameworks {
		keys = append(keys, frameworkKey(id), mandateStateKey(id))
	}
	for _, tag := range r.Tags {
		keys = append(keys, spentKey(tag))
	}
	for _, tag := range r.Products {
		keys = append(keys, productKey(tag))
	}
	for _, tag := range r.Invoices {
		keys = append(keys, invoiceKey(tag))
	}
	for _, id := range r.Redemptions {
		keys = append(keys, redemptionKey(id))
	}
	values, err := w.states(keys)
	if err != nil {
		return BatchState{}, err
	}
	return decodeBatch(r, values)
}

func decodeBatch(r BatchReads, values [][]byte) (BatchState, error) {
	s := BatchState{
		Frameworks:  make(map[coupon.FrameworkID]coupon.Framework, len(r.Frameworks)),
		Mandates:    make(map[coupon.FrameworkID]coupon.MandateState, len(r.Frameworks)),
		Markers:     make(map[coupon.Tag]coupon.Marker),
		Products:    make(map[coupon.Tag]coupon.Marker),
		Invoices:    make(map[coupon.Tag]bool),
		Redemptions: make(map[coupon.RedemptionID]coupon.BatchID),
	}
	next := func() []byte {
		v := values[0]
		values = values[1:]
		return v
	}
	var tick coupon.Tick
	if found, err := decode(tickKey, next(), &tick); err != nil {
		return s, err
	} else if found {
		s.Tick = &tick
	}
	for _, id := range r.Frameworks {
		var f coupon.Framework
		if found, err := decode(frameworkKey(id), next(), &f); err != nil {
			return s, err
		} else if found {
			s.Frameworks[id] = f
		}
		state, err := decodeMandateState(id, next())
		if err != nil {
			return s, err
		}
		s.Mandates[id] = state
	}
	for _, tag := range r.Tags {
		if err := decodeMarker(s.Markers, tag, spentKey(tag), next()); err != nil {
			return s, err
		}
	}
	for _, tag := range r.Products {
		if err := decodeMarker(s.Products, tag, productKey(tag), next()); err != nil {
			return s, err
		}
	}
	for _, tag := range r.Invoices {
		if next() != nil {
			s.Invoices[tag] = true
		}
	}
	for _, id := range r.Redemptions {
		if v := next(); v != nil {
			batch, err := parseID(redemptionKey(id), v)
			if err != nil {
				return s, err
			}
			s.Redemptions[id] = batch
		}
	}
	return s, nil
}

// Offer is what a retailer's redemption of a campaign version depends on.
type Offer struct {
	Campaign coupon.Campaign
	State    coupon.CampaignState
	Admitted bool
}

// Offers reads campaigns, their states and a retailer's admission in one call;
// a campaign that does not exist is not in the map.
func (w World) Offers(refs []coupon.CampaignRef, retailer string) (map[coupon.CampaignRef]Offer, error) {
	keys := make([]string, 0, 3*len(refs))
	for _, ref := range refs {
		keys = append(keys, campaignKey(ref), campaignStateKey(ref), admittedKey(ref, retailer))
	}
	values, err := w.states(keys)
	if err != nil {
		return nil, err
	}
	offers := make(map[coupon.CampaignRef]Offer, len(refs))
	for i, ref := range refs {
		var o Offer
		found, err := decode(keys[3*i], values[3*i], &o.Campaign)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		if _, err := decode(keys[3*i+1], values[3*i+1], &o.State); err != nil {
			return nil, err
		}
		o.Admitted = values[3*i+2] != nil
		offers[ref] = o
	}
	return offers, nil
}

// PutMarker writes a coupon's marker.
func (w World) PutMarker(tag coupon.Tag, m coupon.Marker) error {
	return w.put(spentKey(tag), m.Bytes())
}

// PutProductMarker writes the marker of a product, under its tag.
func (w World) PutProductMarker(tag coupon.Tag, m coupon.Marker) error {
	return w.put(productKey(tag), m.Bytes())
}

// PutInvoice marks an invoice as used by a redemption.
func (w World) PutInvoice(tag coupon.Tag, id coupon.RedemptionID) error {
	return w.put(invoiceKey(tag), idBytes(id))
}

// PutRedemption says in which batch a redemption is.
func (w World) PutRedemption(id coupon.RedemptionID, batch coupon.BatchID) error {
	return w.put(redemptionKey(id), idBytes(batch))
}

// Redemption returns the batch of a redemption; false if there is none.
func (w World) Redemption(id coupon.RedemptionID) (coupon.BatchID, bool, error) {
	key := redemptionKey(id)
	value, err := w.state(key)
	if err != nil || value == nil {
		return coupon.BatchID{}, false, err
	}
	batch, err := parseID(key, value)
	return batch, true, err
}

// PutBatch writes a batch's record into both parties' collections and its
// digest into public state.
func (w World) PutBatch(id coupon.BatchID, record []byte, digest coupon.Hash, parties ...string) error {
	if err := w.put(batchKey(id), digestBytes(digest)); err != nil {
		return err
	}
	return w.putPrivate(batchKey(id), record, parties...)
}

// BatchRecord returns owner's copy of a batch's record, on owner's peer only.
func (w World) BatchRecord(owner string, id coupon.BatchID) ([]byte, error) {
	value, _, err := w.private(owner, batchKey(id))
	return value, err
}

// PutVoid notes in both parties' collections that a redemption was undone; the
// ledger then needs both endorsements.
func (w World) PutVoid(id coupon.RedemptionID, event coupon.VoidedEvent, parties ...string) error {
	return w.putPrivateJSON(privateVoidKey(id), event, parties...)
}

// Markers reads the markers of tags in one call; an unspent one is not in the
// map.
func (w World) Markers(tags []coupon.Tag) (map[coupon.Tag]coupon.Marker, error) {
	return w.markers(tags, spentKey)
}

// ProductMarkers reads the markers of products in one call; one that no proof
// was redeemed of is not in the map.
func (w World) ProductMarkers(tags []coupon.Tag) (map[coupon.Tag]coupon.Marker, error) {
	return w.markers(tags, productKey)
}

func (w World) markers(tags []coupon.Tag, keyOf func(coupon.Tag) string) (map[coupon.Tag]coupon.Marker, error) {
	keys := make([]string, len(tags))
	for i, tag := range tags {
		keys[i] = keyOf(tag)
	}
	values, err := w.states(keys)
	if err != nil {
		return nil, err
	}
	markers := make(map[coupon.Tag]coupon.Marker, len(tags))
	for i, value := range values {
		if err := decodeMarker(markers, tags[i], keys[i], value); err != nil {
			return nil, err
		}
	}
	return markers, nil
}

// decodeMarker adds the marker of a tag to the map, if there is one.
func decodeMarker(markers map[coupon.Tag]coupon.Marker, tag coupon.Tag, key string, value []byte) error {
	if value == nil {
		return nil
	}
	m, err := coupon.ParseMarker(value)
	if err != nil {
		return fmt.Errorf("reading %s: %w", key, err)
	}
	markers[tag] = m
	return nil
}
