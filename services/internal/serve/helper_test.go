// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// patience bounds every wait of these tests.
const patience = 10 * time.Second

const (
	healthCheck = "grpc.health.v1.Health/Check"
	reflection  = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
)

// handlers is a retailer's API of which a test gives the methods that it needs.
type handlers struct {
	retailerv1.UnimplementedRetailerServiceServer

	verify func(ctx context.Context) error
	redeem func(ctx context.Context) error
}

func (h *handlers) Verify(ctx context.Context, _ *retailerv1.VerifyRequest) (*retailerv1.VerifyResponse, error) {
	if h.verify == nil {
		return &retailerv1.VerifyResponse{}, nil
	}
	return &retailerv1.VerifyResponse{}, h.verify(ctx)
}

func (h *handlers) Redeem(ctx context.Context, _ *retailerv1.RedeemRequest) (*retailerv1.RedeemResponse, error) {
	if h.redeem == nil {
		return &retailerv1.RedeemResponse{}, nil
	}
	return &retailerv1.RedeemResponse{}, h.redeem(ctx)
}

func allow(extra map[string][]string) map[string][]string {
	list := map[string][]string{
		"Verify":    {"till@own", "operator@own"},
		"Redeem":    {"till@own"},
		"Claim":     {"service@issuer"},
		healthCheck: {"*@any"},
		reflection:  {"*@own"},
	}
	maps.Copy(list, extra)
	return list
}

func options(h *handlers) serve.Options {
	return serve.Options{
		Config:   serve.Config{Allow: allow(nil)},
		Register: func(to grpc.ServiceRegistrar) { retailerv1.RegisterRetailerServiceServer(to, h) },
	}
}

// client serves the options and returns a till's client.
func client(t *testing.T, o serve.Options) (*servetest.Service, retailerv1.RetailerServiceClient) {
	t.Helper()
	consortium := servetest.New(t, servetest.Default()...)
	service := consortium.Serve(t, servetest.RetailerMSP, o)
	till := consortium.Caller(t, servetest.RetailerMSP, serve.RoleTill)
	return service, retailerv1.NewRetailerServiceClient(service.Dial(t, till))
}

// reason is that of the error's ErrorInfo, empty if there is none.
func reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

func get(t *testing.T, with *http.Client, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := with.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("in vain: %s", what)
		}
	}
}
