// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
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
		c, err := p.change(ctx, event)
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

// change is nil for events that mean nothing here.
func (p *projection) change(ctx context.Context, event ledger.Event) (change, error) {
	switch event.Name {
	case "Claimed":
		return p.claimed(ctx, event)
	case "Settled":
		return p.settled(ctx, event)
	default:
		return nil, nil
	}
}

func (p *projection) claimed(ctx context.Context, event ledger.Event) (change, error) {
	var payload coupon.ClaimedEvent
	if err := json.Unmarshal(event.Payload, &payload); err != nil {
		return nil, err
	}
	var record coupon.ClaimRecord
	err := p.service.ledger.Evaluate(ctx, ledger.Call{
		Namespace: config.Namespace(p.issuer), Function: "GetClaim",
		Argument: coupon.ClaimQuery{Retailer: payload.Retailer, ClaimID: payload.ClaimID},
		RetryOn:  []coupon.Reason{coupon.ReasonNotFound},
	}, &record)
	if err != nil {
		return p.unlessOthers(ctx, err)
	}
	return func(ctx context.Context, tx *sql.Tx) error { return addClaim(ctx, tx, record) }, nil
}

func (p *projection) settled(ctx context.Context, event ledger.Event) (change, error) {
	var payload coupon.SettledEvent
	if err := json.Unmarshal(event.Payload, &payload); err != nil {
		return nil, err
	}
	record, err := p.service.readSettlement(ctx, p.issuer, coupon.SettlementQuery{
		SettlementID: payload.SettlementID, Retailer: payload.Retailer, Part: payload.Part,
	})
	if err != nil {
		return p.unlessOthers(ctx, err)
	}
	return func(ctx context.Context, tx *sql.Tx) error { return completePart(ctx, tx, record) }, nil
}

// unlessOthers passes over what another clearing house keeps. The own peer
// endorsed what is kept here, so that what is missing will come: the block is
// applied again until it does.
func (p *projection) unlessOthers(ctx context.Context, missing error) (change, error) {
	if reason, _ := coupon.ReasonOf(missing); reason != coupon.ReasonNotFound {
		return nil, missing
	}
	var parties coupon.Parties
	err := p.service.ledger.Evaluate(ctx, ledger.Call{Namespace: config.Namespace(p.issuer), Function: "GetParties"}, &parties)
	if err == nil && parties.Clearing != p.service.mspID {
		return nil, nil
	}
	return nil, errors.Join(ledger.ErrUnavailable, missing, err)
}
