// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/clearing"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/internal/sqlstore"
)

const (
	issuerA = servetest.IssuerMSP
	issuerB = "OtherIssuerMSP"
	shopA   = servetest.RetailerMSP
	shopB   = "OtherRetailerMSP"
	house   = servetest.ClearingMSP
)

// world is two issuers with a campaign each, two retailers, and the clearing
// house under test.
type world struct {
	*ledgertest.Consortium
	a, b *campaigntest.Campaign
	path string
	// asked are the institutes: by default those of a file that is not there.
	asked    clearing.Institutes
	service  *servetest.Service
	operator clearingv1.ClearingServiceClient
}

func open(t *testing.T, limits ledger.Config) *world {
	t.Helper()
	organisations := append(servetest.Default(),
		config.Organisation{MSPID: issuerB, Roles: []string{config.RoleIssuer}},
		config.Organisation{MSPID: shopB, Roles: []string{config.RoleRetailer}},
	)
	w := &world{
		Consortium: ledgertest.New(t, ledgertest.Options{Organisations: organisations, Ledger: limits}),
		path:       filepath.Join(t.TempDir(), "clearing.db"),
		asked:      clearing.InstitutesFile(filepath.Join(t.TempDir(), "institutes.json")),
	}
	shops := []string{shopA, shopB}
	w.SetUp(t, issuerA, house)
	w.SetUp(t, issuerB, house)
	w.a = campaigntest.Publish(t, w.Consortium, campaigntest.Options{Issuer: issuerA, Retailers: shops})
	w.b = campaigntest.Publish(t, w.Consortium, campaigntest.Options{Issuer: issuerB, Retailers: shops})
	w.start(t)
	return w
}

// start runs the service as its process does, with the shipped configuration.
func (w *world) start(t *testing.T) {
	t.Helper()
	var cfg clearing.Config
	if err := config.Load("../config/clearing.json", &cfg); err != nil {
		t.Fatal(err)
	}
	tables, err := clearing.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: w.path, Migrations: tables})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	service, err := clearing.New(clearing.Options{
		MSPID: house, Issuers: []string{issuerA, issuerB}, Retailers: []string{shopA, shopB}, Ledger: w.Client(t, house, serve.RoleService, store.Journal()),
		Institutes: w.asked, Store: store, Now: w.Clock.Now, Logger: servetest.Logger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.service = w.Serve(t, house, serve.Options{
		Config: cfg.Serve,
		Register: func(to grpc.ServiceRegistrar) {
			clearingv1.RegisterClearingServiceServer(to, clearing.NewServer(service))
		},
		Tasks: []serve.Task{{Name: "clearing", Run: service.Run}},
		Ready: service.Ready,
	})
	w.operator = clearingv1.NewClearingServiceClient(w.service.Dial(t, w.Caller(t, house, serve.RoleOperator)))
}

// restart begins again, with an empty store if the path is another.
func (w *world) restart(t *testing.T, path string) {
	t.Helper()
	if err := w.service.Stop(); err != nil {
		t.Fatal(err)
	}
	w.path = path
	w.start(t)
}

// await polls until the list of claims shows each in this state, and returns it
// by claim id.
func (w *world) await(t *testing.T, want map[string]clearingv1.ClaimState) map[string]*clearingv1.Claim {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		claims := make(map[string]*clearingv1.Claim)
		got := make(map[string]clearingv1.ClaimState)
		request := &clearingv1.ListClaimsRequest{PageSize: 2}
		for {
			page, err := w.operator.ListClaims(ctx, request)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page.GetClaims() {
				claims[c.GetClaimId()], got[c.GetClaimId()] = c, c.GetState()
			}
			if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
				break
			}
		}
		diff := cmp.Diff(want, got)
		if diff == "" {
			return claims
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("claims never were (-want +got):\n%s", diff)
		}
	}
}

func (w *world) reconcile(t *testing.T) *clearingv1.ReconcileResponse {
	t.Helper()
	run, err := w.operator.Reconcile(t.Context(), &clearingv1.ReconcileRequest{RequestId: uuid.NewString()})
	if err != nil {
		t.Fatalf("reconciling: %v", err)
	}
	return run
}

func (w *world) settle(t *testing.T, request *clearingv1.SettleRequest) *clearingv1.Settlement {
	t.Helper()
	response, err := w.operator.Settle(t.Context(), request)
	if err != nil {
		t.Fatalf("settling: %v", err)
	}
	return response.GetSettlement()
}

func batchID(t *testing.T, record string) string {
	t.Helper()
	var batch coupon.BatchRecord
	if err := coupon.DecodeStrict([]byte(record), &batch); err != nil {
		t.Fatal(err)
	}
	return batch.ID.String()
}

func euro(minor int64) *typev1.Money {
	return &typev1.Money{Currency: "EUR", Minor: minor}
}

func wantRefusal(t *testing.T, err error, code codes.Code, reason string) {
	t.Helper()
	got := ""
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			got = info.GetReason()
		}
	}
	if status.Code(err) != code || got != reason {
		t.Errorf("got %s %s (%v), want %s %s", status.Code(err), got, err, code, reason)
	}
}

const (
	received = clearingv1.ClaimState_CLAIM_STATE_RECEIVED
	accepted = clearingv1.ClaimState_CLAIM_STATE_ACCEPTED
	disputed = clearingv1.ClaimState_CLAIM_STATE_DISPUTED
	settled  = clearingv1.ClaimState_CLAIM_STATE_SETTLED
)
