// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/internal/sqlstore"
)

const (
	operator = serve.RoleOperator
	terms    = `{"format":1,"currency":"EUR","gtins":["09521234543213"],"quantity":1,"benefit":{"type":"amount_off","amount":100}}`
)

var namespace = config.Namespace(servetest.IssuerMSP)

// stand is a running advertiser service.
type stand struct {
	*servetest.Service
	consortium *ledgertest.Consortium
	client     advertiserv1.AdvertiserServiceClient
	store      *sqlstore.Store
	emitter    *advertiser.Advertiser
	log        *log
}

// end stops the service and lets go of its store.
func (s stand) end(t *testing.T) {
	t.Helper()
	if err := errors.Join(s.Stop(), s.store.Close()); err != nil {
		t.Fatal(err)
	}
}

// newConsortium has an issuer that is ready to publish.
func newConsortium(t testing.TB) *ledgertest.Consortium {
	t.Helper()
	c := ledgertest.New(t, ledgertest.Options{})
	c.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	return c
}

func newStand(t *testing.T) stand {
	t.Helper()
	return runStand(t, newConsortium(t), filepath.Join(t.TempDir(), "advertiser.db"), advertiser.Limits{})
}

// runStand runs the service with the configuration file that is shipped, but
// for the limits where they are given.
func runStand(t testing.TB, c *ledgertest.Consortium, path string, limits advertiser.Limits) stand {
	t.Helper()
	return runChanged(t, c, path, func(o *advertiser.Options) {
		if limits != (advertiser.Limits{}) {
			o.Limits = limits
		}
	})
}

// runChanged runs the service with the configuration file that is shipped, but
// for what change changes.
func runChanged(t testing.TB, c *ledgertest.Consortium, path string, change func(*advertiser.Options)) stand {
	t.Helper()
	var cfg advertiser.Config
	if err := config.Load(filepath.Join("..", "config", "advertiser.json"), &cfg); err != nil {
		t.Fatal(err)
	}
	tables, err := advertiser.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: path, Migrations: tables})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	written := new(log)
	logger := slog.New(slog.NewJSONHandler(written, &slog.HandlerOptions{Level: slog.LevelDebug}))
	options := advertiser.Options{
		Ledger: c.For(t, servetest.AdvertiserMSP), Store: store, MSPID: servetest.AdvertiserMSP,
		Namespaces: c.Directory.Namespaces(), Limits: cfg.Limits, Frames: cfg.Frames(), Lanes: cfg.Lanes,
		Now: c.Clock.Now, Logger: logger,
	}
	change(&options)
	emitter, err := advertiser.New(options)
	if err != nil {
		t.Fatal(err)
	}
	if err := emitter.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	service := c.Serve(t, servetest.AdvertiserMSP, serve.Options{
		Config: cfg.Serve,
		Register: func(to grpc.ServiceRegistrar) {
			advertiserv1.RegisterAdvertiserServiceServer(to, advertiser.NewServer(emitter))
		},
		Public: advertiser.NewPublic(emitter),
		Tasks:  []serve.Task{{Name: "advertiser", Run: emitter.Run}},
		Logger: options.Logger,
	})
	eventually(t, func() error { return emitter.Ready(t.Context()) })
	s := stand{Service: service, consortium: c, store: store, emitter: emitter, log: written}
	s.client = s.as(t, servetest.AdvertiserMSP, operator)
	return s
}

// as is the client of a caller.
func (s stand) as(t testing.TB, mspID, role string) advertiserv1.AdvertiserServiceClient {
	t.Helper()
	return advertiserv1.NewAdvertiserServiceClient(s.Dial(t, s.consortium.Caller(t, mspID, role)))
}

// campaign is an offer as an issuer makes it.
type campaign struct {
	id     string
	holder coupon.Holder
	end    time.Time // a day from now if zero
	quotas []int64
}

// mandate publishes a campaign and gives the emitter its framework.
func mandate(t *testing.T, c *ledgertest.Consortium, of campaign, emitter string) coupon.Framework {
	t.Helper()
	now := c.Clock.Now()
	if of.end.IsZero() {
		of.end = now.Add(24 * time.Hour)
	}
	published := coupon.Campaign{
		ID: of.id, Version: 1, Product: "Tea", Offer: "One euro off", Terms: terms,
		Kinds: []coupon.Kind{coupon.KindStatic}, Holder: of.holder,
		Begin: now.Add(-time.Hour).UnixMilli(), End: of.end.UnixMilli(),
	}
	var key coupon.Key
	_, _ = rand.Read(key[:])
	issuer := c.For(t, servetest.IssuerMSP)
	submit := func(call ledger.Call) {
		t.Helper()
		call.Namespace = namespace
		if _, err := issuer.Submit(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
	submit(ledger.Call{
		Function: "EnterCampaignKey", Input: coupon.CampaignKeyInput{Campaign: of.id, Version: 1, Key: key},
		Endorsers: []string{servetest.IssuerMSP},
	})
	submit(ledger.Call{
		Function: "PublishCampaign", Argument: published,
		Endorsers: []string{servetest.IssuerMSP, servetest.ClearingMSP},
	})
	published.Issuer = servetest.IssuerMSP
	framework := frameworkOf(published, emitter, of.quotas)
	submit(ledger.Call{
		Function: "AuthoriseEmitter",
		Argument: coupon.AuthoriseRequest{
			Campaign: of.id, Version: 1, Emitter: emitter, Kind: coupon.KindStatic, Epoch: 1, Quotas: of.quotas,
		},
		Input: coupon.EmitterKeyInput{
			Key: coupon.DeriveEmitterKey(key, of.id, emitter, 1),
			MAC: framework.Mandate().MAC(coupon.DeriveFrameworkKey(key)),
		},
		Endorsers: []string{servetest.IssuerMSP, emitter},
	})
	return framework
}

// change pauses, resumes or closes a campaign.
func change(t *testing.T, c *ledgertest.Consortium, function, id string) {
	t.Helper()
	ref := coupon.CampaignRef{Campaign: id, Version: 1}
	var argument any = ref
	if function == "CloseCampaign" {
		argument = coupon.CloseRequest{Campaign: id, Version: 1}
	}
	_, err := c.For(t, servetest.IssuerMSP).Submit(t.Context(), ledger.Call{
		Namespace: namespace, Function: function, Argument: argument,
		Endorsers: []string{servetest.IssuerMSP, servetest.ClearingMSP},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// offered waits until the service offers exactly these frameworks, in any order.
func (s stand) offered(t testing.TB, want ...coupon.Framework) []*advertiserv1.Offer {
	t.Helper()
	var offers []*advertiserv1.Offer
	eventually(t, func() error {
		response, err := s.client.ListOffers(t.Context(), &advertiserv1.ListOffersRequest{})
		if err != nil {
			return err
		}
		offers = response.GetOffers()
		found := make(map[string]bool)
		for _, o := range offers {
			found[o.GetFramework().GetFrameworkId()] = true
		}
		for _, f := range want {
			if !found[f.ID.String()] || len(found) != len(want) {
				return fmt.Errorf("%d offers instead of %d", len(found), len(want))
			}
		}
		if len(found) != len(want) {
			return fmt.Errorf("%d offers instead of %d", len(found), len(want))
		}
		return nil
	})
	return offers
}

// newOwner is the public key of a wallet.
func newOwner(t *testing.T) []byte {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public
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

// eventually asks until it gets nil, or until a deadline.
func eventually(t testing.TB, ask func() error) {
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
