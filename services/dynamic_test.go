// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"context"
	"crypto/x509"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/internal/sqlstore"
	"ecoupon/services/retailer"
	"ecoupon/services/wallet"
)

// TestLifeOfADynamicCoupon takes coupons from the advertiser's public side
// through a wallet to a retailer, all of them the real ones, on a ledger in
// memory.
func TestLifeOfADynamicCoupon(t *testing.T) {
	t.Parallel()
	c := ledgertest.New(t, ledgertest.Options{})
	c.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	emitter, address, roots := runAdvertiser(t, c, servetest.AdvertiserMSP)
	shop := runRetailer(t, c, servetest.RetailerMSP, nil)
	for _, o := range []struct {
		name, schedule   string
		holder           coupon.Holder
		low, high, later int64 // later is the least that it may be worth in an hour
	}{
		{"decaying", `{"type":"linear","from":"release","end":7200000,"to":20}`, coupon.HolderBound, 99, 100, 59},
		{"decaying-bearer", `{"type":"linear","from":"release","end":7200000,"to":20}`, coupon.HolderBearer, 99, 100, 59},
		{"early", `{"type":"early_bird","first":1,"to":250}`, coupon.HolderBound, 250, 250, 250},
		{"lottery", `{"type":"random","to":290}`, coupon.HolderBearer, 100, 290, 100},
	} {
		t.Run(o.name, func(t *testing.T) {
			campaign := campaigntest.Publish(t, c, campaigntest.Options{
				ID: o.name, Kind: coupon.KindDynamic, MaxFrameAge: time.Hour, Holder: o.holder,
				Terms: strings.Replace(campaigntest.Terms, `"amount":100`, `"amount":100,"schedule":`+o.schedule, 1),
			})
			w, err := wallet.New(wallet.Config{Path: filepath.Join(t.TempDir(), "w"), Roots: roots, Now: c.Clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			held := obtain(t, w, address, campaign.Framework.ID)
			given := coupon.CheckedCoupon{}
			if held.NeedsReceipt {
				if _, err := emitter.CloseFrames(t.Context(), &campaign.Framework.ID); err != nil {
					t.Fatal(err)
				}
				fetched, err := w.FetchReceipt(t.Context(), held.ID, nil)
				if err != nil {
					t.Fatal(err)
				}
				given.Receipt = fetched.Receipt.Text
			}
			if given.Text, err = w.Present(held.ID, wallet.Audience{Retailer: servetest.RetailerMSP}); err != nil {
				t.Fatal(err)
			}
			sale := saleOf(c, given)
			verdicts, err := shop.Verify(t.Context(), sale.Coupons, &sale.Basket)
			if err != nil || verdicts[0].Refused != nil {
				t.Fatalf("%+v, %v", verdicts, err)
			}
			redeemed, err := shop.Redeem(t.Context(), sale)
			if err != nil {
				t.Fatal(err)
			}
			now, later := verdicts[0].Discount.Minor, verdicts[0].InOneHour.Minor
			if v := redeemed.Total; v < o.low || v > now || now > o.high || now-v > 1 || later < o.later || later > now {
				t.Errorf("redeemed for %d, said to be worth %d and %d in an hour", v, now, later)
			}
		})
	}
}

// obtain gets a coupon of an offer once that is shown.
func obtain(t *testing.T, w *wallet.Wallet, address string, framework coupon.FrameworkID) wallet.Holding {
	t.Helper()
	held, err := w.Get(t.Context(), address, shownAt(t, w, address, framework))
	if err != nil {
		t.Fatal(err)
	}
	return held
}

// shownAt waits for an offer to be shown.
func shownAt(t *testing.T, w *wallet.Wallet, address string, framework coupon.FrameworkID) wallet.Offer {
	t.Helper()
	var shown wallet.Offer
	eventually(t, func() bool {
		offers, err := w.Offers(t.Context(), address)
		for _, o := range offers {
			if o.Framework == framework {
				shown = o
			}
		}
		return err == nil && shown.Framework == framework
	})
	return shown
}

func saleOf(c *ledgertest.Consortium, given coupon.CheckedCoupon) retailer.Sale {
	return retailer.Sale{
		RequestID: uuid.NewString(), Digest: coupon.Hash{1}, Coupons: []coupon.CheckedCoupon{given},
		Invoice: coupon.Invoice{
			Institute: "Girobank", Number: uuid.NewString(), Currency: "EUR", Amount: 300, PaidAt: c.Clock.Now().UnixMilli(),
		},
		Basket: coupon.Basket{
			Currency: "EUR", Total: 300, Lines: []coupon.Line{{GTIN: campaigntest.GTIN, Quantity: 1, UnitPrice: 300}},
		},
	}
}

// runAdvertiser runs the service and its public side until the test ends, for all
// lanes unless some are named.
func runAdvertiser(t *testing.T, c *ledgertest.Consortium, mspID string, lanes ...uint16) (*advertiser.Advertiser, string, *x509.CertPool) {
	t.Helper()
	tables, err := advertiser.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	emitter, err := advertiser.New(advertiser.Options{
		Ledger: c.For(t, mspID), Store: openStore(t, tables), MSPID: mspID, Lanes: lanes,
		Namespaces: c.Directory.Namespaces(), Now: c.Clock.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := emitter.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, emitter.Run)
	eventually(t, func() bool { return emitter.Ready(t.Context()) == nil })
	server := httptest.NewTLSServer(advertiser.NewPublic(emitter))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return emitter, server.URL, roots
}

func runRetailer(t *testing.T, c *ledgertest.Consortium, mspID string, emitter retailer.Emitter) *retailer.Service {
	t.Helper()
	tables, err := retailer.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	shop, err := retailer.New(retailer.Options{
		MSPID: mspID, Issuers: []string{servetest.IssuerMSP}, Ledger: c.For(t, mspID), Emitter: emitter,
		Store: openStore(t, tables), Now: c.Clock.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, shop.Run)
	return shop
}

func openStore(t *testing.T, tables fs.FS) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "store.db"), Migrations: tables})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// run runs a service until the test ends.
func run(t *testing.T, service func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running errgroup.Group
	running.Go(func() error { return service(ctx) })
	t.Cleanup(func() {
		cancel()
		if err := running.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// eventually polls until the condition holds.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("it did not come about")
		}
	}
}
