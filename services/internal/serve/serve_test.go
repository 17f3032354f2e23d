// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

func TestRefusalsAreExactToOperatorsAndClassesToTills(t *testing.T) {
	t.Parallel()
	consortium := servetest.New(t, servetest.Default()...)
	service := consortium.Serve(t, servetest.RetailerMSP, options(&handlers{verify: func(context.Context) error {
		return coupon.Refuse(coupon.ReasonWrongMAC, "", "the emitter's MAC is wrong")
	}}))
	for role, want := range map[string]string{serve.RoleTill: "NOT_VALID", serve.RoleOperator: "WRONG_MAC"} {
		err := calls["Verify"](t.Context(), service.Dial(t, consortium.Caller(t, servetest.RetailerMSP, role)))
		if status.Code(err) != codes.FailedPrecondition || reason(err) != want {
			t.Errorf("%s: got %v, reason %q", role, err, reason(err))
		}
		if exact := strings.Contains(err.Error(), "MAC"); exact != (role == serve.RoleOperator) {
			t.Errorf("%s is told %v", role, err)
		}
	}
}

func TestAPanicIsTheServicesFaultAndNotItsEnd(t *testing.T) {
	t.Parallel()
	_, till := client(t, options(&handlers{verify: func(context.Context) error { panic("a secret") }}))
	_, err := till.Verify(t.Context(), &retailerv1.VerifyRequest{})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	if _, err := till.Redeem(t.Context(), &retailerv1.RedeemRequest{}); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestTheHandlersDeadlineIsBeforeTheClients(t *testing.T) {
	t.Parallel()
	deadlines := make(chan time.Time, 1)
	o := options(&handlers{verify: func(ctx context.Context) error {
		deadline, _ := ctx.Deadline()
		deadlines <- deadline
		return nil
	}})
	o.Config.RequestTimeout = config.Duration(time.Minute)
	o.Config.DeadlineMargin = config.Duration(time.Second)
	_, till := client(t, o)
	for _, test := range []struct {
		name           string
		client         time.Duration
		earliest, last time.Duration
	}{
		{"the client's, with the margin", 30 * time.Second, 20 * time.Second, 29 * time.Second},
		{"the service's own", time.Hour, 50 * time.Second, 60 * time.Second},
		{"a tenth, where the margin would leave little", 5 * time.Second, 4 * time.Second, 4500 * time.Millisecond},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), test.client)
		if _, err := till.Verify(ctx, &retailerv1.VerifyRequest{}); err != nil {
			t.Fatal(err)
		}
		cancel()
		if remaining := time.Until(<-deadlines); remaining < test.earliest || remaining > test.last {
			t.Errorf("%s: %s", test.name, remaining)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	o := options(&handlers{redeem: func(context.Context) error { entered <- struct{}{}; <-leave; return nil }})
	o.Config.MaxInFlight = 1
	_, till := client(t, o)

	_, err := till.Verify(t.Context(), &retailerv1.VerifyRequest{Coupons: []string{strings.Repeat("x", 64<<10)}})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a request that is too large: %v", err)
	}

	var group sync.WaitGroup
	group.Go(func() {
		if _, err := till.Redeem(t.Context(), &retailerv1.RedeemRequest{}); err != nil {
			t.Error(err)
		}
	})
	<-entered
	_, err = till.Verify(t.Context(), &retailerv1.VerifyRequest{})
	if status.Code(err) != codes.Unavailable || reason(err) != "TRY_AGAIN" {
		t.Errorf("one call too many: %v", err)
	}
	close(leave)
	group.Wait()
	if _, err := till.Verify(t.Context(), &retailerv1.VerifyRequest{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A stream lasts as long as its caller likes: whoever may only list the services must not be able to keep out tills.
func TestStreamsKeepOutNoCalls(t *testing.T) {
	t.Parallel()
	o := options(&handlers{})
	o.Config.MaxInFlight = 1
	consortium := servetest.New(t, servetest.Default()...)
	service := consortium.Serve(t, servetest.RetailerMSP, o)
	conn := service.Dial(t, consortium.Caller(t, servetest.RetailerMSP, serve.RoleTill))
	stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Its answer shows that the stream is open.
	err = stream.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}})
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := retailerv1.NewRetailerServiceClient(conn).Verify(t.Context(), &retailerv1.VerifyRequest{}); err != nil {
		t.Error(err)
	}
}

func TestHealthFollowsReadiness(t *testing.T) {
	t.Parallel()
	var ready atomic.Bool
	o := options(&handlers{})
	o.Ready = func(context.Context) error {
		if !ready.Load() {
			return errors.New("not yet")
		}
		return nil
	}
	service, till := client(t, o)
	if code, body := get(t, http.DefaultClient, service.DebugURL+"/healthz"); code != http.StatusServiceUnavailable {
		t.Errorf("before: %d %s", code, body)
	}
	if _, err := till.Verify(t.Context(), &retailerv1.VerifyRequest{}); err != nil {
		t.Errorf("a service that is not ready answers all the same: %v", err)
	}
	ready.Store(true)
	eventually(t, "the service is ready", func() bool {
		code, _ := get(t, http.DefaultClient, service.DebugURL+"/healthz")
		return code == http.StatusOK
	})
	if _, err := till.Verify(t.Context(), &retailerv1.VerifyRequest{}); err != nil {
		t.Fatal(err)
	}
	_, metrics := get(t, http.DefaultClient, service.DebugURL+"/metrics")
	if want := `grpc_server_handled_total{grpc_code="OK",grpc_method="Verify"`; !strings.Contains(metrics, want) {
		t.Errorf("the metrics have no %s", want)
	}
	if code, _ := get(t, http.DefaultClient, service.DebugURL+"/debug/pprof/goroutine?debug=1"); code != http.StatusOK {
		t.Errorf("profiles: %d", code)
	}
}

func TestOneLinePerCallWithoutItsContent(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var lines bytes.Buffer
	o := options(&handlers{verify: func(context.Context) error { return coupon.Refuse(coupon.ReasonWrongMAC, "", "wrong") }})
	o.Logger = slog.New(slog.NewJSONHandler(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return lines.Write(p)
	}), nil))
	service, till := client(t, o)
	_, _ = till.Verify(t.Context(), &retailerv1.VerifyRequest{Coupons: []string{"ec1.secret"}})
	if err := service.Stop(); err != nil {
		t.Fatal(err)
	}
	var found []map[string]any
	for line := range strings.Lines(lines.String()) {
		entry := make(map[string]any)
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry["msg"] == "call" {
			found = append(found, entry)
		}
	}
	if len(found) != 1 || strings.Contains(lines.String(), "secret") {
		t.Fatalf("got %s", lines.String())
	}
	for key, want := range map[string]string{
		"method": "/coupon.retailer.v1.RetailerService/Verify", "organisation": servetest.RetailerMSP,
		"role": "till", "caller": "till.RetailerMSP", "code": "FailedPrecondition", "reason": "WRONG_MAC",
	} {
		if found[0][key] != want {
			t.Errorf("%s is %v, want %s", key, found[0][key], want)
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestThePublicSideNeedsNoCertificate(t *testing.T) {
	t.Parallel()
	o := options(&handlers{})
	o.Public = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		_, _ = io.WriteString(w, "hello")
	})
	service, _ := client(t, o)
	if code, body := get(t, service.HTTP(), service.PublicURL+"/"); code != http.StatusOK || body != "hello" {
		t.Errorf("got %d %s", code, body)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, service.PublicURL, strings.NewReader(strings.Repeat("x", 65<<10)))
	if err != nil {
		t.Fatal(err)
	}
	response, err := service.HTTP().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body that is too large: %d", response.StatusCode)
	}
}
