// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import "ecoupon/chaincode/coupon"

// Claim demands reimbursement of batches, by their retailer. It writes only
// into the collections of retailer and clearing house, which endorse it: so no
// issuer can block a claim. What an issuer redeems of its own coupons nobody
// owes it: that is not claimable. It is refused while both marks of a batch stand, or
// its settlement; where one party has lost its mark it may be made again.
//
// Input: coupon.ClaimInput. Event: Claimed.
func (c *Contract) Claim(ctx *Context) error {
	parties, err := ctx.parties()
	if err != nil {
		return err
	}
	if err := ctx.checkPeer(ctx.caller, parties.Clearing); err != nil {
		return err
	}
	var in coupon.ClaimInput
	if err := ctx.input(&in); err != nil {
		return err
	}
	if err := coupon.CheckUUID4("claim_id", in.ClaimID); err != nil {
		return err
	}
	if in.Salt == (coupon.Hash{}) {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "salt", "the salt is all zero")
	}
	records, err := ctx.show(in.Records, parties.Clearing)
	if err != nil {
		return err
	}
	if records[0].Retailer != ctx.caller {
		return coupon.Refuse(coupon.ReasonWrongOrganisation, "records", "the batches are another retailer's")
	}
	if err := ctx.checkOwed(records); err != nil {
		return err
	}
	for i, r := range records {
		if r.standing.Settled != nil {
			return coupon.Refuse(coupon.ReasonAlreadySettled, field(i), "the batch is settled")
		}
		if r.standing.ClaimedByClearing && r.standing.ClaimedByRetailer {
			return coupon.Refuse(coupon.ReasonAlreadyClaimed, field(i), "the batch is claimed")
		}
	}
	return ctx.storeClaim(in, records, parties.Clearing)
}

func (c *Context) storeClaim(in coupon.ClaimInput, records []shown, clearing string) error {
	query := coupon.ClaimQuery{Retailer: c.caller, ClaimID: in.ClaimID}
	for _, owner := range []string{c.caller, clearing} {
		if made, err := c.world.ClaimPresent(owner, query); err != nil {
			return err
		} else if made {
			return coupon.Refuse(coupon.ReasonAlreadyExists, "claim_id", "a claim of this id was made")
		}
	}
	lines, all, err := c.count(records)
	if err != nil {
		return err
	}
	claim := coupon.ClaimRecord{
		Salt: in.Salt, ID: in.ClaimID, Issuer: c.issuer, Retailer: c.caller,
		Transaction: c.GetStub().GetTxID(), Time: c.now,
		Batches: lines, Coupons: all.coupons, Amounts: all.money(),
	}
	err = c.world.Batch(func() error { return c.world.PutClaim(claim, clearing) })
	if err != nil {
		return err
	}
	return c.emit("Claimed", coupon.ClaimedEvent{ClaimID: claim.ID, Retailer: claim.Retailer, Batches: batchIDs(records)})
}

// checkOwed refuses batches that the issuer redeemed itself.
func (c *Context) checkOwed(records []shown) error {
	if records[0].Retailer == c.issuer {
		return coupon.Refuse(coupon.ReasonNotClaimable, "records", "an issuer's own redemptions are not claimed")
	}
	return nil
}

func batchIDs(records []shown) []coupon.BatchID {
	ids := make([]coupon.BatchID, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	return ids
}
