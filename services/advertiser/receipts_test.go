// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// TestReceiptsAreGoodForTheLedgersFrame asks for all receipts of frames of many
// sizes, over HTTP, and checks each against the ledger's record.
func TestReceiptsAreGoodForTheLedgersFrame(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t, 100)
	first := int64(1)
	for frame, size := range []int{1, 2, 3, 7, 8, 13} {
		var made []coupon.Coupon
		for range size {
			made = append(made, s.issue(t, dynamicRequest(offer)))
		}
		s.closeFrames(t)
		ref := coupon.FrameRef{Framework: offer.Framework.ID, Frame: uint32(frame + 1)}
		closed, _ := record(t, s.consortium, ref)
		for i, c := range made {
			text, shown := s.fetchReceipt(t, c)
			receipt, err := coupon.ParseReceipt(text)
			if err != nil || receipt.Size != int64(size) || receipt.Index != int64(i) {
				t.Errorf("the receipt of %d of %d: %+v, %v", i, size, receipt, err)
			}
			if err := c.CheckReceipt(receipt, closed.Log); err != nil {
				t.Errorf("the receipt of %d of %d: %v", i, size, err)
			}
			if coupon.Hash(shown.GetLogSha256()) != closed.Log || coupon.Hash(shown.GetQLast()) != closed.Last ||
				shown.GetClosedTime().AsTime().UnixMilli() != closed.Time || shown.GetFrame() != int64(ref.Frame) {
				t.Errorf("the frame is shown as %v", shown)
			}
			if other := made[(i+1)%size]; other != c && other.CheckReceipt(receipt, closed.Log) == nil {
				t.Error("a receipt is good for another coupon")
			}
		}
		if err := audit(t, s.consortium, offer, ref, first, readLog(t, s.client, ref, 3)); err != nil {
			t.Error(err)
		}
		first += int64(size)
	}
}

// fetchReceipt asks as the public does.
func (s stand) fetchReceipt(t *testing.T, c coupon.Coupon) (string, *advertiserv1.Frame) {
	t.Helper()
	got := s.visit(t, http.MethodGet, receiptPath(c), "", "")
	var response advertiserv1.GetReceiptResponse
	if err := protojson.Unmarshal(got.body, &response); err != nil || got.status != http.StatusOK {
		t.Fatalf("status %d, %s, %v", got.status, got.body, err)
	}
	return response.GetReceipt(), response.GetFrame()
}

func receiptPath(c coupon.Coupon) string {
	return fmt.Sprintf("/v1/offers/%s/receipts/%d/%d", c.Framework, c.Lane, c.SN)
}

func TestACouponThatGrowsIsRedeemedWithItsReceipt(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	offer := campaigntest.Publish(t, s.consortium, campaigntest.Options{
		ID: "growing", Kind: coupon.KindDynamic, Terms: scheduled(growth), MaxFrameAge: frameAge,
	})
	s.offered(t, offer.Framework)
	made := s.issue(t, dynamicRequest(offer))
	_, err := s.client.GetReceipt(t.Context(), receiptRequest(made))
	refusal{codes.FailedPrecondition, coupon.ReasonFrameNotClosed}.check(t, err)
	s.consortium.Clock.Advance(5 * time.Minute)
	s.consortium.Tick(t, servetest.IssuerMSP, servetest.ClearingMSP)
	_, refused := redeem(t, s.consortium, made, "")
	if len(refused) != 1 || refused[0].Reason != coupon.ReasonReceiptRequired {
		t.Errorf("without receipt: %v", refused)
	}
	s.closeFrames(t)
	if worth, refused := redeem(t, s.consortium, made, s.receipt(t, made)); worth != 150 || refused != nil {
		t.Errorf("with its receipt: %d, %v", worth, refused)
	}
}

func TestReceiptsThatThereAreNot(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t, 10)
	static := campaigntest.Publish(t, s.consortium, campaigntest.Options{ID: "static"})
	s.offered(t, offer.Framework, static.Framework)
	s.issue(t, dynamicRequest(offer))
	s.issue(t, bearerRequest(static.Framework))
	id := offer.Framework.ID.String()
	for _, test := range []struct {
		name, method, path string
		status             int
		reason             coupon.Reason
	}{
		{"a frame that is open", http.MethodGet, id + "/receipts/0/1", http.StatusConflict, coupon.ReasonFrameNotClosed},
		{"a number not given out", http.MethodGet, id + "/receipts/0/2", http.StatusNotFound, coupon.ReasonNotFound},
		{"a lane not used", http.MethodGet, id + "/receipts/1/1", http.StatusNotFound, coupon.ReasonNotFound},
		{"a static coupon", http.MethodGet, static.Framework.ID.String() + "/receipts/0/1", http.StatusNotFound, coupon.ReasonUnknownFramework},
		{"an unknown framework", http.MethodGet, "00112233445566778899aabbccddeeff/receipts/0/1", http.StatusNotFound, coupon.ReasonUnknownFramework},
		{"no framework id", http.MethodGet, "abc/receipts/0/1", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"a lane that is no number", http.MethodGet, id + "/receipts/a/1", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"a lane that cannot be", http.MethodGet, id + "/receipts/1024/1", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"a negative lane", http.MethodGet, id + "/receipts/-1/1", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"no number", http.MethodGet, id + "/receipts/0/x", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"a query", http.MethodGet, id + "/receipts/0/1?a=1", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"posted", http.MethodPost, id + "/receipts/0/1", http.StatusMethodNotAllowed, coupon.ReasonInvalidRequest},
	} {
		got := s.visit(t, test.method, "/v1/offers/"+test.path, "", "")
		if got.status != test.status || got.reason != test.reason {
			t.Errorf("%s: %d %s, want %d %s", test.name, got.status, got.reason, test.status, test.reason)
		}
	}
}

func TestReceiptsAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	s := runStand(t, c, filepath.Join(t.TempDir(), "advertiser.db"), advertiser.Limits{AddressRate: 0.001, AddressBurst: 2})
	path := receiptPath(coupon.Coupon{SN: 1})
	for range 2 {
		s.visit(t, http.MethodGet, path, "", "")
	}
	if got := s.visit(t, http.MethodGet, path, "", ""); got.reason != coupon.ReasonRateLimited {
		t.Errorf("got %d %s", got.status, got.reason)
	}
}

// anotherIssuer has mandates of its own.
const anotherIssuer = "OtherMSP"

// TestOnlyWhoMaySeesLogsAndClosesFrames has an issuer besides the framework's.
func TestOnlyWhoMaySeesLogsAndClosesFrames(t *testing.T) {
	t.Parallel()
	c := ledgertest.New(t, ledgertest.Options{Organisations: append(servetest.Default(), config.Organisation{
		MSPID: anotherIssuer, Roles: []string{config.RoleIssuer},
	})})
	c.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	c.SetUp(t, anotherIssuer, servetest.ClearingMSP)
	s := runStand(t, c, filepath.Join(t.TempDir(), "advertiser.db"), advertiser.Limits{})
	offer := dynamicOffer(t, c, "decaying", 10)
	s.offered(t, offer.Framework)
	s.issue(t, dynamicRequest(offer))
	wrongRole := refusal{codes.PermissionDenied, coupon.ReasonWrongRole}
	wrongOrganisation := refusal{codes.PermissionDenied, coupon.ReasonWrongOrganisation}
	closing := func(mspID, role string) error {
		_, err := s.as(t, mspID, role).CloseFrames(t.Context(), &advertiserv1.CloseFramesRequest{FrameworkId: offer.Framework.ID.String()})
		return err
	}
	wrongRole.check(t, closing(servetest.AdvertiserMSP, serve.RoleService))
	wrongOrganisation.check(t, closing(servetest.IssuerMSP, serve.RoleOperator))
	request := &advertiserv1.GetLogRequest{FrameworkId: offer.Framework.ID.String(), Frame: 1}
	reading := func(mspID, role string) error {
		_, err := s.as(t, mspID, role).GetLog(t.Context(), request)
		return err
	}
	refusal{codes.FailedPrecondition, coupon.ReasonFrameNotClosed}.check(t, reading(servetest.IssuerMSP, serve.RoleService))
	refusal{}.check(t, closing(servetest.AdvertiserMSP, serve.RoleOperator))
	refusal{}.check(t, reading(servetest.IssuerMSP, serve.RoleService))
	refusal{}.check(t, reading(servetest.AdvertiserMSP, serve.RoleOperator))
	wrongOrganisation.check(t, reading(anotherIssuer, serve.RoleService))
	wrongOrganisation.check(t, reading(servetest.RetailerMSP, serve.RoleService))
	wrongRole.check(t, reading(servetest.AdvertiserMSP, serve.RoleTill))

	malformed := refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}
	for name, test := range map[string]struct {
		change func(*advertiserv1.GetLogRequest)
		want   refusal
	}{
		"no framework":      {func(r *advertiserv1.GetLogRequest) { r.FrameworkId = "" }, malformed},
		"unknown framework": {func(r *advertiserv1.GetLogRequest) { r.FrameworkId = coupon.FrameworkID{1}.String() }, refusal{codes.NotFound, coupon.ReasonUnknownFramework}},
		"frame 0":           {func(r *advertiserv1.GetLogRequest) { r.Frame = 0 }, malformed},
		"a frame to come":   {func(r *advertiserv1.GetLogRequest) { r.Frame = 7 }, refusal{codes.NotFound, coupon.ReasonNotFound}},
		"a negative lane":   {func(r *advertiserv1.GetLogRequest) { r.Lane = -1 }, malformed},
		"a negative size":   {func(r *advertiserv1.GetLogRequest) { r.PageSize = -1 }, malformed},
		"a made-up token":   {func(r *advertiserv1.GetLogRequest) { r.PageToken = "x" }, malformed},
	} {
		r := &advertiserv1.GetLogRequest{FrameworkId: offer.Framework.ID.String(), Frame: 1}
		test.change(r)
		_, err := s.client.GetLog(t.Context(), r)
		if got := refusalOf(err); got != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := s.client.CloseFrames(t.Context(), &advertiserv1.CloseFramesRequest{FrameworkId: coupon.FrameworkID{1}.String()})
	refusal{codes.NotFound, coupon.ReasonUnknownFramework}.check(t, err)
	_, err = s.client.CloseFrames(t.Context(), &advertiserv1.CloseFramesRequest{FrameworkId: "x"})
	malformed.check(t, err)
}
