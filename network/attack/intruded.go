// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
)

// intruded are calls by those who may not make them, above all evaluations that
// would tell a key, a tag or a record, without leaving a trace.
func intruded() []attack { return slices.Concat(spying(), usurping()) }

var (
	wrongPeer         = words(coupon.ReasonWrongPeer)
	wrongOrganisation = words(coupon.ReasonWrongOrganisation)
	wrongRole         = words(coupon.ReasonWrongRole)
)

// asking is a call that a peer must not answer.
func asking(name, by string, want []string, make func(o offer) step) attack {
	return attack{name: name, by: by, want: want, run: func(ctx context.Context, a *arena) outcome {
		return a.spy(ctx, make(a.share(ctx, coupon.HolderBearer)))
	}}
}

func call(function string, request any, by, as, at string) step {
	return step{Call: desk.Call{Function: function, Arguments: argument(request), Endorsers: []string{at}}, by: by, as: as}
}

func refOf(o offer) coupon.CampaignRef {
	return coupon.CampaignRef{Campaign: o.Campaign, Version: o.Version}
}

// spying are evaluations of what others keep.
func spying() []attack {
	checking := func(o offer, by, as string) step {
		return step{Call: desk.Call{
			Function: "Check", Endorsers: []string{issuer},
			Input: coupon.CheckInput{Sales: []coupon.CheckedSale{{Coupons: coupon.Untagged(o.mint(1).Text())}}},
		}, by: by, as: as}
	}
	return []attack{
		asking("campaign key asked of the issuer's peer", anAdvertiser, wrongPeer, func(o offer) step {
			return call("CampaignKey", refOf(o), shop, "advertiser", issuer)
		}),
		asking("campaign key asked of the own peer", anAdvertiser, wrongPeer, func(o offer) step {
			return call("CampaignKey", refOf(o), shop, "advertiser", shop)
		}),
		asking("another advertiser's key asked of the issuer's peer", anAdvertiser, wrongPeer, func(o offer) step {
			return call("EmitterKey", coupon.FrameworkQuery{Framework: o.ID}, advertiser, "advertiser", issuer)
		}),
		asking("another advertiser's key asked of the own peer", anAdvertiser, words(coupon.ReasonKeyMissing), func(o offer) step {
			return call("EmitterKey", coupon.FrameworkQuery{Framework: o.ID}, advertiser, "advertiser", advertiser)
		}),
		asking("own key asked for by a person", anAdvertiser, wrongRole, func(o offer) step {
			return call("EmitterKey", coupon.FrameworkQuery{Framework: o.ID}, shop, "operator", shop)
		}),
		asking("spent tag of an own coupon asked for", anAdvertiser, words(coupon.ReasonRetailerNotAdmitted), func(o offer) step {
			return checking(o, advertiser, "advertiser")
		}),
		asking("spent tag asked for by an operator", aRetailer, wrongRole, func(o offer) step { return checking(o, retailer, "operator") }),
		{name: "another's batch record asked for", by: anAdvertiser, want: wrongPeer, run: func(ctx context.Context, a *arena) outcome {
			s := a.spent(ctx)
			return a.spy(ctx, call("GetBatch", coupon.BatchQuery{Batch: s.record.ID}, advertiser, "advertiser", retailer))
		}},
		{name: "another advertiser's beacon asked for", by: anAdvertiser, want: wrongOrganisation, run: func(ctx context.Context, a *arena) outcome {
			l := a.openLane(ctx, a.launch(ctx, dynamic(frameAge, decay)), 0, 0)
			return a.spy(ctx, call("Beacon", l.ref(), advertiser, "advertiser", issuer))
		}},
	}
}

// usurping are calls in the place of others.
func usurping() []attack {
	return []attack{
		{name: "another advertiser's frame closed", by: anAdvertiser, want: wrongOrganisation, run: func(ctx context.Context, a *arena) outcome {
			l := a.openLane(ctx, a.launch(ctx, dynamic(frameAge, decay)), 0, 0)
			s := l.closing(l.content())
			s.by, s.Endorsers = advertiser, []string{issuer, advertiser}
			return a.submit(ctx, s)
		}},
		asking("campaign published by another organisation", anAdvertiser, wrongOrganisation, func(o offer) step {
			return call("PauseCampaign", refOf(o), advertiser, "advertiser", issuer)
		}),
		asking("mandate given by another organisation", anAdvertiser, wrongOrganisation, func(o offer) step {
			s := call("AuthoriseEmitter", coupon.AuthoriseRequest{Campaign: o.Campaign, Version: 1, Emitter: advertiser, Kind: coupon.KindStatic, Epoch: 1, Quotas: []int64{1}}, advertiser, "advertiser", issuer)
			s.Input = coupon.EmitterKeyInput{Key: o.key.Key, MAC: o.key.MAC}
			return s
		}),
		asking("a key of its own brought for a mandate", anAdvertiser, wrongOrganisation, func(o offer) step {
			s := call("AdmitRetailer", coupon.AdmitRequest{Campaign: o.Campaign, Version: 1, Retailer: shop}, shop, "retailer", shop)
			s.Input = coupon.RetailerKeyInput{Key: coupon.Key{1}}
			return s
		}),
		{name: "redeemed by the right organisation without the role", by: aRetailer, want: wrongRole, run: func(ctx context.Context, a *arena) outcome {
			s := a.batch(ctx, retailer, a.share(ctx, coupon.HolderBearer).mint(1).Text())
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
			s := a.batch(ctx, retailer, a.share(ctx, coupon.HolderBearer).mint(1).Text())
			s.Endorsers = []string{retailer, advertiser}
			return a.submit(ctx, s)
		}},
	}
}
