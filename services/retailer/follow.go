// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

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

// projection keeps the store up to date with what the ledger says of the own
// organisation in one issuer's namespace. It is how an empty store fills again.
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
		if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonNotFound {
			// The own peer endorsed it, so it will come: apply the block again.
			err = errors.Join(ledger.ErrUnavailable, err)
		}
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

// change is nil for events of others.
func (p *projection) change(ctx context.Context, event ledger.Event) (change, error) {
	switch event.Name {
	case "Redeemed":
		return p.redeemed(ctx, event)
	case "Voided":
		return p.voided(event)
	case "Claimed":
		return p.claimed(ctx, event)
	default:
		return nil, nil
	}
}

func (p *projection) redeemed(ctx context.Context, event ledger.Event) (change, error) {
	var payload coupon.RedeemedEvent
	if err := json.Unmarshal(event.Payload, &payload); err != nil {
		return nil, err
	}
	if payload.Retailer != p.service.mspID {
		return nil, nil
	}
	// What was sent from here is stored by whoever sent it.
	if known, err := p.service.store.knows(ctx, payload.Batch, event.TransactionID); err != nil || known {
		return nil, err
	}
	b, err := p.service.read(ctx, p.issuer, payload.Batch)
	if err != nil {
		return nil, err
	}
	b.block = event.Block
	return func(ctx context.Context, tx *sql.Tx) error { return complete(ctx, tx, b) }, nil
}

func (p *projection) voided(event ledger.Event) (change, error) {
	var payload coupon.VoidedEvent
	if err := json.Unmarshal(event.Payload, &payload); err != nil {
		return nil, err
	}
	if payload.Retailer != p.service.mspID {
		return nil, nil
	}
	return func(ctx context.Context, tx *sql.Tx) error { return setVoided(ctx, tx, payload.Redemption) }, nil
}

func (p *projection) claimed(ctx context.Context, event ledger.Event) (change, error) {
	var payload coupon.ClaimedEvent
	if err := json.Unmarshal(event.Payload, &payload); err != nil {
		return nil, err
	}
	if payload.Retailer != p.service.mspID {
		return nil, nil
	}
	var record coupon.ClaimRecord
	err := p.service.ledger.Evaluate(ctx, ledger.Call{
		Namespace: config.Namespace(p.issuer), Function: "GetClaim",
		Argument: coupon.ClaimQuery{Retailer: payload.Retailer, ClaimID: payload.ClaimID},
		RetryOn:  []coupon.Reason{coupon.ReasonNotFound},
	}, &record)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx *sql.Tx) error { return completeClaim(ctx, tx, record) }, nil
}
