// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"crypto/sha256"
	"strconv"

	"ecoupon/chaincode/coupon"
)

// batchRecords is the record of this transaction's batch, in the collections of both parties.
func batchRecords(c *call) []privateKey {
	return c.both(c.creator.mspID, "batch/"+coupon.NewBatchID(c.transaction.id).String())
}

// redeemed looks at a batch as a whole.
func redeemed(c *call) {
	id := coupon.NewBatchID(c.transaction.id)
	retailer := c.creator.mspID
	c.checkOffers()
	digest := c.writes["batch/"+id.String()].GetValue()
	if digest == nil {
		c.broke("batch", "the batch has no digest")
	}
	c.sameDigest("batch/"+id.String(), digest, c.issuerAndCreator())
	coupons := map[coupon.RedemptionID]int{}
	tags := c.under("spent/")
	for _, tag := range tags {
		if m, err := coupon.ParseMarker(c.writes["spent/"+tag].GetValue()); err == nil {
			coupons[m.Redemption]++
		}
	}
	redemptions := c.under("redemption/")
	if len(redemptions) != len(c.under("invoice/")) || len(redemptions) != len(coupons) {
		c.broke("batch", "a batch of %d redemptions with %d invoices, and coupons of %d", len(redemptions), len(c.under("invoice/")), len(coupons))
	}
	if len(tags) > coupon.MaxBatchCoupons || len(c.under("product/")) > len(tags) || len(c.under("transfer/")) > len(tags) {
		c.broke("batch", "a batch of %d coupons, %d products and %d owners", len(tags), len(c.under("product/")), len(c.under("transfer/")))
	}
	var e coupon.RedeemedEvent
	if c.announced(&e) && (e.Batch != id || e.Retailer != retailer || e.Redemptions != len(redemptions) || e.Coupons != len(tags)) {
		c.broke("event", "the event says %d redemptions of %d coupons by %s", e.Redemptions, e.Coupons, e.Retailer)
	}
	c.note("batch", id.String(), retailer)
	for redemption, n := range coupons {
		c.note("redemption", redemption.String(), strconv.Itoa(n))
	}
}

// sameDigest compares a public digest with the hash of the record that was
// written into collections.
func (c *call) sameDigest(key string, digest []byte, owners []string) {
	for _, owner := range owners {
		if w := c.private[privateKey{owner, key}.hashed()]; w != nil && !digestIs(digest, w.GetValueHash()) {
			c.broke("digest", "the public digest of %s is not that of the record given to %s", key, owner)
		}
	}
}

func voidNotes(c *call) []privateKey {
	var e coupon.VoidedEvent
	if !c.announced(&e) {
		return nil
	}
	return c.both(c.creator.mspID, "void/"+e.Redemption.String())
}

// voided sees to it that a whole redemption is undone, by its retailer, before it is
// claimed.
func voided(c *call) {
	var e coupon.VoidedEvent
	if !c.announced(&e) {
		return
	}
	batch := e.Batch.String()
	if c.noted("batch", batch) != c.creator.mspID || e.Retailer != c.creator.mspID {
		c.broke("void", "batch %s is of %q", batch, c.noted("batch", batch))
	}
	if c.old("settled/"+batch) != nil {
		c.broke("void", "batch %s is settled", batch)
	}
	for _, owner := range c.creatorAndClearing() {
		if c.stands(owner, "claimed/"+batch) {
			c.broke("void", "batch %s is claimed, says %s", batch, owner)
		}
	}
	for _, prefix := range []string{"spent/", "product/"} {
		for _, tag := range c.under(prefix) {
			m, err := coupon.ParseMarker(c.writes[prefix+tag].GetValue())
			if err == nil && (m.State != coupon.MarkerVoid || m.Batch != e.Batch || m.Redemption != e.Redemption) {
				c.broke("void", "%s%s is not of the redemption that is undone", prefix, tag)
			}
		}
	}
	tags := c.under("spent/")
	if n := c.noted("redemption", e.Redemption.String()); n != strconv.Itoa(len(tags)) {
		c.broke("void", "%d coupons become void of a redemption of %s", len(tags), n)
	}
}

func claimRecords(c *call) []privateKey {
	var e coupon.ClaimedEvent
	if !c.announced(&e) {
		return nil
	}
	var out []privateKey
	for _, owner := range c.creatorAndClearing() {
		out = append(out, privateKey{owner, "claim/" + hexText(c.creator.mspID) + "/" + e.ClaimID})
		for _, id := range e.Batches {
			out = append(out, privateKey{owner, "claimed/" + id.String()})
		}
	}
	return out
}

// claimed sees to it that only what was redeemed is claimed, by who redeemed
// it, and not twice.
func claimed(c *call) {
	var e coupon.ClaimedEvent
	if !c.announced(&e) {
		return
	}
	if e.Retailer != c.creator.mspID || e.Retailer == c.issuer {
		c.broke("claim", "a claim of %s in the name of %s", c.creator.mspID, e.Retailer)
	}
	for _, id := range e.Batches {
		batch := id.String()
		if retailer := c.noted("batch", batch); retailer != c.creator.mspID {
			c.broke("claim", "batch %s is of %q", batch, retailer)
		}
		if c.old("settled/"+batch) != nil {
			c.broke("claim", "batch %s is settled", batch)
		}
		if c.stands(c.creator.mspID, "claimed/"+batch) && c.stands(c.clearing, "claimed/"+batch) {
			c.broke("claim", "batch %s is claimed already", batch)
		}
	}
}

func settlementRecords(c *call) []privateKey {
	var e coupon.SettledEvent
	if !c.announced(&e) {
		return nil
	}
	var out []privateKey
	for _, owner := range c.issuerAndClearing() {
		out = append(out, privateKey{owner, settlementKey(e.SettlementID, e.Retailer, e.Part)})
	}
	return out
}

func settlementKey(id, retailer string, part int) string {
	return "settlement/" + id + "/" + hexText(retailer) + slashed(int64(part))
}

// settled sees to it that only claimed batches are settled, and that what is
// said of them in public is what both parties were given.
func settled(c *call) {
	var e coupon.SettledEvent
	if !c.announced(&e) {
		return
	}
	batches := c.under("settled/")
	if len(batches) != len(e.Batches) {
		c.broke("event", "the event says %d batches; %d are settled", len(e.Batches), len(batches))
	}
	if e.Retailer == c.issuer {
		c.broke("settled", "the issuer owes itself nothing")
	}
	key := settlementKey(e.SettlementID, e.Retailer, e.Part)
	for _, batch := range batches {
		for _, owner := range c.issuerAndClearing() {
			w := c.private[privateKey{owner, key}.hashed()]
			if w != nil && !digestIs(c.writes["settled/"+batch].GetValue(), w.GetValueHash()) {
				c.broke("digest", "settled/%s is not the digest of the record given to %s", batch, owner)
			}
		}
		if retailer := c.noted("batch", batch); retailer != e.Retailer {
			c.broke("settled", "batch %s is of %q and settled with %s", batch, retailer, e.Retailer)
		}
		for _, owner := range []string{e.Retailer, c.clearing} {
			if !c.stands(owner, "claimed/"+batch) {
				c.broke("settled", "batch %s is settled and the mark of its claim with %s is missing", batch, owner)
			}
		}
	}
}

// sum is the SHA-256 of a text.
func sum(text []byte) []byte {
	s := sha256.Sum256(text)
	return s[:]
}
