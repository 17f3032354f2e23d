// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/issuer"
)

// GetOpenings has two sales on a page.
func (a *altered) GetOpenings(_ context.Context, r *advertiserv1.GetOpeningsRequest) (*advertiserv1.GetOpeningsResponse, error) {
	ref := coupon.FrameRef{Lane: uint16(r.GetLane()), Frame: uint32(r.GetFrame())}
	if err := ref.Framework.UnmarshalText([]byte(r.GetFrameworkId())); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	opened, found := a.opened[ref]
	if !found {
		return nil, status.Error(codes.Internal, "there is none")
	}
	begin, _ := strconv.Atoi(r.GetPageToken())
	response := new(advertiserv1.GetOpeningsResponse)
	for _, o := range opened[begin:min(begin+2, len(opened))] {
		response.Openings = append(response.Openings, &advertiserv1.Opening{
			Sn: o.SN, Salt: o.Salt[:], ProductId: o.Product, InvoiceNumber: o.Invoice,
		})
	}
	if begin+2 < len(opened) {
		response.NextPageToken = strconv.Itoa(begin + 2)
	}
	return response, nil
}

func (a *altered) open(ref coupon.FrameRef, opened ...coupon.Opening) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.opened[ref] = slices.Clone(opened)
}

// emitter is the retailer whose proofs are audited.
const emitter = servetest.AdvertiserMSP

func newProving(t *testing.T) *audited {
	t.Helper()
	return newAuditedOf(t, func(*issuer.Options) {}, campaigntest.Options{
		ID: "proven", Kind: coupon.KindProof, MaxFrameAge: frameAge,
		Retailers: []string{emitter, servetest.RetailerMSP},
	})
}

// sell releases the proof of a sale of product n, and opens it truly.
func (a *audited) sell(n int) (coupon.Coupon, coupon.Opening) {
	o := coupon.Opening{
		Framework: a.Framework.ID, Lane: a.Frame.Lane, SN: a.SN + 1,
		Salt: coupon.Nonce{byte(n)}, Product: fmt.Sprintf("grinder %d", n), Invoice: fmt.Sprintf("R-%d", n),
	}
	return a.Proof(coupon.Product{
		Tag: coupon.ProductTag(coupon.DeriveProductKey(a.Key), o.Product), Sale: o.Digest(),
	}), o
}

// findingsOf waits until so many are found of a frame, and lists them.
func (a *audited) findingsOf(t *testing.T, ref coupon.FrameRef, n int) []string {
	t.Helper()
	var found []string
	shown := a.await(t, ref, func(shown *issuerv1.Audit) bool { return len(shown.GetFindings()) >= n })
	for _, f := range shown.GetFindings() {
		found = append(found, fmt.Sprintf("%d %s", f.GetSn(), f.GetKind()))
	}
	slices.Sort(found)
	return found
}

// TestSalesOfProofsAreAudited has an emitter that cheats with all of its proofs
// but the first and the seventh.
func TestSalesOfProofsAreAudited(t *testing.T) {
	t.Parallel()
	a := newProving(t)
	var proofs []coupon.Coupon
	var opened []coupon.Opening
	for n := range 9 {
		product := n + 1
		if product == 4 {
			product = 1 // sold before
		}
		proof, o := a.sell(product)
		if n == 2 {
			a.SN--
			a.Log = a.Log[:len(a.Log)-1]
			a.Q = proofs[n-1].Release.Q
			proof = a.Proof(coupon.Product{Tag: coupon.Tag{3}, Sale: o.Digest()})
		}
		proofs, opened = append(proofs, proof), append(opened, o)
	}
	a.undo(t, a.spendAt(t, servetest.RetailerMSP, "undone", proofs[8]))
	opened[1].Invoice = "R-9"
	a.service.open(a.Frame, opened[:7]...)
	ref := a.close(t)
	for _, n := range []int{0, 1, 2, 7} {
		a.spend(t, proofs[n])
	}
	a.spendAt(t, emitter, "R-5", proofs[4])
	a.examined(t, ref, 6)
	a.pass(t, time.Hour)
	a.spendAt(t, emitter, "R-6", proofs[6])
	want := []string{"2 wrong_sale", "3 wrong_product", "4 product_twice", "5 own_sale", "6 other_sale", "8 not_opened"}
	got := a.findingsOf(t, ref, len(want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

// undo voids the one redemption of a transaction.
func (a *audited) undo(t *testing.T, receipt ledger.Receipt) {
	t.Helper()
	var result coupon.BatchResult
	retailer := a.consortium.For(t, servetest.RetailerMSP)
	err := retailer.Evaluate(t.Context(), ledger.Call{
		Namespace: config.Namespace(servetest.IssuerMSP), Function: "GetBatch",
		Argument: coupon.BatchQuery{Batch: coupon.NewBatchID(receipt.TransactionID)},
	}, &result)
	if err != nil {
		t.Fatal(err)
	}
	a.Void(t, servetest.RetailerMSP, result.Record)
}

// TestSalesThatAreNotOpened are asked for until they come; after a time that is
// a finding, and they are compared when they come.
func TestSalesThatAreNotOpened(t *testing.T) {
	t.Parallel()
	a := newProving(t)
	proof, o := a.sell(1)
	ref := a.close(t)
	a.spend(t, proof)
	a.examined(t, ref, 1)
	a.pass(t, 11*time.Minute)
	if got := a.findingsOf(t, ref, 1); !slices.Equal(got, []string{"0 sales_not_opened"}) {
		t.Errorf("found %v", got)
	}
	o.Product = "another"
	a.service.open(ref, o)
	want := []string{"0 sales_not_opened", "1 wrong_product", "1 wrong_sale"}
	if got := a.findingsOf(t, ref, len(want)); !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}
