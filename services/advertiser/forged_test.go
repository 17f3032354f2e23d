// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/servetest"
)

// TestMadeUpEventsAreNotBelieved: any member can, alone, have any event in a
// transaction of its own. It ends no offer, mixes no two, and hides none.
func TestMadeUpEventsAreNotBelieved(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	tea := mandate(t, s.consortium, campaign{id: "tea", holder: coupon.HolderBearer, quotas: []int64{10}}, servetest.AdvertiserMSP)
	closed := mandate(t, s.consortium, campaign{id: "coffee", holder: coupon.HolderBearer, quotas: []int64{10}}, servetest.ClearingMSP)
	change(t, s.consortium, "CloseCampaign", "coffee")
	for _, made := range []struct {
		event   string
		payload any
	}{
		{"CampaignClosed", coupon.CampaignEvent{Campaign: "tea", Version: 1}},
		{"CampaignClosed", coupon.CampaignEvent{Campaign: "nothing", Version: 1}},
		{"CampaignClosed", coupon.CampaignEvent{}},
		{"CampaignPaused", []byte("not JSON")},
		{"EmitterAuthorised", coupon.EmitterEvent{Framework: tea.ID, Campaign: "coffee", Version: 1, Emitter: servetest.AdvertiserMSP}},
		{"EmitterAuthorised", coupon.EmitterEvent{Framework: closed.ID, Campaign: "coffee", Version: 1, Emitter: servetest.AdvertiserMSP}},
		{"EmitterAuthorised", coupon.EmitterEvent{Framework: coupon.FrameworkID{1}, Campaign: "tea", Version: 1, Emitter: servetest.AdvertiserMSP}},
		{"EmitterAuthorised", []byte("null!")},
	} {
		s.consortium.Announce(t, servetest.RetailerMSP, namespace, made.event, made.payload)
	}
	cocoa := mandate(t, s.consortium, campaign{id: "cocoa", holder: coupon.HolderBearer, quotas: []int64{10}}, servetest.AdvertiserMSP)
	s.offered(t, tea, cocoa)
}
