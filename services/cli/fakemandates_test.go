// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"

	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

func fakeMandate(id string, change func(*typev1.Framework)) *typev1.Framework {
	f := fakeFramework("AdvertiserMSP")
	f.FrameworkId = id
	change(f)
	return f
}

func (c *consortium) RaiseQuota(_ context.Context, r *issuerv1.RaiseQuotaRequest) (*issuerv1.RaiseQuotaResponse, error) {
	f := fakeMandate(r.GetFrameworkId(), func(f *typev1.Framework) { f.Quotas = r.GetQuotas() })
	return &issuerv1.RaiseQuotaResponse{Framework: f}, nil
}

func (c *consortium) SuspendEmitter(_ context.Context, r *issuerv1.SuspendEmitterRequest) (*issuerv1.SuspendEmitterResponse, error) {
	f := fakeMandate(r.GetFrameworkId(), func(f *typev1.Framework) {
		f.Status = typev1.MandateStatus_MANDATE_STATUS_SUSPENDED
		if r.GetRedeemClosedFrames() {
			f.LastSns = []int64{12, 0}
		}
	})
	return &issuerv1.SuspendEmitterResponse{Framework: f}, nil
}

func (c *consortium) ReinstateEmitter(_ context.Context, r *issuerv1.ReinstateEmitterRequest) (*issuerv1.ReinstateEmitterResponse, error) {
	return &issuerv1.ReinstateEmitterResponse{Framework: fakeMandate(r.GetFrameworkId(), func(*typev1.Framework) {})}, nil
}

func (c *consortium) RevokeEmitter(_ context.Context, r *issuerv1.RevokeEmitterRequest) (*issuerv1.RevokeEmitterResponse, error) {
	f := fakeMandate(r.GetFrameworkId(), func(f *typev1.Framework) {
		f.Status, f.LastSns = typev1.MandateStatus_MANDATE_STATUS_REVOKED, []int64{12, 0}
	})
	return &issuerv1.RevokeEmitterResponse{Framework: f}, nil
}

func (c *consortium) RotateKey(_ context.Context, r *issuerv1.RotateKeyRequest) (*issuerv1.RotateKeyResponse, error) {
	f := fakeMandate(r.GetFrameworkId(), func(f *typev1.Framework) { f.Epoch = 2 })
	return &issuerv1.RotateKeyResponse{Framework: f}, nil
}
