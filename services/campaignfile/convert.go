// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package campaignfile

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// Request returns the request that publishes the campaign.
func Request(c coupon.Campaign, requestID string) *issuerv1.PublishCampaignRequest {
	return &issuerv1.PublishCampaignRequest{RequestId: requestID, Campaign: &typev1.Campaign{
		Campaign:        c.ID,
		Version:         c.Version,
		Product:         c.Product,
		Offer:           c.Offer,
		Terms:           c.Terms,
		Kinds:           kinds(c.Kinds),
		Holder:          holder(c.Holder),
		BeginTime:       timestamppb.New(time.UnixMilli(c.Begin)),
		EndTime:         timestamppb.New(time.UnixMilli(c.End)),
		AudienceWaived:  c.AudienceWaived,
		InvoiceRequired: c.InvoiceRequired,
		MaxFrameAge:     frameAge(c.MaxFrameAge),
		MaxTransfers:    c.MaxTransfers,

		AttestationRequired: c.AttestationRequired,
	}}
}

func kinds(list []coupon.Kind) []typev1.Kind {
	converted := make([]typev1.Kind, len(list))
	for i, kind := range list {
		switch kind {
		case coupon.KindStatic:
			converted[i] = typev1.Kind_KIND_STATIC
		case coupon.KindDynamic:
			converted[i] = typev1.Kind_KIND_DYNAMIC
		case coupon.KindProof:
			converted[i] = typev1.Kind_KIND_PROOF
		}
	}
	return converted
}

func frameAge(milliseconds int64) *durationpb.Duration {
	if milliseconds == 0 {
		return nil
	}
	return durationpb.New(time.Duration(milliseconds) * time.Millisecond)
}

func holder(h coupon.Holder) typev1.Holder {
	if h == coupon.HolderBound {
		return typev1.Holder_HOLDER_BOUND
	}
	return typev1.Holder_HOLDER_BEARER
}
