// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"ecoupon/chaincode/coupon"
)

// checkBatchRecord compares the record of a batch with its digest and with
// what is public of the transaction.
func checkBatchRecord(c *call, rest string, value []byte) {
	var r coupon.BatchRecord
	if !c.record("batch/"+rest, value, &r) {
		return
	}
	if !digestIs(c.newest("batch/"+rest), sum(value)) {
		c.broke("digest", "the record of batch %s is not the one whose digest is public", rest)
		return
	}
	if r.ID != coupon.NewBatchID(c.transaction.id) || r.Transaction != c.transaction.id || r.Issuer != c.issuer ||
		r.Retailer != c.creator.mspID || r.Time != c.now() {
		c.broke("private-record", "the record of batch %s is not of this transaction", rest)
	}
	tags, ids, products, owners := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, sale := range r.Redemptions {
		ids[sale.ID.String()] = true
		for _, cp := range sale.Coupons {
			tags[cp.Tag.String()] = true
			if cp.Product != nil {
				products[cp.Product.Tag.String()] = true
			}
			if cp.TransferTag != nil {
				owners[cp.TransferTag.String()] = true
			}
			c.checkRedeemed(sale, cp)
		}
	}
	same := len(ids) == len(r.Redemptions) && len(tags) == r.CouponCount()
	for prefix, recorded := range map[string]map[string]bool{"redemption/": ids, "spent/": tags, "product/": products, "transfer/": owners} {
		same = same && slices.Equal(slices.Sorted(maps.Keys(recorded)), c.under(prefix))
	}
	if !same {
		c.broke("private-record", "the record of batch %s names other redemptions or coupons than the ledger", rest)
	}
	c.note("record", rest, string(value))
}

// checkRedeemed compares one coupon of a record with its marker and its mandate.
func (c *call) checkRedeemed(sale coupon.RedeemedSale, cp coupon.RedeemedCoupon) {
	m, err := coupon.ParseMarker(c.newest("spent/" + cp.Tag.String()))
	if err != nil || m.Redemption != sale.ID {
		c.broke("private-record", "coupon %s is recorded with redemption %s, and not so on the ledger", cp.Tag, sale.ID)
	}
	f, found := c.frameworkOf(cp.Framework.String())
	if !found || int(cp.Lane) >= len(f.Quotas) || cp.SN < 1 || cp.SN > f.Quotas[cp.Lane] || cp.Value < 0 {
		c.broke("private-record", "coupon %s is not within a mandate", cp.Tag)
		return
	}
	if err := c.mandateState(cp.Framework.String()).CheckSerial(cp.Lane, cp.SN); err != nil {
		c.broke("mandate-state", "coupon %s: %s", cp.Tag, err)
	}
}

// tally is what counts of a batch: the coupons whose marker is spent with it,
// before this transaction.
func (c *call) tally(r coupon.BatchRecord) (coupons int64, amounts map[string]int64) {
	amounts = map[string]int64{}
	for _, sale := range r.Redemptions {
		for _, cp := range sale.Coupons {
			m, err := coupon.ParseMarker(c.old("spent/" + cp.Tag.String()))
			if err != nil || m.State != coupon.MarkerSpent || m.Batch != r.ID || m.Redemption != sale.ID {
				continue
			}
			total, err := coupon.AddMinor(amounts[sale.Currency], cp.Value)
			if err != nil {
				c.broke("sums", "the amounts of batch %s are beyond all numbers", r.ID)
				continue
			}
			coupons++
			amounts[sale.Currency] = total
		}
	}
	return coupons, amounts
}

func money(amounts map[string]int64) []coupon.Money {
	out := make([]coupon.Money, 0, len(amounts))
	for _, currency := range slices.Sorted(maps.Keys(amounts)) {
		out = append(out, coupon.Money{Currency: currency, Minor: amounts[currency]})
	}
	return out
}

// line is what a claim or a settlement says of one batch.
type line struct {
	id      coupon.BatchID
	coupons int64
	amounts []coupon.Money
	record  string
}

// checkSums recomputes what each line and all together must say. Lines whose
// batch this member does not hold are taken as they are.
func (c *call) checkSums(what string, lines []line, coupons int64, amounts []coupon.Money) {
	all, total := map[string]int64{}, int64(0)
	for _, l := range lines {
		var r coupon.BatchRecord
		if l.record != "" && json.Unmarshal([]byte(l.record), &r) == nil {
			n, sums := c.tally(r)
			if n != l.coupons || !slices.Equal(money(sums), l.amounts) {
				c.broke("sums", "%s has %d coupons of batch %s for %v; it is %d for %v", what, l.coupons, l.id, l.amounts, n, money(sums))
			}
		}
		total += l.coupons
		for _, m := range l.amounts {
			sum, err := coupon.AddMinor(all[m.Currency], m.Minor)
			if err != nil {
				c.broke("sums", "the amounts of %s are beyond all numbers", what)
			}
			all[m.Currency] = sum
		}
	}
	if total != coupons || !slices.Equal(money(all), amounts) {
		c.broke("sums", "%s says %d coupons for %v; its lines come to %d for %v", what, coupons, amounts, total, money(all))
	}
}

func checkClaimRecord(c *call, rest string, value []byte) {
	var r coupon.ClaimRecord
	var e coupon.ClaimedEvent
	if !c.record("claim/"+rest, value, &r) || !c.announced(&e) {
		return
	}
	if rest != hexText(r.Retailer)+"/"+r.ID || r.Retailer != c.creator.mspID || r.Issuer != c.issuer ||
		r.Transaction != c.transaction.id || r.Time != c.now() || r.ID != e.ClaimID {
		c.broke("private-record", "the record of claim %s is not of this transaction", rest)
	}
	lines := make([]line, len(r.Batches))
	for i, b := range r.Batches {
		lines[i] = line{b.ID, b.Coupons, b.Amounts, b.Record}
		if i >= len(e.Batches) || b.ID != e.Batches[i] {
			c.broke("private-record", "claim %s has other batches than it announced", r.ID)
		}
		if !digestIs(c.old("batch/"+b.ID.String()), sum([]byte(b.Record))) {
			c.broke("digest", "the record of batch %s in claim %s is not the one whose digest is public", b.ID, r.ID)
			lines[i].record = ""
			continue
		}
		c.note("record", b.ID.String(), b.Record)
	}
	c.checkSums("claim "+r.ID, lines, r.Coupons, r.Amounts)
}

func checkSettlementRecord(c *call, rest string, value []byte) {
	var r coupon.SettlementRecord
	var e coupon.SettledEvent
	if !c.record("settlement/"+rest, value, &r) || !c.announced(&e) {
		return
	}
	if "settlement/"+rest != settlementKey(r.ID, r.Retailer, r.Part) || r.Issuer != c.issuer ||
		r.Transaction != c.transaction.id || r.Time != c.now() || r.ID != e.SettlementID {
		c.broke("private-record", "the record of settlement %s is not of this transaction", rest)
	}
	lines := make([]line, len(r.Batches))
	for i, b := range r.Batches {
		lines[i] = line{b.ID, b.Coupons, b.Amounts, c.noted("record", b.ID.String())}
		if w := c.writes["settled/"+b.ID.String()]; w == nil || !bytes.Equal(w.GetValue(), digestValue(sum(value))) {
			c.broke("digest", "settlement %s has batch %s, and settled/ is not its digest", r.ID, b.ID)
		}
	}
	if len(r.Batches) != len(c.under("settled/")) {
		c.broke("private-record", "settlement %s has %d batches; %d are settled", r.ID, len(r.Batches), len(c.under("settled/")))
	}
	c.checkSums("settlement "+strings.TrimSpace(r.ID), lines, r.Coupons, r.Amounts)
}
