// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

// forgeries are what colluders would like to write into public state, and into
// the collections of others, once a batch is redeemed and claimed.
func forgeries(c *consortium, text string) map[string]altered {
	r := decodeRecord(c.t, text)
	tag, id := r.Redemptions[0].Coupons[0].Tag.String(), r.ID.String()
	unspent := coupon.Marker{State: coupon.MarkerVoid, Redemption: r.Redemptions[0].ID, Batch: r.ID, Time: 1}
	framework := "framework/" + bearer.mandate().ID().String()
	campaign := fmt.Sprintf("%x/1", bearer.campaign.ID)
	return map[string]altered{
		"un-spend":             put("spent/"+tag, ""),
		"void":                 put("spent/"+tag, string(unspent.Bytes())),
		"forget the sale":      put("redemption/"+r.Redemptions[0].ID.String(), ""),
		"forget the batch":     put("batch/"+id, ""),
		"another record":       put("batch/"+id, "\x01"+string(make([]byte, 32))),
		"settle":               put("settled/"+id, "\x01"+string(make([]byte, 32))),
		"alter a campaign":     put("campaign/"+campaign, "{}"),
		"resume a campaign":    put("campaign-state/"+campaign, `{"status":"active"}`),
		"raise a quota":        put(framework, strings.Replace(string(c.State(namespace, framework)), "1000", "9000", 1)),
		"admit a retailer":     put(fmt.Sprintf("admitted/%s/%x", campaign, retailer2), "\x01"),
		"stop the clock":       put("tick", `{"format":1,"at":9000000000000}`),
		"invent an institute":  put(fmt.Sprintf("institute/%x", institute), `{"keys":[]}`),
		"another clearer":      put("parties", `{"clearing":"RetailerMSP"}`),
		"overwrite k_M":        putPrivate(issuer, campaignKeyName(bearer), string(make([]byte, 32))),
		"overwrite k_ME":       putPrivate(issuer, "emitter-key/"+bearer.mandate().ID().String(), "{}"),
		"overwrite k_IR":       putPrivate(issuer, retailerKeyName(retailer), string(make([]byte, 32))),
		"delete a claim":       putPrivate(clearing, "claimed/"+id, ""),
		"mark a claim":         putPrivate(clearing, "claimed/00000000000000000000000000000000", "{}"),
		"delete the issuer's":  putPrivate(issuer, "batch/"+id, ""),
		"own and public state": both(putPrivate(retailer, "claimed/"+id, ""), put("spent/"+tag, "")),
		"own and another's":    both(putPrivate(retailer, "claimed/"+id, ""), putPrivate(clearing, "claimed/"+id, "")),
	}
}

func both(first, second altered) altered {
	return func(stub shim.ChaincodeStubInterface) error { return errors.Join(first(stub), second(stub)) }
}

// ledgerState is all public state, and the private state that matters.
func (c *consortium) ledgerState(text string) map[string]string {
	id := decodeRecord(c.t, text).ID.String()
	state := map[string]string{}
	for _, key := range c.Keys(namespace) {
		state[key] = string(c.State(namespace, key))
	}
	for _, key := range []string{"claimed/" + id, "batch/" + id, campaignKeyName(bearer), retailerKeyName(retailer)} {
		for _, mspID := range []string{issuer, retailer, clearing} {
			state[mspID+"/"+key] = string(c.private(mspID, key))
		}
	}
	return state
}

// TestColludersChangeNothing: whatever chaincode they run, retailer, advertiser
// and others change nothing that is not theirs without the issuer, and the
// issuer changes nothing public alone.
func TestColludersChangeNothing(t *testing.T) {
	t.Parallel()
	c := founded(t)
	text := c.sold()
	c.run(c.claim(text))
	before := c.ledgerState(text)
	for name, does := range forgeries(c, text) {
		for _, by := range [][]string{{retailer, advertiser}, {retailer, retailer2, outsider}, {retailer}} {
			c.commit([]*stubtest.Transaction{c.forged(does, by...)}, policy)
			if after := c.ledgerState(text); !equalStates(before, after) {
				t.Fatalf("%v could %s", by, name)
			}
		}
	}
	for _, name := range []string{"un-spend", "forget the batch", "raise a quota", "settle", "delete a claim"} {
		c.commit([]*stubtest.Transaction{c.forged(forgeries(c, text)[name], issuer)}, policy)
	}
	if !equalStates(before, c.ledgerState(text)) {
		t.Error("the issuer alone changed something")
	}
	c.run(c.settle(text))
}

func equalStates(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for key, value := range a {
		if other, found := b[key]; !found || other != value {
			return false
		}
	}
	return true
}

// TestHonestIssuerSignsNoForgery: a retailer's peer that does more than Redeem
// gets no transaction together with the issuer's.
func TestHonestIssuerSignsNoForgery(t *testing.T) {
	t.Parallel()
	c := founded(t)
	for name, more := range forgeries(c, c.sold()) {
		c.AddOrganisation(retailer, addition{c.honest[retailer], more})
		_, err := c.Endorse(c.proposal(redeem(c.batch(c.sale(bearer.tender(77))))))
		var mismatch *stubtest.MismatchError
		if !errors.As(err, &mismatch) {
			t.Errorf("%s: %v, want a mismatch", name, err)
		}
	}
	for name, key := range map[string]string{"its own k_IR": retailerKeyName(retailer)} {
		c.AddOrganisation(retailer, c.honest[retailer])
		c.overwritePrivate(retailer, key, string(make([]byte, 32)))
		_, err := c.Endorse(c.proposal(redeem(c.batch(c.sale(bearer.tender(77))))))
		var mismatch *stubtest.MismatchError
		if !errors.As(err, &mismatch) {
			t.Errorf("after the retailer changed %s: %v, want a mismatch", name, err)
		}
	}
}

// addition runs the consortium's chaincode and then something of its own.
type addition struct {
	honest shim.Chaincode
	more   altered
}

func (addition) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (a addition) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	response := a.honest.Invoke(stub)
	if err := a.more(stub); err != nil {
		return shim.Error(err.Error())
	}
	return response
}

// TestIssuerCannotBlockAClaim: without its endorsement, and whatever it does to
// what it keeps, batches are claimed and settled for their full value.
func TestIssuerCannotBlockAClaim(t *testing.T) {
	t.Parallel()
	c := founded(t)
	text := c.sold()
	id := decodeRecord(t, text).ID.String()
	for _, key := range []string{
		"batch/" + id, retailerKeyName(retailer), campaignKeyName(bearer), "emitter-key/" + bearer.mandate().ID().String(),
	} {
		c.overwritePrivate(issuer, key, "")
	}
	c.run(change("PauseCampaign", bearer))
	c.run(closing(bearer, 0))
	c.AddOrganisation(issuer, altered(func(shim.ChaincodeStubInterface) error { return errors.New("the issuer's peer is down") }))
	tx := c.run(c.claim(text))
	if !slices.Equal(tx.Endorsers(), []string{clearing, retailer}) {
		t.Errorf("endorsed by %v", tx.Endorsers())
	}
	if len(tx.Writes()) != 0 {
		t.Errorf("a claim writes %d public keys, so the issuer is needed", len(tx.Writes()))
	}
	c.AddOrganisation(issuer, c.honest[issuer])
	c.run(c.settle(text))
	var event coupon.SettledEvent
	c.lastEvent("Settled", &event)
	var settlement coupon.SettlementRecord
	query := coupon.SettlementQuery{SettlementID: event.SettlementID, Retailer: retailer}
	c.evaluate(call{function: "GetSettlement", argument: query, by: clearing}, &settlement)
	if settlement.Coupons != 1 || settlement.Amounts[0].Minor != 100 {
		t.Errorf("settled for %+v", settlement)
	}
}

// TestDeletedMarkPaysOnce: a retailer that deletes its copy of a claim's mark
// can claim again, and is paid once.
func TestDeletedMarkPaysOnce(t *testing.T) {
	t.Parallel()
	c := founded(t)
	text := c.sold()
	c.run(c.claim(text))
	mark := "claimed/" + decodeRecord(t, text).ID.String()
	c.overwritePrivate(retailer, mark, "")
	c.refused(void(text, redemptionOf(c, text)), coupon.ReasonAlreadyClaimed)
	c.refused(c.settle(text), coupon.ReasonNotClaimed)
	c.run(c.claim(text))
	c.run(c.settle(text))
	c.overwritePrivate(retailer, mark, "")
	c.overwritePrivate(clearing, mark, "")
	c.refused(c.claim(text), coupon.ReasonAlreadySettled)
	c.refused(void(text, redemptionOf(c, text)), coupon.ReasonAlreadySettled)
	c.refused(c.settle(text), coupon.ReasonAlreadySettled)
}

// TestOnlyMarkersPay: of records that issuer and an accomplice put on the
// ledger, nothing counts but what is spent by this batch and redemption.
func TestOnlyMarkersPay(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(r *coupon.BatchRecord){
		"another coupon":     func(r *coupon.BatchRecord) { r.Redemptions[0].Coupons[0].Tag[0] ^= 1 },
		"another batch":      func(r *coupon.BatchRecord) { r.ID[0] ^= 1 },
		"another redemption": func(r *coupon.BatchRecord) { r.Redemptions[0].ID[0] ^= 1 },
	} {
		c := founded(t)
		text := c.planted(change)
		c.run(c.claim(text))
		k := c.settle(text)
		c.run(k)
		var settlement coupon.SettlementRecord
		id := k.input.(coupon.SettleInput).SettlementID
		c.evaluate(query(issuer, "GetSettlement", coupon.SettlementQuery{SettlementID: id, Retailer: retailer}), &settlement)
		if settlement.Coupons != 0 || len(settlement.Amounts) != 0 {
			t.Errorf("%s pays %+v", name, settlement)
		}
	}
}

// TestVoidedCouponsPayNothing claims and settles a batch of which all is void.
func TestVoidedCouponsPayNothing(t *testing.T) {
	t.Parallel()
	c := founded(t)
	text := c.sold()
	sn := decodeRecord(t, text).Redemptions[0].Coupons[0].SN
	c.run(void(text, redemptionOf(c, text)))
	again := c.record(c.run(redeem(c.batch(c.sale(bearer.tender(sn))))))
	c.run(c.claim(text, again))
	var event coupon.ClaimedEvent
	c.lastEvent("Claimed", &event)
	var claim coupon.ClaimRecord
	query := coupon.ClaimQuery{Retailer: retailer, ClaimID: event.ClaimID}
	c.evaluate(call{function: "GetClaim", argument: query, by: retailer}, &claim)
	if claim.Batches[0].Coupons != 0 || len(claim.Batches[0].Amounts) != 0 {
		t.Errorf("the voided batch is claimed for %+v", claim.Batches[0])
	}
	if claim.Coupons != 1 || claim.Amounts[0].Minor != 100 {
		t.Errorf("claimed for %d coupons, %v", claim.Coupons, claim.Amounts)
	}
}
