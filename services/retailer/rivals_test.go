// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
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
// the others do not wait. So its till does not become suspect: its next sales do not
// wait for each other.
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
		_, err := d.till.Redeem(t.Context(), d.sale(campaign.Text(3)))
		here <- err
	}()
	d.redeem(t, d.sale(campaign.Text(4)))
	release()
	if err := <-there; err != nil {
		t.Errorf("the first: %v", err)
	}
	wantRefusal(t, <-here, codes.AlreadyExists, "ALREADY_USED")
	if made := d.consortium.Network.Height() - height; made != 2 {
		t.Errorf("%d transactions redeem two sales", made)
	}
	reached, release = d.consortium.Hold(shop, "Redeem")
	defer release()
	go func() {
		_, err := d.till.Redeem(t.Context(), d.sale(campaign.Text(5)))
		here <- err
	}()
	<-reached
	d.redeem(t, d.sale(campaign.Text(6)))
	release()
	if err := <-here; err != nil {
		t.Errorf("the next: %v", err)
	}
}

// pester has the neighbour check a coupon again and again, each time for another
// sale, and never redeem it, until the test ends.
func (d *desk) pester(t *testing.T, text string) {
	t.Helper()
	check := func(ctx context.Context) error {
		sale := d.sale(text)
		return d.consortium.For(t, neighbour).Evaluate(ctx, ledger.Call{
			Namespace: config.Namespace(issuer), Function: "Check", Endorsers: []string{issuer},
			Input: coupon.CheckInput{Sales: []coupon.CheckedSale{{
				RequestID: sale.GetRequestId(),
				Invoice: &coupon.Invoice{
					Number: sale.GetInvoice().GetNumber(), Institute: sale.GetInvoice().GetInstitute(),
					Currency: sale.GetInvoice().GetAmount().GetCurrency(), PaidAt: sale.GetInvoice().GetPaidTime().AsTime().UnixMilli(),
				},
				Coupons: []coupon.CheckedCoupon{{Text: text}},
			}}},
		}, &coupon.CheckResult{})
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var checks sync.WaitGroup
	t.Cleanup(func() {
		stop()
		checks.Wait()
	})
	if err := check(ctx); err != nil {
		t.Fatal(err)
	}
	checks.Go(func() {
		for ctx.Err() == nil {
			_ = check(ctx)
		}
	})
}

// accepted asks again until the sale is accepted, which it soon must be.
func (d *desk) accepted(t *testing.T, request *retailerv1.RedeemRequest) {
	t.Helper()
	began := time.Now()
	eventually(t, "the same request is accepted", func(ctx context.Context) bool {
		_, err := d.operator.Redeem(ctx, request)
		return err == nil
	})
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("held up for another %s", took)
	}
}

// A retailer that checks a coupon again and again holds up another's redemption for as
// long as a till waits, not for ever.
func TestARivalThatDoesNotCome(t *testing.T) {
	t.Parallel()
	d, _, campaign := shops(t)
	d.pester(t, campaign.Text(3))
	request := d.sale(campaign.Text(3))
	_, err := d.operator.Redeem(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "LEDGER_UNAVAILABLE")
	d.accepted(t, request)
}

// Who has waited for a rival is in no batch with others: each in a transaction of its own.
func TestWhoHasWaitedGoesAlone(t *testing.T) {
	t.Parallel()
	d, _, campaign := shops(t)
	d.pester(t, campaign.Text(3))
	request := d.sale(campaign.Text(3))
	waits := make(chan error, 1)
	go func() {
		_, err := d.operator.Redeem(t.Context(), request)
		waits <- err
	}()
	sales := make(chan error)
	sell := func(sn int64) {
		sale := d.sale(campaign.Text(sn))
		go func() {
			_, err := d.till.Redeem(t.Context(), sale)
			for status.Code(err) == codes.Unavailable { // it waits for the others
				_, err = d.till.Redeem(t.Context(), sale)
			}
			sales <- err
		}()
	}
	var releases []func()
	for i := range int64(4) { // as many as may be in flight
		reached, release := d.consortium.Hold(shop, "Redeem")
		defer release()
		releases = append(releases, release)
		sell(10 + i)
		<-reached
	}
	wantRefusal(t, <-waits, codes.Unavailable, "LEDGER_UNAVAILABLE")
	height := d.consortium.Network.Height()
	sell(14) // in the queue with it
	for _, release := range releases {
		release()
	}
	for range len(releases) + 1 {
		if err := <-sales; err != nil {
			t.Error(err)
		}
	}
	d.accepted(t, request)
	if made := d.consortium.Network.Height() - height; made != 6 {
		t.Errorf("%d transactions, not 6", made)
	}
}

// A refusal is no answer to who asks after it was found: the coupon may have become
// good in between.
func TestAnOldRefusalIsNotPassedOn(t *testing.T) {
	t.Parallel()
	d, next, campaign := shops(t)
	sold := next.redeem(t, next.sale(campaign.Text(3)))
	reached, release := d.consortium.HoldAnswer(shop, "Check")
	defer release()
	request := d.sale(campaign.Text(3))
	first := make(chan error, 1)
	go func() {
		_, err := d.operator.Redeem(t.Context(), request)
		first <- err
	}()
	<-reached
	next.void(t, sold.GetRedemptionId())
	late := make(chan error, 1)
	go func() {
		_, err := d.operator.Redeem(t.Context(), request)
		late <- err
	}()
	d.redeem(t, d.sale(campaign.Text(4))) // by then the repeat waits
	release()
	wantRefusal(t, <-first, codes.AlreadyExists, "ALREADY_REDEEMED")
	wantRefusal(t, <-late, codes.Unavailable, "LEDGER_UNAVAILABLE")
	d.redeem(t, request)
}
