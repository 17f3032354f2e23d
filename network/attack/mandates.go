// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
)

// mandates are coupons and frames of an advertiser whose mandate has ended, and
// mandates that the issuer would like to take back.
func mandates() []attack {
	ended, revoked := words(coupon.ReasonLaneEnded), words(coupon.ReasonEmitterRevoked)
	return []attack{
		{name: "coupon of a suspended mandate", by: anAdvertiser, want: words(coupon.ReasonEmitterSuspended), run: func(ctx context.Context, a *arena) outcome {
			o := a.launch(ctx, nil)
			_, err := a.issuer().SuspendEmitter(ctx, &issuerv1.SuspendEmitterRequest{RequestId: uuid.NewString(), FrameworkId: o.ID.String()})
			check(err)
			a.caughtUp(ctx)
			return a.tender(ctx, o.mint(1).Text())
		}},
		{name: "static coupon made after the mandate", by: anAdvertiser, want: ended, run: func(ctx context.Context, a *arena) outcome {
			o := a.launch(ctx, nil)
			a.lastStatic(ctx, o, 10)
			a.revoke(ctx, o)
			return a.tender(ctx, o.mint(11).Text())
		}},
		{
			name: "static coupon made after the mandate, with a lower number", by: anAdvertiser,
			residual: "unused serial numbers up to the last closed frame", run: func(ctx context.Context, a *arena) outcome {
				o := a.launch(ctx, nil)
				a.lastStatic(ctx, o, 10)
				a.revoke(ctx, o)
				return a.tender(ctx, o.mint(5).Text())
			},
		},
		in("dynamic coupon made after the mandate", ended, decay, func(ctx context.Context, l *lane) outcome {
			l.revoke(ctx, l.offer)
			return l.tender(ctx, l.release(newOwner(), l.opened).Text())
		}),
		in("frame closed after the mandate", revoked, decay, func(ctx context.Context, l *lane) outcome {
			l.release(newOwner(), l.opened)
			l.revoke(ctx, l.offer)
			return l.submit(ctx, l.closing(l.content()))
		}),
		in("lane opened after the mandate", revoked, decay, func(ctx context.Context, l *lane) outcome {
			o := l.launch(ctx, dynamic(time.Minute, decay))
			l.revoke(ctx, o)
			return l.submit(ctx, l.step("OpenLane", coupon.LaneRequest{Framework: o.ID}, nil))
		}),
		in("beacon asked for after the mandate", revoked, decay, func(ctx context.Context, l *lane) outcome {
			l.revoke(ctx, l.offer)
			ask := l.step("Beacon", l.ref(), nil)
			ask.Endorsers = []string{issuer}
			return l.spy(ctx, ask)
		}),
		{name: "quota lowered below what was given out", by: anIssuer, want: words(coupon.ReasonQuotaNotRaised), run: func(ctx context.Context, a *arena) outcome {
			o := a.launch(ctx, nil)
			return a.submit(ctx, step{Call: desk.Call{
				Function: "RaiseQuota", Arguments: argument(coupon.RaiseRequest{Framework: o.ID, Quotas: []int64{1}}), Endorsers: []string{issuer, shop},
			}, by: issuer, as: "issuer"})
		}},
		{name: "quota raised by the advertiser", by: anAdvertiser, want: wrongOrganisation, run: func(ctx context.Context, a *arena) outcome {
			o := a.share(ctx, coupon.HolderBearer)
			return a.submit(ctx, step{Call: desk.Call{
				Function: "RaiseQuota", Arguments: argument(coupon.RaiseRequest{Framework: o.ID, Quotas: []int64{2 * quota}}), Endorsers: []string{issuer, shop},
			}, by: shop, as: "advertiser"})
		}},
	}
}

func (a *arena) revoke(ctx context.Context, o offer) {
	_, err := a.issuer().RevokeEmitter(ctx, &issuerv1.RevokeEmitterRequest{RequestId: uuid.NewString(), FrameworkId: o.ID.String()})
	check(err)
	a.caughtUp(ctx)
}

// lastStatic closes a frame of a lane of static coupons with so many.
func (a *arena) lastStatic(ctx context.Context, o offer, count int64) {
	l := a.openLane(ctx, o, 0, 0)
	a.done(ctx, l.closing(coupon.FrameContent{Salt: random(), Last: l.q, LastSN: count, Count: count, Root: coupon.EmptyRoot}))
	a.caughtUp(ctx)
}
