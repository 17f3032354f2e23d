// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// grinder is what is sold, in the form of GS1.
const grinder = "(01)09521234543213(21)S0001"

// proofOffer publishes an offer of purchase proofs that the organisation of the
// service emits, as a retailer of the campaign.
func proofOffer(t *testing.T, c *ledgertest.Consortium, change func(*campaigntest.Options)) *campaigntest.Campaign {
	t.Helper()
	o := campaigntest.Options{
		ID: "proven", Kind: coupon.KindProof, MaxFrameAge: frameAge, Quotas: []int64{100},
		Retailers: []string{servetest.AdvertiserMSP, servetest.RetailerMSP},
	}
	if change != nil {
		change(&o)
	}
	return campaigntest.Publish(t, c, o)
}

// seller is a stand whose own services ask for proofs.
type seller struct {
	stand
	offer *campaigntest.Campaign
	desk  advertiserv1.AdvertiserServiceClient
}

func newSeller(t *testing.T, change func(*campaigntest.Options)) seller {
	t.Helper()
	return sellerAt(t, filepath.Join(t.TempDir(), "advertiser.db"), change)
}

func sellerAt(t *testing.T, path string, change func(*campaigntest.Options)) seller {
	t.Helper()
	s := seller{stand: runStand(t, newConsortium(t), path, advertiser.Limits{})}
	s.offer = proofOffer(t, s.consortium, change)
	s.offered(t, s.offer.Framework)
	s.desk = s.as(t, servetest.AdvertiserMSP, serve.RoleService)
	return s
}

func (s seller) request(product string) *advertiserv1.IssueProofRequest {
	return &advertiserv1.IssueProofRequest{
		RequestId: uuid.NewString(), FrameworkId: s.offer.Framework.ID.String(), UData: newUData(),
		ProductId: product, InvoiceNumber: "R-2026-1",
	}
}

func (s seller) prove(t *testing.T, request *advertiserv1.IssueProofRequest) coupon.Coupon {
	t.Helper()
	response, err := s.desk.IssueProof(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	made, err := coupon.ParseCoupon(response.GetCoupon())
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestProofsComeWithSales(t *testing.T) {
	t.Parallel()
	s := newSeller(t, nil)
	request := s.request(grinder)
	made := s.prove(t, request)
	if made.Kind != coupon.KindProof || made.SN != 1 || made.Release.Frame != 1 || made.Owner != coupon.PublicKey(request.GetUData()) {
		t.Errorf("the proof is %+v", made)
	}
	if want := coupon.ProductTag(coupon.DeriveProductKey(s.offer.Key), grinder); made.Product.Tag != want {
		t.Errorf("its product tag is %s, want %s", made.Product.Tag, want)
	}
	if again := s.prove(t, request); again != made {
		t.Errorf("a repeat got %+v, want %+v", again, made)
	}
	other := s.prove(t, s.request("another"))
	if worth, refused := redeem(t, s.consortium, made, ""); worth != 100 || refused != nil {
		t.Errorf("redeemed: %d, %v", worth, refused)
	}
	s.closeFrames(t)
	if err := audit(t, s.consortium, s.offer, coupon.FrameOf(made), 1, readLog(t, s.client, coupon.FrameOf(made), 0)); err != nil {
		t.Error(err)
	}
	if _, frame := s.fetchReceipt(t, other); frame.GetFrame() != 1 {
		t.Errorf("the receipt is of frame %d", frame.GetFrame())
	}
}

func TestAProductHasOneProof(t *testing.T) {
	t.Parallel()
	s := newSeller(t, nil)
	s.prove(t, s.request(grinder))
	_, err := s.desk.IssueProof(t.Context(), s.request(grinder))
	refusal{codes.AlreadyExists, coupon.ReasonProductHasProof}.check(t, err)
	var counter sync.WaitGroup
	got := make(chan error, 16)
	for range cap(got) {
		request := s.request("(01)09521234543213(21)S0002")
		counter.Go(func() {
			_, err := s.desk.IssueProof(t.Context(), request)
			got <- err
		})
	}
	counter.Wait()
	close(got)
	proofs := 0
	for err := range got {
		if err == nil {
			proofs++
			continue
		}
		refusal{codes.AlreadyExists, coupon.ReasonProductHasProof}.check(t, err)
	}
	if proofs != 1 {
		t.Errorf("the product has %d proofs", proofs)
	}
	// What is refused costs no serial number.
	if last := s.prove(t, s.request("the last")); last.SN != 3 {
		t.Errorf("the next proof has the number %d", last.SN)
	}
}

// TestAProductWhoseProofWasRedeemed has a store that knows nothing of the sale,
// nor of the lane: what was redeemed the ledger knows.
func TestAProductWhoseProofWasRedeemed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "advertiser.db")
	s := sellerAt(t, path, nil)
	if _, refused := redeem(t, s.consortium, s.prove(t, s.request(grinder)), ""); refused != nil {
		t.Fatal(refused)
	}
	s.end(t)
	fresh := runChanged(t, s.consortium, filepath.Join(t.TempDir(), "new.db"), func(*advertiser.Options) {})
	s.stand, s.desk = fresh, fresh.as(t, servetest.AdvertiserMSP, serve.RoleService)
	var err error
	eventually(t, func() error {
		if _, err = s.desk.IssueProof(t.Context(), s.request(grinder)); refusalOf(err).reason != coupon.ReasonProductUsed {
			return fmt.Errorf("not yet: %w", err)
		}
		return nil
	})
	refusal{codes.AlreadyExists, coupon.ReasonProductUsed}.check(t, err)
}

func TestCustomersGetNoProofs(t *testing.T) {
	t.Parallel()
	s := newSeller(t, nil)
	request := dynamicRequest(s.offer)
	_, err := s.client.IssueCoupon(t.Context(), request)
	refusal{codes.InvalidArgument, coupon.ReasonUnsupportedKind}.check(t, err)
	_, err = s.desk.IssueCoupon(t.Context(), request)
	refusal{codes.InvalidArgument, coupon.ReasonUnsupportedKind}.check(t, err)
	body := fmt.Sprintf(`{"request_id":%q,"u_data":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`, request.GetRequestId())
	got := s.visit(t, http.MethodPost, "/v1/offers/"+s.offer.Framework.ID.String()+"/coupons", "application/json", body)
	if got.status != http.StatusBadRequest || got.reason != coupon.ReasonUnsupportedKind {
		t.Errorf("over HTTP: %d %s", got.status, got.reason)
	}
}

func TestProofsAreRefused(t *testing.T) {
	t.Parallel()
	s := newSeller(t, nil)
	static := campaigntest.Publish(t, s.consortium, campaigntest.Options{ID: "static"})
	bound := proofOffer(t, s.consortium, func(o *campaigntest.Options) { o.ID, o.Holder = "bound", coupon.HolderBound })
	s.offered(t, s.offer.Framework, static.Framework, bound.Framework)
	known := s.request(grinder)
	s.prove(t, known)
	invalid := refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}
	for _, test := range []struct {
		name   string
		change func(*advertiserv1.IssueProofRequest)
		want   refusal
	}{
		{"no request id", func(r *advertiserv1.IssueProofRequest) { r.RequestId = "1" }, invalid},
		{"no framework", func(r *advertiserv1.IssueProofRequest) { r.FrameworkId = "" }, invalid},
		{"unknown framework", func(r *advertiserv1.IssueProofRequest) {
			r.FrameworkId = strings.Repeat("0", 32)
		}, refusal{codes.NotFound, coupon.ReasonUnknownFramework}},
		{"static framework", func(r *advertiserv1.IssueProofRequest) {
			r.FrameworkId = static.Framework.ID.String()
		}, refusal{codes.InvalidArgument, coupon.ReasonUnsupportedKind}},
		{"no product", func(r *advertiserv1.IssueProofRequest) { r.ProductId = "" }, invalid},
		{"product too long", func(r *advertiserv1.IssueProofRequest) { r.ProductId = strings.Repeat("1", 65) }, invalid},
		{"product beyond ASCII", func(r *advertiserv1.IssueProofRequest) { r.ProductId = "Mühle" }, invalid},
		{"no invoice", func(r *advertiserv1.IssueProofRequest) { r.InvoiceNumber = "" }, invalid},
		{"31 bytes of a wallet", func(r *advertiserv1.IssueProofRequest) { r.UData = r.GetUData()[:31] }, invalid},
		{"key of small order", func(r *advertiserv1.IssueProofRequest) {
			r.FrameworkId, r.UData = bound.Framework.ID.String(), make([]byte, 32)
		}, refusal{codes.InvalidArgument, coupon.ReasonBadOwnerKey}},
		{"another product under the same id", func(r *advertiserv1.IssueProofRequest) {
			proto.Reset(r)
			proto.Merge(r, known)
			r.ProductId = "another"
		}, refusal{codes.AlreadyExists, coupon.ReasonRequestConflict}},
		{"another invoice under the same id", func(r *advertiserv1.IssueProofRequest) {
			proto.Reset(r)
			proto.Merge(r, known)
			r.InvoiceNumber = "R-2026-2"
		}, refusal{codes.AlreadyExists, coupon.ReasonRequestConflict}},
		{"another wallet under the same id", func(r *advertiserv1.IssueProofRequest) {
			proto.Reset(r)
			proto.Merge(r, known)
			r.UData = newUData()
		}, refusal{codes.AlreadyExists, coupon.ReasonRequestConflict}},
	} {
		request := s.request("product of " + test.name)
		test.change(request)
		_, err := s.desk.IssueProof(t.Context(), request)
		if got := refusalOf(err); got != test.want {
			t.Errorf("%s: got %v (%v), want %v", test.name, got, err, test.want)
		}
	}
	for caller, want := range map[[2]string]coupon.Reason{
		{servetest.AdvertiserMSP, serve.RoleOperator}: coupon.ReasonWrongRole,
		{servetest.AdvertiserMSP, serve.RoleTill}:     coupon.ReasonWrongRole,
		{servetest.RetailerMSP, serve.RoleService}:    coupon.ReasonWrongOrganisation,
		{servetest.IssuerMSP, serve.RoleService}:      coupon.ReasonWrongOrganisation,
	} {
		_, err := s.as(t, caller[0], caller[1]).IssueProof(t.Context(), s.request("x"))
		refusal{codes.PermissionDenied, want}.check(t, err)
	}
}

// TestProofsEndWithTheirCampaign, but for those that were made.
func TestProofsEndWithTheirCampaign(t *testing.T) {
	t.Parallel()
	for function, want := range map[string]coupon.Reason{
		"PauseCampaign": coupon.ReasonCampaignPaused, "CloseCampaign": coupon.ReasonCampaignClosed,
	} {
		s := newSeller(t, nil)
		request := s.request(grinder)
		made := s.prove(t, request)
		change(t, s.consortium, function, "proven")
		s.offered(t)
		_, err := s.desk.IssueProof(t.Context(), s.request("another"))
		refusal{codes.FailedPrecondition, want}.check(t, err)
		if again := s.prove(t, request); again != made {
			t.Errorf("after %s a repeat got %+v, want %+v", function, again, made)
		}
	}
}

// TestProofsSurviveACrash kills the service right after its answer: proof,
// product and opening are on the disk.
func TestProofsSurviveACrash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "advertiser.db")
	s := sellerAt(t, path, nil)
	request := s.request(grinder)
	made := s.prove(t, request)
	left := copyFiles(t, path)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	s.stand = runStand(t, s.consortium, left, advertiser.Limits{})
	s.desk = s.as(t, servetest.AdvertiserMSP, serve.RoleService)
	if again := s.prove(t, request); again != made {
		t.Errorf("a repeat got %+v, want %+v", again, made)
	}
	_, err := s.desk.IssueProof(t.Context(), s.request(grinder))
	refusal{codes.AlreadyExists, coupon.ReasonProductHasProof}.check(t, err)
	s.closeFrames(t)
	opened := openings(t, s.as(t, servetest.IssuerMSP, serve.RoleService), coupon.FrameOf(made), 0)
	if len(opened) != 1 || opened[0].SN != made.SN || opened[0].Digest() != made.Product.Sale {
		t.Errorf("opened %+v", opened)
	}
}
