// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
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

func frameworkID(text string) (id coupon.FrameworkID, err error) {
	if err := id.UnmarshalText([]byte(text)); err != nil {
		return id, coupon.Refuse(coupon.ReasonInvalidRequest, "framework_id", "a framework id is 32 lower-case hexadecimal digits")
	}
	return id, nil
}

// quotas is never nil: the ledger takes a list only.
func quotas(given []int64) []int64 { return append([]int64{}, given...) }

var mandateStatuses = map[coupon.MandateStatus]typev1.MandateStatus{
	coupon.MandateActive:    typev1.MandateStatus_MANDATE_STATUS_ACTIVE,
	coupon.MandateSuspended: typev1.MandateStatus_MANDATE_STATUS_SUSPENDED,
	coupon.MandateRevoked:   typev1.MandateStatus_MANDATE_STATUS_REVOKED,
}

func mandateMessage(m Mandate) *typev1.Framework {
	shown := message.Framework(m.Framework)
	shown.Status, shown.StatusTime = mandateStatuses[m.State.Status], message.Time(m.State.Since)
	shown.LastSns = m.State.LastSNs
	if m.State.Next != nil {
		shown.NextFrameworkId = m.State.Next.String()
	}
	return shown
}

func statisticsResponse(s Statistics) *issuerv1.GetStatisticsResponse {
	response := &issuerv1.GetStatisticsResponse{Block: s.Block}
	for _, f := range s.Frameworks {
		response.Frameworks = append(response.Frameworks, &issuerv1.FrameworkStatistics{
			Framework: mandateMessage(f.Mandate), Redeemed: f.Redeemed, Voided: f.Voided, Value: f.Value,
		})
	}
	return response
}
