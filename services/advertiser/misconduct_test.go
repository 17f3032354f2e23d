// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/servetest"
)

// accuse has the issuer report that a frame's log is not served.
func accuse(t *testing.T, s stand, ref coupon.FrameRef) string {
	t.Helper()
	_, err := s.consortium.For(t, servetest.IssuerMSP).Submit(t.Context(), ledger.Call{
		Namespace: namespace, Function: "ReportMisconduct",
		Argument: coupon.MisconductRequest{
			FrameRef: ref, Kind: coupon.LogNotServed, Deadline: s.consortium.Clock.Now().UnixMilli() + 2*coupon.MinAnswerTime,
		},
		Input: coupon.EvidenceInput{
			Salt: coupon.Hash(campaigntest.RandomKey()), Statement: "we see no log", Exhibits: []coupon.Exhibit{},
		},
		Endorsers: []string{servetest.IssuerMSP, servetest.ClearingMSP},
	})
	if err != nil {
		t.Fatal(err)
	}
	return coupon.NewMisconductID(ref, coupon.LogNotServed).String()
}

// An advertiser sees what is reported of it, with the evidence, and answers
// without the issuer.
func TestMisconductIsSeenAndAnswered(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t)
	if _, err := s.client.IssueCoupon(t.Context(), dynamicRequest(offer)); err != nil {
		t.Fatal(err)
	}
	closed := s.closeFrames(t)
	if len(closed) != 1 {
		t.Fatalf("closed %v", closed)
	}
	id := accuse(t, s, coupon.FrameRef{Framework: offer.Framework.ID, Frame: uint32(closed[0].GetFrame())})
	eventually(t, func() error {
		for _, line := range s.log.lines() {
			if strings.Contains(string(line), "an issuer reports misconduct") {
				return nil
			}
		}
		return errors.New("nobody is told")
	})
	list, err := s.client.ListMisconduct(t.Context(), new(advertiserv1.ListMisconductRequest))
	if err != nil || len(list.GetMisconduct()) != 1 {
		t.Fatalf("listed is %v, %v", list, err)
	}
	m := list.GetMisconduct()[0]
	digest := sha256.Sum256([]byte(m.GetEvidence()))
	if m.GetMisconductId() != id || m.GetStatement() != "we see no log" || string(m.GetEvidenceSha256()) != string(digest[:]) ||
		m.GetState() != typev1.MisconductState_MISCONDUCT_STATE_OPEN || m.GetIssuer() != servetest.IssuerMSP {
		t.Errorf("listed is %v", m)
	}
	answer := &advertiserv1.AnswerMisconductRequest{MisconductId: id, Statement: "here it is"}
	for range 2 { // a repeat is answered as before
		answered, err := s.client.AnswerMisconduct(t.Context(), answer)
		if err != nil || answered.GetMisconduct().GetAnswer() != "here it is" {
			t.Fatalf("answered: %v, %v", answered, err)
		}
	}
	answer.Statement = "or is it?"
	_, err = s.client.AnswerMisconduct(t.Context(), answer)
	refusal{codes.AlreadyExists, coupon.ReasonAlreadyExists}.check(t, err)
	others, err := s.client.ListMisconduct(t.Context(), &advertiserv1.ListMisconductRequest{Issuer: "OtherMSP"})
	if err != nil || len(others.GetMisconduct()) != 0 {
		t.Errorf("another issuer has reported %v, %v", others, err)
	}
}

func TestAnswersAreRefused(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t)
	nothing := coupon.NewMisconductID(coupon.FrameRef{Framework: offer.Framework.ID, Frame: 1}, coupon.LateFrame).String()
	for name, c := range map[string]struct {
		request *advertiserv1.AnswerMisconductRequest
		want    refusal
	}{
		"no id":          {&advertiserv1.AnswerMisconductRequest{MisconductId: "x", Statement: "no"}, refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}},
		"no words":       {&advertiserv1.AnswerMisconductRequest{MisconductId: nothing}, refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}},
		"too many words": {&advertiserv1.AnswerMisconductRequest{MisconductId: nothing, Statement: strings.Repeat("a", coupon.MaxStatementBytes+1)}, refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}},
		"to nothing":     {&advertiserv1.AnswerMisconductRequest{MisconductId: nothing, Statement: "no"}, refusal{codes.NotFound, coupon.ReasonNotFound}},
	} {
		t.Log(name)
		_, err := s.client.AnswerMisconduct(t.Context(), c.request)
		c.want.check(t, err)
	}
}
