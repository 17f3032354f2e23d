// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/issuer"
)

// state waits until the only report is in the state.
func (a *audited) state(t *testing.T, want typev1.MisconductState) (m *typev1.Misconduct) {
	t.Helper()
	eventually(t, func() error {
		list, err := a.client.ListMisconduct(t.Context(), new(issuerv1.ListMisconductRequest))
		if err != nil || len(list.GetMisconduct()) != 1 {
			return errors.Join(err, fmt.Errorf("%d reports", len(list.GetMisconduct())))
		}
		if m = list.GetMisconduct()[0]; m.GetState() != want {
			return fmt.Errorf("the report is %v", m.GetState())
		}
		return nil
	})
	return m
}

func (a *audited) mandate(t *testing.T) (state coupon.MandateState) {
	t.Helper()
	err := a.consortium.For(t, servetest.IssuerMSP).Evaluate(t.Context(), ledger.Call{
		Namespace: namespace, Function: "GetMandate", Argument: coupon.FrameworkQuery{Framework: a.Framework.ID},
	}, &state)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// breakChain closes a frame whose chain is broken.
func (a *audited) breakChain(t *testing.T) {
	t.Helper()
	for range 2 {
		a.release()
	}
	a.Log[0].Q[0] ^= 1
	a.close(t)
}

// answer answers as the advertiser's service does.
func (a *audited) answer(t *testing.T, id, statement string) {
	t.Helper()
	var query coupon.MisconductQuery
	if err := query.ID.UnmarshalText([]byte(id)); err != nil {
		t.Fatal(err)
	}
	_, err := a.consortium.For(t, servetest.AdvertiserMSP).Submit(t.Context(), ledger.Call{
		Namespace: namespace, Function: "AnswerMisconduct", Argument: query,
		Input:     coupon.AnswerInput{Salt: coupon.Hash(campaigntest.RandomKey()), Statement: statement},
		Endorsers: []string{servetest.AdvertiserMSP, servetest.ClearingMSP},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (a *audited) resolve(t *testing.T, requestID, id string, state typev1.MisconductState) (*issuerv1.ResolveMisconductResponse, error) {
	t.Helper()
	return a.client.ResolveMisconduct(t.Context(), &issuerv1.ResolveMisconductRequest{RequestId: requestID, MisconductId: id, State: state})
}

const (
	open      = typev1.MisconductState_MISCONDUCT_STATE_OPEN
	upheld    = typev1.MisconductState_MISCONDUCT_STATE_UPHELD
	withdrawn = typev1.MisconductState_MISCONDUCT_STATE_WITHDRAWN
)

// What is upheld after an answer suspends by policy; once reinstated, the mandate
// is not suspended for the same again.
func TestUpheldMisconductSuspends(t *testing.T) {
	t.Parallel()
	a := newAuditedBy(t, func(o *issuer.Options) { o.Audit.SuspendAfter = map[coupon.MisconductKind]int{coupon.WrongChain: 1} })
	a.breakChain(t)
	m := a.state(t, open)
	if m.GetIssuer() != servetest.IssuerMSP || m.GetEmitter() != servetest.AdvertiserMSP || m.GetAnswer() != "" {
		t.Errorf("the report is %v", m)
	}
	_, err := a.resolve(t, uuid.NewString(), m.GetMisconductId(), upheld)
	refusal{codes.FailedPrecondition, coupon.ReasonAnswerPending}.check(t, err)
	a.answer(t, m.GetMisconductId(), "a disk was broken")
	if m := a.state(t, open); m.GetAnswer() != "a disk was broken" || m.GetAnsweredTime() == nil {
		t.Errorf("answered, the report is %v", m)
	}
	id := uuid.NewString()
	for range 2 { // the request is repeated
		if done, err := a.resolve(t, id, m.GetMisconductId(), upheld); err != nil || done.GetMisconduct().GetState() != upheld {
			t.Errorf("resolved: %v, %v", done, err)
		}
	}
	_, err = a.resolve(t, uuid.NewString(), m.GetMisconductId(), withdrawn)
	refusal{codes.FailedPrecondition, coupon.ReasonAlreadyResolved}.check(t, err)
	eventually(t, func() error {
		if state := a.mandate(t); state.Status != coupon.MandateSuspended {
			return fmt.Errorf("the mandate is %s", state.Status)
		}
		return nil
	})
	a.consortium.Clock.Advance(time.Second)
	_, err = a.client.ReinstateEmitter(t.Context(), &issuerv1.ReinstateEmitterRequest{RequestId: uuid.NewString(), FrameworkId: a.Framework.ID.String()})
	if err != nil {
		t.Fatal(err)
	}
	// One more frame goes through the whole audit.
	a.release()
	a.examined(t, a.close(t), 0)
	if state := a.mandate(t); state.Status != coupon.MandateActive {
		t.Errorf("reinstated, the mandate is %s", state.Status)
	}
}

// Without an answer it is upheld when the time is over.
func TestUnansweredMisconductIsUpheld(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	a.breakChain(t)
	a.state(t, open)
	a.pass(t, 23*time.Hour)
	a.state(t, open)
	a.pass(t, 2*time.Hour)
	a.state(t, upheld)
}

// What was answered is left to people.
func TestAnsweredMisconductStaysOpen(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	a.breakChain(t)
	a.answer(t, a.state(t, open).GetMisconductId(), "no")
	a.pass(t, 25*time.Hour)
	a.release()
	ref := a.Frame
	a.close(t)
	a.examined(t, ref, 0)
	if list, err := a.client.ListMisconduct(t.Context(), new(issuerv1.ListMisconductRequest)); err != nil {
		t.Error(err)
	} else {
		for _, m := range list.GetMisconduct() {
			if m.GetAnswer() != "" && m.GetState() != open {
				t.Errorf("the answered report is %v", m.GetState())
			}
		}
	}
}

// A log that is shown after all, or a frame that is closed, ends its report.
func TestWhatComesRightIsWithdrawn(t *testing.T) {
	t.Parallel()
	t.Run("a log", func(t *testing.T) {
		t.Parallel()
		a := newAudited(t)
		a.release()
		ref, log := a.Frame, a.Log
		a.Close(t)
		a.noticed(t, ref)
		a.pass(t, 11*time.Minute)
		a.state(t, open)
		a.service.show(ref, log)
		a.pass(t, 11*time.Minute)
		a.state(t, withdrawn)
	})
	t.Run("a frame", func(t *testing.T) {
		t.Parallel()
		a := newAudited(t)
		a.spend(t, a.release())
		a.pass(t, frameAge+2*time.Minute)
		a.reported(t, "missing_frame")
		a.close(t)
		for _, m := range a.reported(t, "missing_frame", "late_frame") {
			a.ends(t, m.GetMisconductId(), map[string]typev1.MisconductState{"missing_frame": withdrawn, "late_frame": open}[m.GetKind()])
		}
	})
}

// ends waits until a report is in the state.
func (a *audited) ends(t *testing.T, id string, want typev1.MisconductState) {
	t.Helper()
	eventually(t, func() error {
		list, err := a.client.ListMisconduct(t.Context(), new(issuerv1.ListMisconductRequest))
		for _, m := range list.GetMisconduct() {
			if m.GetMisconductId() == id && m.GetState() == want {
				return nil
			}
		}
		return errors.Join(err, fmt.Errorf("the report is not %v: %v", want, list))
	})
}

// An empty store reports nothing twice.
func TestAnEmptyStoreFindsItsReports(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	a.breakChain(t)
	a.state(t, open)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "other.db")
	a.desk = startChanged(t, a.consortium, path, func(o *issuer.Options) { o.Audit.Interval = 10 * time.Millisecond })
	a.found(t, coupon.FrameRef{Framework: a.Framework.ID, Frame: 1}, "wrong_chain")
	m := a.state(t, open)
	// It looks after the report that the other store knew of.
	a.pass(t, 25*time.Hour)
	if again := a.state(t, upheld); again.GetMisconductId() != m.GetMisconductId() {
		t.Errorf("there is another report: %v", again)
	}
}

// A process that ends before it has examined a frame leaves it to the next.
func TestARestartLosesNoFrame(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "issuer.db")
	a := newAuditedBy(t, func(*issuer.Options) {})
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	a.desk = startChanged(t, a.consortium, path, func(o *issuer.Options) { o.Audit.Interval = time.Hour })
	eventually(t, func() error { return ready(t, a.consortium) })
	a.release()
	ref, log := a.Frame, a.Log
	a.Close(t) // its log is not shown, and asked for again after a while
	a.noticed(t, ref)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	a.service.show(ref, log)
	a.consortium.Clock.Advance(2 * time.Minute)
	a.desk = startChanged(t, a.consortium, path, func(o *issuer.Options) { o.Audit.Interval = 10 * time.Millisecond })
	a.pass(t, 2*time.Hour)
	a.examined(t, ref, 0)
}

// An event alone means nothing: anybody can have it.
func TestMadeUpFramesAreNotAudited(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	ref := a.Frame
	for _, payload := range []any{
		coupon.FrameEvent{FrameRef: ref}, coupon.FrameEvent{FrameRef: coupon.FrameRef{Frame: 7}}, []byte("{"),
	} {
		a.consortium.Announce(t, servetest.RetailerMSP, namespace, "FrameClosed", payload)
	}
	a.release()
	next := a.close(t)
	a.examined(t, next, 0)
	list, err := a.client.ListAudits(t.Context(), new(issuerv1.ListAuditsRequest))
	if err != nil || len(list.GetAudits()) != 1 {
		t.Errorf("listed are %v, %v", list, err)
	}
}

func TestResolutionsAreRefused(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	nothing := coupon.MisconductID{1}.String()
	for name, r := range map[string]struct {
		request, id string
		state       typev1.MisconductState
		want        refusal
	}{
		"no request id": {"", nothing, upheld, refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}},
		"no id":         {uuid.NewString(), "x", upheld, refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}},
		"to open":       {uuid.NewString(), nothing, open, refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}},
		"nothing":       {uuid.NewString(), nothing, upheld, refusal{codes.NotFound, coupon.ReasonNotFound}},
	} {
		t.Log(name)
		_, err := a.resolve(t, r.request, r.id, r.state)
		r.want.check(t, err)
	}
}
