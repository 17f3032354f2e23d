// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package rpcerr_test

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/rpcerr"
)

// TestReadIsTheInverseOfStatus, but for the texts of what a service has to keep
// to itself.
func TestReadIsTheInverseOfStatus(t *testing.T) {
	t.Parallel()
	for _, reason := range coupon.Reasons() {
		made := coupon.Refuse(reason, "product_id", "is wrong")
		var got *coupon.Error
		if !errors.As(rpcerr.Read(rpcerr.Status(made, false).Err()), &got) {
			t.Errorf("%s is read as no refusal", reason)
			continue
		}
		if want := rpcerr.CodeOf(reason) == codes.Internal; got.Reason != reason || (*got != *made) != want {
			t.Errorf("%v is read as %v", made, got)
		}
	}
}

func TestReadOfWhatIsNoRefusal(t *testing.T) {
	t.Parallel()
	if err := rpcerr.Read(nil); err != nil {
		t.Errorf("nil is read as %v", err)
	}
	plain := errors.New("plain")
	for _, test := range []struct{ err, want error }{
		{status.Error(codes.Unavailable, "connection refused"), ledger.ErrUnavailable},
		{status.Error(codes.ResourceExhausted, "too many"), ledger.ErrUnavailable},
		{status.Error(codes.DeadlineExceeded, "late"), context.DeadlineExceeded},
		{status.Error(codes.Canceled, "gone"), context.Canceled},
		{plain, plain},
	} {
		got := rpcerr.Read(test.err)
		if _, refused := coupon.ReasonOf(got); refused || !errors.Is(got, test.want) {
			t.Errorf("%v is read as %v", test.err, got)
		}
	}
}
