// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"encoding/json"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
)

// Statistics are the counts of a campaign's frameworks up to a block.
type Statistics struct {
	Frameworks []FrameworkStatistics
	// Block is the last block that is counted.
	Block uint64
}

// FrameworkStatistics is what one emitter's coupons earned: those redeemed and
// not voided with the sum of their discounts, and those voided.
type FrameworkStatistics struct {
	Framework               coupon.Framework
	Redeemed, Voided, Value int64
}

// Statistics counts a campaign's redemptions. Blocks that are on the ledger and
// not followed yet are not counted.
func (i *Issuer) Statistics(ctx context.Context, ref coupon.CampaignRef) (Statistics, error) {
	if _, err := i.Campaign(ctx, ref); err != nil {
		return Statistics{}, err
	}
	next, err := i.store.db.Next(ctx, i.namespace)
	if err != nil {
		return Statistics{}, err
	}
	result := Statistics{Block: max(next, 1) - 1}
	query := coupon.FrameworksQuery{
		Campaign: ref.Campaign, Version: ref.Version, PageQuery: coupon.PageQuery{Size: coupon.MaxPage},
	}
	for {
		page, err := i.Emitters(ctx, query)
		if err != nil {
			return Statistics{}, err
		}
		for _, framework := range page.Frameworks {
			c, err := i.store.counted(ctx, framework.ID)
			if err != nil {
				return Statistics{}, err
			}
			result.Frameworks = append(result.Frameworks, FrameworkStatistics{
				Framework: framework, Redeemed: c.redeemed, Voided: c.voided, Value: c.value,
			})
		}
		if page.Next == "" {
			return result, nil
		}
		query.After = page.Next
	}
}

// counter is the projection of redemptions and voids to counts.
type counter struct{ *Issuer }

// Next is the first block that is not counted.
func (c counter) Next(ctx context.Context, namespace string) (uint64, error) {
	return c.store.db.Next(ctx, namespace)
}

// Apply counts a block, once.
func (c counter) Apply(ctx context.Context, block ledger.Block) error {
	changes := make(map[coupon.FrameworkID]counts)
	for _, event := range block.Events {
		if err := c.count(ctx, event, changes); err != nil {
			return err
		}
	}
	return c.store.add(ctx, block.Namespace, block.Number, changes)
}

func (c counter) count(ctx context.Context, event ledger.Event, changes map[coupon.FrameworkID]counts) error {
	switch event.Name {
	case "Redeemed":
		var redeemed coupon.RedeemedEvent
		record, err := c.record(ctx, event, &redeemed, &redeemed.Batch)
		if err != nil {
			return err
		}
		for _, sale := range record.Redemptions {
			add(changes, sale, 1)
		}
	case "Voided":
		var voided coupon.VoidedEvent
		record, err := c.record(ctx, event, &voided, &voided.Batch)
		if err != nil {
			return err
		}
		for _, sale := range record.Redemptions {
			if sale.ID == voided.Redemption {
				add(changes, sale, -1)
			}
		}
	}
	return nil
}

// add counts a sale as redeemed (1) or as redeemed no more (-1).
func add(changes map[coupon.FrameworkID]counts, sale coupon.RedeemedSale, by int64) {
	for _, line := range sale.Coupons {
		c := changes[line.Framework]
		c.redeemed += by
		c.value += by * line.Value
		if by < 0 {
			c.voided++
		}
		changes[line.Framework] = c
	}
}

// record decodes the event's payload and reads the own copy of its batch.
func (c counter) record(ctx context.Context, event ledger.Event, payload any, batch *coupon.BatchID) (coupon.BatchRecord, error) {
	var record coupon.BatchRecord
	if err := json.Unmarshal(event.Payload, payload); err != nil {
		return record, fmt.Errorf("reading event %s of %s: %w", event.Name, event.TransactionID, err)
	}
	var stored coupon.BatchResult
	err := c.ledger.Evaluate(ctx, ledger.Call{
		Namespace: event.Namespace, Function: "GetBatch",
		Argument: coupon.BatchQuery{Batch: *batch}, Endorsers: []string{c.self},
	}, &stored)
	if _, refused := coupon.ReasonOf(err); refused {
		// The record is the peer's own: if it is missing, the peer is fetching it.
		return record, fmt.Errorf("%w: batch %s: %w", ledger.ErrUnavailable, *batch, err)
	}
	if err != nil {
		return record, err
	}
	if err := json.Unmarshal([]byte(stored.Record), &record); err != nil {
		return record, fmt.Errorf("reading batch %s: %w", *batch, err)
	}
	return record, nil
}
