// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package campaigntest

import (
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// Raise gives the mandate other quotas.
func (p *Campaign) Raise(t testing.TB, quotas ...int64) {
	t.Helper()
	p.submitAs(t, p.Issuer, ledger.Call{
		Function: "RaiseQuota", Argument: coupon.RaiseRequest{Framework: p.Framework.ID, Quotas: quotas},
		Endorsers: []string{p.Issuer, p.Framework.Emitter},
	})
	p.Framework.Quotas = quotas
}

// Suspend suspends the mandate wholly.
func (p *Campaign) Suspend(t testing.TB) {
	t.Helper()
	p.submitAs(t, p.Issuer, ledger.Call{
		Function: "SuspendEmitter", Argument: coupon.SuspendRequest{Framework: p.Framework.ID},
		Endorsers: []string{p.Issuer, p.clearing},
	})
}

// Reinstate ends a suspension.
func (p *Campaign) Reinstate(t testing.TB) {
	t.Helper()
	p.submitAs(t, p.Issuer, ledger.Call{
		Function: "ReinstateEmitter", Argument: coupon.MandateRequest{Framework: p.Framework.ID},
		Endorsers: []string{p.Issuer, p.clearing},
	})
}

// Revoke revokes the mandate: its lanes end with their last closed frames.
func (p *Campaign) Revoke(t testing.TB) {
	t.Helper()
	p.submitAs(t, p.Issuer, ledger.Call{
		Function: "RevokeEmitter", Argument: coupon.MandateRequest{Framework: p.Framework.ID}, Input: p.Ends(t),
		Endorsers: []string{p.Issuer, p.clearing},
	})
}

// Ends is where the mandate's lanes stand, as the issuer has it.
func (p *Campaign) Ends(t testing.TB) (ends coupon.EndsInput) {
	t.Helper()
	err := p.consortium.For(t, p.Issuer).Evaluate(t.Context(), ledger.Call{
		Namespace: config.Namespace(p.Issuer), Function: "LaneEnds",
		Argument: coupon.FrameworkQuery{Framework: p.Framework.ID}, Endorsers: []string{p.Issuer},
	}, &ends)
	if err != nil {
		t.Fatal(err)
	}
	return ends
}

// Rotate gives the emitter its next key, and returns the mandate that follows.
func (p *Campaign) Rotate(t testing.TB, quotas ...int64) coupon.Framework {
	t.Helper()
	next := p.Framework
	next.Epoch, next.Quotas = next.Epoch+1, quotas
	next.ID = next.Mandate().ID()
	p.submitAs(t, p.Issuer, ledger.Call{
		Function: "RotateKey", Argument: coupon.RotateRequest{Framework: p.Framework.ID, Quotas: quotas},
		Input: coupon.EmitterKeyInput{
			Key: coupon.DeriveEmitterKey(p.Key, next.Campaign, next.Emitter, next.Epoch),
			MAC: next.Mandate().MAC(coupon.DeriveFrameworkKey(p.Key)),
		},
		Endorsers: []string{p.Issuer, p.Framework.Emitter},
	})
	return next
}
