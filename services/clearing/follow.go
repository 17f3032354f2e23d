// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"context"
	"database/sql"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/sqlstore"
)

// projection turns one issuer's blocks into claims, and into settlements where
// the store does not know them. It is how an empty store fills again.
type projection struct {
	service *Service
	issuer  string
}

// Next implements ledger.Projection.
func (p *projection) Next(ctx context.Context, namespace string) (uint64, error) {
	return p.service.store.Next(ctx, namespace)
}

// change is what one event means to the store.
type change func(ctx context.Context, tx *sql.Tx) error

// Apply implements ledger.Projection. What it needs of the ledger it reads
// before its transaction begins.
func (p *projection) Apply(ctx context.Context, block ledger.Block) error {
	var changes []change
	for _, event := range block.Events {
		c, err := p.change(ctx, block, event)
		if err != nil {
			return fmt.Errorf("applying %s of transaction %s: %w", event.Name, event.TransactionID, err)
		}
		if c != nil {
			changes = append(changes, c)
		}
	}
	return p.service.store.Update(ctx, func(tx *sql.Tx) error {
		fresh, err := sqlstore.Advance(ctx, tx, block.Namespace, block.Number)
		if err != nil || !fresh {
			return err
		}
		for _, c := range changes {
			if err := c(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// change is nil for events that mean nothing here, and for what the ledger does
// not bear out: no event is believed by itself.
func (p *projection) change(ctx context.Context, block ledger.Block, event ledger.Event) (change, error) {
	switch event.Name {
	case "Claimed":
		return p.claimed(ctx, block, event)
	case "Settled":
		return p.settled(ctx, block, event)
	default:
		return nil, nil
	}
}

func (p *projection) claimed(ctx context.Context, block ledger.Block, event ledger.Event) (change, error) {
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

func (p *projection) settled(ctx context.Context, block ledger.Block, event ledger.Event) (change, error) {
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
