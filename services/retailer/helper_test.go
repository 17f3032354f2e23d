// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/internal/sqlstore"
	"ecoupon/services/retailer"
)

const (
	issuer   = servetest.IssuerMSP
	other    = "OtherIssuerMSP"
	shop     = servetest.RetailerMSP
	clearing = servetest.ClearingMSP
)

// newConsortium has two issuers; both namespaces are set up.
func newConsortium(t *testing.T, limits ledger.Config) *ledgertest.Consortium {
	t.Helper()
	organisations := append(servetest.Default(), config.Organisation{MSPID: other, Roles: []string{config.RoleIssuer}})
	c := ledgertest.New(t, ledgertest.Options{Organisations: organisations, Ledger: limits})
	c.SetUp(t, issuer, clearing)
	c.SetUp(t, other, clearing)
	return c
}

// desk is a retailer's service under test, as its callers see it.
type desk struct {
	consortium     *ledgertest.Consortium
	service        *servetest.Service
	till, operator retailerv1.RetailerServiceClient
}

// start runs the service as its process does, with the shipped configuration.
func start(t *testing.T, c *ledgertest.Consortium, path string, logger *slog.Logger) *desk {
	t.Helper()
	return startAt(t, c, shop, path, logger)
}

// startAt is start for a retailer of one's choice.
func startAt(t *testing.T, c *ledgertest.Consortium, mspID, path string, logger *slog.Logger) *desk {
	t.Helper()
	var cfg retailer.Config
	if err := config.Load("../config/retailer.json", &cfg); err != nil {
		t.Fatal(err)
	}
	tables, err := retailer.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: path, Migrations: tables})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if logger == nil {
		logger = servetest.Logger(t)
	}
	var issuers []string
	for _, o := range c.Directory.WithRole(config.RoleIssuer) {
		issuers = append(issuers, o.MSPID)
	}
	service, err := retailer.New(retailer.Options{
		Batch: cfg.Batch, MSPID: mspID, Issuers: issuers,
		Ledger: c.Client(t, mspID, serve.RoleService, store.Journal()), Store: store, Now: c.Clock.Now, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	running := c.Serve(t, mspID, serve.Options{
		Config: cfg.Serve, Logger: logger,
		Register: func(to grpc.ServiceRegistrar) {
			retailerv1.RegisterRetailerServiceServer(to, retailer.NewServer(service))
		},
		Tasks: []serve.Task{{Name: "retailer", Run: service.Run}},
		Ready: service.Ready,
	})
	return &desk{
		consortium: c, service: running,
		till:     retailerv1.NewRetailerServiceClient(running.Dial(t, c.Caller(t, mspID, serve.RoleTill))),
		operator: retailerv1.NewRetailerServiceClient(running.Dial(t, c.Caller(t, mspID, serve.RoleOperator))),
	}
}

// open is a consortium with a campaign and a desk.
func open(t *testing.T) (*desk, *campaigntest.Campaign) {
	t.Helper()
	c := newConsortium(t, ledger.Config{})
	campaign := campaigntest.Publish(t, c, campaigntest.Options{})
	return start(t, c, filepath.Join(t.TempDir(), "retailer.db"), nil), campaign
}

// sale is a request for these coupons with a unit of goods at 3.00 for each.
func (d *desk) sale(coupons ...string) *retailerv1.RedeemRequest {
	quantity := int64(max(1, len(coupons)))
	return &retailerv1.RedeemRequest{
		RequestId: uuid.NewString(),
		Invoice: &typev1.Invoice{
			Number: "auth-" + randomHex(), Institute: "Girobank", Amount: &typev1.Money{Currency: "EUR", Minor: 300 * quantity},
			PaidTime: timestamppb.New(d.consortium.Clock.Now()),
		},
		Basket: &typev1.Basket{Currency: "EUR", Lines: []*typev1.Line{
			{Gtin: campaigntest.GTIN, Quantity: quantity, UnitPrice: 300},
			{Gtin: campaigntest.Other, Quantity: 2, UnitPrice: 1250},
		}},
		Coupons: coupons,
	}
}

func (d *desk) redeem(t *testing.T, request *retailerv1.RedeemRequest) *retailerv1.Redemption {
	t.Helper()
	response, err := d.till.Redeem(t.Context(), request)
	if err != nil {
		t.Fatalf("redeeming: %v", err)
	}
	return response.GetRedemption()
}

func (d *desk) void(t *testing.T, redemption string) *retailerv1.Redemption {
	t.Helper()
	response, err := d.till.Void(t.Context(), &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: redemption})
	if err != nil {
		t.Fatalf("voiding: %v", err)
	}
	return response.GetRedemption()
}

// copyOf is the retailer's copy of the record of a redemption's batch.
func (d *desk) copyOf(t *testing.T, r *retailerv1.Redemption) string {
	t.Helper()
	var query coupon.BatchQuery
	if err := query.Batch.UnmarshalText([]byte(r.GetBatchId())); err != nil {
		t.Fatal(err)
	}
	var result coupon.BatchResult
	err := d.consortium.For(t, shop).Evaluate(t.Context(), ledger.Call{
		Namespace: config.Namespace(r.GetIssuer()), Function: "GetBatch", Argument: query,
	}, &result)
	if err != nil {
		t.Fatal(err)
	}
	return result.Record
}

func (d *desk) claim(t *testing.T, from string) []*retailerv1.Claim {
	t.Helper()
	response, err := d.operator.Claim(t.Context(), &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: from})
	if err != nil {
		t.Fatalf("claiming: %v", err)
	}
	return response.GetClaims()
}

// present makes a presentation for this desk's retailer.
func (d *desk) presentation(c coupon.Coupon) coupon.Presentation {
	return coupon.Presentation{Coupon: c, PresentedAt: d.consortium.Clock.Now().UnixMilli(), Retailer: shop}
}

func randomHex() string {
	var b [12]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// reasonOf is the reason in a status, "" if there is none.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// refusedAt lists the coupons that a status names.
func refusedAt(err error) []int32 {
	var places []int32
	for _, detail := range status.Convert(err).Details() {
		if list, ok := detail.(*typev1.RefusedCoupons); ok {
			for _, r := range list.GetRefused() {
				places = append(places, r.GetIndex())
			}
		}
	}
	return places
}

func wantRefusal(t *testing.T, err error, code codes.Code, reason string) {
	t.Helper()
	if status.Code(err) != code || reasonOf(err) != reason {
		t.Errorf("got %s %s (%v), want %s %s", status.Code(err), reasonOf(err), err, code, reason)
	}
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, condition func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !condition(ctx) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}
