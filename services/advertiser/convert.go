// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/internal/message"
)

func offersResponse(found OfferPage) *advertiserv1.ListOffersResponse {
	response := &advertiserv1.ListOffersResponse{NextPageToken: found.Next}
	for _, o := range found.Offers {
		response.Offers = append(response.Offers, &advertiserv1.Offer{
			Campaign: message.Campaign(o.Campaign), Framework: message.Framework(o.Framework),
		})
	}
	return response
}

func issueRequest(r *advertiserv1.IssueCouponRequest) (IssueRequest, error) {
	request := IssueRequest{ID: r.GetRequestId(), Owner: r.GetOwner()}
	if err := request.Framework.UnmarshalText([]byte(r.GetFrameworkId())); err != nil {
		return IssueRequest{}, coupon.Refuse(coupon.ReasonInvalidRequest, "framework_id", "a framework id is 32 lower-case hexadecimal digits")
	}
	return request, nil
}
