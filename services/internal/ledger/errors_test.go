// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
)

// answered is an error of the gateway with endorsers' messages, each after its MSP id.
func answered(t *testing.T, code codes.Code, messages ...string) error {
	t.Helper()
	answer := status.New(code, "failed to collect enough transaction endorsements, see attached details for more info")
	for i := 0; i < len(messages); i += 2 {
		var err error
		answer, err = answer.WithDetails(&gateway.ErrorDetail{MspId: messages[i], Message: messages[i+1]})
		if err != nil {
			t.Fatal(err)
		}
	}
	return answer.Err()
}

func TestClassifyRefusals(t *testing.T) {
	t.Parallel()
	const issuer, retailer = "IssuerMSP", "RetailerMSP"
	tests := []struct {
		name string
		err  error
		want *coupon.Error
	}{
		{
			"whatever the code", answered(t, codes.Unknown, issuer, "chaincode response 500, TICK_STALE"),
			&coupon.Error{Reason: coupon.ReasonTickStale},
		},
		{
			"with field and detail", answered(t, codes.Aborted, issuer, "chaincode response 500, BAD_GTIN: lines[0].gtin: a digit is wrong: 3"),
			&coupon.Error{Reason: coupon.ReasonBadGTIN, Field: "lines[0].gtin", Detail: "a digit is wrong: 3"},
		},
		{
			"the issuer's before others", answered(t, codes.Aborted,
				"AdvertiserMSP", "chaincode response 500, NOT_FOUND: no such", issuer, "chaincode response 500, WRONG_MAC"),
			&coupon.Error{Reason: coupon.ReasonWrongMAC},
		},
		{
			"a refusal before an endorser that is away", answered(t, codes.Aborted,
				issuer, "connection refused", retailer, "chaincode response 500, INVOICE_USED"),
			&coupon.Error{Reason: coupon.ReasonInvoiceUsed},
		},
		{
			"a batch whose list cannot be read", answered(t, codes.Aborted, issuer, "chaincode response 500, BATCH_REFUSED: [{"),
			&coupon.Error{Reason: coupon.ReasonBatchRefused, Detail: "[{"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got *coupon.Error
			if !errors.As(classify(issuer, test.err), &got) {
				t.Fatalf("got %v", classify(issuer, test.err))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClassifyWhatIsNoRefusal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                  string
		err                   error
		unavailable, conflict bool
	}{
		{"results differ", answered(t, codes.Aborted, "RetailerMSP", "ProposalResponsePayloads do not match"), false, true},
		{"an endorser is away", answered(t, codes.Aborted, "IssuerMSP", "rpc error: code = Unavailable desc = refused"), true, false},
		{"the gateway is away", status.Error(codes.Unavailable, "connection refused"), true, false},
		{"too slow", status.Error(codes.DeadlineExceeded, "endorsement timeout expired"), true, false},
		{"too busy", status.Error(codes.Unknown, "too many requests for /gateway.Gateway"), true, false},
		{"no endorser is known yet", status.Error(codes.FailedPrecondition, "no peers available"), true, false},
		{"the contract fails without a reason", answered(t, codes.Aborted, "IssuerMSP", "chaincode response 500, oops"), false, false},
		{"a reason inside the text is none", answered(t, codes.Aborted, "IssuerMSP", "chaincode response 500, x WRONG_MAC: y"), false, false},
		{"access denied", status.Error(codes.PermissionDenied, "access denied"), false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := classify("IssuerMSP", test.err)
			if _, refused := coupon.ReasonOf(got); refused {
				t.Errorf("a refusal: %v", got)
			}
			if errors.Is(got, ErrUnavailable) != test.unavailable || errors.Is(got, ErrConflict) != test.conflict {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestClassifyJoinsTheListsOfRefusedCoupons(t *testing.T) {
	t.Parallel()
	err := classify("IssuerMSP", answered(t, codes.Aborted,
		"RetailerMSP", `chaincode response 500, BATCH_REFUSED: [{"redemption":1,"coupon":0,"reason":"ALREADY_REDEEMED"},{"redemption":0,"coupon":-1,"reason":"INVOICE_USED"}]`,
		"IssuerMSP", `chaincode response 500, BATCH_REFUSED: [{"redemption":1,"coupon":0,"reason":"WRONG_MAC","detail":"no: not at all"}]`))
	var got *BatchRefusal
	if !errors.As(err, &got) {
		t.Fatalf("got %v", err)
	}
	want := []coupon.Refusal{
		{Redemption: 0, Coupon: -1, Reason: coupon.ReasonInvoiceUsed},
		{Redemption: 1, Coupon: 0, Reason: coupon.ReasonWrongMAC, Detail: "no: not at all"},
	}
	if diff := cmp.Diff(want, got.Refusals); diff != "" {
		t.Error(diff)
	}
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonBatchRefused {
		t.Errorf("as a refusal it is %s", reason)
	}
	// Of a batch the others go on.
	if lagging(Call{RetryOn: []coupon.Reason{coupon.ReasonInvoiceUsed}}, err) {
		t.Error("a batch waits because of one of its entries")
	}
}

func TestInvalidIsAConflictOnlyForReads(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"MVCC_READ_CONFLICT": true, "PHANTOM_READ_CONFLICT": true, "ENDORSEMENT_POLICY_FAILURE": false, "": false,
	} {
		if got := errors.Is(&Invalid{Code: code}, ErrConflict); got != want {
			t.Errorf("%s: %t", code, got)
		}
	}
}
