// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"strings"

	"ecoupon/chaincode/coupon"
)

// Parties returns who clears for the namespace; false before it is set up.
func (w World) Parties() (coupon.Parties, bool, error) {
	var p coupon.Parties
	found, err := w.readJSON(partiesKey, &p)
	return p, found, err
}

// PutParties writes the parties, and a copy into the clearing house's
// collection so that its endorsement is needed.
func (w World) PutParties(p coupon.Parties) error {
	p.Format = 1
	if err := w.putPrivateJSON(privatePartiesKey, p, p.Clearing); err != nil {
		return err
	}
	return w.putJSON(partiesKey, p)
}

// Tick returns the namespace's tick; false before the first.
func (w World) Tick() (coupon.Tick, bool, error) {
	var t coupon.Tick
	found, err := w.readJSON(tickKey, &t)
	return t, found, err
}

// PutTick rolls the tick.
func (w World) PutTick(at int64) error { return w.putJSON(tickKey, coupon.Tick{Format: 1, At: at}) }

// Campaign returns a campaign version and its state; false if there is none.
func (w World) Campaign(ref coupon.CampaignRef) (coupon.CampaignEntry, bool, error) {
	var e coupon.CampaignEntry
	if found, err := w.readJSON(campaignKey(ref), &e.Campaign); err != nil || !found {
		return e, false, err
	}
	found, err := w.readJSON(campaignStateKey(ref), &e.State)
	return e, found, err
}

// PutCampaign writes a new campaign version.
func (w World) PutCampaign(c coupon.Campaign) error {
	c.Format = 1
	return w.putJSON(campaignKey(coupon.CampaignRef{Campaign: c.ID, Version: c.Version}), c)
}

// PutCampaignState writes where a campaign stands.
func (w World) PutCampaignState(ref coupon.CampaignRef, s coupon.CampaignState) error {
	s.Format = 1
	return w.putJSON(campaignStateKey(ref), s)
}

// Campaigns returns a page of campaigns in the order of their keys. It is for
// queries only: a range read in a transaction invites phantoms.
func (w World) Campaigns(q coupon.PageQuery) (coupon.CampaignPage, error) {
	var page coupon.CampaignPage
	err := w.scan(campaignPrefix, q.After, q.Size+1, func(key string, value []byte) error {
		if len(page.Campaigns) == q.Size {
			last := page.Campaigns[q.Size-1].Campaign
			page.Next = versionKey(coupon.CampaignRef{Campaign: last.ID, Version: last.Version})
			return nil
		}
		var e coupon.CampaignEntry
		if _, err := decode(key, value, &e.Campaign); err != nil {
			return err
		}
		ref := coupon.CampaignRef{Campaign: e.Campaign.ID, Version: e.Campaign.Version}
		if _, err := w.readJSON(campaignStateKey(ref), &e.State); err != nil {
			return err
		}
		page.Campaigns = append(page.Campaigns, e)
		return nil
	})
	return page, err
}

// Framework returns a framework; false if there is none.
func (w World) Framework(id coupon.FrameworkID) (coupon.Framework, bool, error) {
	var f coupon.Framework
	found, err := w.readJSON(frameworkKey(id), &f)
	return f, found, err
}

// PutFramework writes a framework and its entry in the campaign's index.
func (w World) PutFramework(f coupon.Framework) error {
	f.Format = 1
	if err := w.put(emitterKey(f), idBytes(f.ID)); err != nil {
		return err
	}
	return w.putJSON(frameworkKey(f.ID), f)
}

// Frameworks returns a page of a campaign version's frameworks; for queries.
func (w World) Frameworks(q coupon.FrameworksQuery) (coupon.FrameworkPage, error) {
	var page coupon.FrameworkPage
	prefix := emittersOf(coupon.CampaignRef{Campaign: q.Campaign, Version: q.Version})
	last := ""
	err := w.scan(prefix, q.After, q.Size+1, func(key string, value []byte) error {
		if len(page.Frameworks) == q.Size {
			page.Next = last
			return nil
		}
		id, err := parseID(key, value)
		if err != nil {
			return err
		}
		f, _, err := w.Framework(id)
		if err != nil {
			return err
		}
		state, err := w.MandateState(id)
		if err != nil {
			return err
		}
		page.Frameworks = append(page.Frameworks, f)
		page.States = append(page.States, state)
		last = strings.TrimPrefix(key, prefix)
		return nil
	})
	return page, err
}

// Admitted says whether a retailer may redeem a campaign's coupons.
func (w World) Admitted(ref coupon.CampaignRef, retailer string) (bool, error) {
	value, err := w.state(admittedKey(ref, retailer))
	return value != nil, err
}

// PutAdmitted admits a retailer.
func (w World) PutAdmitted(ref coupon.CampaignRef, retailer string) error {
	return w.put(admittedKey(ref, retailer), append([]byte{valueFormat}, retailer...))
}

// Retailers returns a page of the retailers of a campaign version; for queries.
func (w World) Retailers(q coupon.RetailersQuery) (coupon.RetailerPage, error) {
	page := coupon.RetailerPage{Retailers: []string{}}
	prefix := admittedOf(coupon.CampaignRef{Campaign: q.Campaign, Version: q.Version})
	last := ""
	err := w.scan(prefix, q.After, q.Size+1, func(key string, value []byte) error {
		if len(page.Retailers) == q.Size {
			page.Next = last
			return nil
		}
		page.Retailers = append(page.Retailers, string(value[1:]))
		last = strings.TrimPrefix(key, prefix)
		return nil
	})
	return page, err
}
