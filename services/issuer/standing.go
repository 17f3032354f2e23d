// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"slices"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
)

// Mandate is a framework and where it stands.
type Mandate struct {
	Framework coupon.Framework
	State     coupon.MandateState
}

// Mandate returns a mandate, or refuses with UNKNOWN_FRAMEWORK.
func (i *Issuer) Mandate(ctx context.Context, id coupon.FrameworkID) (m Mandate, err error) {
	if m.Framework, err = i.framework(ctx, id); err != nil {
		return Mandate{}, err
	}
	err = i.ledger.Evaluate(ctx, ledger.Call{
		Namespace: i.namespace, Function: "GetMandate", Argument: coupon.FrameworkQuery{Framework: id},
	}, &m.State)
	return m, err
}

// RaiseQuota gives a mandate higher quotas, or more lanes. One that has them is
// returned as it is.
func (i *Issuer) RaiseQuota(ctx context.Context, requestID string, request coupon.RaiseRequest) (Mandate, error) {
	before, err := i.Mandate(ctx, request.Framework)
	if err != nil || slices.Equal(before.Framework.Quotas, request.Quotas) {
		return before, err
	}
	call := i.mandateCall("RaiseQuota", requestID, request.Framework, request)
	call.Endorsers = []string{i.self, i.second(before.Framework.Emitter)}
	if _, err := i.ledger.Submit(ctx, call); err != nil {
		return Mandate{}, err
	}
	return i.Mandate(ctx, request.Framework)
}

// Suspend stops a mandate until Reinstate; its emitter is not asked. With redeem
// coupons of frames that are closed stay good, else none. One that is suspended
// so is returned as it is.
func (i *Issuer) Suspend(ctx context.Context, requestID string, id coupon.FrameworkID, redeem bool) (Mandate, error) {
	m, err := i.Mandate(ctx, id)
	if err != nil || m.State.Status == coupon.MandateSuspended && m.State.Ended() == redeem {
		return m, err
	}
	if !redeem || m.State.Status == coupon.MandateActive {
		if err := i.stop(ctx, requestID, id); err != nil {
			return Mandate{}, err
		}
	}
	if redeem {
		call := i.mandateCall("SuspendEmitter", requestID, id, coupon.SuspendRequest{Framework: id, Redeem: true})
		if err := i.end(ctx, id, call); err != nil {
			return Mandate{}, err
		}
	}
	return i.Mandate(ctx, id)
}

// Reinstate ends a suspension. A mandate that is active is returned as it is.
func (i *Issuer) Reinstate(ctx context.Context, requestID string, id coupon.FrameworkID) (Mandate, error) {
	m, err := i.Mandate(ctx, id)
	if err != nil || m.State.Status == coupon.MandateActive {
		return m, err
	}
	call := i.mandateCall("ReinstateEmitter", requestID, id, coupon.MandateRequest{Framework: id})
	if _, err := i.ledger.Submit(ctx, call); err != nil {
		return Mandate{}, err
	}
	return i.Mandate(ctx, id)
}

// Revoke ends a mandate for good; its emitter is not asked. Each lane ends with
// its last closed frame. The mandate is suspended first, so that no frame can be
// closed between the look and the revocation, however fast its emitter is.
func (i *Issuer) Revoke(ctx context.Context, requestID string, id coupon.FrameworkID) (Mandate, error) {
	m, err := i.Mandate(ctx, id)
	if err != nil || m.State.Status == coupon.MandateRevoked {
		return m, err
	}
	if m.State.Status == coupon.MandateActive {
		if err := i.stop(ctx, requestID, id); err != nil {
			return Mandate{}, err
		}
	}
	call := i.mandateCall("RevokeEmitter", requestID, id, coupon.MandateRequest{Framework: id})
	if err := i.end(ctx, id, call); err != nil {
		return Mandate{}, err
	}
	return i.Mandate(ctx, id)
}

// stop suspends a mandate wholly: this depends on nothing that its emitter can
// change.
func (i *Issuer) stop(ctx context.Context, requestID string, id coupon.FrameworkID) error {
	call := i.mandateCall("SuspendEmitter", requestID, id, coupon.SuspendRequest{Framework: id})
	call.Once += "/stop"
	_, err := i.ledger.Submit(ctx, call)
	if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonAlreadyExists {
		return nil
	}
	return err
}

// end submits what needs to be told where the lanes of a mandate end.
func (i *Issuer) end(ctx context.Context, id coupon.FrameworkID, call ledger.Call) error {
	var ends coupon.EndsInput
	err := i.ledger.Evaluate(ctx, ledger.Call{
		Namespace: i.namespace, Function: "LaneEnds", Argument: coupon.FrameworkQuery{Framework: id}, Endorsers: []string{i.self},
	}, &ends)
	if err != nil {
		return err
	}
	call.Input = ends
	// The clearing house's peer may not have the block with the last frame yet.
	call.RetryOn = append(call.RetryOn, coupon.ReasonFrameConflict)
	_, err = i.ledger.Submit(ctx, call)
	return err
}

// Rotate gives a mandate's emitter a new key, with the quotas given, or those of
// before if there are none. It returns the mandate that follows.
func (i *Issuer) Rotate(ctx context.Context, requestID string, request coupon.RotateRequest) (Mandate, error) {
	before, err := i.Mandate(ctx, request.Framework)
	if err != nil {
		return Mandate{}, err
	}
	if len(request.Quotas) == 0 {
		request.Quotas = before.Framework.Quotas
	}
	next := before.Framework
	next.Epoch++
	call := i.mandateCall("RotateKey", requestID, request.Framework, request)
	call.Endorsers = []string{i.self, i.second(next.Emitter)}
	call.RetryOn = append(call.RetryOn, coupon.ReasonKeyMissing)
	if next.Emitter != i.self {
		if call.Input, err = i.emitterKey(ctx, next.Mandate()); err != nil {
			return Mandate{}, err
		}
	}
	if err := i.submitTimely(ctx, call); err != nil {
		return Mandate{}, err
	}
	return i.Following(ctx, request.Framework)
}

// Following returns the mandate that has followed one whose key was rotated.
func (i *Issuer) Following(ctx context.Context, id coupon.FrameworkID) (Mandate, error) {
	m, err := i.Mandate(ctx, id)
	if err != nil {
		return Mandate{}, err
	}
	if m.State.Next == nil {
		return Mandate{}, coupon.Refuse(coupon.ReasonNotFound, "framework_id", "the mandate's key was not rotated")
	}
	return i.Mandate(ctx, *m.State.Next)
}

// emitterKey derives what a mandate's emitter is given, from k_M on the own peer.
func (i *Issuer) emitterKey(ctx context.Context, m coupon.Mandate) (coupon.EmitterKeyInput, error) {
	var campaign coupon.KeyResult
	err := i.ledger.Evaluate(ctx, ledger.Call{
		Namespace: i.namespace, Function: "CampaignKey", Endorsers: []string{i.self},
		Argument: coupon.CampaignRef{Campaign: m.Campaign, Version: m.Version},
	}, &campaign)
	if err != nil {
		return coupon.EmitterKeyInput{}, err
	}
	return coupon.EmitterKeyInput{
		Key: coupon.DeriveEmitterKey(campaign.Key, m.Campaign, m.Emitter, m.Epoch),
		MAC: m.MAC(coupon.DeriveFrameworkKey(campaign.Key)),
	}, nil
}

// mandateCall is a transaction about a mandate that exists, endorsed by issuer
// and clearing house.
func (i *Issuer) mandateCall(function, requestID string, id coupon.FrameworkID, argument any) ledger.Call {
	return ledger.Call{
		Namespace: i.namespace, Function: function, Argument: argument, Endorsers: []string{i.self, i.clearing},
		RetryOn:   []coupon.Reason{coupon.ReasonUnknownFramework, coupon.ReasonUnknownCampaign},
		Reference: id.String(), Once: requestID + "/" + id.String(),
	}
}
