// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"testing"

	"ecoupon/chaincode/coupon"
)

// claimWith claims a batch with something changed.
func claimWith(change func(c *consortium, in *coupon.ClaimInput)) func(*consortium) call {
	return func(c *consortium) call {
		k := c.claim(c.sold())
		in := k.input.(coupon.ClaimInput)
		change(c, &in)
		k.input = in
		return k
	}
}

// claimAgain uses a claim's id again when only one party has kept the claim.
func claimAgain(keptBy string) func(*consortium) call {
	return claimWith(func(c *consortium, in *coupon.ClaimInput) {
		first := c.claim(c.sold())
		c.run(first)
		in.ClaimID = first.input.(coupon.ClaimInput).ClaimID
		for _, mspID := range []string{retailer, clearing} {
			if mspID != keptBy {
				c.overwritePrivate(mspID, fmt.Sprintf("claim/%x/%s", retailer, in.ClaimID), "")
			}
		}
	})
}

func TestClaimsAreRefused(t *testing.T) {
	t.Parallel()
	testRefusals(t, []refusal{
		{name: "id that could be guessed", want: invalid, field: "claim_id",
			prepare: claimWith(func(_ *consortium, in *coupon.ClaimInput) { in.ClaimID = "march" })},
		{name: "id used, as the retailer knows", want: exists, field: "claim_id", prepare: claimAgain(retailer)},
		{name: "id used, as the clearing house knows", want: exists, field: "claim_id", prepare: claimAgain(clearing)},
		{name: "no salt", want: invalid, field: "salt", prepare: claimWith(func(_ *consortium, in *coupon.ClaimInput) { in.Salt = coupon.Hash{} })},
		{name: "nothing", want: coupon.ReasonTooMany, field: "records",
			prepare: claimWith(func(_ *consortium, in *coupon.ClaimInput) { in.Records = []string{} })},
		{name: "5001 batches", want: coupon.ReasonTooMany, field: "records",
			prepare: claimWith(func(_ *consortium, in *coupon.ClaimInput) { in.Records = make([]string, 5001) })},
		{name: "5001 coupons", want: coupon.ReasonTooMany, field: "records", prepare: func(c *consortium) call {
			return c.claim(c.planted(func(r *coupon.BatchRecord) {
				r.Redemptions[0].Coupons = make([]coupon.RedeemedCoupon, 5001)
			}))
		}},
		{name: "the same batch twice", want: coupon.ReasonDuplicateInBatch, field: "records[1]",
			prepare: claimWith(func(_ *consortium, in *coupon.ClaimInput) { in.Records = append(in.Records, in.Records[0]) })},
		{name: "batches of two retailers", want: coupon.ReasonRecordMismatch, field: "records[1]",
			prepare: claimWith(func(c *consortium, in *coupon.ClaimInput) {
				in.Records = append(in.Records, c.planted(func(r *coupon.BatchRecord) { r.Retailer = retailer2 }))
			})},
		{name: "another retailer's", want: coupon.ReasonWrongOrganisation, field: "records", prepare: func(c *consortium) call {
			k := c.claim(c.sold())
			k.by, k.endorsers = retailer2, []string{retailer2, clearing}
			return k
		}},
		{name: "claimed", want: coupon.ReasonAlreadyClaimed, field: "records[1]", prepare: claimWith(func(c *consortium, in *coupon.ClaimInput) {
			other := c.sold()
			c.run(c.claim(other))
			in.Records = append(in.Records, other)
		})},
		{name: "settled", want: coupon.ReasonAlreadySettled, field: "records[0]", prepare: func(c *consortium) call {
			text := c.sold()
			c.run(c.claim(text))
			c.run(c.settle(text))
			c.overwritePrivate(retailer, "claimed/"+decodeRecord(c.t, text).ID.String(), "")
			return c.claim(text)
		}},
		{name: "sum that does not fit", want: coupon.ReasonAmountOverflow, prepare: claimWith(func(c *consortium, in *coupon.ClaimInput) {
			for range 2 {
				in.Records = append(in.Records, c.planted(func(r *coupon.BatchRecord) { r.Redemptions[0].Coupons[0].Value = 1<<63 - 1 }))
			}
		})},
		{name: "batch whose sum does not fit", want: coupon.ReasonAmountOverflow, prepare: claimWith(func(c *consortium, in *coupon.ClaimInput) {
			in.Records[0] = c.planted(func(r *coupon.BatchRecord) {
				r.Redemptions[0].Coupons[0].Value = 1<<63 - 1
				r.Redemptions[0].Coupons = append(r.Redemptions[0].Coupons, r.Redemptions[0].Coupons[0])
			})
		})},
		{name: "parties lost", want: coupon.ReasonPartiesMissing, prepare: func(c *consortium) call {
			text := c.sold()
			c.overwrite("parties", "")
			return c.claim(text)
		}},
		{name: "shown to another organisation", want: coupon.ReasonWrongPeer, seenBy: advertiser, prepare: func(c *consortium) call {
			k := c.claim(c.sold())
			k.endorsers = []string{retailer, clearing, advertiser}
			return k
		}},
	})
}

func TestSettlementsAreRefused(t *testing.T) {
	t.Parallel()
	input := func(change func(c *consortium, in *coupon.SettleInput)) func(*consortium) call {
		return func(c *consortium) call {
			text := c.sold()
			c.run(c.claim(text))
			k := c.settle(text)
			in := k.input.(coupon.SettleInput)
			change(c, &in)
			k.input = in
			return k
		}
	}
	unmarked := func(mspID string) func(*consortium) call {
		return func(c *consortium) call {
			text := c.sold()
			c.run(c.claim(text))
			c.overwritePrivate(mspID, "claimed/"+decodeRecord(c.t, text).ID.String(), "")
			return c.settle(text)
		}
	}
	again := func(owner string) func(*consortium) call {
		return input(func(c *consortium, in *coupon.SettleInput) {
			first := c.sold()
			c.run(c.claim(first))
			k := c.settle(first)
			c.run(k)
			in.SettlementID = k.input.(coupon.SettleInput).SettlementID
			for _, mspID := range []string{issuer, clearing} {
				if mspID != owner {
					c.overwritePrivate(mspID, fmt.Sprintf("settlement/%s/%x/0", in.SettlementID, retailer), "")
				}
			}
		})
	}
	testRefusals(t, []refusal{
		{name: "id that could be guessed", want: invalid, field: "settlement_id",
			prepare: input(func(_ *consortium, in *coupon.SettleInput) { in.SettlementID = "q1" })},
		{name: "id used, as the issuer knows", want: exists, field: "settlement_id", prepare: again(issuer)},
		{name: "id used, as the clearing house knows", want: exists, field: "settlement_id", prepare: again(clearing)},
		{name: "part below 0", want: invalid, field: "part", prepare: input(func(_ *consortium, in *coupon.SettleInput) { in.Part = -1 })},
		{name: "part too high", want: invalid, field: "part", prepare: input(func(_ *consortium, in *coupon.SettleInput) { in.Part = 100_000 })},
		{name: "no salt", want: invalid, field: "salt", prepare: input(func(_ *consortium, in *coupon.SettleInput) { in.Salt = coupon.Hash{} })},
		{name: "not claimed", want: coupon.ReasonNotClaimed, field: "records[0]",
			prepare: func(c *consortium) call { return c.settle(c.sold()) }},
		{name: "the retailer's mark deleted", want: coupon.ReasonNotClaimed, field: "records[0]", prepare: unmarked(retailer)},
		{name: "the clearing house's mark deleted", want: coupon.ReasonNotClaimed, field: "records[0]", prepare: unmarked(clearing)},
		{name: "settled", want: coupon.ReasonAlreadySettled, field: "records[1]", prepare: input(func(c *consortium, in *coupon.SettleInput) {
			other := c.sold()
			c.run(c.claim(other))
			c.run(c.settle(other))
			in.Records = append(in.Records, other)
		})},
		{name: "sum that does not fit", want: coupon.ReasonAmountOverflow, prepare: input(func(c *consortium, in *coupon.SettleInput) {
			for range 2 {
				text := c.planted(func(r *coupon.BatchRecord) { r.Redemptions[0].Coupons[0].Value = 1<<63 - 1 })
				c.run(c.claim(text))
				in.Records = append(in.Records, text)
			}
		})},
		{name: "shown to another organisation", want: coupon.ReasonWrongPeer, seenBy: retailer, prepare: func(c *consortium) call {
			text := c.sold()
			c.run(c.claim(text))
			k := c.settle(text)
			k.endorsers = []string{issuer, clearing, retailer}
			return k
		}},
	})
}
