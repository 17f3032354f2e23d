// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"testing"

	"ecoupon/chaincode/coupon"
)

// authoriseWith authorises the emitter of a fresh offer with something changed.
func authoriseWith(change func(*coupon.AuthoriseRequest, *coupon.EmitterKeyInput)) func(*consortium) call {
	return func(c *consortium) call {
		c.published()
		k := authorise(fresh)
		req, in := k.argument.(coupon.AuthoriseRequest), k.input.(coupon.EmitterKeyInput)
		change(&req, &in)
		k.argument, k.input = req, in
		return k
	}
}

func TestEmittersAreRefused(t *testing.T) {
	t.Parallel()
	quotas := func(q ...int64) func(*consortium) call {
		return authoriseWith(func(r *coupon.AuthoriseRequest, _ *coupon.EmitterKeyInput) { r.Quotas = append([]int64{}, q...) })
	}
	lost := func(mspID, key string) func(*consortium) call {
		return func(c *consortium) call {
			c.published()
			c.overwritePrivate(mspID, key, map[bool]string{true: "", false: "{}"}[key == campaignKeyName(fresh)])
			return authorise(fresh)
		}
	}
	framework := "emitter-key/" + fresh.mandate().ID().String()
	testRefusals(t, []refusal{
		{name: "authorised already", want: exists, field: "emitter", prepare: func(*consortium) call { return authorise(bearer) }},
		{name: "unknown campaign", want: coupon.ReasonUnknownCampaign, field: "campaign", prepare: func(*consortium) call { return authorise(fresh) }},
		{name: "no emitter", want: invalid, field: "emitter", seenBy: issuer, prepare: func(c *consortium) call {
			k := authoriseWith(func(r *coupon.AuthoriseRequest, _ *coupon.EmitterKeyInput) { r.Emitter = "" })(c)
			k.endorsers = []string{issuer}
			return k
		}},
		{name: "kind that does not exist", want: coupon.ReasonUnknownKind, field: "kind",
			prepare: authoriseWith(func(r *coupon.AuthoriseRequest, _ *coupon.EmitterKeyInput) { r.Kind = "mystery" })},
		{name: "kind that the campaign does not have", want: coupon.ReasonUnsupportedKind, field: "kind", prepare: func(c *consortium) call {
			k := authoriseWith(func(*coupon.AuthoriseRequest, *coupon.EmitterKeyInput) {})(c)
			dynamic := fresh.with(func(k *coupon.Campaign) { k.Kinds = []coupon.Kind{coupon.KindDynamic} })
			c.overwrite(fmt.Sprintf("campaign/%x/1", "fresh"), encode(c.t, dynamic.campaign))
			return k
		}},
		{name: "epoch", want: invalid, field: "epoch", prepare: authoriseWith(func(r *coupon.AuthoriseRequest, _ *coupon.EmitterKeyInput) { r.Epoch = 2 })},
		{name: "terms that are lost", want: coupon.ReasonBadTerms, prepare: func(c *consortium) call {
			c.published()
			c.loseTerms(fresh)
			return authorise(fresh)
		}},
		{name: "no lane", want: invalid, field: "quotas", prepare: quotas()},
		{name: "1025 lanes", want: invalid, field: "quotas", prepare: quotas(make([]int64, 1025)...)},
		{name: "lane without coupons", want: invalid, field: "quotas", prepare: quotas(5, 0)},
		{name: "more coupons than a number", want: coupon.ReasonAmountOverflow, prepare: quotas(1<<62, 1<<62)},
		{name: "more money than a number", want: coupon.ReasonAmountOverflow, prepare: quotas(1 << 60)},
		{name: "another emitter's key", want: coupon.ReasonKeyMismatch, field: "key", seenBy: issuer, prepare: authoriseWith(func(_ *coupon.AuthoriseRequest, in *coupon.EmitterKeyInput) {
			in.Key = coupon.DeriveEmitterKey(fresh.key, "fresh", outsider, 1)
		})},
		{name: "another mandate's MAC", want: coupon.ReasonWrongMAC, field: "mac", seenBy: issuer,
			prepare: authoriseWith(func(_ *coupon.AuthoriseRequest, in *coupon.EmitterKeyInput) { in.MAC[3] ^= 4 })},
		{name: "k_M lost", want: coupon.ReasonKeyMissing, field: "campaign", prepare: lost(issuer, campaignKeyName(fresh))},
		{name: "key at the issuer", want: exists, field: "key", prepare: lost(issuer, framework)},
		{name: "key at the emitter", want: exists, field: "key", prepare: lost(advertiser, framework)},
		{name: "shown to another organisation", want: coupon.ReasonWrongPeer, seenBy: retailer, prepare: func(c *consortium) call {
			c.published()
			k := authorise(fresh)
			k.endorsers = []string{issuer, advertiser, retailer}
			return k
		}},
	})
}

func TestRetailersAreRefused(t *testing.T) {
	t.Parallel()
	admit := func(mspID string, key *coupon.Key) func(*consortium) call {
		return func(c *consortium) call {
			c.published()
			k := c.admit(fresh, mspID)
			k.input = nil
			if key != nil {
				k.input = coupon.RetailerKeyInput{Key: *key}
			}
			return k
		}
	}
	key := fresh.key
	lost := func(mspID string, key *coupon.Key) func(*consortium) call {
		return func(c *consortium) call {
			c.overwritePrivate(mspID, retailerKeyName(retailer), "")
			return admit(retailer, key)(c)
		}
	}
	testRefusals(t, []refusal{
		{name: "admitted already", want: exists, field: "retailer", prepare: func(c *consortium) call { return c.admit(bearer, retailer) }},
		{name: "unknown campaign", want: coupon.ReasonUnknownCampaign, field: "campaign",
			prepare: func(c *consortium) call { return c.admit(fresh, retailer) }},
		{name: "another key", want: exists, field: "key", prepare: admit(retailer, &key)},
		{name: "no key", want: coupon.ReasonKeyMissing, field: "key", prepare: admit(retailer2, nil)},
		{name: "zero key", want: invalid, field: "key", prepare: admit(retailer2, &coupon.Key{})},
		{name: "key lost by the issuer", want: coupon.ReasonKeyMissing, field: "key", prepare: lost(issuer, nil)},
		{name: "key lost by the retailer", want: coupon.ReasonKeyMissing, field: "key", prepare: lost(retailer, nil)},
		{name: "key lost by the issuer, and another", want: coupon.ReasonKeyMissing, field: "key", prepare: lost(issuer, &key)},
		{name: "key lost by the retailer, and another", want: coupon.ReasonKeyMissing, field: "key", prepare: lost(retailer, &key)},
		{name: "no retailer", want: invalid, field: "retailer", prepare: func(c *consortium) call {
			k := admit("", &key)(c)
			k.endorsers = []string{issuer}
			return k
		}},
		{name: "no member of the channel", want: coupon.ReasonNotFound, prepare: func(c *consortium) call {
			k := admit("NobodyMSP", &key)(c)
			k.endorsers = []string{issuer}
			return k
		}},
		{name: "shown to another organisation", want: coupon.ReasonWrongPeer, seenBy: clearing, prepare: func(c *consortium) call {
			k := c.admit(bearer, retailer2)
			k.endorsers = []string{issuer, retailer2, clearing}
			return k
		}},
	})
}
