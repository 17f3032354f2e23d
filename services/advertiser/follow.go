// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"
	"crypto/sha256"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
)

// campaignID names a campaign version of any issuer.
type campaignID struct {
	issuer string
	coupon.CampaignRef
}

// mandate is a framework of the advertiser with its secret, and where it stands.
type mandate struct {
	framework coupon.Framework
	key       coupon.EmitterKey
	state     coupon.MandateState
}

// changes are what was learnt of mandates and campaigns.
type changes struct {
	campaigns map[campaignID]coupon.CampaignEntry
	mandates  []mandate
}

func campaignOf(f coupon.Framework) campaignID {
	return campaignID{f.Issuer, coupon.CampaignRef{Campaign: f.Campaign, Version: f.Version}}
}

// follower is the projection of the issuers' events to mandates and offers. It
// stores what the ledger says when an event is applied, which may be later than
// the event: the events that follow then change nothing.
type follower struct{ *Advertiser }

// Next is the first block that is not applied.
func (f follower) Next(ctx context.Context, namespace string) (uint64, error) {
	return f.store.db.Next(ctx, namespace)
}

// Apply learns what a block says about the own mandates and their campaigns.
func (f follower) Apply(ctx context.Context, block ledger.Block) error {
	learnt := changes{campaigns: make(map[campaignID]coupon.CampaignEntry)}
	for _, event := range block.Events {
		var err error
		switch event.Name {
		case "EmitterAuthorised", "QuotaRaised", "EmitterSuspended", "EmitterReinstated", "EmitterRevoked":
			err = f.authorised(ctx, block, event, &learnt)
		case "KeyRotated":
			err = f.rotated(ctx, block, event, &learnt)
		case "CampaignPaused", "CampaignResumed", "CampaignClosed":
			err = f.changed(ctx, block, event, &learnt)
		case "MisconductReported":
			err = f.accused(ctx, block, event)
		}
		if err != nil {
			return fmt.Errorf("event %s of %s: %w", event.Name, event.TransactionID, err)
		}
	}
	if err := f.store.learn(ctx, block, learnt); err != nil {
		return err
	}
	f.remember(learnt)
	return nil
}

// authorised learns a mandate, or that it has changed.
func (f follower) authorised(ctx context.Context, block ledger.Block, event ledger.Event, learnt *changes) error {
	var authorised coupon.EmitterEvent
	if !event.Decode(&authorised) {
		f.doubt(ctx, event)
		return nil
	}
	if authorised.Emitter != f.self {
		return nil
	}
	return f.learn(ctx, block, event, authorised.Framework, learnt)
}

// rotated learns a mandate, and that it follows another.
func (f follower) rotated(ctx context.Context, block ledger.Block, event ledger.Event, learnt *changes) error {
	var rotated coupon.KeyRotatedEvent
	if !event.Decode(&rotated) {
		f.doubt(ctx, event)
		return nil
	}
	if rotated.Emitter != f.self {
		return nil
	}
	if err := f.learn(ctx, block, event, rotated.Framework, learnt); err != nil {
		return err
	}
	return f.learn(ctx, block, event, rotated.Before, learnt)
}

// learn reads what the ledger has of a mandate.
func (f follower) learn(ctx context.Context, block ledger.Block, event ledger.Event, id coupon.FrameworkID, learnt *changes) error {
	query := coupon.FrameworkQuery{Framework: id}
	var m mandate
	var entry coupon.CampaignEntry
	found, err := block.Look(ctx, func() error {
		if err := f.read(ctx, block, "GetFramework", query, &m.framework); err != nil {
			return err
		}
		if err := f.read(ctx, block, "EmitterKey", query, &m.key); err != nil {
			return err
		}
		if err := f.read(ctx, block, "GetMandate", query, &m.state); err != nil {
			return err
		}
		return f.read(ctx, block, "GetCampaign", campaignOf(m.framework).CampaignRef, &entry)
	})
	if err != nil {
		return err
	}
	if !found {
		f.doubt(ctx, event)
		return nil
	}
	if !consistent(m, entry.Campaign) {
		// No coupon of it could be redeemed.
		f.logger.ErrorContext(ctx, "a mandate that is not its campaign's is left out", "framework", id)
		return nil
	}
	learnt.mandates = append(learnt.mandates, m)
	learnt.campaigns[campaignOf(m.framework)] = entry
	return nil
}

// doubt notes an event that is about nothing: somebody's chaincode is altered.
func (f follower) doubt(ctx context.Context, event ledger.Event) {
	f.logger.WarnContext(ctx, "an event that the ledger does not bear out", "event", event.Name, "transaction", event.TransactionID)
}

func consistent(m mandate, c coupon.Campaign) bool {
	return m.framework.Mandate().ID() == m.framework.ID && m.key.Framework == m.framework.ID &&
		m.framework.Terms == sha256.Sum256([]byte(c.Terms))
}

// changed reads where a campaign stands if there is an own mandate under it.
func (f follower) changed(ctx context.Context, block ledger.Block, event ledger.Event, learnt *changes) error {
	var changed coupon.CampaignEvent
	if !event.Decode(&changed) {
		f.doubt(ctx, event)
		return nil
	}
	var entry coupon.CampaignEntry
	found, err := block.Look(ctx, func() error {
		return f.read(ctx, block, "GetCampaign", coupon.CampaignRef(changed), &entry)
	})
	if err != nil {
		return err
	}
	if !found {
		f.doubt(ctx, event)
		return nil
	}
	id := campaignID{entry.Campaign.Issuer, coupon.CampaignRef(changed)}
	if _, learning := learnt.campaigns[id]; learning || f.knows(id) {
		learnt.campaigns[id] = entry
	}
	return nil
}

// read evaluates on the own peer.
func (f follower) read(ctx context.Context, block ledger.Block, function string, argument, out any) error {
	return f.ledger.Evaluate(ctx, ledger.Call{
		Namespace: block.Namespace, Function: function, Argument: argument, Endorsers: []string{f.self},
	}, out)
}

func (a *Advertiser) knows(id campaignID) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, o := range a.offers {
		if campaignOf(o.Framework) == id {
			return true
		}
	}
	return false
}
