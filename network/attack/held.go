// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
)

// conflict is how validation ends what was endorsed on a state that is no more,
// duplicate what is in a block already.
const (
	conflict  = "MVCC_READ_CONFLICT"
	duplicate = "DUPLICATE_TXID"
)

// heldBack are transactions dated wrongly, or ordered later than endorsed.
func heldBack() []attack {
	skewed := func(name string, by time.Duration) attack {
		return attack{name: name, by: aRetailer, want: words(coupon.ReasonClockSkew), run: func(ctx context.Context, a *arena) outcome {
			s := a.batch(ctx, retailer, a.share(ctx, coupon.HolderBearer).mint(1).Text())
			s.dated = by
			return a.submit(ctx, s)
		}}
	}
	return []attack{
		skewed("redemption dated back by forty seconds", -40*time.Second),
		skewed("redemption dated ahead by six seconds", 6*time.Second),
		{name: "redemption after the campaign's end", by: customer, want: words(coupon.ReasonCampaignOver), run: func(ctx context.Context, a *arena) outcome {
			end := time.Now().Add(5 * time.Second)
			o := a.launch(ctx, func(l *desk.Launch) { l.Campaign.End = end.UnixMilli() })
			eventually(ctx, "the campaign ends", patience, func() bool { return time.Now().After(end) })
			return a.tender(ctx, o.mint(1).Text())
		}},
		{name: "redemption endorsed before a pause, ordered after it", by: aRetailer, want: []string{conflict}, run: func(ctx context.Context, a *arena) outcome {
			o := a.launch(ctx, nil)
			tx := must(a.endorse(ctx, a.batch(ctx, retailer, o.mint(1).Text())))
			_, err := a.issuer().PauseCampaign(ctx, &issuerv1.PauseCampaignRequest{RequestId: uuid.NewString(), Campaign: o.Campaign, Version: o.Version})
			check(err)
			return a.order(ctx, tx, time.Now())
		}},
		{name: "redemption held back past expiry or a drop of value", by: aRetailer, want: []string{conflict}, waits: true, run: func(ctx context.Context, a *arena) outcome {
			end := time.Now().Add(45 * time.Second)
			o := a.launch(ctx, func(l *desk.Launch) { l.Campaign.End = end.UnixMilli() })
			tx := must(a.endorse(ctx, a.batch(ctx, retailer, o.mint(1).Text())))
			before := a.tick(ctx)
			eventually(ctx, "the campaign is over and the tick rolled", 5*time.Minute, func() bool {
				return time.Now().After(end) && a.tick(ctx).At > before.At
			})
			return a.order(ctx, tx, time.Now())
		}},
		{name: "the same endorsement ordered twice", by: aRetailer, want: []string{duplicate}, run: orderTwice},
		{name: "tick rolled too early", by: anyMember, want: words(coupon.ReasonTickTooEarly), run: func(ctx context.Context, a *arena) outcome {
			a.caughtUp(ctx)
			return a.submit(ctx, step{Call: desk.Call{Function: "Tick", Endorsers: []string{issuer, advertiser}}, by: advertiser, as: "advertiser"})
		}},
	}
}

func (a *arena) tick(ctx context.Context) (t coupon.Tick) {
	a.evaluate(ctx, step{Call: desk.Call{Function: "GetTick", Endorsers: []string{retailer}}, by: retailer, as: "retailer"}, &t)
	return t
}

// orderTwice sends a redemption to the orderers that is committed already. Whatever
// they answer, what counts is the first copy: the second has no effect.
func orderTwice(ctx context.Context, a *arena) outcome {
	tx := must(a.endorse(ctx, a.batch(ctx, retailer, a.share(ctx, coupon.HolderBearer).mint(1).Text())))
	first := a.status(ctx, tx)
	if !first.Successful {
		check(fmt.Errorf("the first copy ended with %s", first.Code))
	}
	tx.Transaction = must(tx.link.NewTransaction(must(tx.Bytes())))
	began := time.Now()
	again := a.status(ctx, tx)
	o := outcome{with: again.Code.String(), by: "orderers or every peer's validation", took: time.Since(began)}
	switch {
	case again.Successful && again.BlockNumber == first.BlockNumber:
		o.with = duplicate
	case again.Successful:
		o.with = accepted
	}
	return o
}
