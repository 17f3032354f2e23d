// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	"ecoupon/services/internal/message"
)

// refOf names the campaign version of a request.
func refOf(r interface {
	GetCampaign() string
	GetVersion() int64
}) coupon.CampaignRef {
	return coupon.CampaignRef{Campaign: r.GetCampaign(), Version: r.GetVersion()}
}

func authoriseRequest(r *issuerv1.AuthoriseEmitterRequest) (coupon.AuthoriseRequest, error) {
	kind, err := message.Kind("kind", r.GetKind())
	if err != nil {
		return coupon.AuthoriseRequest{}, err
	}
	return coupon.AuthoriseRequest{
		Campaign: r.GetCampaign(), Version: r.GetVersion(),
		Emitter: r.GetEmitter(), Kind: kind, Quotas: r.GetQuotas(),
	}, nil
}

func statisticsResponse(s Statistics) *issuerv1.GetStatisticsResponse {
	response := &issuerv1.GetStatisticsResponse{Block: s.Block}
	for _, f := range s.Frameworks {
		response.Frameworks = append(response.Frameworks, &issuerv1.FrameworkStatistics{
			Framework: message.Framework(f.Framework), Redeemed: f.Redeemed, Voided: f.Voided, Value: f.Value,
		})
	}
	return response
}
