// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
)

// FindRedemption answers a coupon.RedemptionQuery with coupon.RedemptionResult.
func (c *Contract) FindRedemption(ctx *Context, request string) (string, error) {
	var q coupon.RedemptionQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	batch, found, err := ctx.world.Redemption(q.Redemption)
	if err != nil {
		return "", err
	}
	if !found {
		return "", coupon.Refuse(coupon.ReasonNotFound, "redemption_id", "there is no such redemption")
	}
	return answer(coupon.RedemptionResult{Batch: batch})
}

// GetBatch answers an organisation, on its own peer, with its copy of a batch's
// record, a coupon.BatchResult.
func (c *Contract) GetBatch(ctx *Context, request string) (string, error) {
	var q coupon.BatchQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	record, err := ctx.world.BatchRecord(ctx.self, q.Batch)
	if err != nil {
		return "", err
	}
	if record == nil {
		return "", coupon.Refuse(coupon.ReasonNotFound, "batch_id", "this organisation has no such batch")
	}
	return answer(coupon.BatchResult{Record: string(record)})
}

// GetMarkers answers a coupon.MarkersQuery with coupon.MarkersResult.
func (c *Contract) GetMarkers(ctx *Context, request string) (string, error) {
	var q coupon.MarkersQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	if len(q.Tags) > coupon.MaxBatchCoupons {
		return "", coupon.Refuse(coupon.ReasonTooMany, "tags", "at most %d", coupon.MaxBatchCoupons)
	}
	markers, err := ctx.world.Markers(q.Tags)
	if err != nil {
		return "", err
	}
	result := coupon.MarkersResult{Markers: make([]coupon.MarkerEntry, len(q.Tags))}
	for i, tag := range q.Tags {
		result.Markers[i].Tag = tag
		if m, found := markers[tag]; found {
			result.Markers[i] = coupon.MarkerEntry{
				Tag: tag, State: m.State.String(), Redemption: m.Redemption, Batch: m.Batch, Time: m.Time,
			}
		}
	}
	return answer(result)
}

// Standing answers a coupon.StandingQuery with coupon.StandingResult.
func (c *Contract) Standing(ctx *Context, request string) (string, error) {
	var q coupon.StandingQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	if err := coupon.CheckID("retailer", q.Retailer); err != nil {
		return "", err
	}
	if len(q.Batches) > coupon.MaxPage {
		return "", coupon.Refuse(coupon.ReasonTooMany, "batch_ids", "at most %d", coupon.MaxPage)
	}
	parties, err := ctx.parties()
	if err != nil {
		return "", err
	}
	standing, err := ctx.world.Standing(parties.Clearing, q.Retailer, q.Batches)
	if err != nil {
		return "", err
	}
	return answer(coupon.StandingResult{Batches: standing})
}

// GetClaim answers an organisation, on its own peer, with its copy of a claim,
// a coupon.ClaimRecord.
func (c *Contract) GetClaim(ctx *Context, request string) (string, error) {
	var q coupon.ClaimQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	if err := checkClaimQuery(q.Retailer, "claim_id", q.ClaimID); err != nil {
		return "", err
	}
	claim, found, err := ctx.world.Claim(ctx.self, q)
	if err != nil {
		return "", err
	}
	if !found {
		return "", coupon.Refuse(coupon.ReasonNotFound, "claim_id", "this organisation has no such claim")
	}
	return answer(claim)
}

// GetSettlement answers an organisation, on its own peer, with its copy of a
// settlement's part, a coupon.SettlementRecord.
func (c *Contract) GetSettlement(ctx *Context, request string) (string, error) {
	var q coupon.SettlementQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	if err := checkClaimQuery(q.Retailer, "settlement_id", q.SettlementID); err != nil {
		return "", err
	}
	settlement, found, err := ctx.world.Settlement(ctx.self, q)
	if err != nil {
		return "", err
	}
	if !found {
		return "", coupon.Refuse(coupon.ReasonNotFound, "settlement_id", "this organisation has no such settlement")
	}
	return answer(settlement)
}

func checkClaimQuery(retailer, field, id string) error {
	if err := coupon.CheckID("retailer", retailer); err != nil {
		return err
	}
	return coupon.CheckUUID4(field, id)
}
