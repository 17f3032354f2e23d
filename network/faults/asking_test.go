// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"ecoupon/network/faults/history"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

func sale(at *shop, minor int64) *sold {
	return &sold{
		shop: at, coupons: []serial{{sn: 1}},
		answer: &retailerv1.Redemption{Total: &typev1.Money{Currency: "EUR", Minor: minor}},
	}
}

// toldStatus makes the status of a call as services do.
func toldStatus(t *testing.T, code codes.Code, details ...protoadapt.MessageV1) error {
	t.Helper()
	s, err := status.New(code, "").WithDetails(details...)
	if err != nil {
		t.Fatal(err)
	}
	return s.Err()
}

func TestOutcomesOfAnswers(t *testing.T) {
	t.Parallel()
	reason := func(r string) protoadapt.MessageV1 { return &errdetails.ErrorInfo{Reason: r} }
	secondUsed := &typev1.RefusedCoupons{Refused: []*typev1.RefusedCoupon{{Index: 1, Reason: typev1.ErrorReason_ERROR_REASON_ALREADY_REDEEMED}}}
	for name, tt := range map[string]struct {
		err           error
		first, second history.Outcome
	}{
		"accepted":            {nil, history.Done, history.Done},
		"no answer":           {toldStatus(t, codes.DeadlineExceeded), history.Unknown, history.Unknown},
		"no time":             {toldStatus(t, codes.DeadlineExceeded, reason("TRY_AGAIN")), history.Unknown, history.Unknown},
		"given up":            {toldStatus(t, codes.Canceled), history.Unknown, history.Unknown},
		"connection lost":     {toldStatus(t, codes.Unavailable), history.Unknown, history.Unknown},
		"outcome unknown":     {toldStatus(t, codes.Unavailable, reason("OUTCOME_UNKNOWN")), history.Unknown, history.Unknown},
		"ledger away":         {toldStatus(t, codes.Unavailable, reason("LEDGER_UNAVAILABLE")), history.NotNow, history.NotNow},
		"conflict":            {toldStatus(t, codes.Aborted, reason("TRY_AGAIN")), history.NotNow, history.NotNow},
		"fault of a service":  {toldStatus(t, codes.Internal, reason("INTERNAL")), history.NotNow, history.NotNow},
		"second coupon spent": {toldStatus(t, codes.AlreadyExists, reason("ALREADY_REDEEMED"), secondUsed), history.Refused, history.Used},
		"invoice used":        {toldStatus(t, codes.AlreadyExists, reason("INVOICE_USED")), history.Refused, history.Refused},
		"voided":              {toldStatus(t, codes.FailedPrecondition, reason("VOIDED")), history.Voided, history.Voided},
		"claimed":             {toldStatus(t, codes.AlreadyExists, reason("ALREADY_CLAIMED")), history.Refused, history.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if first, second := outcomeOf(tt.err, 0), outcomeOf(tt.err, 1); first != tt.first || second != tt.second {
				t.Errorf("%d and %d, want %d and %d", first, second, tt.first, tt.second)
			}
		})
	}
}

// Calls are recorded where the coupon was used first, whatever is open then.
func TestCallsAreRecordedByCoupon(t *testing.T) {
	t.Parallel()
	b := newBook()
	first := b.open()
	one, two := serial{sn: 1}, serial{sn: 2}
	b.record([]serial{one}, history.Operation{Kind: history.Redeem, Request: b.nextNumber()}, nil)
	second := b.open()
	b.record([]serial{one, two}, history.Operation{Kind: history.Redeem, Request: b.nextNumber(), Call: time.Millisecond}, nil)
	if n, m := len(first.Operations()), len(second.Operations()); n != 2 || m != 1 {
		t.Fatalf("%d and %d operations, want 2 and 1", n, m)
	}
	if b.done() != 2 {
		t.Errorf("%d calls, want 2", b.done())
	}
	if r := history.Check(first.Operations()); len(r.Wrong) != 1 {
		t.Errorf("a coupon that was spent twice is not found: %+v", r)
	}
}
