// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

// inDoubt is a call that writes.
type inDoubt struct {
	name    string
	prepare func(*testing.T, desk)
	call    func(t *testing.T, d desk, id string) (proto.Message, error)
	// undo is what somebody does between the call and its repetition, and
	// stays: the repetition is no new request.
	undo func(*testing.T, desk)
	want typev1.CampaignStatus
}

var callsInDoubt = []inDoubt{
	{name: "PublishCampaign", want: typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE,
		call: func(t *testing.T, d desk, id string) (proto.Message, error) {
			return d.client.PublishCampaign(t.Context(), &issuerv1.PublishCampaignRequest{RequestId: id, Campaign: d.campaign("tea", fixed)})
		}},
	{name: "PauseCampaign", prepare: published, undo: resumed, want: typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE,
		call: func(t *testing.T, d desk, id string) (proto.Message, error) {
			return d.client.PauseCampaign(t.Context(), &issuerv1.PauseCampaignRequest{RequestId: id, Campaign: "tea", Version: 1})
		}},
	{name: "ResumeCampaign", prepare: paused, undo: pausedAgain, want: typev1.CampaignStatus_CAMPAIGN_STATUS_PAUSED,
		call: func(t *testing.T, d desk, id string) (proto.Message, error) {
			return d.client.ResumeCampaign(t.Context(), &issuerv1.ResumeCampaignRequest{RequestId: id, Campaign: "tea", Version: 1})
		}},
	{name: "CloseCampaign", prepare: published, want: typev1.CampaignStatus_CAMPAIGN_STATUS_CLOSED,
		call: func(t *testing.T, d desk, id string) (proto.Message, error) {
			return d.client.CloseCampaign(t.Context(), &issuerv1.CloseCampaignRequest{RequestId: id, Campaign: "tea", Version: 1})
		}},
	{name: "AuthoriseEmitter", prepare: published,
		call: func(t *testing.T, d desk, id string) (proto.Message, error) {
			return d.client.AuthoriseEmitter(t.Context(), &issuerv1.AuthoriseEmitterRequest{
				RequestId: id, Campaign: "tea", Version: 1, Emitter: servetest.AdvertiserMSP,
				Kind: typev1.Kind_KIND_STATIC, Quotas: []int64{10},
			})
		}},
	{name: "AdmitRetailer", prepare: published,
		call: func(t *testing.T, d desk, id string) (proto.Message, error) {
			return d.client.AdmitRetailer(t.Context(), &issuerv1.AdmitRetailerRequest{
				RequestId: id, Campaign: "tea", Version: 1, Retailer: servetest.RetailerMSP,
			})
		}},
}

// Every call that writes: its answer is lost, the process ends, and another with
// an empty store is asked the same.
func TestRequestsInDoubtAreAnsweredByAnother(t *testing.T) {
	t.Parallel()
	for _, test := range callsInDoubt {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := ledgertest.New(t, ledgertest.Options{Ledger: ledgertest.Impatient})
			d := runDesk(t, c, filepath.Join(t.TempDir(), "issuer.db"))
			if test.prepare != nil {
				test.prepare(t, d)
			}
			id := uuid.NewString()
			c.FailBefore(servetest.IssuerMSP, ledgertest.StepStatus, 1_000, ledgertest.ErrPeerAway)
			_, err := test.call(t, d, id)
			refusal{codes.Unavailable, coupon.ReasonOutcomeUnknown}.check(t, err)
			if err := d.Stop(); err != nil {
				t.Fatal(err)
			}
			c.Heal()
			other := runDesk(t, c, filepath.Join(t.TempDir(), "empty.db"))
			if test.undo != nil {
				test.undo(t, other)
			}
			first, err := test.call(t, other, id)
			if err != nil {
				t.Fatal(err)
			}
			again, err := test.call(t, other, id)
			if diff := cmp.Diff(first, again, protocmp.Transform()); err != nil || diff != "" {
				t.Errorf("%v (-first +again):\n%s", err, diff)
			}
			if told, ok := first.(interface{ GetCampaign() *typev1.Campaign }); ok && told.GetCampaign().GetStatus() != test.want {
				t.Errorf("the campaign is %s, want %s", told.GetCampaign().GetStatus(), test.want)
			}
		})
	}
}

// fixed gives a campaign times that do not depend on when it is made.
func fixed(c *typev1.Campaign) {
	c.BeginTime = timestamppb.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	c.EndTime = timestamppb.New(time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC))
}

func published(t *testing.T, d desk) { d.publish(t, "tea", fixed) }

func paused(t *testing.T, d desk) {
	published(t, d)
	pausedAgain(t, d)
}

func pausedAgain(t *testing.T, d desk) {
	t.Helper()
	_, err := d.client.PauseCampaign(t.Context(), &issuerv1.PauseCampaignRequest{RequestId: uuid.NewString(), Campaign: "tea", Version: 1})
	if err != nil {
		t.Fatal(err)
	}
}

func resumed(t *testing.T, d desk) {
	t.Helper()
	_, err := d.client.ResumeCampaign(t.Context(), &issuerv1.ResumeCampaignRequest{RequestId: uuid.NewString(), Campaign: "tea", Version: 1})
	if err != nil {
		t.Fatal(err)
	}
}
