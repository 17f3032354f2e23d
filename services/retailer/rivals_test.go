// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"context"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/codes"

	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

// neighbour is another retailer.
const neighbour = "NeighbourMSP"

// shops are two retailers' desks, and a campaign of both.
func shops(t *testing.T) (d, next *desk, campaign *campaigntest.Campaign) {
	t.Helper()
	organisations := append(servetest.Default(), config.Organisation{MSPID: neighbour, Roles: []string{config.RoleRetailer}})
	c := ledgertest.New(t, ledgertest.Options{Organisations: organisations})
	c.SetUp(t, issuer, clearing)
	campaign = campaigntest.Publish(t, c, campaigntest.Options{Retailers: []string{shop, neighbour}})
	d = start(t, c, filepath.Join(t.TempDir(), "retailer.db"), nil)
	next = startAt(t, c, neighbour, filepath.Join(t.TempDir(), "neighbour.db"), nil)
	d.redeem(t, d.sale(campaign.Text(1))) // all that is read once is read
	next.redeem(t, next.sale(campaign.Text(2)))
	return d, next, campaign
}

// A coupon that is on its way to the ledger at another retailer waits for what
// becomes of it there. It spoils no batch: neither the other's nor its own, in which
// the others do not wait.
func TestARivalIsWaitedFor(t *testing.T) {
	t.Parallel()
	d, next, campaign := shops(t)
	height := d.consortium.Network.Height()
	reached, release := d.consortium.Hold(neighbour, "Redeem")
	defer release()
	there := make(chan error, 1)
	go func() {
		_, err := next.till.Redeem(t.Context(), next.sale(campaign.Text(3)))
		there <- err
	}()
	<-reached
	here := make(chan error, 1)
	go func() {
		_, err := d.operator.Redeem(t.Context(), d.sale(campaign.Text(3)))
		here <- err
	}()
	d.redeem(t, d.sale(campaign.Text(4)))
	release()
	if err := <-there; err != nil {
		t.Errorf("the first: %v", err)
	}
	wantRefusal(t, <-here, codes.AlreadyExists, "ALREADY_REDEEMED")
	if made := d.consortium.Network.Height() - height; made != 2 {
		t.Errorf("%d transactions redeem two sales", made)
	}
}

// A rival that does not come is not waited for without end.
func TestARivalThatDoesNotCome(t *testing.T) {
	t.Parallel()
	d, next, campaign := shops(t)
	reached, release := d.consortium.Hold(neighbour, "Redeem")
	defer release()
	there := make(chan error, 1)
	go func() {
		_, err := next.operator.Redeem(t.Context(), next.sale(campaign.Text(3)))
		there <- err
	}()
	<-reached
	request := d.sale(campaign.Text(3))
	_, err := d.operator.Redeem(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "LEDGER_UNAVAILABLE")
	eventually(t, "the same request is accepted", func(ctx context.Context) bool {
		_, err := d.operator.Redeem(ctx, request)
		return err == nil
	})
	release()
	if err := <-there; err == nil {
		t.Error("redeemed twice")
	}
}
