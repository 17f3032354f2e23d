// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"crypto/sha256"
	"math"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

func TestAuthoriseEmitter(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(t, "tea", nil)
	got := d.authorise(t, "tea", 100, 20)
	want := coupon.Mandate{
		Issuer: servetest.IssuerMSP, Emitter: servetest.AdvertiserMSP, Product: "Tea", Offer: "One euro off",
		Campaign: "tea", Version: 1, Kind: coupon.KindStatic, Epoch: 1, TermsSHA256: sha256.Sum256([]byte(terms)),
	}
	if diff := cmp.Diff(&typev1.Framework{
		FrameworkId: want.ID().String(), Issuer: want.Issuer, Emitter: want.Emitter, Campaign: "tea", Version: 1,
		Kind: typev1.Kind_KIND_STATIC, Epoch: 1, Quotas: []int64{100, 20}, Status: active,
	}, got, protocmp.Transform()); diff != "" {
		t.Errorf("framework (-want +got):\n%s", diff)
	}
	var key coupon.EmitterKey
	err := d.consortium.For(t, servetest.AdvertiserMSP).Evaluate(t.Context(), ledger.Call{
		Namespace: namespace, Function: "EmitterKey", Argument: coupon.FrameworkQuery{Framework: want.ID()},
	}, &key)
	if err != nil || key.Key == (coupon.Key{}) || key.MAC == (coupon.MAC{}) {
		t.Errorf("the emitter has not its key: %v", err)
	}
}

func TestAuthoriseEmitterIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(t, "tea", nil)
	d.publish(t, "over", nil)
	_, err := d.client.CloseCampaign(t.Context(), &issuerv1.CloseCampaignRequest{RequestId: uuid.NewString(), Campaign: "over", Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	good := func() *issuerv1.AuthoriseEmitterRequest {
		return &issuerv1.AuthoriseEmitterRequest{
			RequestId: uuid.NewString(), Campaign: "tea", Version: 1,
			Emitter: servetest.AdvertiserMSP, Kind: typev1.Kind_KIND_STATIC, Quotas: []int64{10},
		}
	}
	malformed := refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}
	for _, test := range []struct {
		name   string
		change func(*issuerv1.AuthoriseEmitterRequest)
		want   refusal
	}{
		{"no id", func(r *issuerv1.AuthoriseEmitterRequest) { r.RequestId = "" }, malformed},
		{"unknown campaign", func(r *issuerv1.AuthoriseEmitterRequest) { r.Campaign = "coffee" }, refusal{codes.NotFound, coupon.ReasonUnknownCampaign}},
		{"closed campaign", func(r *issuerv1.AuthoriseEmitterRequest) { r.Campaign = "over" }, refusal{codes.FailedPrecondition, coupon.ReasonCampaignClosed}},
		{"no kind", func(r *issuerv1.AuthoriseEmitterRequest) { r.Kind = 0 }, refusal{codes.InvalidArgument, coupon.ReasonUnknownKind}},
		{"no emitter", func(r *issuerv1.AuthoriseEmitterRequest) { r.Emitter = "" }, malformed},
		{"an emitter outside the consortium", func(r *issuerv1.AuthoriseEmitterRequest) { r.Emitter = "StrangerMSP" }, malformed},
		{"an emitter that is no advertiser", func(r *issuerv1.AuthoriseEmitterRequest) { r.Emitter = servetest.RetailerMSP }, malformed},
		{"no quota", func(r *issuerv1.AuthoriseEmitterRequest) { r.Quotas = nil }, malformed},
		{"a quota of 0", func(r *issuerv1.AuthoriseEmitterRequest) { r.Quotas = []int64{5, 0} }, malformed},
		{"a quota below 0", func(r *issuerv1.AuthoriseEmitterRequest) { r.Quotas = []int64{-1} }, malformed},
		{"a budget that is no number", func(r *issuerv1.AuthoriseEmitterRequest) { r.Quotas = []int64{math.MaxInt64} }, refusal{codes.InvalidArgument, coupon.ReasonAmountOverflow}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			request := good()
			test.change(request)
			_, err := d.client.AuthoriseEmitter(t.Context(), request)
			test.want.check(t, err)
		})
	}
	for _, stranger := range strangers {
		t.Run(stranger.name, func(t *testing.T) {
			t.Parallel()
			_, err := d.as(t, stranger.mspID, stranger.role).AuthoriseEmitter(t.Context(), good())
			stranger.want.check(t, err)
		})
	}
}

func TestAuthorisingAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(t, "tea", nil)
	request := &issuerv1.AuthoriseEmitterRequest{
		RequestId: uuid.NewString(), Campaign: "tea", Version: 1,
		Emitter: servetest.AdvertiserMSP, Kind: typev1.Kind_KIND_STATIC, Quotas: []int64{10},
	}
	first, err := d.client.AuthoriseEmitter(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	otherID := proto.CloneOf(request)
	otherID.RequestId = uuid.NewString()
	for name, repeat := range map[string]*issuerv1.AuthoriseEmitterRequest{"same id": request, "same content": otherID} {
		again, err := d.client.AuthoriseEmitter(t.Context(), repeat)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-first +again):\n%s", name, diff)
		}
	}
	more := proto.CloneOf(request)
	more.Quotas = []int64{11}
	_, err = d.client.AuthoriseEmitter(t.Context(), more)
	refusal{codes.AlreadyExists, coupon.ReasonRequestConflict}.check(t, err)
	more.RequestId = uuid.NewString()
	_, err = d.client.AuthoriseEmitter(t.Context(), more)
	refusal{codes.AlreadyExists, coupon.ReasonAlreadyExists}.check(t, err)
}

func TestAdmitRetailer(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(t, "tea", nil)
	malformed := refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}
	known := uuid.NewString()
	for _, test := range []struct {
		name    string
		request *issuerv1.AdmitRetailerRequest
		want    refusal
	}{
		{"admitted", &issuerv1.AdmitRetailerRequest{RequestId: known, Campaign: "tea", Version: 1, Retailer: servetest.RetailerMSP}, refusal{}},
		{"the same again", &issuerv1.AdmitRetailerRequest{RequestId: known, Campaign: "tea", Version: 1, Retailer: servetest.RetailerMSP}, refusal{}},
		{"the same with another id", &issuerv1.AdmitRetailerRequest{RequestId: uuid.NewString(), Campaign: "tea", Version: 1, Retailer: servetest.RetailerMSP}, refusal{}},
		{"another with the same id", &issuerv1.AdmitRetailerRequest{RequestId: known, Campaign: "tea", Version: 2, Retailer: servetest.RetailerMSP}, refusal{codes.AlreadyExists, coupon.ReasonRequestConflict}},
		{"no id", &issuerv1.AdmitRetailerRequest{Campaign: "tea", Version: 1, Retailer: servetest.RetailerMSP}, malformed},
		{"unknown campaign", &issuerv1.AdmitRetailerRequest{RequestId: uuid.NewString(), Campaign: "coffee", Version: 1, Retailer: servetest.RetailerMSP}, refusal{codes.NotFound, coupon.ReasonUnknownCampaign}},
		{"no retailer", &issuerv1.AdmitRetailerRequest{RequestId: uuid.NewString(), Campaign: "tea", Version: 1}, malformed},
		{"not a retailer", &issuerv1.AdmitRetailerRequest{RequestId: uuid.NewString(), Campaign: "tea", Version: 1, Retailer: servetest.AdvertiserMSP}, malformed},
		{"itself", &issuerv1.AdmitRetailerRequest{RequestId: uuid.NewString(), Campaign: "tea", Version: 1, Retailer: servetest.IssuerMSP}, malformed},
	} {
		_, err := d.client.AdmitRetailer(t.Context(), test.request)
		if got := refusalOf(err); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	for _, stranger := range strangers {
		_, err := d.as(t, stranger.mspID, stranger.role).AdmitRetailer(t.Context(), &issuerv1.AdmitRetailerRequest{
			RequestId: uuid.NewString(), Campaign: "tea", Version: 1, Retailer: servetest.RetailerMSP,
		})
		if got := refusalOf(err); got != stranger.want {
			t.Errorf("%s: %v", stranger.name, err)
		}
	}
}

// TestAdmissionsAtOnceShareOneKey: whichever brings k_IR, the others keep it.
func TestAdmissionsAtOnceShareOneKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	campaigns := []string{"a", "b", "c", "d"}
	for _, id := range campaigns {
		d.publish(t, id, nil)
	}
	var admitting sync.WaitGroup
	for _, id := range campaigns {
		admitting.Go(func() {
			_, err := d.client.AdmitRetailer(t.Context(), &issuerv1.AdmitRetailerRequest{
				RequestId: uuid.NewString(), Campaign: id, Version: 1, Retailer: servetest.RetailerMSP,
			})
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	admitting.Wait()
	for _, id := range campaigns {
		var list coupon.RetailerPage
		err := d.consortium.For(t, servetest.IssuerMSP).Evaluate(t.Context(), ledger.Call{
			Namespace: namespace, Function: "ListRetailers", Argument: coupon.CampaignRef{Campaign: id, Version: 1},
		}, &list)
		if diff := cmp.Diff([]string{servetest.RetailerMSP}, list.Retailers); err != nil || diff != "" {
			t.Errorf("%s (-want +got), %v:\n%s", id, err, diff)
		}
	}
}

// The retailer's peer may have yet to see k_IR when the next campaign admits it: the
// issuer is told to ask again, not that its request is wrong.
func TestAdmitARetailerWhosePeerIsBehind(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(t, "a", nil)
	d.publish(t, "b", nil)
	d.consortium.Network.Lag(servetest.RetailerMSP)
	d.admit(t, "a")
	request := &issuerv1.AdmitRetailerRequest{RequestId: uuid.NewString(), Campaign: "b", Version: 1, Retailer: servetest.RetailerMSP}
	_, err := d.client.AdmitRetailer(t.Context(), request)
	if got, want := refusalOf(err), (refusal{codes.Unavailable, coupon.ReasonKeyMissing}); got != want {
		t.Errorf("got %v, want %v", err, want)
	}
	d.consortium.Network.CatchUp(servetest.RetailerMSP)
	if _, err := d.client.AdmitRetailer(t.Context(), request); err != nil {
		t.Errorf("the same request again: %v", err)
	}
}

func TestListEmitters(t *testing.T) {
	t.Parallel()
	organisations := append(servetest.Default(),
		config.Organisation{MSPID: "Advertiser2MSP", Roles: []string{config.RoleAdvertiser}},
		config.Organisation{MSPID: "Advertiser3MSP", Roles: []string{config.RoleAdvertiser}})
	c := ledgertest.New(t, ledgertest.Options{Organisations: organisations})
	d := runDesk(t, c, filepath.Join(t.TempDir(), "issuer.db"))
	d.publish(t, "tea", nil)
	for _, emitter := range []string{servetest.AdvertiserMSP, "Advertiser2MSP", "Advertiser3MSP"} {
		_, err := d.client.AuthoriseEmitter(t.Context(), &issuerv1.AuthoriseEmitterRequest{
			RequestId: uuid.NewString(), Campaign: "tea", Version: 1,
			Emitter: emitter, Kind: typev1.Kind_KIND_STATIC, Quotas: []int64{10},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	found := make(map[string]bool)
	request := &issuerv1.ListEmittersRequest{Campaign: "tea", Version: 1, PageSize: 2}
	for {
		page, err := d.client.ListEmitters(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.GetFrameworks() {
			found[f.GetEmitter()] = true
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			break
		}
	}
	if diff := cmp.Diff(map[string]bool{servetest.AdvertiserMSP: true, "Advertiser2MSP": true, "Advertiser3MSP": true}, found); diff != "" {
		t.Errorf("emitters (-want +got):\n%s", diff)
	}
	for _, test := range []struct {
		name, mspID, role string
		request           *issuerv1.ListEmittersRequest
		want              refusal
	}{
		{"the auditor", servetest.IssuerMSP, serve.RoleAuditor, &issuerv1.ListEmittersRequest{Campaign: "tea", Version: 1}, refusal{}},
		{"an advertiser", servetest.AdvertiserMSP, operator, &issuerv1.ListEmittersRequest{Campaign: "tea", Version: 1}, refusal{codes.PermissionDenied, coupon.ReasonWrongOrganisation}},
		{"no campaign", servetest.IssuerMSP, operator, &issuerv1.ListEmittersRequest{}, refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}},
	} {
		_, err := d.as(t, test.mspID, test.role).ListEmitters(t.Context(), test.request)
		if got := refusalOf(err); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}
