// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

const (
	invalid = coupon.ReasonInvalidRequest
	exists  = coupon.ReasonAlreadyExists
	tooMany = coupon.ReasonTooMany
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
		{name: "proofs without frames", want: invalid, field: "max_frame_age",
			prepare: spoilt(func(k *coupon.Campaign) { k.Kinds = []coupon.Kind{coupon.KindProof} })},
		{name: "dynamic without frames", want: invalid, field: "max_frame_age",
			prepare: spoilt(func(k *coupon.Campaign) { k.Kinds = []coupon.Kind{coupon.KindDynamic} })},
		{name: "frames too long", want: invalid, field: "max_frame_age", prepare: spoilt(func(k *coupon.Campaign) {
			k.Kinds, k.MaxFrameAge = []coupon.Kind{coupon.KindDynamic}, coupon.MaxFrameAge+1
		})},
		{name: "static with frames", want: invalid, field: "max_frame_age",
			prepare: spoilt(func(k *coupon.Campaign) { k.MaxFrameAge = 1 })},
		{name: "more transfers than are followed", want: invalid, field: "max_transfers",
			prepare: spoilt(func(k *coupon.Campaign) { k.Holder, k.MaxTransfers = coupon.HolderBound, coupon.MaxTransfers+1 })},
		{name: "less than no transfers", want: invalid, field: "max_transfers",
			prepare: spoilt(func(k *coupon.Campaign) { k.Holder, k.MaxTransfers = coupon.HolderBound, -1 })},
		{name: "transfers of bearer coupons", want: invalid, field: "max_transfers",
			prepare: spoilt(func(k *coupon.Campaign) { k.MaxTransfers = 1 })},
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
