// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"context"
	"database/sql"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/following"
	"ecoupon/services/internal/ledger"
)

// projection turns one issuer's blocks into claims, and into settlements where
// the store does not know them. It is how an empty store fills again.
type projection struct {
	service *Service
	issuer  string
}

// change is nil for events that mean nothing here, and for what the ledger does
// not bear out: no event is believed by itself.
func (p *projection) change(ctx context.Context, block ledger.Block, event ledger.Event) (following.Change, error) {
	switch event.Name {
	case "Claimed":
		return p.claimed(ctx, block, event)
	case "Settled":
		return p.settled(ctx, block, event)
	default:
		return nil, nil
	}
}

func (p *projection) claimed(ctx context.Context, block ledger.Block, event ledger.Event) (following.Change, error) {
	var payload coupon.ClaimedEvent
	if !event.Decode(&payload) {
		return nil, nil
	}
	var record coupon.ClaimRecord
	found, err := p.look(ctx, block, event, func() error {
		record = coupon.ClaimRecord{}
		return p.service.ledger.Evaluate(ctx, ledger.Call{
			Namespace: config.Namespace(p.issuer), Function: "GetClaim",
			Argument: coupon.ClaimQuery{Retailer: payload.Retailer, ClaimID: payload.ClaimID},
		}, &record)
	})
	if err != nil || !found {
		return nil, err
	}
	return func(ctx context.Context, tx *sql.Tx) error { return addClaim(ctx, tx, record) }, nil
}

func (p *projection) settled(ctx context.Context, block ledger.Block, event ledger.Event) (following.Change, error) {
	var payload coupon.SettledEvent
	if !event.Decode(&payload) {
		return nil, nil
	}
	var record coupon.SettlementRecord
	found, err := p.look(ctx, block, event, func() (err error) {
		record, err = p.service.readSettlement(ctx, p.issuer, coupon.SettlementQuery{
			SettlementID: payload.SettlementID, Retailer: payload.Retailer, Part: payload.Part,
		})
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	return func(ctx context.Context, tx *sql.Tx) error { return completePart(ctx, tx, record) }, nil
}

// look passes over what another clearing house keeps, and looks for the rest.
func (p *projection) look(ctx context.Context, block ledger.Block, event ledger.Event, read func() error) (bool, error) {
	var parties coupon.Parties
	found, err := block.Look(ctx, func() error {
		return p.service.ledger.Evaluate(ctx, ledger.Call{Namespace: config.Namespace(p.issuer), Function: "GetParties"}, &parties)
	})
	if err != nil || !found || parties.Clearing != p.service.mspID {
		return false, err
	}
	found, err = block.Look(ctx, read)
	if err == nil && !found {
		p.service.logger.WarnContext(ctx, "an event that the ledger does not bear out", "event", event.Name, "transaction", event.TransactionID)
	}
	return found, err
}
