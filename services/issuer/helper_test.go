// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/internal/sqlstore"
	"ecoupon/services/issuer"
	"ecoupon/services/probing"
)

const (
	operator = serve.RoleOperator
	terms    = `{"format":1,"currency":"EUR","gtins":["09521234543213"],"quantity":1,"benefit":{"type":"amount_off","amount":100}}`
)

var namespace = config.Namespace(servetest.IssuerMSP)

// desk is a running issuer service.
type desk struct {
	*servetest.Service
	consortium *ledgertest.Consortium
	client     issuerv1.IssuerServiceClient
}

// newDesk runs the service of a new consortium.
func newDesk(t *testing.T) desk {
	t.Helper()
	return runDesk(t, ledgertest.New(t, ledgertest.Options{}), filepath.Join(t.TempDir(), "issuer.db"))
}

// runDesk runs the service with the configuration file that is shipped, and
// waits until it is ready.
func runDesk(t *testing.T, c *ledgertest.Consortium, path string) desk {
	t.Helper()
	d := startDesk(t, c, path)
	eventually(t, func() error { return ready(t, c) })
	return d
}

func startDesk(t *testing.T, c *ledgertest.Consortium, path string) desk {
	t.Helper()
	return startChanged(t, c, path, func(*issuer.Options) {})
}

// startChanged runs the service but for what change changes.
func startChanged(t *testing.T, c *ledgertest.Consortium, path string, change func(*issuer.Options)) desk {
	t.Helper()
	var cfg issuer.Config
	if err := config.Load(filepath.Join("..", "config", "issuer.json"), &cfg); err != nil {
		t.Fatal(err)
	}
	tables, err := issuer.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: path, Migrations: tables})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	clearing, err := issuer.ClearingOf(c.Directory, servetest.IssuerMSP)
	if err != nil {
		t.Fatal(err)
	}
	emitters := issuer.NewAdvertisers(c.Directory, c.Caller(t, servetest.IssuerMSP, serve.RoleService))
	t.Cleanup(func() { _ = emitters.Close() })
	options := issuer.Options{
		Ledger: c.Client(t, servetest.IssuerMSP, serve.RoleService, store.Journal()), Store: store,
		MSPID: servetest.IssuerMSP, Clearing: clearing, Directory: c.Directory,
		Emitters: emitters, Customer: probing.Customer{Directory: c.Directory, Now: c.Clock.Now},
		Audit: cfg.Audit.Settings(), Registry: prometheus.NewRegistry(),
		Now: c.Clock.Now, Logger: servetest.Logger(t),
	}
	change(&options)
	built, err := issuer.New(options)
	if err != nil {
		t.Fatal(err)
	}
	service := c.Serve(t, servetest.IssuerMSP, serve.Options{
		Config:   cfg.Serve,
		Register: func(to grpc.ServiceRegistrar) { issuerv1.RegisterIssuerServiceServer(to, issuer.NewServer(built)) },
		Tasks:    []serve.Task{{Name: "issuer", Run: built.Run}},
		Ready:    built.Ready,
	})
	return desk{Service: service, consortium: c, client: clientOf(t, c, service, servetest.IssuerMSP, operator)}
}

func clientOf(t *testing.T, c *ledgertest.Consortium, service *servetest.Service, mspID, role string) issuerv1.IssuerServiceClient {
	t.Helper()
	return issuerv1.NewIssuerServiceClient(service.Dial(t, c.Caller(t, mspID, role)))
}

// as is the client of another caller.
func (d desk) as(t *testing.T, mspID, role string) issuerv1.IssuerServiceClient {
	t.Helper()
	return clientOf(t, d.consortium, d.Service, mspID, role)
}

// campaign is one that can be published; change makes another of it.
func (d desk) campaign(id string, change func(*typev1.Campaign)) *typev1.Campaign {
	now := d.consortium.Clock.Now()
	c := &typev1.Campaign{
		Campaign: id, Version: 1, Product: "Tea", Offer: "One euro off", Terms: terms,
		Kinds: []typev1.Kind{typev1.Kind_KIND_STATIC}, Holder: typev1.Holder_HOLDER_BOUND,
		BeginTime: timestamppb.New(now.Add(-time.Hour).Truncate(time.Millisecond)),
		EndTime:   timestamppb.New(now.Add(24 * time.Hour).Truncate(time.Millisecond)),
	}
	if change != nil {
		change(c)
	}
	return c
}

func (d desk) publish(t *testing.T, id string, change func(*typev1.Campaign)) *typev1.Campaign {
	t.Helper()
	response, err := d.client.PublishCampaign(t.Context(), &issuerv1.PublishCampaignRequest{
		RequestId: uuid.NewString(), Campaign: d.campaign(id, change),
	})
	if err != nil {
		t.Fatal(err)
	}
	return response.GetCampaign()
}

func (d desk) authorise(t *testing.T, id string, quotas ...int64) *typev1.Framework {
	t.Helper()
	response, err := d.client.AuthoriseEmitter(t.Context(), &issuerv1.AuthoriseEmitterRequest{
		RequestId: uuid.NewString(), Campaign: id, Version: 1,
		Emitter: servetest.AdvertiserMSP, Kind: typev1.Kind_KIND_STATIC, Quotas: quotas,
	})
	if err != nil {
		t.Fatal(err)
	}
	return response.GetFramework()
}

func (d desk) admit(t *testing.T, id string) {
	t.Helper()
	_, err := d.client.AdmitRetailer(t.Context(), &issuerv1.AdmitRetailerRequest{
		RequestId: uuid.NewString(), Campaign: id, Version: 1, Retailer: servetest.RetailerMSP,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// refusal is what a table expects of a call.
type refusal struct {
	code   codes.Code
	reason coupon.Reason
}

func refusalOf(err error) refusal {
	answer := status.Convert(err)
	for _, detail := range answer.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return refusal{answer.Code(), coupon.Reason(info.GetReason())}
		}
	}
	return refusal{code: answer.Code()}
}

// check fails unless the error is the one expected.
func (r refusal) check(t *testing.T, err error) {
	t.Helper()
	if got := refusalOf(err); got != r {
		t.Errorf("got %v %s (%v), want %v %s", got.code, got.reason, err, r.code, r.reason)
	}
}

// ready asks as the service's own health does.
func ready(t *testing.T, c *ledgertest.Consortium) error {
	t.Helper()
	return c.For(t, servetest.IssuerMSP).Evaluate(t.Context(), ledger.Call{Namespace: namespace, Function: "GetTick"}, nil)
}

// eventually asks until it gets nil, or until a deadline.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal(errors.Join(errors.New("the deadline is over"), err))
		}
	}
}
