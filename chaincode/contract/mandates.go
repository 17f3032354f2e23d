// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
)

// RaiseQuota gives a mandate higher quotas, or more lanes: quotas only grow.
// Exactly issuer and emitter endorse it, or issuer and clearing house where they
// are one.
//
// Argument: coupon.RaiseRequest. Event: QuotaRaised.
func (c *Contract) RaiseQuota(ctx *Context, request string) error {
	var req coupon.RaiseRequest
	if err := ctx.argument(request, &req); err != nil {
		return err
	}
	framework, err := ctx.framework(req.Framework)
	if err != nil {
		return err
	}
	second, err := ctx.second(framework.Emitter)
	if err != nil {
		return err
	}
	if err := ctx.checkPeer(ctx.issuer, second); err != nil {
		return err
	}
	entry, err := ctx.openCampaign(refOf(framework))
	if err != nil {
		return err
	}
	if _, err := ctx.issuingMandate(framework.ID); err != nil {
		return err
	}
	if err := checkQuotas(req.Quotas, entry.Campaign); err != nil {
		return err
	}
	if !req.Raises(framework.Quotas) {
		return coupon.Refuse(coupon.ReasonQuotaNotRaised, "quotas", "the quotas are %d, and they only grow", framework.Quotas)
	}
	framework.Quotas = req.Quotas
	if err := ctx.world.PutQuotas(framework, second, ctx.GetStub().GetTxID()); err != nil {
		return err
	}
	return ctx.emit("QuotaRaised", emitterEvent(framework))
}

// SuspendEmitter stops a mandate until ReinstateEmitter: no lane is opened, no
// frame closed, no beacon given. Its coupons are refused, or, where the issuer
// says so and shows where each lane ends, redeemed up to the last closed frames.
// The issuer's peer and any other endorse it: its emitter cannot hinder it.
//
// Argument: coupon.SuspendRequest. Input: coupon.EndsInput, where coupons are
// redeemed. Event: EmitterSuspended.
func (c *Contract) SuspendEmitter(ctx *Context, request string) error {
	var req coupon.SuspendRequest
	if err := ctx.argument(request, &req); err != nil {
		return err
	}
	var in coupon.EndsInput
	if req.Redeem {
		if err := ctx.input(&in); err != nil {
			return err
		}
	}
	framework, state, err := ctx.mandate(req.Framework)
	if err != nil {
		return err
	}
	if state.Status == coupon.MandateRevoked {
		return state.CheckStatus("framework_id")
	}
	if state.Status == coupon.MandateSuspended && state.Ended() == req.Redeem {
		return coupon.Refuse(coupon.ReasonAlreadyExists, "framework_id", "the mandate is suspended like this")
	}
	state.LastSNs = nil
	if req.Redeem {
		if state.LastSNs, err = ctx.lastSNs(framework, in); err != nil {
			return err
		}
	}
	return ctx.changeMandate(framework, state, coupon.MandateSuspended, "EmitterSuspended")
}

// ReinstateEmitter ends a suspension. The issuer's peer and any other endorse it.
//
// Argument: coupon.MandateRequest. Event: EmitterReinstated.
func (c *Contract) ReinstateEmitter(ctx *Context, request string) error {
	var req coupon.MandateRequest
	if err := ctx.argument(request, &req); err != nil {
		return err
	}
	framework, state, err := ctx.mandate(req.Framework)
	if err != nil {
		return err
	}
	switch state.Status {
	case coupon.MandateActive:
		return coupon.Refuse(coupon.ReasonAlreadyExists, "framework_id", "the mandate is not suspended")
	case coupon.MandateRevoked:
		return state.CheckStatus("framework_id")
	}
	state.LastSNs = nil
	return ctx.changeMandate(framework, state, coupon.MandateActive, "EmitterReinstated")
}

// RevokeEmitter ends a mandate for good: each lane ends with the last serial
// number of its last closed frame. The issuer's peer and any other endorse it:
// its emitter cannot hinder it. That no frame is closed meanwhile is seen to by
// suspending it first.
//
// Argument: coupon.MandateRequest. Input: coupon.EndsInput. Event:
// EmitterRevoked.
func (c *Contract) RevokeEmitter(ctx *Context, request string) error {
	var req coupon.MandateRequest
	if err := ctx.argument(request, &req); err != nil {
		return err
	}
	var in coupon.EndsInput
	if err := ctx.input(&in); err != nil {
		return err
	}
	framework, state, err := ctx.mandate(req.Framework)
	if err != nil {
		return err
	}
	if state.Status == coupon.MandateRevoked {
		return state.CheckStatus("framework_id")
	}
	if state.LastSNs, err = ctx.lastSNs(framework, in); err != nil {
		return err
	}
	return ctx.changeMandate(framework, state, coupon.MandateRevoked, "EmitterRevoked")
}

// RotateKey gives a mandate's emitter the mandate of the next epoch, with a key
// and quotas of its own. The one before serves out its open frames; its coupons
// stay good. A revoked mandate may be followed too. Who endorses it, and who
// brings a key, is as for AuthoriseEmitter.
//
// Argument: coupon.RotateRequest. Input: coupon.EmitterKeyInput, none where the
// emitter is the issuer. Event: KeyRotated.
func (c *Contract) RotateKey(ctx *Context, request string) error {
	var req coupon.RotateRequest
	if err := ctx.argument(request, &req); err != nil {
		return err
	}
	given, in, err := ctx.givenEmitterKey()
	if err != nil {
		return err
	}
	before, state, err := ctx.mandate(req.Framework)
	if err != nil {
		return err
	}
	second, err := ctx.second(before.Emitter)
	if err != nil {
		return err
	}
	if err := ctx.checkPeer(ctx.issuer, second); err != nil {
		return err
	}
	if given == (before.Emitter == ctx.issuer) {
		return coupon.Refuse(coupon.ReasonInvalidRequest, coupon.TransientKey, "a key is brought for every emitter but the issuer")
	}
	entry, err := ctx.openCampaign(refOf(before))
	if err != nil {
		return err
	}
	if state.Status == coupon.MandateSuspended {
		return state.CheckStatus("framework_id")
	}
	if state.Next != nil {
		return coupon.Refuse(coupon.ReasonSuperseded, "framework_id", "the key was rotated before; %s goes on", state.Next)
	}
	if err := checkQuotas(req.Quotas, entry.Campaign); err != nil {
		return err
	}
	if err := ctx.readTick(); err != nil {
		return err
	}
	next := before
	next.Epoch, next.Quotas = before.Epoch+1, req.Quotas
	next.ID = next.Mandate().ID()
	if err := ctx.giveMandate(next, in, second); err != nil {
		return err
	}
	state.Next, state.Rotated = &next.ID, ctx.now
	if err := ctx.world.PutMandateState(state); err != nil {
		return err
	}
	return ctx.emit("KeyRotated", coupon.KeyRotatedEvent{EmitterEvent: emitterEvent(next), Before: before.ID})
}

// givenEmitterKey returns the private request, if there is one.
func (c *Context) givenEmitterKey() (given bool, in coupon.EmitterKeyInput, err error) {
	if given, err = c.hasInput(); err != nil || !given {
		return given, in, err
	}
	err = c.input(&in)
	return true, in, err
}

// giveMandate writes a new framework with its key.
func (c *Context) giveMandate(f coupon.Framework, in coupon.EmitterKeyInput, second string) error {
	if _, found, err := c.world.Framework(f.ID); err != nil {
		return err
	} else if found {
		return coupon.Refuse(coupon.ReasonAlreadyExists, "emitter", "the emitter has this framework")
	}
	if err := c.provideEmitterKey(f, in, second); err != nil {
		return err
	}
	return c.world.PutFramework(f)
}

func (c *Context) changeMandate(f coupon.Framework, s coupon.MandateState, to coupon.MandateStatus, event string) error {
	s.Status, s.Since = to, c.now
	if err := c.world.PutMandateState(s); err != nil {
		return err
	}
	return c.emit(event, emitterEvent(f))
}

func emitterEvent(f coupon.Framework) coupon.EmitterEvent {
	return coupon.EmitterEvent{Framework: f.ID, Campaign: f.Campaign, Version: f.Version, Emitter: f.Emitter}
}

// mandate returns a framework and where it stands.
func (c *Context) mandate(id coupon.FrameworkID) (coupon.Framework, coupon.MandateState, error) {
	f, err := c.framework(id)
	if err != nil {
		return f, coupon.MandateState{}, err
	}
	state, err := c.world.MandateState(id)
	return f, state, err
}

// issuingMandate returns where a mandate stands whose emitter may issue.
func (c *Context) issuingMandate(id coupon.FrameworkID) (coupon.MandateState, error) {
	state, err := c.world.MandateState(id)
	if err != nil {
		return state, err
	}
	return state, state.CheckIssuing("framework_id")
}

// GetMandate answers a coupon.FrameworkQuery with coupon.MandateState.
func (c *Contract) GetMandate(ctx *Context, request string) (string, error) {
	var q coupon.FrameworkQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	_, state, err := ctx.mandate(q.Framework)
	if err != nil {
		return "", err
	}
	return answer(state)
}
