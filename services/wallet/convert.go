// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet

import (
	"crypto/sha256"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// offerOf reads an offer. The mandate is made of what is shown of the campaign,
// so that a framework id of anything else does not agree with it.
func offerOf(shown *advertiserv1.Offer) (Offer, error) {
	campaign, framework := shown.GetCampaign(), shown.GetFramework()
	offer := Offer{
		Mandate: coupon.Mandate{
			Issuer: campaign.GetIssuer(), Emitter: framework.GetEmitter(),
			Product: campaign.GetProduct(), Offer: campaign.GetOffer(),
			Campaign: campaign.GetCampaign(), Version: campaign.GetVersion(),
			Kind: kindOf(framework.GetKind()), Epoch: framework.GetEpoch(),
			TermsSHA256: coupon.Hash(sha256.Sum256([]byte(campaign.GetTerms()))),
		},
		Terms:           campaign.GetTerms(),
		Holder:          holderOf(campaign.GetHolder()),
		Begin:           campaign.GetBeginTime().AsTime().UnixMilli(),
		End:             campaign.GetEndTime().AsTime().UnixMilli(),
		AudienceWaived:  campaign.GetAudienceWaived(),
		InvoiceRequired: campaign.GetInvoiceRequired(),
		MaxTransfers:    campaign.GetMaxTransfers(),
	}
	return offer, offer.Framework.UnmarshalText([]byte(framework.GetFrameworkId()))
}

// kindOf is empty for kinds that this release does not know; Offer.Check
// refuses those.
func kindOf(kind typev1.Kind) coupon.Kind {
	switch kind {
	case typev1.Kind_KIND_STATIC:
		return coupon.KindStatic
	case typev1.Kind_KIND_DYNAMIC:
		return coupon.KindDynamic
	case typev1.Kind_KIND_PROOF:
		return coupon.KindProof
	default:
		return ""
	}
}

func holderOf(holder typev1.Holder) coupon.Holder {
	switch holder {
	case typev1.Holder_HOLDER_BEARER:
		return coupon.HolderBearer
	case typev1.Holder_HOLDER_BOUND:
		return coupon.HolderBound
	default:
		return ""
	}
}
