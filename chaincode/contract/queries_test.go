// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
)

// query is a question of one organisation to its own peer.
func query(by, function string, argument any) call {
	return call{function: function, argument: argument, by: by, endorsers: []string{by}}
}

func TestQueriesAreRefused(t *testing.T) {
	t.Parallel()
	const notFound = coupon.ReasonNotFound
	const id = "11111111-1111-4111-8111-111111111111"
	is := func(k call) func(*consortium) call { return func(*consortium) call { return k } }
	without := func(key string, k call) func(*consortium) call {
		return func(c *consortium) call {
			c.overwrite(key, "")
			return k
		}
	}
	markers := coupon.MarkersQuery{Tags: make([]coupon.Tag, 1001)}
	standing := coupon.StandingQuery{Retailer: retailer, Batches: make([]coupon.BatchID, 201)}
	testRefusals(t, []refusal{
		{name: "no parties", want: coupon.ReasonPartiesMissing, prepare: without("parties", query(outsider, "GetParties", nil))},
		{name: "no tick", want: coupon.ReasonTickMissing, prepare: without("tick", query(outsider, "GetTick", nil))},
		{name: "campaign", want: coupon.ReasonUnknownCampaign, field: "campaign", prepare: is(query(retailer, "GetCampaign", fresh.ref()))},
		{name: "campaign's version", want: coupon.ReasonUnknownCampaign, field: "campaign",
			prepare: is(query(retailer, "GetCampaign", coupon.CampaignRef{Campaign: "spring", Version: 2}))},
		{name: "retailers of nothing", want: coupon.ReasonUnknownCampaign, field: "campaign", prepare: is(query(retailer, "ListRetailers", fresh.ref()))},
		{name: "retailers page", want: invalid, field: "size", prepare: is(query(retailer, "ListRetailers",
			coupon.RetailersQuery{Campaign: "spring", Version: 1, PageQuery: coupon.PageQuery{Size: 201}}))},
		{name: "framework", want: coupon.ReasonUnknownFramework, field: "framework_id",
			prepare: is(query(retailer, "GetFramework", coupon.FrameworkQuery{}))},
		{name: "page too large", want: invalid, field: "size", prepare: is(query(retailer, "ListCampaigns", coupon.PageQuery{Size: 201}))},
		{name: "page below 1", want: invalid, field: "size", prepare: is(query(retailer, "ListCampaigns", coupon.PageQuery{Size: -1}))},
		{name: "page after nothing", want: invalid, field: "after", prepare: is(query(retailer, "ListCampaigns", coupon.PageQuery{After: "a b"}))},
		{name: "frameworks page", want: invalid, field: "after", prepare: is(query(retailer, "ListFrameworks",
			coupon.FrameworksQuery{Campaign: "spring", Version: 1, PageQuery: coupon.PageQuery{After: "ä"}}))},
		{name: "frameworks of version 0", want: invalid, field: "version",
			prepare: is(query(retailer, "ListFrameworks", coupon.FrameworksQuery{Campaign: "spring"}))},
		{name: "key of nobody", want: invalid, field: "retailer", prepare: is(query(retailer, "HasRetailerKey", coupon.RetailerQuery{}))},
		{name: "campaign key's version", want: invalid, field: "version",
			prepare: is(query(issuer, "CampaignKey", coupon.CampaignRef{Campaign: "spring"}))},
		{name: "campaign key", want: coupon.ReasonKeyMissing, field: "campaign", prepare: is(query(issuer, "CampaignKey", fresh.ref()))},
		{name: "emitter key of another", want: coupon.ReasonKeyMissing, field: "framework_id",
			prepare: is(query(retailer, "EmitterKey", coupon.FrameworkQuery{Framework: bearer.mandate().ID()}))},
		{name: "redemption", want: notFound, field: "redemption_id", prepare: is(query(retailer, "FindRedemption", coupon.RedemptionQuery{}))},
		{name: "batch", want: notFound, field: "batch_id", prepare: is(query(retailer, "GetBatch", coupon.BatchQuery{}))},
		{name: "another's batch", want: notFound, field: "batch_id", prepare: func(c *consortium) call {
			return query(advertiser, "GetBatch", coupon.BatchQuery{Batch: decodeRecord(t, c.sold()).ID})
		}},
		{name: "frame", want: notFound, field: "frame", prepare: is(query(retailer, "GetFrame", coupon.FrameRef{Frame: 1}))},
		{name: "frame's summary", want: notFound, field: "frame", prepare: is(query(advertiser, "GetFrameSummary", coupon.FrameRef{Frame: 1}))},
		{name: "markers", want: coupon.ReasonTooMany, field: "tags", prepare: is(query(retailer, "GetMarkers", markers))},
		{name: "standing", want: coupon.ReasonTooMany, field: "batch_ids", prepare: is(query(retailer, "Standing", standing))},
		{name: "standing for nobody", want: invalid, field: "retailer",
			prepare: is(query(retailer, "Standing", coupon.StandingQuery{Batches: []coupon.BatchID{}}))},
		{name: "standing without parties", want: coupon.ReasonPartiesMissing,
			prepare: without("parties", query(retailer, "Standing", coupon.StandingQuery{Retailer: retailer, Batches: []coupon.BatchID{}}))},
		{name: "claim", want: notFound, field: "claim_id", prepare: is(query(retailer, "GetClaim", coupon.ClaimQuery{Retailer: retailer, ClaimID: id}))},
		{name: "claim of nobody", want: invalid, field: "retailer", prepare: is(query(retailer, "GetClaim", coupon.ClaimQuery{ClaimID: id}))},
		{name: "claim's id", want: invalid, field: "claim_id", prepare: is(query(retailer, "GetClaim", coupon.ClaimQuery{Retailer: retailer, ClaimID: "1"}))},
		{name: "settlement", want: notFound, field: "settlement_id",
			prepare: is(query(issuer, "GetSettlement", coupon.SettlementQuery{Retailer: retailer, SettlementID: id}))},
		{name: "settlement's id", want: invalid, field: "settlement_id",
			prepare: is(query(issuer, "GetSettlement", coupon.SettlementQuery{Retailer: retailer, SettlementID: "1"}))},
	})
}

func TestQueriesAnswer(t *testing.T) {
	t.Parallel()
	c := founded(t)
	text := c.record(c.run(redeem(c.batch(c.sale(bearer.tender(1)), c.sale(bearer.tender(2))))))
	r := decodeRecord(t, text)
	c.run(void(text, r.Redemptions[1].ID))
	ask(t, c, query(outsider, "GetParties", nil), coupon.Parties{Format: 1, Issuer: issuer, Clearing: clearing})
	ask(t, c, query(outsider, "GetTick", nil), coupon.Tick{Format: 1, At: c.clock.ms.Load()})
	ask(t, c, query(outsider, "GetClock", nil), coupon.Clock{At: c.clock.ms.Load()})
	ask(t, c, query(advertiser, "FindRedemption", coupon.RedemptionQuery{Redemption: r.Redemptions[0].ID}), coupon.RedemptionResult{Batch: r.ID})
	ask(t, c, query(retailer, "GetBatch", coupon.BatchQuery{Batch: r.ID}), coupon.BatchResult{Record: text})
	ask(t, c, query(issuer, "CampaignKey", bearer.ref()), coupon.KeyResult{Key: bearer.key})
	for mspID, present := range map[string]bool{retailer: true, retailer2: false} {
		ask(t, c, query(outsider, "HasRetailerKey", coupon.RetailerQuery{Retailer: mspID}), coupon.Presence{Present: present})
	}
	spent, undone, other := r.Redemptions[0].Coupons[0].Tag, r.Redemptions[1].Coupons[0].Tag, coupon.Tag{1}
	now := c.clock.ms.Load()
	ask(t, c, query(clearing, "GetMarkers", coupon.MarkersQuery{Tags: []coupon.Tag{spent, other, undone}}),
		coupon.MarkersResult{Markers: []coupon.MarkerEntry{
			{Tag: spent, State: "spent", Redemption: r.Redemptions[0].ID, Batch: r.ID, Time: now},
			{Tag: other},
			{Tag: undone, State: "void", Redemption: r.Redemptions[1].ID, Batch: r.ID, Time: now},
		}})
	c.assertStanding(t, text)
}

// assertStanding follows a batch from its redemption to its settlement.
func (c *consortium) assertStanding(t *testing.T, text string) {
	t.Helper()
	id := decodeRecord(t, text).ID
	unknown := coupon.BatchID{7}
	standing := query(outsider, "Standing", coupon.StandingQuery{Retailer: retailer, Batches: []coupon.BatchID{unknown, id}})
	want := []coupon.BatchStanding{{Batch: unknown}, {Batch: id, Digest: (*coupon.Hash)(c.State(namespace, "batch/"+id.String())[1:])}}
	ask(t, c, standing, coupon.StandingResult{Batches: want})
	c.run(c.claim(text))
	want[1].ClaimedByClearing, want[1].ClaimedByRetailer = true, true
	ask(t, c, standing, coupon.StandingResult{Batches: want})
	c.overwritePrivate(retailer, "claimed/"+id.String(), "")
	want[1].ClaimedByRetailer = false
	ask(t, c, standing, coupon.StandingResult{Batches: want})
	c.run(c.claim(text))
	c.run(c.settle(text))
	want[1].ClaimedByRetailer, want[1].Settled = true, (*coupon.Hash)(c.State(namespace, "settled/"+id.String())[1:])
	ask(t, c, standing, coupon.StandingResult{Batches: want})
}

// ask compares the answer to a query.
func ask[T any](t *testing.T, c *consortium, k call, want T) {
	t.Helper()
	var got T
	c.evaluate(k, &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", k.function, diff)
	}
}

func TestListsHavePages(t *testing.T) {
	t.Parallel()
	c := founded(t)
	var want []string
	for i := range 5 {
		o := makeOffer(fmt.Sprintf("list %d", i), coupon.HolderBearer)
		c.run(enterKey(o))
		c.run(publish(o))
		want = append(want, o.campaign.ID)
	}
	var got []string
	for q := (coupon.PageQuery{Size: 3}); ; {
		var page coupon.CampaignPage
		c.evaluate(query(outsider, "ListCampaigns", q), &page)
		for _, entry := range page.Campaigns {
			got = append(got, entry.Campaign.ID)
			if entry.State.Status != coupon.StatusActive {
				t.Errorf("%s is %q", entry.Campaign.ID, entry.State.Status)
			}
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	want = append(want, "loyal", "spring")
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("campaigns %v, want %v", got, want)
	}
	second := c.secondEmitter()
	var emitters []coupon.FrameworkID
	for q := (coupon.FrameworksQuery{Campaign: "spring", Version: 1, PageQuery: coupon.PageQuery{Size: 1}}); ; {
		var page coupon.FrameworkPage
		c.evaluate(query(outsider, "ListFrameworks", q), &page)
		for _, f := range page.Frameworks {
			emitters = append(emitters, f.ID)
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if !slices.Equal(emitters, []coupon.FrameworkID{bearer.mandate().ID(), second}) {
		t.Errorf("frameworks %v", emitters)
	}
	c.run(c.admit(bearer, retailer2))
	ask(t, c, query(outsider, "ListRetailers", bearer.ref()), coupon.RetailerPage{Retailers: []string{retailer2, retailer}})
	ask(t, c, query(outsider, "ListRetailers", coupon.CampaignRef{Campaign: "list 1", Version: 1}), coupon.RetailerPage{Retailers: []string{}})
	var retailers []string
	for q := (coupon.RetailersQuery{Campaign: "spring", Version: 1, PageQuery: coupon.PageQuery{Size: 1}}); ; {
		var page coupon.RetailerPage
		c.evaluate(query(outsider, "ListRetailers", q), &page)
		retailers = append(retailers, page.Retailers...)
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if !slices.Equal(retailers, []string{retailer2, retailer}) {
		t.Errorf("retailers in pages of one: %v", retailers)
	}
}

// TestCheckNeedsNoSale judges coupons alone: no owner, no basket.
func TestCheckNeedsNoSale(t *testing.T) {
	t.Parallel()
	c := founded(t)
	good, owned := bearer.mint(1), bound.mint(2, ownedBy(wallet(2)))
	forged := bearer.mint(3)
	forged.EmitterMAC[0] ^= 1
	goodTag, ownedTag := bearer.tag(good), bound.tag(owned)
	bearerID, boundID := bearer.mandate().ID(), bound.mandate().ID()
	k := check(
		coupon.CheckedSale{Coupons: coupon.Untagged(good.Text(), owned.Text())},
		coupon.CheckedSale{Coupons: coupon.Untagged(forged.Text(), c.presented(bound, 4).Text, "junk")},
	)
	var got coupon.CheckResult
	c.evaluate(k, &got)
	presentedTag := bound.tag(bound.mint(4, ownedBy(wallet(4))))
	want := []coupon.Verdict{
		{Tag: &goodTag, Framework: &bearerID}, {Tag: &ownedTag, Framework: &boundID},
		{Framework: &bearerID}, {Tag: &presentedTag, Framework: &boundID}, {},
	}
	if diff := cmp.Diff(want, append(got.Sales[0].Coupons, got.Sales[1].Coupons...)); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if len(got.Sales[0].Refused) != 0 || len(got.Sales[1].Refused) != 2 {
		t.Errorf("refused: %+v", got.Sales)
	}
	// A sale that is on the ledger is named, so that its answer can be repeated.
	s := c.sale(bearer.tender(1))
	id := coupon.NewBatchID(c.run(redeem(c.batch(s))).ID)
	c.evaluate(check(checked(s)), &got)
	if got.Sales[0].Batch == nil || *got.Sales[0].Batch != id {
		t.Errorf("batch %v, want %v", got.Sales[0].Batch, id)
	}
}

// TestCheckTellsOfRivals: of redemptions with the same coupon that are under way at the
// same time, the first goes on and the others are told to wait for it.
func TestCheckTellsOfRivals(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.run(c.admit(bearer, retailer2))
	first, second := c.sale(bearer.tender(1)), c.sale(bearer.tender(2), bearer.tender(1))
	at := func(shop string, s coupon.CheckedSale) coupon.SaleVerdict {
		k := check(s)
		k.by = shop
		var got coupon.CheckResult
		c.evaluate(k, &got)
		return got.Sales[0]
	}
	expect := func(what string, got coupon.SaleVerdict, rival bool) {
		t.Helper()
		if got.Rival != rival || len(got.Refused) > 0 {
			t.Errorf("%s: rival %t, refused %v", what, got.Rival, got.Refused)
		}
	}
	seen := checked(first)
	seen.RequestID, seen.Invoice = "", nil
	expect("only looked at", at(retailer2, seen), false)
	expect("the first", at(retailer, checked(first)), false)
	expect("the second", at(retailer2, checked(second)), true)
	expect("the first again", at(retailer, checked(first)), false)
	expect("looked at by another", at(retailer2, seen), false)
	c.clock.advance(2 * time.Second)
	expect("the second, later", at(retailer2, checked(second)), false)
	expect("the first after that", at(retailer, checked(first)), true)
	c.clock.advance(2 * time.Second)
	expect("the first, later still", at(retailer, checked(first)), false)
	tx := c.run(redeem(c.batch(first))) // whatever Check says
	if got := at(retailer2, checked(second)); got.Rival || len(got.Refused) != 1 || got.Refused[0].Reason != coupon.ReasonAlreadyRedeemed {
		t.Errorf("after the first is redeemed: %+v", got)
	}
	forged := bearer.mint(4)
	forged.EmitterMAC[0] ^= 1
	at(retailer2, checked(c.sale(bearer.tender(3), coupon.Tendered{Text: forged.Text()})))
	expect("of a sale that was refused", at(retailer, checked(c.sale(bearer.tender(3)))), false)
	fifth := c.sale(bearer.tender(5))
	expect("soon refused", at(retailer, checked(fifth)), false)
	spoilt := checked(fifth)
	spoilt.Coupons = append(spoilt.Coupons, coupon.CheckedCoupon{Text: forged.Text()})
	at(retailer, spoilt)
	sixth := c.sale(bearer.tender(5))
	expect("after the refusal", at(retailer2, checked(sixth)), false)
	sixth.Coupons = append(sixth.Coupons, coupon.Tendered{Text: forged.Text(), Tag: bearer.tag(forged)})
	k := redeem(c.batch(sixth))
	k.by, k.endorsers = retailer2, []string{issuer, retailer2}
	c.assertRefusals(t, issuer, c.refusal(k), []coupon.Refusal{{Coupon: 1, Reason: coupon.ReasonWrongMAC}})
	expect("after one by an endorser", at(retailer, checked(fifth)), false)
	text := c.record(tx)
	c.run(void(text, redemptionOf(c, text)))
	c.clock.advance(time.Millisecond)
	expect("voided at once", at(retailer2, checked(c.sale(bearer.tender(1)))), false)
}
