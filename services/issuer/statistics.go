// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"encoding/json"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/following"
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
	Mandate
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
		for at, framework := range page.Frameworks {
			c, err := i.store.counted(ctx, framework.ID)
			if err != nil {
				return Statistics{}, err
			}
			result.Frameworks = append(result.Frameworks, FrameworkStatistics{
				Mandate: Mandate{framework, page.States[at]}, Redeemed: c.redeemed, Voided: c.voided, Value: c.value,
			})
		}
		if page.Next == "" {
			return result, nil
		}
		query.After = page.Next
	}
}

// counter is the projection of redemptions and voids to counts, and of closed
// frames to what the audit examines.
type counter struct{ *Issuer }

// change is nil for events that change nothing.
func (c counter) change(ctx context.Context, block ledger.Block, event ledger.Event) (following.Change, error) {
	if event.Name == "FrameClosed" {
		return c.noticed(ctx, block, event)
	}
	t, err := c.count(ctx, block, event)
	if err != nil || t.changes == nil {
		return nil, err
	}
	return t.store, nil
}

// tally is what one event changes; voided is the redemption that it undoes, nil
// for none.
type tally struct {
	voided  *coupon.RedemptionID
	changes map[coupon.FrameworkID]counts
	// known are coupons for the audit, which are stored in the issuer's store.
	known []knownCoupon
	// sales are those of a batch, for the audit of purchase proofs.
	sales []redeemedSale
	in    store
}

// count is the zero tally for events that change nothing, or that the ledger
// does not bear out.
func (c counter) count(ctx context.Context, block ledger.Block, event ledger.Event) (tally, error) {
	switch event.Name {
	case "Redeemed":
		return c.redeemed(ctx, block, event)
	case "Voided":
		return c.voided(ctx, block, event)
	default:
		return tally{}, nil
	}
}

func (c counter) redeemed(ctx context.Context, block ledger.Block, event ledger.Event) (tally, error) {
	var payload coupon.RedeemedEvent
	if !event.Decode(&payload) || payload.Batch != coupon.NewBatchID(event.TransactionID) {
		c.doubt(ctx, event)
		return tally{}, nil
	}
	record, found, err := c.record(ctx, block, payload.Batch)
	if err != nil {
		return tally{}, err
	}
	if !found {
		c.doubt(ctx, event)
		return tally{}, nil
	}
	t := tally{changes: make(map[coupon.FrameworkID]counts), in: c.store}
	for _, sale := range record.Redemptions {
		t.add(sale, 1)
		t.know(sale)
		t.sales = append(t.sales, redeemedSale{record.Retailer, sale})
	}
	return t, nil
}

func (c counter) voided(ctx context.Context, block ledger.Block, event ledger.Event) (tally, error) {
	var payload coupon.VoidedEvent
	if !event.Decode(&payload) {
		c.doubt(ctx, event)
		return tally{}, nil
	}
	record, found, err := c.record(ctx, block, payload.Batch)
	if err != nil {
		return tally{}, err
	}
	if !found {
		c.doubt(ctx, event)
		return tally{}, nil
	}
	t := tally{voided: &payload.Redemption, changes: make(map[coupon.FrameworkID]counts)}
	for _, sale := range record.Redemptions {
		if sale.ID == payload.Redemption {
			found, err = block.Look(ctx, func() error { return c.checkVoided(ctx, block.Namespace, record.ID, sale) })
			t.add(sale, -1)
		}
	}
	if err != nil {
		return tally{}, err
	}
	if !found || len(t.changes) == 0 {
		c.doubt(ctx, event)
		return tally{}, nil
	}
	return t, nil
}

// doubt notes an event that is about nothing: somebody's chaincode is altered.
func (c counter) doubt(ctx context.Context, event ledger.Event) {
	c.logger.WarnContext(ctx, "an event that the ledger does not bear out", "event", event.Name, "transaction", event.TransactionID)
}

// add counts a sale as redeemed (1) or as redeemed no more (-1).
func (t tally) add(sale coupon.RedeemedSale, by int64) {
	for _, line := range sale.Coupons {
		c := t.changes[line.Framework]
		c.redeemed += by
		c.value += by * line.Value
		if by < 0 {
			c.voided++
		}
		t.changes[line.Framework] = c
	}
}

// know has the audit compare a sale's dynamic coupons with the logs.
func (t *tally) know(sale coupon.RedeemedSale) {
	for _, line := range sale.Coupons {
		if line.Leaf != nil {
			ref := coupon.FrameRef{Framework: line.Framework, Lane: line.Lane, Frame: line.Frame}
			t.known = append(t.known, knownCoupon{FrameRef: ref, sn: line.SN, leaf: *line.Leaf, source: sourceRedeemed})
		}
	}
}

// record reads the own copy of a batch.
func (c counter) record(ctx context.Context, block ledger.Block, id coupon.BatchID) (record coupon.BatchRecord, found bool, err error) {
	found, err = block.Look(ctx, func() error {
		var stored coupon.BatchResult
		err := c.ledger.Evaluate(ctx, ledger.Call{
			Namespace: block.Namespace, Function: "GetBatch",
			Argument: coupon.BatchQuery{Batch: id}, Endorsers: []string{c.self},
		}, &stored)
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(stored.Record), &record)
	})
	return record, found, err
}

// checkVoided refuses with NOT_FOUND while the sale's coupons are spent for it.
func (c counter) checkVoided(ctx context.Context, namespace string, batch coupon.BatchID, sale coupon.RedeemedSale) error {
	var query coupon.MarkersQuery
	for _, line := range sale.Coupons {
		query.Tags = append(query.Tags, line.Tag)
	}
	var result coupon.MarkersResult
	err := c.ledger.Evaluate(ctx, ledger.Call{
		Namespace: namespace, Function: "GetMarkers", Argument: query, Endorsers: []string{c.self},
	}, &result)
	if err != nil {
		return err
	}
	for _, marker := range result.Markers {
		if marker.State == coupon.MarkerSpent.String() && marker.Batch == batch && marker.Redemption == sale.ID {
			return coupon.Refuse(coupon.ReasonNotFound, "", "the redemption stands")
		}
	}
	return nil
}
