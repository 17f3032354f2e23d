// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
)

// TestLife follows coupons from the namespace's first record to the money.
func TestLife(t *testing.T) {
	t.Parallel()
	c := founded(t)
	assertFounded(t, c)

	first := c.redeemMany(t, 40)
	second := c.redeemMany(t, 3)
	voided := decodeRecord(t, first).Redemptions[1]
	c.clock.advance(time.Second)
	c.run(void(first, voided.ID))
	c.assertMarkers(t, first, voided.ID)
	spent := decodeRecord(t, second).Redemptions[2].Coupons[0]
	c.refused(redeem(c.batch(c.sale(bearer.tender(spent.SN)))), coupon.ReasonBatchRefused)

	c.clock.advance(time.Second)
	again := c.batch(c.sale(bearer.tender(voided.Coupons[0].SN), c.presented(bound, voided.Coupons[1].SN)))
	third := c.record(c.run(redeem(again)))

	c.assertClaimed(t, c.run(c.claim(first, second, third)).ID, first, second, third)
	c.assertSettled(t, first, second, third)
}

// assertFounded looks at every key that the namespace's beginnings wrote.
func assertFounded(t *testing.T, c *consortium) {
	t.Helper()
	hex := func(s string) string { return fmt.Sprintf("%x", s) }
	want := []string{"parties", "tick"}
	for _, o := range []offer{bearer, bound} {
		version := hex(o.campaign.ID) + "/1"
		want = append(want, "campaign/"+version, "campaign-state/"+version, "admitted/"+version+"/"+hex(retailer),
			"emitter/"+version+"/"+hex(advertiser)+"/static/1", "framework/"+o.mandate().ID().String())
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, c.Keys(namespace)); diff != "" {
		t.Errorf("public keys (-want +got):\n%s", diff)
	}
	var entry coupon.CampaignEntry
	c.evaluate(call{function: "GetCampaign", argument: bearer.ref(), by: outsider}, &entry)
	stored := bearer.campaign
	stored.Format, stored.Issuer = 1, issuer
	active := coupon.CampaignState{Format: 1, Status: coupon.StatusActive}
	if diff := cmp.Diff(coupon.CampaignEntry{Campaign: stored, State: active}, entry); diff != "" {
		t.Errorf("campaign (-want +got):\n%s", diff)
	}
	key := "campaign-key/" + hex("spring") + "/1"
	if got := c.private(issuer, key); string(got) != string(bearer.key[:]) {
		t.Error("k_M is not in the issuer's collection")
	}
	for _, mspID := range []string{issuer, retailer} {
		if k := retailerKeyOf(retailer); string(c.private(mspID, "retailer-key/"+hex(retailer))) != string(k[:]) {
			t.Errorf("%s does not have k_IR", mspID)
		}
	}
	var answered coupon.EmitterKey
	query := coupon.FrameworkQuery{Framework: bearer.mandate().ID()}
	c.evaluate(call{function: "EmitterKey", argument: query, by: advertiser}, &answered)
	if answered.Key != bearer.emitterKey() {
		t.Error("the advertiser does not have k_ME")
	}
}

// redeemMany redeems sales of a bearer and a bound coupon each, in one batch,
// with the tags that Check gives for them.
func (c *consortium) redeemMany(t *testing.T, sales int) string {
	t.Helper()
	batch := c.batch()
	checks := []coupon.CheckedSale{}
	for range sales {
		sn := c.number.Add(1)
		s := c.sale(bearer.tender(sn), c.presented(bound, sn))
		batch.Sales, checks = append(batch.Sales, s), append(checks, checked(s))
	}
	var result coupon.CheckResult
	c.evaluate(check(checks...), &result)
	for i, verdict := range result.Sales {
		if len(verdict.Refused) != 0 || verdict.Batch != nil {
			t.Fatalf("sale %d: %+v", i, verdict)
		}
		for j, v := range verdict.Coupons {
			if v.Value != 100 || *v.Tag != batch.Sales[i].Coupons[j].Tag {
				t.Errorf("coupon %d of sale %d: %+v, want 100 under its tag", j, i, v)
			}
		}
	}
	tx := c.run(redeem(batch))
	text := c.record(tx)
	assertRecord(t, c, batch, text, tx.ID)
	return text
}

// assertRecord compares a batch's record with what was proposed, and its
// digest, markers and indexes with the record.
func assertRecord(t *testing.T, c *consortium, b coupon.BatchInput, text, tx string) {
	t.Helper()
	id := coupon.NewBatchID(tx)
	want := coupon.BatchRecord{
		Format: 1, Salt: b.Salt, ID: id, Transaction: tx, Issuer: issuer, Retailer: retailer, Time: c.clock.ms.Load(),
	}
	for _, s := range b.Sales {
		sale := coupon.RedeemedSale{
			ID: coupon.NewRedemptionID(retailer, s.RequestID), Request: s.Request, Invoice: s.Invoice, Currency: "EUR",
		}
		for _, tendered := range s.Coupons {
			tender, err := coupon.ParseTender(tendered.Text)
			if err != nil {
				t.Fatal(err)
			}
			cp := tender.Coupon
			sale.Coupons = append(sale.Coupons, coupon.RedeemedCoupon{
				Tag: tendered.Tag, Framework: cp.Framework, Lane: cp.Lane, SN: cp.SN, Value: 100,
			})
		}
		want.Redemptions = append(want.Redemptions, sale)
		tag := coupon.InvoiceTag(retailerKeyOf(retailer), s.Invoice.Institute, s.Invoice.Number)
		assertValue(t, c, "invoice/"+tag.String(), append([]byte{1}, sale.ID[:]...))
		assertValue(t, c, "redemption/"+sale.ID.String(), append([]byte{1}, id[:]...))
	}
	if diff := cmp.Diff(want, decodeRecord(t, text)); diff != "" {
		t.Errorf("batch record (-want +got):\n%s", diff)
	}
	if string(c.private(issuer, "batch/"+id.String())) != text {
		t.Error("the issuer has another record than the retailer")
	}
	digest := sha256.Sum256([]byte(text))
	assertValue(t, c, "batch/"+id.String(), append([]byte{1}, digest[:]...))
	c.assertMarkers(t, text, coupon.RedemptionID{})
	var event coupon.RedeemedEvent
	c.lastEvent("Redeemed", &event)
	wantEvent := coupon.RedeemedEvent{Batch: id, Retailer: retailer, Redemptions: len(b.Sales), Coupons: want.CouponCount()}
	if event != wantEvent {
		t.Errorf("event %+v, want %+v", event, wantEvent)
	}
}

func assertValue(t *testing.T, c *consortium, key string, want []byte) {
	t.Helper()
	if got := c.State(namespace, key); string(got) != string(want) {
		t.Errorf("%s is %x, want %x", key, got, want)
	}
}

// assertMarkers compares the markers of a batch's coupons: void for the
// redemption given, and now the time of it; spent for all others.
func (c *consortium) assertMarkers(t *testing.T, text string, voided coupon.RedemptionID) {
	t.Helper()
	record := decodeRecord(t, text)
	for _, s := range record.Redemptions {
		for _, cp := range s.Coupons {
			want := coupon.Marker{State: coupon.MarkerSpent, Redemption: s.ID, Batch: record.ID, Time: record.Time}
			if s.ID == voided {
				want.State, want.Time = coupon.MarkerVoid, c.clock.ms.Load()
			}
			assertValue(t, c, "spent/"+cp.Tag.String(), want.Bytes())
		}
	}
}

func (c *consortium) assertClaimed(t *testing.T, tx string, records ...string) {
	t.Helper()
	var event coupon.ClaimedEvent
	c.lastEvent("Claimed", &event)
	var claim coupon.ClaimRecord
	query := coupon.ClaimQuery{Retailer: retailer, ClaimID: event.ClaimID}
	c.evaluate(call{function: "GetClaim", argument: query, by: clearing}, &claim)
	want := coupon.ClaimRecord{
		Format: 1, Salt: claim.Salt, ID: event.ClaimID, Issuer: issuer, Retailer: retailer, Transaction: tx,
		Time: c.clock.ms.Load(), Coupons: 86, Amounts: []coupon.Money{{Currency: "EUR", Minor: 8600}},
	}
	for i, coupons := range []int64{78, 6, 2} { // two of the first batch are void
		want.Batches = append(want.Batches, coupon.ClaimedBatch{
			ID: decodeRecord(t, records[i]).ID, Coupons: coupons, Record: records[i],
			Amounts: []coupon.Money{{Currency: "EUR", Minor: 100 * coupons}},
		})
	}
	if diff := cmp.Diff(want, claim); diff != "" {
		t.Errorf("claim (-want +got):\n%s", diff)
	}
	for _, owner := range []string{retailer, clearing} {
		for _, b := range want.Batches {
			var mark coupon.ClaimMark
			if err := json.Unmarshal(c.private(owner, "claimed/"+b.ID.String()), &mark); err != nil {
				t.Fatalf("mark of %s: %v", owner, err)
			}
			if mark != (coupon.ClaimMark{Format: 1, Salt: claim.Salt, Claim: claim.ID, Retailer: retailer}) {
				t.Errorf("mark of %s: %+v", owner, mark)
			}
		}
	}
}

func (c *consortium) assertSettled(t *testing.T, records ...string) {
	t.Helper()
	tx := c.run(c.settle(records...))
	var event coupon.SettledEvent
	c.lastEvent("Settled", &event)
	var settlement coupon.SettlementRecord
	query := coupon.SettlementQuery{SettlementID: event.SettlementID, Retailer: retailer}
	for _, owner := range []string{issuer, clearing} {
		c.evaluate(call{function: "GetSettlement", argument: query, by: owner}, &settlement)
		if settlement.Transaction != tx.ID || settlement.Coupons != 86 ||
			!slices.Equal(settlement.Amounts, []coupon.Money{{Currency: "EUR", Minor: 8600}}) || len(settlement.Batches) != 3 {
			t.Errorf("settlement at %s: %+v", owner, settlement)
		}
	}
	key := "settlement/" + event.SettlementID + "/" + fmt.Sprintf("%x", retailer) + "/0"
	digest := sha256.Sum256(c.private(clearing, key))
	for _, text := range records {
		assertValue(t, c, "settled/"+decodeRecord(t, text).ID.String(), append([]byte{1}, digest[:]...))
	}
}
