// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

const (
	// frameAge is that of campaigns whose frames a test closes itself: no timer
	// closes one within the test.
	frameAge = time.Hour
	// decay takes a euro off, and within an hour from release down to 20 cents.
	decay = `{"type":"linear","from":"release","end":3600000,"to":20}`
	// growth needs receipts.
	growth = `{"type":"linear","from":"release","end":600000,"to":200}`
)

func scheduled(schedule string) string {
	return `{"format":1,"currency":"EUR","gtins":["` + campaigntest.GTIN + `"],"quantity":1,` +
		`"benefit":{"type":"amount_off","amount":100,"schedule":` + schedule + `}}`
}

// dynamicOffer publishes a bearer offer that decays.
func dynamicOffer(t *testing.T, c *ledgertest.Consortium, id string, quotas ...int64) *campaigntest.Campaign {
	t.Helper()
	return campaigntest.Publish(t, c, campaigntest.Options{
		ID: id, Kind: coupon.KindDynamic, Terms: scheduled(decay), MaxFrameAge: frameAge, Quotas: quotas,
	})
}

// newDynamicStand offers a decaying dynamic bearer coupon.
func newDynamicStand(t *testing.T, quotas ...int64) (stand, *campaigntest.Campaign) {
	t.Helper()
	s := newStand(t)
	offer := dynamicOffer(t, s.consortium, "decaying", quotas...)
	s.offered(t, offer.Framework)
	return s, offer
}

func newUData() []byte {
	uData := make([]byte, len(coupon.PublicKey{}))
	_, _ = rand.Read(uData)
	return uData
}

// dynamicRequest asks for a dynamic bearer coupon.
func dynamicRequest(of *campaigntest.Campaign) *advertiserv1.IssueCouponRequest {
	return &advertiserv1.IssueCouponRequest{
		RequestId: uuid.NewString(), FrameworkId: of.Framework.ID.String(), UData: newUData(),
	}
}

// closeFrames closes all frames that are open.
func (s stand) closeFrames(t *testing.T) []*advertiserv1.Frame {
	t.Helper()
	response, err := s.client.CloseFrames(t.Context(), new(advertiserv1.CloseFramesRequest))
	if err != nil {
		t.Fatal(err)
	}
	return response.GetFrames()
}

// record is the ledger's record of a frame.
func record(t *testing.T, c *ledgertest.Consortium, ref coupon.FrameRef) (f coupon.Frame, found bool) {
	t.Helper()
	err := c.For(t, servetest.RetailerMSP).Evaluate(t.Context(), ledger.Call{
		Namespace: namespace, Function: "GetFrame", Argument: ref,
	}, &f)
	if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonNotFound {
		return f, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return f, true
}

// receipt returns the text of a coupon's receipt, whose frame is closed.
func (s stand) receipt(t *testing.T, c coupon.Coupon) string {
	t.Helper()
	response, err := s.client.GetReceipt(t.Context(), receiptRequest(c))
	if err != nil {
		t.Fatal(err)
	}
	return response.GetReceipt()
}

func receiptRequest(c coupon.Coupon) *advertiserv1.GetReceiptRequest {
	return &advertiserv1.GetReceiptRequest{FrameworkId: c.Framework.String(), Lane: int32(c.Lane), Sn: c.SN}
}

// redeem spends a coupon as a retailer does: Check on the issuer's peer, and
// then Redeem. It returns what the coupon was worth, or the refusals.
func redeem(t *testing.T, c *ledgertest.Consortium, made coupon.Coupon, receipt string) (int64, []coupon.Refusal) {
	t.Helper()
	sale := coupon.Sale{
		RequestID: uuid.NewString(), Request: coupon.Hash{1},
		Invoice: coupon.Invoice{
			Institute: "Girobank", Number: uuid.NewString(), Currency: "EUR", Amount: 300, PaidAt: c.Clock.Now().UnixMilli(),
		},
		Basket: coupon.Basket{
			Currency: "EUR", Total: 300, Lines: []coupon.Line{{GTIN: campaigntest.GTIN, Quantity: 1, UnitPrice: 300}},
		},
	}
	checked := coupon.CheckedSale{
		RequestID: sale.RequestID, Invoice: &sale.Invoice, Basket: &sale.Basket,
		Coupons: []coupon.CheckedCoupon{{Text: made.Text(), Receipt: receipt}},
	}
	retailer := c.For(t, servetest.RetailerMSP)
	var result coupon.CheckResult
	err := retailer.Evaluate(t.Context(), ledger.Call{
		Namespace: namespace, Function: "Check", Input: coupon.CheckInput{Sales: []coupon.CheckedSale{checked}},
		Endorsers: []string{servetest.IssuerMSP},
	}, &result)
	if err != nil || len(result.Sales) != 1 {
		t.Fatalf("checked: %+v, %v", result, err)
	}
	verdict := result.Sales[0]
	if len(verdict.Refused) > 0 {
		return 0, verdict.Refused
	}
	sale.Coupons = []coupon.Tendered{{
		Text: made.Text(), Receipt: receipt, Tag: *verdict.Coupons[0].Tag, Draw: verdict.Coupons[0].Draw,
	}}
	_, err = retailer.Submit(t.Context(), ledger.Call{
		Namespace: namespace, Function: "Redeem",
		Input:     coupon.BatchInput{Salt: coupon.Hash(campaigntest.RandomKey()), Sales: []coupon.Sale{sale}},
		Endorsers: []string{servetest.IssuerMSP, servetest.RetailerMSP},
	})
	if err != nil {
		t.Fatal(err)
	}
	return verdict.Coupons[0].Value, nil
}

// log reads the whole log of a closed frame, in pages of a size.
func readLog(t *testing.T, client advertiserv1.AdvertiserServiceClient, ref coupon.FrameRef, size int32) []coupon.Entry {
	t.Helper()
	request := &advertiserv1.GetLogRequest{
		FrameworkId: ref.Framework.String(), Lane: int32(ref.Lane), Frame: int64(ref.Frame), PageSize: size,
	}
	var entries []coupon.Entry
	for {
		page, err := client.GetLog(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.GetEntries() {
			entries = append(entries, coupon.Entry{
				Lane: ref.Lane, SN: e.GetSn(), Time: e.GetReleaseTime().AsTime().UnixMilli(),
				UData: e.GetUData(), Q: coupon.Hash(e.GetQ()),
			})
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return entries
		}
	}
}

// audit recomputes a frame's log with code of its own: numbers without gaps,
// times in order and in the frame, the chain from the beacon on, and what the
// ledger knows of the frame.
func audit(t *testing.T, c *ledgertest.Consortium, of *campaigntest.Campaign, ref coupon.FrameRef, firstSN int64, log []coupon.Entry) error {
	t.Helper()
	before, openedThere := record(t, c, ref.Before())
	closed, closedThere := record(t, c, ref)
	if !openedThere || !closedThere {
		return errors.New("the ledger has not closed the frame")
	}
	q := coupon.FirstLink(before.Last, ref.Beacon(coupon.DeriveBeaconKey(of.Key), before))
	last := before.Time
	for i, e := range log {
		if e.SN != firstSN+int64(i) {
			return fmt.Errorf("entry %d has the number %d", i, e.SN)
		}
		if e.Time < last || e.Time > before.Time+of.MaxFrameAge {
			return fmt.Errorf("the time of %d is out of order", e.SN)
		}
		if q = coupon.NextLink(q, e.UData); q != e.Q {
			return fmt.Errorf("the chain breaks at %d", e.SN)
		}
		last = e.Time
	}
	if closed.Last != q || closed.Log != coupon.LogDigest(rootOf(log), int64(len(log))) {
		return errors.New("the ledger has another log")
	}
	return nil
}

// rootOf is the root of the Merkle tree over a log, as RFC 6962 describes it.
func rootOf(log []coupon.Entry) coupon.Hash {
	switch len(log) {
	case 0:
		return coupon.EmptyRoot
	case 1:
		return log[0].Leaf()
	}
	split := 1
	for 2*split < len(log) {
		split *= 2
	}
	return nodeOf(rootOf(log[:split]), rootOf(log[split:]))
}

func nodeOf(left, right coupon.Hash) coupon.Hash {
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

var errNotClosed = errors.New("the frame is not closed")
