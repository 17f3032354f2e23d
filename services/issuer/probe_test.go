// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	"ecoupon/services/issuer"
)

// probe has coupons fetched, and returns what is wrong with the last one.
func (a *audited) probe(t *testing.T, given ...coupon.Coupon) *issuerv1.ProbeEmitterResponse {
	t.Helper()
	a.customer.mu.Lock()
	a.customer.given = given
	a.customer.mu.Unlock()
	var last *issuerv1.ProbeEmitterResponse
	for range given {
		answer, err := a.client.ProbeEmitter(t.Context(), &issuerv1.ProbeEmitterRequest{FrameworkId: a.Framework.ID.String()})
		if err != nil {
			t.Fatal(err)
		}
		last = answer
	}
	return last
}

// A probe that is in its frame's log as it was released is counted, and that is
// all.
func TestProbesAreCompared(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	made := a.release()
	answer := a.probe(t, made)
	if answer.GetSn() != made.SN || answer.GetFrame() != 1 || len(answer.GetFindings()) != 0 {
		t.Errorf("the probe is %v", answer)
	}
	ref := a.close(t)
	if shown := a.examined(t, ref, 1); len(shown.GetFindings()) != 0 {
		t.Errorf("the audit is %v", shown)
	}
	list, err := a.client.ListAudits(t.Context(), new(issuerv1.ListAuditsRequest))
	if err != nil || list.GetProbes() != 1 {
		t.Errorf("%d probes are counted, %v", list.GetProbes(), err)
	}
}

func TestWhatProbesFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		// fetched is what the emitter gives.
		fetched func(a *audited) []coupon.Coupon
		// at once, and once the frame is closed.
		atOnce, closed []string
	}{
		{
			name: "one serial number for two customers", closed: []string{"serial_twice"},
			fetched: func(a *audited) []coupon.Coupon { return []coupon.Coupon{a.release(), a.twin()} },
		},
		{
			name: "one serial number for two customers, of whom one is the audit", closed: []string{"serial_twice"},
			fetched: func(a *audited) []coupon.Coupon { a.release(); return []coupon.Coupon{a.twin()} },
		},
		{
			name: "a coupon that is dropped", closed: []string{"coupon_not_in_log"},
			fetched: func(a *audited) []coupon.Coupon {
				made := a.release()
				a.Log, a.SN, a.Q = nil, 0, coupon.FirstLink(coupon.Hash{}, a.Beacon)
				return []coupon.Coupon{made}
			},
		},
		{
			name: "a coupon with another time in the log", closed: []string{"serial_twice"},
			fetched: func(a *audited) []coupon.Coupon { made := a.release(); a.Log[0].Time++; return []coupon.Coupon{made} },
		},
		{
			name: "a wrong MAC", atOnce: []string{"coupon_not_valid"}, closed: []string{"coupon_not_valid"},
			fetched: func(a *audited) []coupon.Coupon {
				made := a.release()
				made.EmitterMAC[0] ^= 1
				return []coupon.Coupon{made}
			},
		},
		{
			name: "a post-dated coupon", atOnce: []string{"wrong_release_time"}, closed: []string{"serial_twice", "wrong_release_time"},
			fetched: func(a *audited) []coupon.Coupon {
				made := a.release()
				made.Release.Time += 2 * coupon.FrameTolerance
				return []coupon.Coupon{a.Seal(made)}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newAudited(t)
			ref := a.Frame
			fetched := c.fetched(a)
			answer := a.probe(t, fetched...)
			if got := kindsOf(&issuerv1.Audit{Findings: answer.GetFindings()}); len(got) != len(c.atOnce) || len(got) > 0 && got[0] != c.atOnce[0] {
				t.Errorf("at once %v is found, want %v", got, c.atOnce)
			}
			a.close(t)
			a.examined(t, ref, int64(len(fetched)))
			a.found(t, ref, c.closed...)
			a.reported(t) // coupons are no proof for others
		})
	}
}

// A frame of which the audit has a coupon must be closed.
func TestAProbedFrameMustBeClosed(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	ref := a.Frame
	a.probe(t, a.release())
	a.pass(t, frameAge+2*time.Minute)
	a.found(t, ref, "missing_frame")
	a.reported(t, "missing_frame")
}

func TestOffersThatAreNotServed(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	request := &issuerv1.ProbeEmitterRequest{FrameworkId: a.Framework.ID.String()}
	none := coupon.FrameRef{Framework: a.Framework.ID}
	fail := func(err error) {
		a.customer.mu.Lock()
		defer a.customer.mu.Unlock()
		a.customer.err = err
	}
	fail(coupon.Refuse(coupon.ReasonSoldOut, "", "all gone"))
	_, err := a.client.ProbeEmitter(t.Context(), request)
	refusal{codes.FailedPrecondition, coupon.ReasonSoldOut}.check(t, err)
	if list, err := a.client.ListAudits(t.Context(), &issuerv1.ListAuditsRequest{OnlyFindings: true}); err != nil || len(list.GetAudits()) != 0 {
		t.Errorf("found is %v, %v", list, err)
	}
	fail(errors.New("nobody is there"))
	if _, err := a.client.ProbeEmitter(t.Context(), request); err == nil {
		t.Error("a probe without an answer is good")
	}
	a.found(t, none, "offer_not_served")
	a.reported(t)
}

func TestProbesAreRefused(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	ask := func(id string) error {
		_, err := a.client.ProbeEmitter(t.Context(), &issuerv1.ProbeEmitterRequest{FrameworkId: id})
		return err
	}
	refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}.check(t, ask("x"))
	refusal{codes.NotFound, coupon.ReasonUnknownFramework}.check(t, ask(coupon.FrameworkID{1}.String()))
	d := a.desk
	d.publish(t, "static", nil)
	refusal{codes.InvalidArgument, coupon.ReasonUnsupportedKind}.check(t, ask(d.authorise(t, "static", 10).GetFrameworkId()))
	a.Change(t, "PauseCampaign")
	refusal{codes.FailedPrecondition, coupon.ReasonCampaignPaused}.check(t, ask(a.Framework.ID.String()))
	a.Change(t, "ResumeCampaign")
	_, err := a.client.SuspendEmitter(t.Context(), &issuerv1.SuspendEmitterRequest{RequestId: uuid.NewString(), FrameworkId: a.Framework.ID.String()})
	if err != nil {
		t.Fatal(err)
	}
	refusal{codes.FailedPrecondition, coupon.ReasonEmitterSuspended}.check(t, ask(a.Framework.ID.String()))
	a.pass(t, 25*time.Hour)
	refusal{codes.FailedPrecondition, coupon.ReasonCampaignOver}.check(t, ask(a.Framework.ID.String()))
}

// Probes come by themselves at random times.
func TestProbesComeByThemselves(t *testing.T) {
	t.Parallel()
	a := newAuditedBy(t, func(o *issuer.Options) {
		o.Audit.ProbeInterval, o.Audit.FirstProbe = time.Millisecond, time.Millisecond
	})
	made := a.release()
	a.customer.mu.Lock()
	a.customer.given = []coupon.Coupon{made, made, made}
	a.customer.mu.Unlock()
	a.examined(t, a.close(t), 1)
}

func TestAuditsAreListed(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	var refs []coupon.FrameRef
	for range 3 {
		a.release()
		refs = append(refs, a.close(t))
	}
	for _, ref := range refs {
		a.examined(t, ref, 0)
	}
	request := &issuerv1.ListAuditsRequest{PageSize: 1}
	for _, ref := range refs {
		page, err := a.client.ListAudits(t.Context(), request)
		if err != nil || len(page.GetAudits()) != 1 || page.GetAudits()[0].GetFrame() != int64(ref.Frame) {
			t.Fatalf("the page is %v, %v", page, err)
		}
		request.PageToken = page.GetNextPageToken()
	}
	if page, err := a.client.ListAudits(t.Context(), request); err != nil || len(page.GetAudits()) != 0 || page.GetNextPageToken() != "" {
		t.Errorf("after the last is %v, %v", page, err)
	}
	for _, bad := range []*issuerv1.ListAuditsRequest{{PageToken: "x"}, {FrameworkId: "x"}, {PageSize: -1}} {
		_, err := a.client.ListAudits(t.Context(), bad)
		refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}.check(t, err)
	}
	other := coupon.FrameworkID{9}
	page, err := a.client.ListAudits(t.Context(), &issuerv1.ListAuditsRequest{FrameworkId: other.String()})
	if err != nil || len(page.GetAudits()) != 0 {
		t.Errorf("of another framework there is %v, %v", page, err)
	}
}
