// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// openings reads all openings of a frame, in pages of a size.
func openings(t *testing.T, client advertiserv1.AdvertiserServiceClient, ref coupon.FrameRef, size int32) []coupon.Opening {
	t.Helper()
	request := &advertiserv1.GetOpeningsRequest{
		FrameworkId: ref.Framework.String(), Lane: int32(ref.Lane), Frame: int64(ref.Frame), PageSize: size,
	}
	var all []coupon.Opening
	for {
		page, err := client.GetOpenings(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.GetOpenings() {
			all = append(all, coupon.Opening{
				Framework: ref.Framework, Lane: ref.Lane, SN: o.GetSn(), Salt: coupon.Nonce(o.GetSalt()),
				Product: o.GetProductId(), Invoice: o.GetInvoiceNumber(),
			})
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return all
		}
	}
}

func TestSalesAreOpenedToTheIssuerOnly(t *testing.T) {
	t.Parallel()
	s := newSeller(t, nil)
	var made []coupon.Coupon
	for i := range 5 {
		made = append(made, s.prove(t, s.request(fmt.Sprintf("product %d", i))))
	}
	ref := coupon.FrameOf(made[0])
	ask := &advertiserv1.GetOpeningsRequest{FrameworkId: ref.Framework.String(), Frame: 1}
	issuer := s.as(t, servetest.IssuerMSP, serve.RoleService)
	_, err := issuer.GetOpenings(t.Context(), ask)
	refusal{codes.FailedPrecondition, coupon.ReasonFrameNotClosed}.check(t, err)
	s.closeFrames(t)
	for _, size := range []int32{0, 1, 2, 5} {
		opened := openings(t, issuer, ref, size)
		if len(opened) != len(made) {
			t.Fatalf("in pages of %d: %d openings", size, len(opened))
		}
		for i, o := range opened {
			if o.SN != made[i].SN || o.Digest() != made[i].Product.Sale || o.Invoice != "R-2026-1" {
				t.Errorf("opened %+v of %+v", o, made[i])
			}
		}
	}
	s.consortium.Clock.Advance(time.Second)
	later := s.prove(t, s.request("of another frame"))
	s.closeFrames(t)
	if opened := openings(t, issuer, coupon.FrameOf(later), 0); len(opened) != 1 || opened[0].SN != later.SN {
		t.Errorf("opened of frame 2: %+v", opened)
	}
	for caller, want := range map[[2]string]coupon.Reason{
		{servetest.IssuerMSP, serve.RoleOperator}:     coupon.ReasonWrongRole,
		{servetest.AdvertiserMSP, serve.RoleService}:  coupon.ReasonWrongOrganisation,
		{servetest.AdvertiserMSP, serve.RoleOperator}: coupon.ReasonWrongRole,
		{servetest.RetailerMSP, serve.RoleService}:    coupon.ReasonWrongOrganisation,
	} {
		_, err := s.as(t, caller[0], caller[1]).GetOpenings(t.Context(), ask)
		refusal{codes.PermissionDenied, want}.check(t, err)
	}
	written := bytes.Join(s.log.lines(), nil)
	for _, secret := range []string{"product 1", "R-2026-1"} {
		if bytes.Contains(written, []byte(secret)) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// TestOtherCouponsHaveNoOpenings: they came with no sale.
func TestOtherCouponsHaveNoOpenings(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t, 10)
	ask := &advertiserv1.GetOpeningsRequest{FrameworkId: offer.Framework.ID.String(), Frame: 1}
	_, err := s.as(t, servetest.IssuerMSP, serve.RoleService).GetOpenings(t.Context(), ask)
	refusal{codes.NotFound, coupon.ReasonUnknownFramework}.check(t, err)
}
