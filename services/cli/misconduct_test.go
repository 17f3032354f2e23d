// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/cli"
)

const auditedFramework = "000102030405060708090a0b0c0d0e0f"

// fakeReport is about a broken chain.
func fakeReport(state typev1.MisconductState) *typev1.Misconduct {
	return &typev1.Misconduct{
		MisconductId: "101112131415161718191a1b1c1d1e1f", Issuer: "IssuerMSP", Emitter: "AdvertiserMSP", FrameworkId: auditedFramework,
		Lane: 1, Frame: 7, Kind: "wrong_chain", State: state, ReportedTime: timestamppb.New(noon), Deadline: timestamppb.New(noon.AddDate(0, 0, 1)),
		Statement: "the link of number 3 does not follow", Answer: "we\x1b[2J did not",
	}
}

func (c *consortium) ListAudits(_ context.Context, r *issuerv1.ListAuditsRequest) (*issuerv1.ListAuditsResponse, error) {
	fine := &issuerv1.Audit{FrameworkId: auditedFramework, Emitter: "AdvertiserMSP", Lane: 1, Frame: 6, AuditedTime: timestamppb.New(noon), Coupons: 12, Known: 3}
	if r.GetPageToken() == "" && !r.GetOnlyFindings() {
		return &issuerv1.ListAuditsResponse{Audits: []*issuerv1.Audit{fine}, NextPageToken: "next", Probes: 4}, nil
	}
	return &issuerv1.ListAuditsResponse{Probes: 4, Audits: []*issuerv1.Audit{{
		FrameworkId: auditedFramework, Emitter: "AdvertiserMSP", Lane: 1, Frame: 7,
		Findings: []*issuerv1.Finding{{Kind: "serial_twice", Sn: 3, Detail: "there are two"}, {Kind: "wrong_chain", Detail: "it breaks"}},
	}}}, nil
}

func (c *consortium) ProbeEmitter(context.Context, *issuerv1.ProbeEmitterRequest) (*issuerv1.ProbeEmitterResponse, error) {
	return &issuerv1.ProbeEmitterResponse{
		Lane: 1, Frame: 7, Sn: 3, Findings: []*issuerv1.Finding{{Kind: "coupon_not_valid", Sn: 3, Detail: "a wrong MAC"}},
	}, nil
}

func (c *consortium) ListMisconduct(context.Context, *issuerv1.ListMisconductRequest) (*issuerv1.ListMisconductResponse, error) {
	return &issuerv1.ListMisconductResponse{Misconduct: []*typev1.Misconduct{fakeReport(typev1.MisconductState_MISCONDUCT_STATE_OPEN)}}, nil
}

func (c *consortium) ResolveMisconduct(_ context.Context, r *issuerv1.ResolveMisconductRequest) (*issuerv1.ResolveMisconductResponse, error) {
	return &issuerv1.ResolveMisconductResponse{Misconduct: fakeReport(r.GetState())}, nil
}

// advertiserServer is apart, as two services have a method ListMisconduct.
type advertiserServer struct {
	advertiserv1.UnimplementedAdvertiserServiceServer
}

func (advertiserServer) ListMisconduct(context.Context, *advertiserv1.ListMisconductRequest) (*advertiserv1.ListMisconductResponse, error) {
	return &advertiserv1.ListMisconductResponse{Misconduct: []*typev1.Misconduct{fakeReport(typev1.MisconductState_MISCONDUCT_STATE_OPEN)}}, nil
}

func (advertiserServer) AnswerMisconduct(_ context.Context, r *advertiserv1.AnswerMisconductRequest) (*advertiserv1.AnswerMisconductResponse, error) {
	report := fakeReport(typev1.MisconductState_MISCONDUCT_STATE_OPEN)
	report.Answer = r.GetStatement()
	return &advertiserv1.AnswerMisconductResponse{Misconduct: report}, nil
}

func TestAuditsAndMisconductAreShown(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	for file, args := range map[string]string{
		"audits":             "issuer audit list",
		"audits-findings":    "issuer audit list --findings",
		"probe":              "issuer audit probe " + auditedFramework,
		"misconduct":         "issuer misconduct list",
		"misconduct-upheld":  "issuer misconduct uphold 101112131415161718191a1b1c1d1e1f",
		"misconduct-accused": "advertiser misconduct list",
	} {
		for _, form := range []string{"", "--json"} {
			compare(t, file+strings.TrimPrefix(form, "-")+".txt", c.run(t, "", strings.Fields("--as folder "+args+" "+form)...))
		}
	}
}

func TestMisconductIsResolvedAndAnsweredAsSaid(t *testing.T) {
	t.Parallel()
	const id = "101112131415161718191a1b1c1d1e1f"
	for args, want := range map[string]proto.Message{
		"issuer misconduct withdraw " + id + " --request-id " + requestID: &issuerv1.ResolveMisconductRequest{
			RequestId: requestID, MisconductId: id, State: typev1.MisconductState_MISCONDUCT_STATE_WITHDRAWN,
		},
		"issuer audit list --framework " + auditedFramework + " --findings": &issuerv1.ListAuditsRequest{FrameworkId: auditedFramework, OnlyFindings: true, PageSize: 200},
		"advertiser misconduct list --issuer OtherMSP":                      &advertiserv1.ListMisconductRequest{Issuer: "OtherMSP"},
		"advertiser misconduct answer " + id + " --issuer IssuerMSP --statement never": &advertiserv1.AnswerMisconductRequest{
			Issuer: "IssuerMSP", MisconductId: id, Statement: "never",
		},
	} {
		c := newConsortium(t)
		got := c.run(t, "", strings.Fields("--as f "+args)...)
		if diff := cmp.Diff(want, c.last, protocmp.Transform()); got.exit != cli.ExitDone || diff != "" {
			t.Errorf("%s: %+v\n%s", args, got, diff)
		}
	}
}
