// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package rpcerr

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
)

// Read makes of a status that another service of the consortium answered the error that it was made of, as far as that
// can be told: a refusal with its reason, or ledger.ErrUnavailable where no answer came. It returns nil for nil.
func Read(err error) error {
	if err == nil {
		return nil
	}
	answer := status.Convert(err)
	for _, detail := range answer.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == Domain {
			if refused := refusalIn(coupon.Reason(info.GetReason()), info, answer.Message()); refused != nil {
				return refused
			}
		}
	}
	switch answer.Code() {
	case codes.Unavailable, codes.ResourceExhausted:
		return fmt.Errorf("%w: %s", ledger.ErrUnavailable, answer.Message())
	case codes.DeadlineExceeded:
		return fmt.Errorf("%w: %s", context.DeadlineExceeded, answer.Message())
	case codes.Canceled:
		return fmt.Errorf("%w: %s", context.Canceled, answer.Message())
	default:
		return err
	}
}

// refusalIn is nil for what is not one of the reasons.
func refusalIn(reason coupon.Reason, info *errdetails.ErrorInfo, text string) error {
	if !slices.Contains(coupon.Reasons(), reason) {
		return nil
	}
	refused := &coupon.Error{Reason: reason, Field: info.GetMetadata()[FieldKey], Detail: text}
	if parsed, ok := coupon.ParseError(text); ok && parsed.Reason == reason {
		refused.Detail = parsed.Detail
	}
	return refused
}
