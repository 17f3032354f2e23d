// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
)

// intruded are calls by those who may not make them, above all evaluations that
// would tell a key, a tag or a record, without leaving a trace.
func intruded() []attack {
	wrongPeer, wrongOrganisation, wrongRole := words(coupon.ReasonWrongPeer), words(coupon.ReasonWrongOrganisation), words(coupon.ReasonWrongRole)
	ask := func(name, by string, want []string, make func(o offer) step) attack {
		return attack{name: name, by: by, want: want, run: func(ctx context.Context, a *arena) outcome {
			return a.spy(ctx, make(a.launch(ctx, nil)))
		}}
	}
	call := func(function string, request any, by, as, at string) step {
		return step{Call: desk.Call{Function: function, Arguments: argument(request), Endorsers: []string{at}}, by: by, as: as}
	}
	ref := func(o offer) coupon.CampaignRef {
		return coupon.CampaignRef{Campaign: o.Campaign, Version: o.Version}
	}
	checking := func(o offer, by, as string) step {
		return step{Call: desk.Call{
			Function: "Check", Endorsers: []string{issuer},
			Input: coupon.CheckInput{Sales: []coupon.CheckedSale{{Coupons: coupon.Untagged(o.mint(1).Text())}}},
		}, by: by, as: as}
	}
	return []attack{
		ask("campaign key asked of the issuer's peer", anAdvertiser, wrongPeer, func(o offer) step {
			return call("CampaignKey", ref(o), shop, "advertiser", issuer)
		}),
		ask("campaign key asked of the own peer", anAdvertiser, wrongPeer, func(o offer) step {
			return call("CampaignKey", ref(o), shop, "advertiser", shop)
		}),
		ask("another advertiser's key asked of the issuer's peer", anAdvertiser, wrongPeer, func(o offer) step {
			return call("EmitterKey", coupon.FrameworkQuery{Framework: o.ID}, advertiser, "advertiser", issuer)
		}),
		ask("another advertiser's key asked of the own peer", anAdvertiser, words(coupon.ReasonKeyMissing), func(o offer) step {
			return call("EmitterKey", coupon.FrameworkQuery{Framework: o.ID}, advertiser, "advertiser", advertiser)
		}),
		ask("own key asked for by a person", anAdvertiser, wrongRole, func(o offer) step {
			return call("EmitterKey", coupon.FrameworkQuery{Framework: o.ID}, shop, "operator", shop)
		}),
		ask("spent tag of an own coupon asked for", anAdvertiser, words(coupon.ReasonRetailerNotAdmitted), func(o offer) step {
			return checking(o, advertiser, "advertiser")
		}),
		ask("spent tag asked for by an operator", aRetailer, wrongRole, func(o offer) step { return checking(o, retailer, "operator") }),
		{name: "another's batch record asked for", by: anAdvertiser, want: wrongPeer, run: func(ctx context.Context, a *arena) outcome {
			s := a.spent(ctx)
			return a.spy(ctx, call("GetBatch", coupon.BatchQuery{Batch: s.record.ID}, advertiser, "advertiser", retailer))
		}},
		{name: "another advertiser's beacon asked for", by: anAdvertiser, want: wrongOrganisation, run: func(ctx context.Context, a *arena) outcome {
			l := a.openLane(ctx, a.launch(ctx, dynamic(frameAge, decay)), 0, 0)
			return a.spy(ctx, call("Beacon", l.ref(), advertiser, "advertiser", issuer))
		}},
		{name: "another advertiser's frame closed", by: anAdvertiser, want: wrongOrganisation, run: func(ctx context.Context, a *arena) outcome {
			l := a.openLane(ctx, a.launch(ctx, dynamic(frameAge, decay)), 0, 0)
			s := l.closing(l.content())
			s.by, s.Endorsers = advertiser, []string{issuer, advertiser}
			return a.submit(ctx, s)
		}},
		ask("campaign published by another organisation", anAdvertiser, wrongOrganisation, func(o offer) step {
			return call("PauseCampaign", ref(o), advertiser, "advertiser", issuer)
		}),
		ask("mandate given by another organisation", anAdvertiser, wrongOrganisation, func(o offer) step {
			s := call("AuthoriseEmitter", coupon.AuthoriseRequest{Campaign: o.Campaign, Version: 1, Emitter: advertiser, Kind: coupon.KindStatic, Epoch: 1, Quotas: []int64{1}}, advertiser, "advertiser", issuer)
			s.Input = coupon.EmitterKeyInput{Key: o.key.Key, MAC: o.key.MAC}
			return s
		}),
		ask("a key of its own brought for a mandate", anAdvertiser, wrongOrganisation, func(o offer) step {
			s := call("AdmitRetailer", coupon.AdmitRequest{Campaign: o.Campaign, Version: 1, Retailer: shop}, shop, "retailer", shop)
			s.Input = coupon.RetailerKeyInput{Key: coupon.Key{1}}
			return s
		}),
		{name: "redeemed by the right organisation without the role", by: aRetailer, want: wrongRole, run: func(ctx context.Context, a *arena) outcome {
			s := a.batch(ctx, retailer, a.launch(ctx, nil).mint(1).Text())
			s.as = "operator"
			return a.submit(ctx, s)
		}},
		{name: "claimed by the right organisation without the role", by: aRetailer, want: wrongRole, run: func(ctx context.Context, a *arena) outcome {
			s := claim(retailer, a.spent(ctx).text)
			s.as = "auditor"
			return a.submit(ctx, s)
		}},
		{name: "settled by a retailer", by: aRetailer, want: wrongOrganisation, run: func(ctx context.Context, a *arena) outcome {
			return a.submit(ctx, step{Call: desk.Call{
				Function: "Settle", Endorsers: []string{issuer, retailer},
				Input: coupon.SettleInput{SettlementID: "s", Salt: coupon.Hash{1}, Records: []string{a.spent(ctx).text}},
			}, by: retailer, as: "retailer"})
		}},
		{name: "redeemed at an advertiser's and another's peer", by: aRetailer, want: wrongPeer, run: func(ctx context.Context, a *arena) outcome {
			s := a.batch(ctx, retailer, a.launch(ctx, nil).mint(1).Text())
			s.Endorsers = []string{retailer, advertiser}
			return a.submit(ctx, s)
		}},
	}
}
