// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
)

// attacks returns all that are known.
func attacks() []attack {
	return slices.Concat(forged(), copied(), presented(), claimed(), heldBack(), frames(), mandates(), rewritten(), intruded(), malformed(), attested(), transferred(), proven())
}

// Who attacks.
const (
	outsider     = "outsider"
	customer     = "customer"
	anAdvertiser = "advertiser"
	aRetailer    = "retailer"
	anIssuer     = "issuer"
	anyMember    = "any member"
)

func words(reasons ...coupon.Reason) []string {
	texts := make([]string, len(reasons))
	for i, r := range reasons {
		texts[i] = string(r)
	}
	return texts
}

// forged are coupons that their emitter did not make so.
func forged() []attack {
	wrongMAC := words(coupon.ReasonWrongMAC)
	changed := func(name string, want []string, change func(*coupon.Coupon)) attack {
		return attack{name: "altered " + name, by: customer, want: want, run: func(ctx context.Context, a *arena) outcome {
			c := a.share(ctx, coupon.HolderBearer).mint(1)
			change(&c)
			return a.tender(ctx, c.Text())
		}}
	}
	return []attack{
		{name: "made-up coupon", by: outsider, want: wrongMAC, run: func(ctx context.Context, a *arena) outcome {
			o := a.share(ctx, coupon.HolderBearer)
			made := random()
			return a.tender(ctx, coupon.Coupon{
				Kind: coupon.KindStatic, Framework: o.ID, SN: 1, MandateMAC: coupon.MAC(made[:16]), EmitterMAC: coupon.MAC(made[16:]),
			}.Text())
		}},
		{name: "coupon under another advertiser's mandate", by: anAdvertiser, want: wrongMAC, run: func(ctx context.Context, a *arena) outcome {
			own, other := a.share(ctx, coupon.HolderBearer), a.launch(ctx, func(l *desk.Launch) { l.Advertiser = advertiser })
			c := own.mint(1)
			c.Framework, c.MandateMAC = other.ID, other.key.MAC
			c.EmitterMAC = c.MAC(own.key.Key, other.Mandate().Data(), coupon.Hash{})
			return a.tender(ctx, c.Text())
		}},
		changed("serial number", wrongMAC, func(c *coupon.Coupon) { c.SN++ }),
		changed("serial number, beyond the quota", words(coupon.ReasonQuotaExceeded), func(c *coupon.Coupon) { c.SN = quota + 1 }),
		changed("lane", words(coupon.ReasonUnknownLane), func(c *coupon.Coupon) { c.Lane = 1 }),
		changed("owner", words(coupon.ReasonWrongHolder), func(c *coupon.Coupon) { newOwner().of(c) }),
		changed("framework id", words(coupon.ReasonUnknownFramework), func(c *coupon.Coupon) { c.Framework[0] ^= 1 }),
		{name: "altered owner of a bound coupon", by: customer, want: wrongMAC, run: func(ctx context.Context, a *arena) outcome {
			thief := newOwner()
			c := a.share(ctx, coupon.HolderBound).mint(1, newOwner().of)
			c.Owner = thief.public
			return a.tender(ctx, thief.presents(c))
		}},
		{name: "re-labelled as of a better campaign", by: customer, want: wrongMAC, run: func(ctx context.Context, a *arena) outcome {
			rich := a.launch(ctx, func(l *desk.Launch) { l.Campaign.Terms = strings.Replace(terms, "50", "200", 1) })
			c := a.share(ctx, coupon.HolderBearer).mint(1)
			c.Framework = rich.ID
			return a.tender(ctx, c.Text())
		}},
		{name: "better terms under the same mandate", by: anAdvertiser, want: wrongMAC, run: func(ctx context.Context, a *arena) outcome {
			o := a.share(ctx, coupon.HolderBearer)
			rich := o
			rich.Terms = coupon.Hash{1}
			c := o.mint(1)
			c.EmitterMAC = c.MAC(o.key.Key, rich.Mandate().Data(), coupon.Hash{})
			return a.tender(ctx, c.Text())
		}},
		{name: "terms shown to a wallet that are not the mandate's", by: anAdvertiser, want: words(coupon.ReasonTermsMismatch), run: shownOtherTerms},
	}
}

// copied are coupons that are spent more than once.
func copied() []attack {
	used := words(coupon.ReasonAlreadyRedeemed)
	return []attack{
		{name: "spent again", by: customer, want: used, run: func(ctx context.Context, a *arena) outcome {
			text := a.share(ctx, coupon.HolderBearer).mint(1).Text()
			a.sold(ctx, text)
			return a.tender(ctx, text)
		}},
		{name: "spent again at another retailer", by: customer, want: used, run: func(ctx context.Context, a *arena) outcome {
			text := a.share(ctx, coupon.HolderBearer).mint(1).Text()
			a.sold(ctx, text)
			return a.sell(ctx, shop, request(text))
		}},
		{name: "spent at two retailers at once, a hundred times", by: customer, want: used, run: raceTwoRetailers},
		{name: "twice in one basket", by: customer, want: words(coupon.ReasonDuplicateInBatch), run: func(ctx context.Context, a *arena) outcome {
			text := a.share(ctx, coupon.HolderBearer).mint(1).Text()
			return a.tender(ctx, text, text)
		}},
		{name: "one serial number issued to two customers", by: anAdvertiser, want: used, run: func(ctx context.Context, a *arena) outcome {
			o := a.share(ctx, coupon.HolderBound)
			first, second := newOwner(), newOwner()
			a.sold(ctx, first.presents(o.mint(1, first.of)))
			return a.tender(ctx, second.presents(o.mint(1, second.of)))
		}},
		{name: "photograph of a bound coupon", by: outsider, want: words(coupon.ReasonPresentationRequired), run: func(ctx context.Context, a *arena) outcome {
			return a.tender(ctx, a.share(ctx, coupon.HolderBound).mint(1, newOwner().of).Text())
		}},
		{
			name: "photograph of a bearer coupon, spent first", by: outsider, residual: "a bearer coupon is its bearer's; campaigns bind coupons where that matters",
			run: func(ctx context.Context, a *arena) outcome {
				return a.tender(ctx, a.share(ctx, coupon.HolderBearer).mint(1).Text())
			},
		},
		{
			name: "coupons kept back by their advertiser", by: anAdvertiser, residual: "an advertiser may be its own customer, within its quota",
			run: func(ctx context.Context, a *arena) outcome {
				return a.tender(ctx, a.share(ctx, coupon.HolderBearer).mint(1000).Text())
			},
		},
	}
}

// sold is a sale that must go through.
func (a *arena) sold(ctx context.Context, texts ...string) {
	if o := a.tender(ctx, texts...); o.with != accepted {
		check(unexpected(o))
	}
}

// raceTwoRetailers has each of a hundred coupons spent at two retailers at the
// same moment; exactly one sale of each must go through.
func raceTwoRetailers(ctx context.Context, a *arena) outcome {
	const coupons, atOnce = 100, 10
	o := a.share(ctx, coupon.HolderBearer)
	var racing sync.WaitGroup
	results := make([][2]outcome, coupons)
	slots := make(chan struct{}, atOnce)
	began := time.Now()
	errs := make(chan error, 2*coupons)
	for i := range coupons {
		text := o.mint(int64(i + 1)).Text()
		slots <- struct{}{}
		var both sync.WaitGroup
		for at, mspID := range []string{retailer, shop} {
			both.Go(func() {
				errs <- guard(func() { results[i][at] = a.sell(ctx, mspID, request(text)) })
			})
		}
		racing.Go(func() { both.Wait(); <-slots })
	}
	racing.Wait()
	close(errs)
	for err := range errs {
		check(err)
	}
	for _, r := range results {
		first, second := r[0], r[1]
		if first.with != accepted {
			first, second = second, first
		}
		if first.with != accepted {
			check(unexpected(first))
		}
		if second.with != string(coupon.ReasonAlreadyRedeemed) {
			return second
		}
	}
	return outcome{with: string(coupon.ReasonAlreadyRedeemed), by: "issuer's peer, validation", took: time.Since(began) / coupons}
}
