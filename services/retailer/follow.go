// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"
	"database/sql"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/following"
	"ecoupon/services/internal/ledger"
)

// projection keeps the store up to date with what the ledger says of the own
// organisation in one issuer's namespace. It is how an empty store fills again.
type projection struct {
	service *Service
	issuer  string
}

// change is nil for events of others, and for what the ledger does not bear
// out: no event is believed by itself.
func (p *projection) change(ctx context.Context, block ledger.Block, event ledger.Event) (following.Change, error) {
	switch event.Name {
	case "Redeemed":
		return p.redeemed(ctx, block, event)
	case "Voided":
		return p.voided(ctx, block, event)
	case "Claimed":
		return p.claimed(ctx, block, event)
	default:
		return nil, nil
	}
}

func (p *projection) redeemed(ctx context.Context, block ledger.Block, event ledger.Event) (following.Change, error) {
	var payload coupon.RedeemedEvent
	if !event.Decode(&payload) || payload.Retailer != p.service.mspID {
		return nil, nil
	}
	// What was sent from here is stored by whoever sent it.
	if known, err := p.service.store.knows(ctx, payload.Batch, event.TransactionID); err != nil || known {
		return nil, err
	}
	var b batch
	var claimed []coupon.BatchID
	found, err := block.Look(ctx, func() (err error) {
		if b, err = p.service.read(ctx, p.issuer, payload.Batch); err != nil {
			return err
		}
		// While an empty store fills, a void or claim that comes later counts already.
		if b.voided, err = p.service.voided(ctx, b.BatchRecord); err == nil {
			claimed, err = p.service.claimed(ctx, p.issuer, []coupon.BatchID{b.ID})
		}
		return err
	})
	if err != nil || !found {
		return nil, p.doubt(ctx, event, err)
	}
	if b.ID != coupon.NewBatchID(event.TransactionID) {
		// Its own block has its place in the order.
		return nil, p.doubt(ctx, event, nil)
	}
	b.block = event.Block
	return func(ctx context.Context, tx *sql.Tx) error {
		if err := complete(ctx, tx, b); err != nil {
			return err
		}
		return setClaimed(ctx, tx, claimed)
	}, nil
}

func (p *projection) voided(ctx context.Context, block ledger.Block, event ledger.Event) (following.Change, error) {
	var payload coupon.VoidedEvent
	if !event.Decode(&payload) || payload.Retailer != p.service.mspID {
		return nil, nil
	}
	held, known, err := p.service.store.redemption(ctx, payload.Redemption)
	if err != nil || !known || held.Voided {
		return nil, err
	}
	b, err := parseBatch(held.record)
	if err != nil {
		return nil, err
	}
	found, err := block.Look(ctx, func() error {
		gone, err := p.service.voided(ctx, b.BatchRecord)
		if err == nil && !gone[payload.Redemption] {
			err = coupon.Refuse(coupon.ReasonNotFound, "", "the redemption stands")
		}
		return err
	})
	if err != nil || !found {
		return nil, p.doubt(ctx, event, err)
	}
	return func(ctx context.Context, tx *sql.Tx) error { return setVoided(ctx, tx, payload.Redemption) }, nil
}

func (p *projection) claimed(ctx context.Context, block ledger.Block, event ledger.Event) (following.Change, error) {
	var payload coupon.ClaimedEvent
	if !event.Decode(&payload) || payload.Retailer != p.service.mspID {
		return nil, nil
	}
	var record coupon.ClaimRecord
	found, err := block.Look(ctx, func() (err error) {
		record, err = p.service.readClaim(ctx, p.issuer, payload.ClaimID)
		return err
	})
	if err != nil || !found {
		return nil, p.doubt(ctx, event, err)
	}
	return func(ctx context.Context, tx *sql.Tx) error { return completeClaim(ctx, tx, record) }, nil
}

// doubt notes, where there is no error, an event that is about nothing:
// somebody's chaincode is altered.
func (p *projection) doubt(ctx context.Context, event ledger.Event, err error) error {
	if err == nil {
		p.service.logger.WarnContext(ctx, "an event that the ledger does not bear out", "event", event.Name, "transaction", event.TransactionID)
	}
	return err
}
