// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

const (
	invalid = coupon.ReasonInvalidRequest
	exists  = coupon.ReasonAlreadyExists
)

// fresh is an offer of which nothing is on the ledger.
var fresh = makeOffer("fresh", coupon.HolderBearer)

// published opens the fresh offer up to its emitter.
func (c *consortium) published() {
	c.run(enterKey(fresh))
	c.run(publish(fresh))
}

func TestPartiesAreRefused(t *testing.T) {
	t.Parallel()
	name := func(mspID string) func(*consortium) call {
		return func(*consortium) call {
			k := setParties()
			k.argument = coupon.PartiesRequest{Clearing: mspID}
			return k
		}
	}
	testRefusals(t, []refusal{
		{name: "again", want: exists, field: "clearing", prepare: name(clearing)},
		{name: "another", want: exists, field: "clearing", prepare: name(advertiser)},
		{name: "none", want: invalid, field: "clearing", prepare: name("")},
		{name: "the issuer", want: invalid, field: "clearing", prepare: name(issuer)},
	})
}

func TestCampaignKeysAreRefused(t *testing.T) {
	t.Parallel()
	enter := func(in coupon.CampaignKeyInput) func(*consortium) call {
		return func(*consortium) call {
			k := enterKey(fresh)
			k.input = in
			return k
		}
	}
	key := fresh.key
	testRefusals(t, []refusal{
		{name: "another for a campaign", want: exists, field: "key",
			prepare: enter(coupon.CampaignKeyInput{Campaign: "spring", Version: 1, Key: key})},
		{name: "no campaign", want: invalid, field: "campaign", prepare: enter(coupon.CampaignKeyInput{Version: 1, Key: key})},
		{name: "version 0", want: invalid, field: "version", prepare: enter(coupon.CampaignKeyInput{Campaign: "fresh", Key: key})},
		{name: "no key", want: invalid, field: "key", prepare: enter(coupon.CampaignKeyInput{Campaign: "fresh", Version: 1})},
		{name: "shown to another organisation", want: coupon.ReasonWrongPeer, seenBy: clearing, prepare: func(*consortium) call {
			k := enterKey(fresh)
			k.endorsers = []string{issuer, clearing}
			return k
		}},
	})
}

func TestCampaignsAreRefused(t *testing.T) {
	t.Parallel()
	spoilt := func(change func(*coupon.Campaign)) func(*consortium) call {
		return func(c *consortium) call {
			c.run(enterKey(fresh))
			return publish(fresh.with(change))
		}
	}
	argument := func(key string, value any) func(*consortium) call {
		return func(c *consortium) call {
			k := publish(fresh)
			c.run(enterKey(fresh))
			k.argument.(map[string]any)[key] = value
			return k
		}
	}
	testRefusals(t, []refusal{
		{name: "published already", want: exists, field: "campaign", prepare: func(*consortium) call { return publish(bearer) }},
		{name: "published already with other terms", want: exists, field: "campaign", prepare: func(*consortium) call {
			return publish(bearer.with(func(k *coupon.Campaign) { k.Terms = fresh.campaign.Terms + " " }))
		}},
		{name: "without key", want: coupon.ReasonKeyMissing, field: "campaign", prepare: func(*consortium) call { return publish(fresh) }},
		{name: "with an issuer", want: invalid, field: "issuer", prepare: argument("issuer", retailer)},
		{name: "with a format", want: invalid, field: "issuer", prepare: argument("format", 1)},
		{name: "without id", want: invalid, field: "campaign", prepare: spoilt(func(k *coupon.Campaign) { k.ID = "" })},
		{name: "negative version", want: invalid, field: "version", prepare: spoilt(func(k *coupon.Campaign) { k.Version = -1 })},
		{name: "product", want: invalid, field: "product", prepare: spoilt(func(k *coupon.Campaign) { k.Product = "" })},
		{name: "offer", want: invalid, field: "offer", prepare: spoilt(func(k *coupon.Campaign) { k.Offer = "a\tb" })},
		{name: "terms", want: coupon.ReasonBadTerms, prepare: spoilt(func(k *coupon.Campaign) { k.Terms = "10 % off" })},
		{name: "holder", want: invalid, field: "holder", prepare: spoilt(func(k *coupon.Campaign) { k.Holder = "everybody" })},
		{name: "no beginning", want: invalid, field: "end", prepare: spoilt(func(k *coupon.Campaign) { k.Begin = 0 })},
		{name: "no duration", want: invalid, field: "end", prepare: spoilt(func(k *coupon.Campaign) { k.End = k.Begin })},
		{name: "bearer coupons for an invoice", want: invalid, field: "invoice_required",
			prepare: spoilt(func(k *coupon.Campaign) { k.InvoiceRequired = true })},
		{name: "no kind", want: invalid, field: "kinds", prepare: spoilt(func(k *coupon.Campaign) { k.Kinds = []coupon.Kind{} })},
		{name: "two kinds", want: invalid, field: "kinds",
			prepare: spoilt(func(k *coupon.Campaign) { k.Kinds = []coupon.Kind{coupon.KindStatic, coupon.KindStatic} })},
		{name: "unsupported kind", want: coupon.ReasonUnsupportedKind, field: "kinds[0]",
			prepare: spoilt(func(k *coupon.Campaign) { k.Kinds = []coupon.Kind{coupon.KindDynamic} })},
		{name: "unknown kind", want: coupon.ReasonUnknownKind, field: "kinds[0]",
			prepare: spoilt(func(k *coupon.Campaign) { k.Kinds = []coupon.Kind{"mystery"} })},
		{name: "before the parties", want: coupon.ReasonPartiesMissing, prepare: func(c *consortium) call {
			c.run(enterKey(fresh))
			c.overwrite("parties", "")
			return publish(fresh)
		}},
	})
}

func TestChangesOfCampaignsAreRefused(t *testing.T) {
	t.Parallel()
	nothing := offer{campaign: coupon.Campaign{ID: "nothing", Version: 1}}
	closed := func(k func() call) func(*consortium) call {
		return func(c *consortium) call {
			c.run(closing(bearer, 1798761600000))
			return k()
		}
	}
	testRefusals(t, []refusal{
		{name: "pause of nothing", want: coupon.ReasonUnknownCampaign, field: "campaign",
			prepare: func(*consortium) call { return change("PauseCampaign", nothing) }},
		{name: "pause of version 0", want: invalid, field: "version",
			prepare: func(*consortium) call { return change("PauseCampaign", offer{campaign: coupon.Campaign{ID: "x"}}) }},
		{name: "pause twice", want: exists, field: "campaign", prepare: func(c *consortium) call {
			c.run(change("PauseCampaign", bearer))
			return change("PauseCampaign", bearer)
		}},
		{name: "resume what runs", want: exists, field: "campaign",
			prepare: func(*consortium) call { return change("ResumeCampaign", bearer) }},
		{name: "close twice", want: coupon.ReasonCampaignClosed, field: "campaign",
			prepare: closed(func() call { return closing(bearer, 0) })},
		{name: "resume what is closed", want: coupon.ReasonCampaignClosed, field: "campaign",
			prepare: closed(func() call { return change("ResumeCampaign", bearer) })},
		{name: "close nothing", want: coupon.ReasonUnknownCampaign, field: "campaign",
			prepare: func(*consortium) call { return closing(nothing, 0) }},
		{name: "close before 1970", want: invalid, field: "redeem_until", prepare: func(*consortium) call { return closing(bearer, -1) }},
		{name: "close without a tick", want: coupon.ReasonTickMissing, prepare: func(c *consortium) call {
			c.overwrite("tick", "")
			return closing(bearer, 0)
		}},
		{name: "close on an old tick", want: coupon.ReasonTickStale, prepare: func(c *consortium) call {
			c.clock.advance(11 * time.Minute)
			return closing(bearer, 0)
		}},
		{name: "authorise when closed", want: coupon.ReasonCampaignClosed, field: "campaign",
			prepare: closed(func() call { return authorise(bearer) })},
		{name: "admit when closed", want: coupon.ReasonCampaignClosed, field: "campaign", prepare: func(c *consortium) call {
			c.run(closing(bearer, 0))
			return c.admit(bearer, retailer2)
		}},
	})
}

func TestEmittersAreRefused(t *testing.T) {
	t.Parallel()
	request := func(change func(*coupon.AuthoriseRequest)) func(*consortium) call {
		return func(c *consortium) call {
			c.published()
			k := authorise(fresh)
			req := k.argument.(coupon.AuthoriseRequest)
			change(&req)
			k.argument = req
			return k
		}
	}
	input := func(change func(*coupon.EmitterKeyInput)) func(*consortium) call {
		return func(c *consortium) call {
			c.published()
			k := authorise(fresh)
			in := k.input.(coupon.EmitterKeyInput)
			change(&in)
			k.input = in
			return k
		}
	}
	quotas := func(q ...int64) func(*consortium) call {
		return request(func(r *coupon.AuthoriseRequest) { r.Quotas = append([]int64{}, q...) })
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
			k := request(func(r *coupon.AuthoriseRequest) { r.Emitter = "" })(c)
			k.endorsers = []string{issuer}
			return k
		}},
		{name: "the issuer", want: invalid, field: "emitter", prepare: func(c *consortium) call {
			k := request(func(r *coupon.AuthoriseRequest) { r.Emitter = issuer })(c)
			k.endorsers = []string{issuer}
			return k
		}},
		{name: "kind that does not exist", want: coupon.ReasonUnknownKind, field: "kind",
			prepare: request(func(r *coupon.AuthoriseRequest) { r.Kind = "mystery" })},
		{name: "kind that the campaign does not have", want: coupon.ReasonUnsupportedKind, field: "kind", prepare: func(c *consortium) call {
			k := request(func(*coupon.AuthoriseRequest) {})(c)
			dynamic := fresh.with(func(k *coupon.Campaign) { k.Kinds = []coupon.Kind{coupon.KindDynamic} })
			c.overwrite(fmt.Sprintf("campaign/%x/1", "fresh"), encode(c.t, dynamic.campaign))
			return k
		}},
		{name: "epoch", want: invalid, field: "epoch", prepare: request(func(r *coupon.AuthoriseRequest) { r.Epoch = 2 })},
		{name: "no lane", want: invalid, field: "quotas", prepare: quotas()},
		{name: "1025 lanes", want: invalid, field: "quotas", prepare: quotas(make([]int64, 1025)...)},
		{name: "lane without coupons", want: invalid, field: "quotas", prepare: quotas(5, 0)},
		{name: "more coupons than a number", want: coupon.ReasonAmountOverflow, prepare: quotas(1<<62, 1<<62)},
		{name: "more money than a number", want: coupon.ReasonAmountOverflow, prepare: quotas(1 << 60)},
		{name: "another emitter's key", want: coupon.ReasonKeyMismatch, field: "key", seenBy: issuer, prepare: input(func(in *coupon.EmitterKeyInput) {
			in.Key = coupon.DeriveEmitterKey(fresh.key, "fresh", outsider, 1)
		})},
		{name: "another mandate's MAC", want: coupon.ReasonWrongMAC, field: "mac", seenBy: issuer,
			prepare: input(func(in *coupon.EmitterKeyInput) { in.MAC[3] ^= 4 })},
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
	lost := func(mspID string) func(*consortium) call {
		return func(c *consortium) call {
			c.overwritePrivate(mspID, retailerKeyName(retailer), "")
			return admit(retailer, &key)(c)
		}
	}
	testRefusals(t, []refusal{
		{name: "admitted already", want: exists, field: "retailer", prepare: func(c *consortium) call { return c.admit(bearer, retailer) }},
		{name: "unknown campaign", want: coupon.ReasonUnknownCampaign, field: "campaign",
			prepare: func(c *consortium) call { return c.admit(fresh, retailer) }},
		{name: "another key", want: exists, field: "key", prepare: admit(retailer, &key)},
		{name: "no key", want: invalid, field: coupon.TransientKey, prepare: admit(retailer2, nil)},
		{name: "zero key", want: invalid, field: "key", prepare: admit(retailer2, &coupon.Key{})},
		{name: "key lost by the issuer", want: coupon.ReasonKeyMissing, field: "key", prepare: lost(issuer)},
		{name: "key lost by the retailer", want: coupon.ReasonKeyMissing, field: "key", prepare: lost(retailer)},
		{name: "no retailer", want: invalid, field: "retailer", prepare: func(c *consortium) call {
			k := admit("", &key)(c)
			k.endorsers = []string{issuer}
			return k
		}},
		{name: "the issuer", want: invalid, field: "retailer", prepare: func(c *consortium) call {
			k := admit(issuer, &key)(c)
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

func TestTicksAreRefused(t *testing.T) {
	t.Parallel()
	testRefusals(t, []refusal{
		{name: "too early", want: coupon.ReasonTickTooEarly, prepare: func(c *consortium) call {
			c.clock.advance(2*time.Minute - time.Millisecond)
			return tick()
		}},
	})
	c := founded(t)
	c.clock.advance(2 * time.Minute)
	k := tick()
	k.by, k.endorsers = outsider, []string{issuer, outsider}
	c.run(k)
	var event coupon.TickEvent
	if c.lastEvent("Ticked", &event); event.At != c.clock.ms.Load() {
		t.Errorf("ticked at %d, want now", event.At)
	}
}
