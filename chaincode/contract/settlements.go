// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"ecoupon/chaincode/coupon"
)

// maxParts bounds the transactions of one settlement and retailer.
const maxParts = 100_000

// Settle decides what the issuer owes a retailer for batches that both marks
// say are claimed; a batch is settled once. Issuer and clearing house endorse
// it.
//
// Input: coupon.SettleInput. Event: Settled.
func (c *Contract) Settle(ctx *Context) error {
	if err := ctx.checkPeer(ctx.issuer, ctx.caller); err != nil {
		return err
	}
	var in coupon.SettleInput
	if err := ctx.input(&in); err != nil {
		return err
	}
	if err := coupon.CheckUUID4("settlement_id", in.SettlementID); err != nil {
		return err
	}
	if in.Part < 0 || in.Part >= maxParts {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "part", "0 to %d", maxParts-1)
	}
	if in.Salt == (coupon.Hash{}) {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "salt", "the salt is all zero")
	}
	records, err := ctx.show(in.Records, ctx.caller)
	if err != nil {
		return err
	}
	if err := ctx.checkOwed(records); err != nil {
		return err
	}
	for i, r := range records {
		if r.standing.Settled != nil {
			return coupon.Refuse(coupon.ReasonAlreadySettled, field(i), "the batch is settled")
		}
		if !r.standing.ClaimedByClearing || !r.standing.ClaimedByRetailer {
			return coupon.Refuse(coupon.ReasonNotClaimed, field(i), "a mark of the batch's claim is missing")
		}
	}
	query := coupon.SettlementQuery{SettlementID: in.SettlementID, Retailer: records[0].Retailer, Part: in.Part}
	for _, owner := range []string{ctx.issuer, ctx.caller} {
		if made, err := ctx.world.SettlementPresent(owner, query); err != nil {
			return err
		} else if made {
			return coupon.Refuse(coupon.ReasonAlreadyExists, "settlement_id", "this part of the settlement was made")
		}
	}
	return ctx.storeSettlement(in, records)
}

func (c *Context) storeSettlement(in coupon.SettleInput, records []shown) error {
	lines, all, err := c.count(records)
	if err != nil {
		return err
	}
	settlement := coupon.SettlementRecord{
		Format: 1, Salt: in.Salt, ID: in.SettlementID, Part: in.Part,
		Issuer: c.issuer, Retailer: records[0].Retailer,
		Transaction: c.GetStub().GetTxID(), Time: c.now,
		Coupons: all.coupons, Amounts: all.money(),
	}
	for _, l := range lines {
		settlement.Batches = append(settlement.Batches, coupon.SettledBatch{ID: l.ID, Coupons: l.Coupons, Amounts: l.Amounts})
	}
	bytes, err := json.Marshal(settlement)
	if err != nil {
		return fmt.Errorf("encoding the settlement: %w", err)
	}
	err = c.world.Batch(func() error {
		return c.world.PutSettlement(settlement, bytes, sha256.Sum256(bytes), c.caller)
	})
	if err != nil {
		return err
	}
	return c.emit("Settled", coupon.SettledEvent{
		SettlementID: in.SettlementID, Part: in.Part, Retailer: settlement.Retailer, Batches: batchIDs(records),
	})
}
