// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// counter is a retailer at work, straight on the ledger.
type counter struct {
	consortium *ledgertest.Consortium
	framework  coupon.Framework
	key        coupon.EmitterKey
	sold       int
}

func newCounter(t *testing.T, c *ledgertest.Consortium, shown *typev1.Framework) *counter {
	t.Helper()
	n := &counter{consortium: c}
	var query coupon.FrameworkQuery
	if err := query.Framework.UnmarshalText([]byte(shown.GetFrameworkId())); err != nil {
		t.Fatal(err)
	}
	for function, out := range map[string]any{"GetFramework": &n.framework, "EmitterKey": &n.key} {
		err := c.For(t, servetest.AdvertiserMSP).Evaluate(t.Context(), ledger.Call{
			Namespace: namespace, Function: function, Argument: query,
		}, out)
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// bearer returns the text of a coupon.
func (n *counter) bearer(sn int64) string {
	c := coupon.Coupon{Kind: coupon.KindStatic, Framework: n.framework.ID, SN: sn, MandateMAC: n.key.MAC}
	c.EmitterMAC = c.MAC(n.key.Key, n.framework.Mandate().Data(), coupon.Hash{})
	return c.Text()
}

// redeem sells one pack of tea for each coupon and returns batch and redemption.
func (n *counter) redeem(t *testing.T, serials ...int64) (coupon.BatchRecord, string) {
	t.Helper()
	n.sold++
	invoice := coupon.Invoice{Institute: "bank", Number: fmt.Sprint("invoice ", n.sold), Currency: "EUR", Amount: 500, PaidAt: n.consortium.Clock.Now().UnixMilli()}
	quantity := int64(len(serials))
	basket := coupon.Basket{Currency: "EUR", Total: 250 * quantity, Lines: []coupon.Line{{GTIN: "09521234543213", Quantity: quantity, UnitPrice: 250}}}
	sale := coupon.Sale{RequestID: uuid.NewString(), Request: sha256.Sum256([]byte(invoice.Number)), Invoice: invoice, Basket: basket}
	checked := coupon.CheckedSale{RequestID: sale.RequestID, Invoice: &invoice, Basket: &basket}
	for _, sn := range serials {
		checked.Coupons = append(checked.Coupons, n.bearer(sn))
	}
	retailer := n.consortium.For(t, servetest.RetailerMSP)
	var verdict coupon.CheckResult
	err := retailer.Evaluate(t.Context(), ledger.Call{
		Namespace: namespace, Function: "Check", Input: coupon.CheckInput{Sales: []coupon.CheckedSale{checked}},
		Endorsers: []string{servetest.IssuerMSP},
	}, &verdict)
	if err != nil || len(verdict.Sales) != 1 || len(verdict.Sales[0].Refused) > 0 {
		t.Fatalf("checked: %+v, %v", verdict, err)
	}
	for i, text := range checked.Coupons {
		sale.Coupons = append(sale.Coupons, coupon.Tendered{Text: text, Tag: *verdict.Sales[0].Coupons[i].Tag})
	}
	receipt, err := retailer.Submit(t.Context(), ledger.Call{
		Namespace: namespace, Function: "Redeem",
		Input:     coupon.BatchInput{Salt: sha256.Sum256([]byte(sale.RequestID)), Sales: []coupon.Sale{sale}},
		Endorsers: []string{servetest.IssuerMSP, servetest.RetailerMSP},
	})
	if err != nil {
		t.Fatal(err)
	}
	var stored coupon.BatchResult
	err = retailer.Evaluate(t.Context(), ledger.Call{
		Namespace: namespace, Function: "GetBatch", Argument: coupon.BatchQuery{Batch: coupon.NewBatchID(receipt.TransactionID)},
	}, &stored)
	if err != nil {
		t.Fatal(err)
	}
	var record coupon.BatchRecord
	if err := json.Unmarshal([]byte(stored.Record), &record); err != nil {
		t.Fatal(err)
	}
	return record, stored.Record
}

func (n *counter) void(t *testing.T, redemption coupon.RedemptionID, record string) {
	t.Helper()
	_, err := n.consortium.For(t, servetest.RetailerMSP).Submit(t.Context(), ledger.Call{
		Namespace: namespace, Function: "Void", Input: coupon.VoidInput{Record: record, Redemption: redemption},
		Endorsers: []string{servetest.IssuerMSP, servetest.RetailerMSP},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func bearer(c *typev1.Campaign) { c.Holder = typev1.Holder_HOLDER_BEARER }

// counted waits until the block of the last event is counted.
func (d desk) counted(t *testing.T) *issuerv1.GetStatisticsResponse {
	t.Helper()
	var response *issuerv1.GetStatisticsResponse
	last := d.consortium.Network.Height() - 1
	eventually(t, func() (err error) {
		response, err = d.client.GetStatistics(t.Context(), &issuerv1.GetStatisticsRequest{Campaign: "tea", Version: 1})
		if err == nil && response.GetBlock() < last {
			err = fmt.Errorf("counted to block %d of %d", response.GetBlock(), last)
		}
		return err
	})
	response.Block = 0
	return response
}

func TestGetStatistics(t *testing.T) {
	t.Parallel()
	c := ledgertest.New(t, ledgertest.Options{})
	path := filepath.Join(t.TempDir(), "issuer.db")
	d := runDesk(t, c, path)
	d.publish(t, "tea", bearer)
	framework := d.authorise(t, "tea", 100)
	d.admit(t, "tea")
	expect := func(when string, redeemed, voided, value int64) {
		t.Helper()
		want := &issuerv1.GetStatisticsResponse{Frameworks: []*issuerv1.FrameworkStatistics{
			{Framework: framework, Redeemed: redeemed, Voided: voided, Value: value},
		}}
		if diff := cmp.Diff(want, d.counted(t), protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	n := newCounter(t, c, framework)
	expect("before the first", 0, 0, 0)
	n.redeem(t, 1)
	record, text := n.redeem(t, 2, 3)
	expect("after two redemptions", 3, 0, 300)
	n.void(t, record.Redemptions[0].ID, text)
	expect("after a void", 1, 2, 100)

	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	n.redeem(t, 2)
	c.Interrupt(servetest.IssuerMSP)
	d = runDesk(t, c, path)
	expect("after a restart", 2, 2, 200)
}

func TestGetStatisticsIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(t, "tea", nil)
	for _, test := range []struct {
		name, mspID, role string
		request           *issuerv1.GetStatisticsRequest
		want              refusal
	}{
		{"the auditor", servetest.IssuerMSP, serve.RoleAuditor, &issuerv1.GetStatisticsRequest{Campaign: "tea", Version: 1}, refusal{}},
		{"an advertiser", servetest.AdvertiserMSP, operator, &issuerv1.GetStatisticsRequest{Campaign: "tea", Version: 1}, refusal{codes.PermissionDenied, coupon.ReasonWrongOrganisation}},
		{"a till", servetest.IssuerMSP, serve.RoleTill, &issuerv1.GetStatisticsRequest{Campaign: "tea", Version: 1}, refusal{codes.PermissionDenied, coupon.ReasonWrongRole}},
		{"unknown campaign", servetest.IssuerMSP, operator, &issuerv1.GetStatisticsRequest{Campaign: "coffee", Version: 1}, refusal{codes.NotFound, coupon.ReasonUnknownCampaign}},
		{"no version", servetest.IssuerMSP, operator, &issuerv1.GetStatisticsRequest{Campaign: "tea"}, refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := d.as(t, test.mspID, test.role).GetStatistics(t.Context(), test.request)
			test.want.check(t, err)
		})
	}
}
