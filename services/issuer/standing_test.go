// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"context"
	"crypto/sha256"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/servetest"
)

const (
	active    = typev1.MandateStatus_MANDATE_STATUS_ACTIVE
	suspended = typev1.MandateStatus_MANDATE_STATUS_SUSPENDED
	revoked   = typev1.MandateStatus_MANDATE_STATUS_REVOKED
)

// mandated is a desk with one mandate of two lanes.
func mandated(t *testing.T) (desk, *typev1.Framework) {
	t.Helper()
	d := newDesk(t)
	d.publish(t, "tea", nil)
	return d, d.authorise(t, "tea", 100, 20)
}

// changing are the calls that change a mandate; each returns what it answers.
var changing = map[string]func(context.Context, issuerv1.IssuerServiceClient, string, string) (*typev1.Framework, error){
	"raise": func(ctx context.Context, c issuerv1.IssuerServiceClient, request, id string) (*typev1.Framework, error) {
		r, err := c.RaiseQuota(ctx, &issuerv1.RaiseQuotaRequest{RequestId: request, FrameworkId: id, Quotas: []int64{100, 30, 5}})
		return r.GetFramework(), err
	},
	"suspend": func(ctx context.Context, c issuerv1.IssuerServiceClient, request, id string) (*typev1.Framework, error) {
		r, err := c.SuspendEmitter(ctx, &issuerv1.SuspendEmitterRequest{RequestId: request, FrameworkId: id})
		return r.GetFramework(), err
	},
	"suspend new": func(ctx context.Context, c issuerv1.IssuerServiceClient, request, id string) (*typev1.Framework, error) {
		r, err := c.SuspendEmitter(ctx, &issuerv1.SuspendEmitterRequest{RequestId: request, FrameworkId: id, RedeemClosedFrames: true})
		return r.GetFramework(), err
	},
	"reinstate": func(ctx context.Context, c issuerv1.IssuerServiceClient, request, id string) (*typev1.Framework, error) {
		r, err := c.ReinstateEmitter(ctx, &issuerv1.ReinstateEmitterRequest{RequestId: request, FrameworkId: id})
		return r.GetFramework(), err
	},
	"revoke": func(ctx context.Context, c issuerv1.IssuerServiceClient, request, id string) (*typev1.Framework, error) {
		r, err := c.RevokeEmitter(ctx, &issuerv1.RevokeEmitterRequest{RequestId: request, FrameworkId: id})
		return r.GetFramework(), err
	},
	"rotate": func(ctx context.Context, c issuerv1.IssuerServiceClient, request, id string) (*typev1.Framework, error) {
		r, err := c.RotateKey(ctx, &issuerv1.RotateKeyRequest{RequestId: request, FrameworkId: id})
		return r.GetFramework(), err
	},
}

// change makes a call that must not be refused, twice: a repeat changes nothing.
func (d desk) change(t *testing.T, name, id string) *typev1.Framework {
	t.Helper()
	request := uuid.NewString()
	first, err := changing[name](t.Context(), d.client, request, id)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	height := d.consortium.Network.Height()
	again, err := changing[name](t.Context(), d.client, request, id)
	if err != nil {
		t.Fatalf("%s again: %v", name, err)
	}
	if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" || d.consortium.Network.Height() != height {
		t.Errorf("%s again (-first +again):\n%s", name, diff)
	}
	return first
}

// list returns the mandates of the campaign.
func (d desk) list(t *testing.T) []*typev1.Framework {
	t.Helper()
	found, err := d.client.ListEmitters(t.Context(), &issuerv1.ListEmittersRequest{Campaign: "tea", Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	return found.GetFrameworks()
}

func TestRaiseQuota(t *testing.T) {
	t.Parallel()
	d, f := mandated(t)
	got := d.change(t, "raise", f.GetFrameworkId())
	if !slices.Equal(got.GetQuotas(), []int64{100, 30, 5}) || got.GetStatus() != active {
		t.Errorf("raised, the mandate is %v", got)
	}
	if _, err := changing["raise"](t.Context(), d.client, uuid.NewString(), f.GetFrameworkId()); err != nil {
		t.Errorf("raised to what it is: %v", err)
	}
	_, err := d.client.RaiseQuota(t.Context(), &issuerv1.RaiseQuotaRequest{
		RequestId: uuid.NewString(), FrameworkId: f.GetFrameworkId(), Quotas: []int64{100, 29, 5},
	})
	refusal{codes.FailedPrecondition, coupon.ReasonQuotaNotRaised}.check(t, err)
}

// TestTheAuthorisationAnswersAfterARaise has the first request repeated.
func TestTheAuthorisationAnswersAfterARaise(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(t, "tea", nil)
	request := &issuerv1.AuthoriseEmitterRequest{
		RequestId: uuid.NewString(), Campaign: "tea", Version: 1,
		Emitter: servetest.AdvertiserMSP, Kind: typev1.Kind_KIND_STATIC, Quotas: []int64{100, 20},
	}
	first, err := d.client.AuthoriseEmitter(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	d.change(t, "raise", first.GetFramework().GetFrameworkId())
	again, err := d.client.AuthoriseEmitter(t.Context(), request)
	if err != nil || !slices.Equal(again.GetFramework().GetQuotas(), []int64{100, 30, 5}) {
		t.Errorf("authorised again: %v, %v", again, err)
	}
}

func TestSuspendAndReinstateEmitter(t *testing.T) {
	t.Parallel()
	d, f := mandated(t)
	id := f.GetFrameworkId()
	if got := d.change(t, "suspend", id); got.GetStatus() != suspended || got.GetLastSns() != nil || got.GetStatusTime() == nil {
		t.Errorf("suspended, the mandate is %v", got)
	}
	if got := d.change(t, "suspend new", id); got.GetStatus() != suspended || !slices.Equal(got.GetLastSns(), []int64{0, 0}) {
		t.Errorf("suspended for new coupons, the mandate is %v", got)
	}
	if got := d.change(t, "suspend", id); got.GetLastSns() != nil {
		t.Errorf("suspended again, the mandate is %v", got)
	}
	if got := d.change(t, "reinstate", id); got.GetStatus() != active {
		t.Errorf("reinstated, the mandate is %v", got)
	}
	if got := d.change(t, "suspend new", id); got.GetStatus() != suspended || len(got.GetLastSns()) != 2 {
		t.Errorf("suspended from active, the mandate is %v", got)
	}
	if listed := d.list(t); listed[0].GetStatus() != suspended {
		t.Errorf("listed as %v", listed)
	}
}

func TestRevokeEmitter(t *testing.T) {
	t.Parallel()
	d, f := mandated(t)
	id := f.GetFrameworkId()
	d.closeFrames(t, id, 7, 12)
	got := d.change(t, "revoke", id)
	if got.GetStatus() != revoked || !slices.Equal(got.GetLastSns(), []int64{12, 0}) {
		t.Errorf("revoked, the mandate is %v", got)
	}
	if _, err := changing["revoke"](t.Context(), d.client, uuid.NewString(), id); err != nil {
		t.Errorf("revoked once more: %v", err)
	}
	for _, name := range []string{"raise", "suspend", "suspend new", "reinstate"} {
		_, err := changing[name](t.Context(), d.client, uuid.NewString(), id)
		t.Log(name)
		refusal{codes.FailedPrecondition, coupon.ReasonEmitterRevoked}.check(t, err)
	}
	if next := d.change(t, "rotate", id); next.GetStatus() != active || next.GetEpoch() != 2 {
		t.Errorf("after the revocation the emitter has %v", next)
	}
}

// closeFrames has the advertiser close frames of lane 0, each at a serial number.
func (d desk) closeFrames(t *testing.T, framework string, lasts ...int64) {
	t.Helper()
	var id coupon.FrameworkID
	if err := id.UnmarshalText([]byte(framework)); err != nil {
		t.Fatal(err)
	}
	emitter := d.consortium.For(t, servetest.AdvertiserMSP)
	both := []string{servetest.IssuerMSP, servetest.AdvertiserMSP}
	submit := func(call ledger.Call) {
		d.consortium.Clock.Advance(time.Second)
		call.Namespace, call.Endorsers = namespace, both
		if _, err := emitter.Submit(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
	submit(ledger.Call{Function: "OpenLane", Argument: coupon.LaneRequest{Framework: id}})
	ref, before := coupon.FrameRef{Framework: id}, int64(0)
	for _, last := range lasts {
		ref = ref.Next()
		var beacon coupon.BeaconResult
		err := emitter.Evaluate(t.Context(), ledger.Call{Namespace: namespace, Function: "Beacon", Argument: ref, Endorsers: both[:1]}, &beacon)
		if err != nil {
			t.Fatal(err)
		}
		submit(ledger.Call{Function: "CloseFrame", Argument: ref, Input: coupon.FrameContent{
			Salt: coupon.Hash{1}, Last: coupon.FirstLink(beacon.Before.Last, beacon.Beacon),
			LastSN: last, Count: last - before, Root: coupon.EmptyRoot,
		}})
		before = last
	}
}

func TestRotateKey(t *testing.T) {
	t.Parallel()
	d, f := mandated(t)
	next := d.change(t, "rotate", f.GetFrameworkId())
	want := coupon.Mandate{
		Issuer: servetest.IssuerMSP, Emitter: servetest.AdvertiserMSP, Product: "Tea", Offer: "One euro off",
		Campaign: "tea", Version: 1, Kind: coupon.KindStatic, Epoch: 2, TermsSHA256: sha256.Sum256([]byte(terms)),
	}
	if next.GetFrameworkId() != want.ID().String() || !slices.Equal(next.GetQuotas(), []int64{100, 20}) {
		t.Errorf("the mandate that follows is %v", next)
	}
	for _, listed := range d.list(t) {
		if listed.GetFrameworkId() == f.GetFrameworkId() && listed.GetNextFrameworkId() != next.GetFrameworkId() {
			t.Errorf("the mandate before is %v", listed)
		}
	}
	_, err := changing["rotate"](t.Context(), d.client, uuid.NewString(), f.GetFrameworkId())
	refusal{codes.FailedPrecondition, coupon.ReasonSuperseded}.check(t, err)
	third, err := d.client.RotateKey(t.Context(), &issuerv1.RotateKeyRequest{
		RequestId: uuid.NewString(), FrameworkId: next.GetFrameworkId(), Quotas: []int64{3},
	})
	if err != nil || third.GetFramework().GetEpoch() != 3 || !slices.Equal(third.GetFramework().GetQuotas(), []int64{3}) {
		t.Errorf("rotated again: %v, %v", third, err)
	}
}

// TestRepeatsWithAnEmptyStore has another process asked for what was done.
func TestRepeatsWithAnEmptyStore(t *testing.T) {
	t.Parallel()
	d, f := mandated(t)
	for _, name := range []string{"raise", "suspend", "suspend new", "reinstate", "rotate", "revoke"} {
		request := uuid.NewString()
		first, err := changing[name](t.Context(), d.client, request, f.GetFrameworkId())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		empty := runDesk(t, d.consortium, filepath.Join(t.TempDir(), "issuer.db"))
		height := d.consortium.Network.Height()
		again, err := changing[name](t.Context(), empty.client, request, f.GetFrameworkId())
		if err != nil || d.consortium.Network.Height() != height {
			t.Errorf("%s again: %v", name, err)
		}
		if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" {
			t.Errorf("%s again (-first +again):\n%s", name, diff)
		}
	}
}

func TestChangesOfMandatesAreRefused(t *testing.T) {
	t.Parallel()
	d, f := mandated(t)
	unknown := coupon.FrameworkID{1}.String()
	for name, call := range changing {
		t.Log(name)
		_, err := call(t.Context(), d.client, "", f.GetFrameworkId())
		refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}.check(t, err)
		_, err = call(t.Context(), d.client, uuid.NewString(), "x")
		refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}.check(t, err)
		_, err = call(t.Context(), d.client, uuid.NewString(), unknown)
		refusal{codes.NotFound, coupon.ReasonUnknownFramework}.check(t, err)
		for _, stranger := range strangers {
			_, err := call(t.Context(), d.as(t, stranger.mspID, stranger.role), uuid.NewString(), f.GetFrameworkId())
			stranger.want.check(t, err)
		}
	}
	d.change(t, "suspend", f.GetFrameworkId())
	for _, name := range []string{"raise", "rotate"} {
		_, err := changing[name](t.Context(), d.client, uuid.NewString(), f.GetFrameworkId())
		t.Log(name)
		refusal{codes.FailedPrecondition, coupon.ReasonEmitterSuspended}.check(t, err)
	}
}
