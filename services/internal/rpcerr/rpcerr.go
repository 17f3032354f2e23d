// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package rpcerr makes gRPC statuses of errors, and nothing else in the services does: one table from reasons to
// codes, so that what callers see can be read in one place.
//
// Services, operators and auditors get the exact reason. A till gets its public class, so that somebody who tries out
// coupons at a counter learns no more from the answer than whether it was accepted: why a coupon is not valid is
// for those who run the campaign. Reasons that concern the till's own request are shown to it as they are.
package rpcerr

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"ecoupon/chaincode/coupon"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/ledger"
)

// What stands in every ErrorInfo: the domain, and the keys of its metadata for the offending field and for the
// transaction whose outcome is unknown.
const (
	Domain         = "ecoupon"
	FieldKey       = "field"
	TransactionKey = "transaction_id"
)

const (
	internalText = "the service itself is at fault; its log says how"
	enumPrefix   = "ERROR_REASON_"
)

// Status returns the status for err: nil for nil, and for errors that are not one of coupon's or ledger's, Internal
// with a fixed text. To the public, reasons are classes and details are fixed texts.
func Status(err error, public bool) *status.Status {
	if err == nil {
		return nil
	}
	var unknown *ledger.UnknownOutcome
	var batch *ledger.BatchRefusal
	var refused *coupon.Error
	switch {
	case errors.As(err, &unknown):
		text := "the outcome is not known yet; send the same request again"
		return build(codes.Unavailable, coupon.ReasonOutcomeUnknown, text, map[string]string{TransactionKey: unknown.TransactionID})
	case errors.As(err, &batch) && len(batch.Refusals) > 0:
		return ofBatch(batch, public)
	case errors.As(err, &refused):
		return ofRefusal(refused, public)
	case errors.Is(err, ledger.ErrConflict):
		return build(codes.Aborted, TryAgain, "other requests were faster; send the same request again", nil)
	case errors.Is(err, ledger.ErrUnavailable):
		return ofRefusal(&coupon.Error{Reason: coupon.ReasonLedgerUnavailable, Detail: "the ledger is not available"}, public)
	case errors.Is(err, context.DeadlineExceeded):
		return build(codes.DeadlineExceeded, TryAgain, "the time for the request is over", nil)
	case errors.Is(err, context.Canceled), status.Code(err) == codes.Canceled:
		return build(codes.Canceled, TryAgain, "the request was given up", nil)
	default:
		return ofRefusal(&coupon.Error{Reason: coupon.ReasonInternal}, public)
	}
}

func ofRefusal(refused *coupon.Error, public bool) *status.Status {
	reason, text, metadata := refused.Reason, refused.Error(), map[string]string(nil)
	if refused.Field != "" {
		metadata = map[string]string{FieldKey: refused.Field}
	}
	if CodeOf(reason) == codes.Internal {
		text, metadata = internalText, nil
	}
	if class := Public(reason); public && class != reason {
		reason, text, metadata = class, classes[class].text, nil
	}
	return build(CodeOf(reason), reason, text, metadata)
}

// ofBatch has the reason of the first refusal, and the whole list in a detail.
func ofBatch(batch *ledger.BatchRefusal, public bool) *status.Status {
	first := batch.Refusals[0]
	answer := ofRefusal(&coupon.Error{Reason: first.Reason, Field: first.Field, Detail: first.Detail}, public)
	list := new(typev1.RefusedCoupons)
	for _, refusal := range batch.Refusals {
		list.Refused = append(list.Refused, Refused(refusal, public))
	}
	return with(answer, list)
}

// ReasonOf is the exact reason that Status gives err, or the class where it has no reason; empty for nil.
func ReasonOf(err error) coupon.Reason {
	for _, detail := range Status(err, false).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return coupon.Reason(info.GetReason())
		}
	}
	return ""
}

// Refused is one refusal as it is listed in answers.
func Refused(refusal coupon.Refusal, public bool) *typev1.RefusedCoupon {
	reason, detail := refusal.Reason, refusal.Detail
	if class := Public(reason); public && class != reason {
		reason, detail = class, classes[class].text
	}
	return &typev1.RefusedCoupon{Index: int32(refusal.Coupon), Reason: Enum(reason), Detail: detail}
}

// Enum is the reason or class as the APIs' enumeration has it.
func Enum(reason coupon.Reason) typev1.ErrorReason {
	return typev1.ErrorReason(typev1.ErrorReason_value[enumPrefix+string(reason)])
}

func build(code codes.Code, reason coupon.Reason, text string, metadata map[string]string) *status.Status {
	return with(status.New(code, text), &errdetails.ErrorInfo{Reason: string(reason), Domain: Domain, Metadata: metadata})
}

// with returns the status as it was if the detail cannot be attached: the code still holds.
func with(answer *status.Status, detail protoadapt.MessageV1) *status.Status {
	if detailed, err := answer.WithDetails(detail); err == nil {
		return detailed
	}
	return answer
}
