// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"context"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/issuer"
	"ecoupon/services/probing"
)

// logs has an advertiser asked for its logs without a connection.
type logs struct{ *advertiser.Advertiser }

// Log returns the whole log.
func (l logs) Log(ctx context.Context, _ string, ref coupon.FrameRef, most int64) ([]coupon.Entry, error) {
	page, err := l.Advertiser.Log(ctx, servetest.IssuerMSP, advertiser.LogQuery{FrameRef: ref, Size: int(most)})
	return page.Entries, err
}

// Openings returns all sales.
func (l logs) Openings(ctx context.Context, _ string, ref coupon.FrameRef, most int64) ([]coupon.Opening, error) {
	page, err := l.Advertiser.Openings(ctx, servetest.IssuerMSP, advertiser.LogQuery{FrameRef: ref, Size: int(most)})
	return page.Openings, err
}

// TestProbesAreCustomersToTheAdvertiser has the issuer fetch a coupon with a
// wallet from the advertiser's public side, and find it in the log.
func TestProbesAreCustomersToTheAdvertiser(t *testing.T) {
	t.Parallel()
	c := ledgertest.New(t, ledgertest.Options{})
	c.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	emitter, _, _ := runAdvertiser(t, c, servetest.AdvertiserMSP)
	public := httptest.NewTLSServer(advertiser.NewPublic(emitter))
	t.Cleanup(public.Close)
	for i, o := range c.Directory.Organisations {
		if o.MSPID == servetest.AdvertiserMSP {
			o.Services[config.RoleAdvertiser] = config.Service{Address: "127.0.0.1:1", ServerName: "localhost", PublicURL: public.URL}
			c.Directory.Organisations[i].TLSCA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public.Certificate().Raw}))
		}
	}
	tables, err := issuer.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	auditor, err := issuer.New(issuer.Options{
		Ledger: c.For(t, servetest.IssuerMSP), Store: openStore(t, tables), MSPID: servetest.IssuerMSP, Clearing: servetest.ClearingMSP,
		Directory: c.Directory, Emitters: logs{emitter}, Customer: probing.Customer{Directory: c.Directory, Now: c.Clock.Now},
		Audit: issuer.Audit{Interval: 10 * time.Millisecond}, Registry: prometheus.NewRegistry(),
		Now: c.Clock.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, auditor.Run)
	campaign := campaigntest.Publish(t, c, campaigntest.Options{
		ID: "probed", Kind: coupon.KindDynamic, MaxFrameAge: time.Hour, Terms: campaigntest.Terms,
	})
	var probe issuer.Probe
	eventually(t, func() bool { // once the advertiser shows the offer
		probe, err = auditor.Probe(t.Context(), campaign.Framework.ID)
		return err == nil
	})
	if len(probe.Findings) != 0 || probe.Coupon.SN != 1 {
		t.Errorf("the probe is %+v", probe)
	}
	if _, err := emitter.CloseFrames(t.Context(), &campaign.Framework.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		audits, err := auditor.Audits(t.Context(), issuer.AuditQuery{Framework: &campaign.Framework.ID, Size: 10})
		for _, a := range audits {
			if a.Frame == 1 && !a.Audited.IsZero() && a.Coupons == 1 && a.Known == 1 && len(a.Findings) == 0 {
				return true
			}
		}
		return errors.Is(err, context.Canceled)
	})
	if n, err := auditor.Probes(t.Context()); err != nil || n != 1 {
		t.Errorf("%d probes are counted, %v", n, err)
	}
	_, err = probing.Customer{Directory: c.Directory, Now: c.Clock.Now}.Fetch(t.Context(), servetest.AdvertiserMSP, coupon.FrameworkID{1})
	if err == nil {
		t.Error("a coupon of an offer that is not shown was fetched")
	}
}
