// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package central

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"ecoupon/chaincode/coupon"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// public is what a till sees of a reason that is not about its own request, and
// with which code: docs/errors.md has them, and a test compares.
type public struct {
	class coupon.Reason
	code  codes.Code
}

var (
	notValid         = public{"NOT_VALID", codes.FailedPrecondition}
	alreadyUsed      = public{"ALREADY_USED", codes.AlreadyExists}
	notForThisBasket = public{"NOT_FOR_THIS_BASKET", codes.FailedPrecondition}
	notNow           = public{"NOT_NOW", codes.FailedPrecondition}
	// own is for what tills see as it is.
	own = public{"", codes.InvalidArgument}
)

var classes = map[coupon.Reason]public{
	coupon.ReasonInvalidRequest:         own,
	coupon.ReasonUnsupportedVersion:     own,
	coupon.ReasonUnknownKind:            own,
	coupon.ReasonUnsupportedKind:        own,
	coupon.ReasonMalformedCoupon:        own,
	coupon.ReasonMalformedPresentation:  own,
	coupon.ReasonBadOwnerKey:            own,
	coupon.ReasonBadGTIN:                own,
	coupon.ReasonBadBasket:              own,
	coupon.ReasonDuplicateInBatch:       own,
	coupon.ReasonTooMany:                own,
	coupon.ReasonAmountOverflow:         own,
	coupon.ReasonRequestConflict:        {"", codes.AlreadyExists},
	coupon.ReasonUnknownFramework:       {notValid.class, codes.NotFound},
	coupon.ReasonWrongHolder:            notValid,
	coupon.ReasonUnknownLane:            notValid,
	coupon.ReasonQuotaExceeded:          notValid,
	coupon.ReasonWrongMAC:               notValid,
	coupon.ReasonPresentationRequired:   notValid,
	coupon.ReasonAudienceRequired:       notValid,
	coupon.ReasonWrongAudience:          notValid,
	coupon.ReasonPresentationFromFuture: notValid,
	coupon.ReasonPresentationExpired:    notValid,
	coupon.ReasonWrongSignature:         notValid,
	coupon.ReasonCampaignNotBegun:       notNow,
	coupon.ReasonCampaignOver:           notNow,
	coupon.ReasonAlreadyRedeemed:        alreadyUsed,
	coupon.ReasonInvoiceUsed:            alreadyUsed,
	coupon.ReasonNotInBasket:            notForThisBasket,
	coupon.ReasonMinimumSpendNotReached: notForThisBasket,
	coupon.ReasonCurrencyMismatch:       notForThisBasket,
}

// domain and prefix are those of the consortium's own services.
const domain, prefix = "ecoupon", "ERROR_REASON_"

// statusOf is the status for an error, as a till sees it.
func statusOf(err error) error {
	var several refusals
	var refused *coupon.Error
	switch {
	case errors.As(err, &several):
		list := new(typev1.RefusedCoupons)
		for _, r := range several {
			reason, _ := shown(r.Reason)
			list.Refused = append(list.Refused, &typev1.RefusedCoupon{
				Index: int32(r.Coupon), Reason: typev1.ErrorReason(typev1.ErrorReason_value[prefix+string(reason)]),
			})
		}
		return build(several[0].Reason, list)
	case errors.As(err, &refused):
		return build(refused.Reason)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return status.FromContextError(err).Err()
	default:
		return status.Error(codes.Unavailable, "the database cannot decide")
	}
}

func shown(reason coupon.Reason) (coupon.Reason, codes.Code) {
	class, found := classes[reason]
	switch {
	case !found:
		return coupon.ReasonInternal, codes.Internal
	case class.class == "":
		return reason, class.code
	default:
		return class.class, class.code
	}
}

func build(exact coupon.Reason, more ...protoadapt.MessageV1) error {
	reason, code := shown(exact)
	answer := status.New(code, string(reason))
	details := append([]protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: string(reason), Domain: domain}}, more...)
	if detailed, err := answer.WithDetails(details...); err == nil {
		answer = detailed
	}
	return answer.Err()
}
