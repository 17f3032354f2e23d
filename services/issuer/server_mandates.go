// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// mandateRequest is what every request about a mandate has.
type mandateRequest interface {
	writeRequest
	GetFrameworkId() string
}

// RaiseQuota gives a mandate higher quotas, or more lanes.
func (s *Server) RaiseQuota(ctx context.Context, r *issuerv1.RaiseQuotaRequest) (*issuerv1.RaiseQuotaResponse, error) {
	m, err := s.mandated(ctx, r, func(id coupon.FrameworkID) error {
		_, err := s.issuer.RaiseQuota(ctx, r.GetRequestId(), coupon.RaiseRequest{Framework: id, Quotas: quotas(r.GetQuotas())})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &issuerv1.RaiseQuotaResponse{Framework: m}, nil
}

// SuspendEmitter stops a mandate until it is reinstated.
func (s *Server) SuspendEmitter(ctx context.Context, r *issuerv1.SuspendEmitterRequest) (*issuerv1.SuspendEmitterResponse, error) {
	m, err := s.mandated(ctx, r, func(id coupon.FrameworkID) error {
		_, err := s.issuer.Suspend(ctx, r.GetRequestId(), id, r.GetRedeemClosedFrames())
		return err
	})
	if err != nil {
		return nil, err
	}
	return &issuerv1.SuspendEmitterResponse{Framework: m}, nil
}

// ReinstateEmitter ends a suspension.
func (s *Server) ReinstateEmitter(ctx context.Context, r *issuerv1.ReinstateEmitterRequest) (*issuerv1.ReinstateEmitterResponse, error) {
	m, err := s.mandated(ctx, r, func(id coupon.FrameworkID) error {
		_, err := s.issuer.Reinstate(ctx, r.GetRequestId(), id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &issuerv1.ReinstateEmitterResponse{Framework: m}, nil
}

// RevokeEmitter ends a mandate for good.
func (s *Server) RevokeEmitter(ctx context.Context, r *issuerv1.RevokeEmitterRequest) (*issuerv1.RevokeEmitterResponse, error) {
	m, err := s.mandated(ctx, r, func(id coupon.FrameworkID) error {
		_, err := s.issuer.Revoke(ctx, r.GetRequestId(), id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &issuerv1.RevokeEmitterResponse{Framework: m}, nil
}

// RotateKey gives a mandate's emitter a new key.
func (s *Server) RotateKey(ctx context.Context, r *issuerv1.RotateKeyRequest) (*issuerv1.RotateKeyResponse, error) {
	id, err := frameworkID(r.GetFrameworkId())
	if err != nil {
		return nil, err
	}
	err = s.once(ctx, r, func() error {
		_, err := s.issuer.Rotate(ctx, r.GetRequestId(), coupon.RotateRequest{Framework: id, Quotas: quotas(r.GetQuotas())})
		return err
	})
	if err != nil {
		return nil, err
	}
	next, err := s.issuer.Following(ctx, id)
	if err != nil {
		return nil, err
	}
	return &issuerv1.RotateKeyResponse{Framework: mandateMessage(next)}, nil
}

// mandated runs work once and returns the mandate as it is then.
func (s *Server) mandated(ctx context.Context, r mandateRequest, work func(coupon.FrameworkID) error) (*typev1.Framework, error) {
	id, err := frameworkID(r.GetFrameworkId())
	if err != nil {
		return nil, err
	}
	if err := s.once(ctx, r, func() error { return work(id) }); err != nil {
		return nil, err
	}
	m, err := s.issuer.Mandate(ctx, id)
	if err != nil {
		return nil, err
	}
	return mandateMessage(m), nil
}
