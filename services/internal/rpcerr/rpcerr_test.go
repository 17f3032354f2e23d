// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package rpcerr_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"ecoupon/chaincode/coupon"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/rpcerr"
)

var classes = []coupon.Reason{
	rpcerr.NotValid, rpcerr.AlreadyUsed, rpcerr.NotForThisBasket, rpcerr.NotNow, rpcerr.TryAgain,
}

func TestEveryReasonIsInTheEnumerationAndNothingElse(t *testing.T) {
	t.Parallel()
	want := []string{"UNSPECIFIED"}
	for _, reason := range append(coupon.Reasons(), classes...) {
		want = append(want, string(reason))
	}
	slices.Sort(want)
	var got []string
	for name := range maps.Keys(typev1.ErrorReason_value) {
		got = append(got, strings.TrimPrefix(name, "ERROR_REASON_"))
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reasons and ErrorReason differ (-reasons +enumeration):\n%s", diff)
	}
}

func TestEveryReasonIsInTheTable(t *testing.T) {
	t.Parallel()
	internal := []coupon.Reason{
		coupon.ReasonInternal, coupon.ReasonTagMismatch, coupon.ReasonWrongPeer, coupon.ReasonUnknownFunction,
	}
	for _, reason := range coupon.Reasons() {
		if (rpcerr.CodeOf(reason) == codes.Internal) != slices.Contains(internal, reason) {
			t.Errorf("%s has code %s", reason, rpcerr.CodeOf(reason))
		}
		if public := rpcerr.Public(reason); public != reason && !slices.Contains(classes, public) {
			t.Errorf("%s is shown to tills as %s", reason, public)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	refused := coupon.Refuse(coupon.ReasonWrongMAC, "coupons[0]", "the emitter's MAC is wrong")
	malformed := coupon.Refuse(coupon.ReasonBadGTIN, "lines[2].gtin", "14 digits are needed")
	tests := []struct {
		name     string
		err      error
		public   bool
		code     codes.Code
		reason   string
		metadata map[string]string
		text     string
	}{
		{"exact", refused, false, codes.FailedPrecondition, "WRONG_MAC", map[string]string{"field": "coupons[0]"},
			"WRONG_MAC: coupons[0]: the emitter's MAC is wrong"},
		{"to a till", fmt.Errorf("redeeming: %w", refused), true, codes.FailedPrecondition, "NOT_VALID", nil,
			"the coupon is not valid"},
		{"about the till's request", malformed, true, codes.InvalidArgument, "BAD_GTIN",
			map[string]string{"field": "lines[2].gtin"}, "BAD_GTIN: lines[2].gtin: 14 digits are needed"},
		{"unknown outcome", &ledger.UnknownOutcome{TransactionID: "ab", Err: ledger.ErrUnavailable}, true,
			codes.Unavailable, "OUTCOME_UNKNOWN", map[string]string{"transaction_id": "ab"},
			"the outcome is not known yet; send the same request again"},
		{"conflict", fmt.Errorf("x: %w", ledger.ErrConflict), false, codes.Aborted, "TRY_AGAIN", nil,
			"other requests were faster; send the same request again"},
		{"invalid for conflict", &ledger.Invalid{TransactionID: "a", Code: "MVCC_READ_CONFLICT"}, false,
			codes.Aborted, "TRY_AGAIN", nil, "other requests were faster; send the same request again"},
		{"invalid", &ledger.Invalid{TransactionID: "a", Code: "ENDORSEMENT_POLICY_FAILURE"}, false,
			codes.Internal, "INTERNAL", nil, "the service itself is at fault; its log says how"},
		{"ledger away", fmt.Errorf("%w: %w", ledger.ErrUnavailable, context.DeadlineExceeded), false,
			codes.Unavailable, "LEDGER_UNAVAILABLE", nil, "LEDGER_UNAVAILABLE: the ledger is not available"},
		{"deadline", context.DeadlineExceeded, false, codes.DeadlineExceeded, "TRY_AGAIN", nil,
			"the time for the request is over"},
		{"anything else", errors.New("open /secret: no such file"), false, codes.Internal, "INTERNAL", nil,
			"the service itself is at fault; its log says how"},
		{"a fault, to a till", errors.New("open /secret"), true, codes.Unavailable, "TRY_AGAIN", nil,
			"send the same request again"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := rpcerr.Status(test.err, test.public)
			if got.Code() != test.code || got.Message() != test.text {
				t.Errorf("got %s %q, want %s %q", got.Code(), got.Message(), test.code, test.text)
			}
			want := &errdetails.ErrorInfo{Reason: test.reason, Domain: rpcerr.Domain, Metadata: test.metadata}
			if diff := cmp.Diff([]any{want}, got.Details(), protocmp.Transform()); diff != "" {
				t.Errorf("details differ (-want +got):\n%s", diff)
			}
		})
	}
	if rpcerr.Status(nil, false) != nil || status.Code(rpcerr.Status(nil, false).Err()) != codes.OK {
		t.Error("no error is not OK")
	}
}

func TestStatusOfBatchListsEveryRefusal(t *testing.T) {
	t.Parallel()
	err := &ledger.BatchRefusal{Refusals: []coupon.Refusal{
		{Coupon: 1, Reason: coupon.ReasonAlreadyRedeemed, Detail: "spent an hour ago"},
		{Coupon: 3, Reason: coupon.ReasonWrongMAC},
	}}
	tests := []struct {
		name   string
		public bool
		want   []*typev1.RefusedCoupon
		reason string
	}{
		{"exact", false, []*typev1.RefusedCoupon{
			{Index: 1, Reason: typev1.ErrorReason_ERROR_REASON_ALREADY_REDEEMED, Detail: "spent an hour ago"},
			{Index: 3, Reason: typev1.ErrorReason_ERROR_REASON_WRONG_MAC},
		}, "ALREADY_REDEEMED"},
		{"to a till", true, []*typev1.RefusedCoupon{
			{Index: 1, Reason: typev1.ErrorReason_ERROR_REASON_ALREADY_USED, Detail: "the coupon was already used"},
			{Index: 3, Reason: typev1.ErrorReason_ERROR_REASON_NOT_VALID, Detail: "the coupon is not valid"},
		}, "ALREADY_USED"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := rpcerr.Status(err, test.public)
			want := []any{
				&errdetails.ErrorInfo{Reason: test.reason, Domain: rpcerr.Domain},
				&typev1.RefusedCoupons{Refused: test.want},
			}
			if diff := cmp.Diff(want, got.Details(), protocmp.Transform()); diff != "" {
				t.Errorf("details differ (-want +got):\n%s", diff)
			}
			if got.Code() != codes.AlreadyExists {
				t.Errorf("code %s", got.Code())
			}
		})
	}
}
