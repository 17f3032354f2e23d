// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing_test

import (
	"crypto/ed25519"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
)

func publicKey(t *testing.T) string {
	t.Helper()
	return keyText(campaigntest.Wallet(t))
}

// registration asks for keys that are always good.
func registration(issuer string, keys ...string) *clearingv1.RegisterInstituteRequest {
	r := &clearingv1.RegisterInstituteRequest{RequestId: uuid.NewString(), Issuer: issuer, Institute: "Girobank"}
	for _, key := range keys {
		r.Keys = append(r.Keys, &clearingv1.InstituteKey{Key: key})
	}
	return r
}

func (w *world) register(t *testing.T, r *clearingv1.RegisterInstituteRequest) *clearingv1.Institute {
	t.Helper()
	response, err := w.operator.RegisterInstitute(t.Context(), r)
	if err != nil {
		t.Fatalf("registering: %v", err)
	}
	return response.GetInstitute()
}

func TestRegisterInstitute(t *testing.T) {
	t.Parallel()
	w := open(t, ledger.Config{})
	first, second := publicKey(t), publicKey(t)
	request := registration(issuerA, first)
	request.Keys[0].FromTime = timestamppb.New(time.UnixMilli(1_900_000_000_000))
	request.Keys[0].UntilTime = timestamppb.New(time.UnixMilli(1_900_000_000_001))
	want := &clearingv1.Institute{Issuer: issuerA, Institute: "Girobank", Keys: request.GetKeys()}
	if diff := cmp.Diff(want, w.register(t, request), protocmp.Transform()); diff != "" {
		t.Errorf("registered (-want +got):\n%s", diff)
	}
	get := func(issuer, institute string) (*clearingv1.Institute, error) {
		response, err := w.operator.GetInstitute(t.Context(), &clearingv1.GetInstituteRequest{Issuer: issuer, Institute: institute})
		return response.GetInstitute(), err
	}
	if got, err := get(issuerA, "Girobank"); err != nil || cmp.Diff(want, got, protocmp.Transform()) != "" {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
	_, err := get(issuerB, "Girobank")
	wantRefusal(t, err, codes.NotFound, "NOT_FOUND")
	_, err = get("NobodyMSP", "Girobank")
	wantRefusal(t, err, codes.InvalidArgument, "INVALID_REQUEST")

	// Others follow, and a repeat of the first request does not bring it back,
	// whether or not the store remembers it.
	w.register(t, registration(issuerA, second))
	w.restart(t, filepath.Join(t.TempDir(), "empty.db"))
	want = registered(registration(issuerA, second))
	if diff := cmp.Diff(want, w.register(t, request), protocmp.Transform()); diff != "" {
		t.Errorf("after a repeat (-want +got):\n%s", diff)
	}
	// The same keys are there already; withdrawn there are none.
	if diff := cmp.Diff(want, w.register(t, registration(issuerA, second)), protocmp.Transform()); diff != "" {
		t.Errorf("the same again (-want +got):\n%s", diff)
	}
	want.Keys = nil
	if diff := cmp.Diff(want, w.register(t, registration(issuerA)), protocmp.Transform()); diff != "" {
		t.Errorf("withdrawn (-want +got):\n%s", diff)
	}
}

func registered(r *clearingv1.RegisterInstituteRequest) *clearingv1.Institute {
	return &clearingv1.Institute{Issuer: r.GetIssuer(), Institute: r.GetInstitute(), Keys: r.GetKeys()}
}

func TestRegisterInstituteRefuses(t *testing.T) {
	t.Parallel()
	w := open(t, ledger.Config{})
	key := publicKey(t)
	used := registration(issuerA, key)
	w.register(t, used)
	for _, test := range []struct {
		name   string
		change func(r *clearingv1.RegisterInstituteRequest)
		code   codes.Code
		reason string
	}{
		{"a request id that can be guessed", func(r *clearingv1.RegisterInstituteRequest) { r.RequestId = "1" }, codes.InvalidArgument, "INVALID_REQUEST"},
		{"the id of another request", func(r *clearingv1.RegisterInstituteRequest) { r.RequestId = used.GetRequestId() }, codes.AlreadyExists, "REQUEST_CONFLICT"},
		{"an unknown issuer", func(r *clearingv1.RegisterInstituteRequest) { r.Issuer = shopA }, codes.InvalidArgument, "INVALID_REQUEST"},
		{"no name", func(r *clearingv1.RegisterInstituteRequest) { r.Institute = "" }, codes.InvalidArgument, "INVALID_REQUEST"},
		{"a key in capitals", func(r *clearingv1.RegisterInstituteRequest) { r.Keys[0].Key = strings.Repeat("AB", 32) }, codes.InvalidArgument, "INVALID_REQUEST"},
		{"a key of zeros", func(r *clearingv1.RegisterInstituteRequest) { r.Keys[0].Key = strings.Repeat("00", 32) }, codes.InvalidArgument, "BAD_INSTITUTE_KEY"},
		{"a key twice", func(r *clearingv1.RegisterInstituteRequest) { r.Keys = append(r.Keys, r.Keys[0]) }, codes.InvalidArgument, "BAD_INSTITUTE_KEY"},
		{"too many keys", func(r *clearingv1.RegisterInstituteRequest) {
			for range 16 {
				r.Keys = append(r.Keys, &clearingv1.InstituteKey{Key: publicKey(t)})
			}
		}, codes.InvalidArgument, "TOO_MANY"},
		{"a time before 1970", func(r *clearingv1.RegisterInstituteRequest) {
			r.Keys[0].FromTime = timestamppb.New(time.Unix(-1, 0))
		}, codes.InvalidArgument, "INVALID_REQUEST"},
		{"an end before the beginning", func(r *clearingv1.RegisterInstituteRequest) {
			r.Keys[0].FromTime, r.Keys[0].UntilTime = timestamppb.New(time.Unix(5, 0)), timestamppb.New(time.Unix(4, 0))
		}, codes.InvalidArgument, "INVALID_REQUEST"},
		{"withdrawal of what was never there", func(r *clearingv1.RegisterInstituteRequest) { r.Institute, r.Keys = "Freebank", nil }, codes.NotFound, "NOT_FOUND"},
	} {
		r := registration(issuerA, publicKey(t))
		test.change(r)
		_, err := w.operator.RegisterInstitute(t.Context(), r)
		t.Log(test.name)
		wantRefusal(t, err, test.code, test.reason)
	}
	response, err := w.operator.GetInstitute(t.Context(), &clearingv1.GetInstituteRequest{Issuer: issuerA, Institute: "Girobank"})
	if err != nil || len(response.GetInstitute().GetKeys()) != 1 || response.GetInstitute().GetKeys()[0].GetKey() != key {
		t.Errorf("after all that: %v (%v), want the key %s alone", response, err, key)
	}
}

// TestRegistrationInDoubt: the answer is lost; the same request gets the truth.
func TestRegistrationInDoubt(t *testing.T) {
	t.Parallel()
	w := open(t, ledgertest.Impatient)
	request := registration(issuerA, publicKey(t))
	w.FailBefore(house, ledgertest.StepStatus, 1_000, ledgertest.ErrPeerAway)
	_, err := w.operator.RegisterInstitute(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "OUTCOME_UNKNOWN")
	w.Heal()
	if diff := cmp.Diff(registered(request), w.register(t, request), protocmp.Transform()); diff != "" {
		t.Errorf("asked again (-want +got):\n%s", diff)
	}
}

func keyText(key ed25519.PrivateKey) string {
	return coupon.PublicKey(key.Public().(ed25519.PublicKey)).String()
}
