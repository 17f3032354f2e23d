// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/servetest"
)

// decaying terms lose half of their value in the hour after the release.
const decaying = `{"format":1,"currency":"EUR","gtins":["09521234543213"],"quantity":1,"benefit":{"type":"amount_off","amount":100,` +
	`"schedule":{"type":"linear","from":"release","end":3600000,"to":50}}}`

// dynamic makes a campaign one of dynamic coupons.
func dynamic(maxFrameAge time.Duration) func(*typev1.Campaign) {
	return func(c *typev1.Campaign) {
		c.Kinds = []typev1.Kind{typev1.Kind_KIND_DYNAMIC}
		c.Terms, c.MaxFrameAge = decaying, durationpb.New(maxFrameAge)
	}
}

func TestFrameAges(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for name, test := range map[string]struct {
		change func(*typev1.Campaign)
		want   string
	}{
		"static with one":          {func(c *typev1.Campaign) { c.MaxFrameAge = durationpb.New(time.Minute) }, "max_frame_age: static coupons"},
		"dynamic without":          {func(c *typev1.Campaign) { c.Kinds[0] = typev1.Kind_KIND_DYNAMIC }, "max_frame_age: 1 to 86400000 milliseconds"},
		"none":                     {dynamic(0), "max_frame_age: 1 to 86400000 milliseconds"},
		"below 0":                  {dynamic(-time.Second), "campaign.max_frame_age: not a duration"},
		"half a millisecond":       {dynamic(time.Millisecond / 2), "campaign.max_frame_age: not a duration"},
		"a millisecond over a day": {dynamic(24*time.Hour + time.Millisecond), "max_frame_age: 1 to 86400000 milliseconds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := d.client.PublishCampaign(t.Context(), &issuerv1.PublishCampaignRequest{
				RequestId: uuid.NewString(), Campaign: d.campaign("refused "+name, test.change),
			})
			refusal{codes.InvalidArgument, coupon.ReasonInvalidRequest}.check(t, err)
			if !strings.Contains(fmt.Sprint(err), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestDynamicCampaign(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	published := d.publish(t, "decaying", dynamic(10*time.Second))
	shown, err := d.client.GetCampaign(t.Context(), &issuerv1.GetCampaignRequest{Campaign: "decaying", Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	list, err := d.client.ListCampaigns(t.Context(), &issuerv1.ListCampaignsRequest{})
	if err != nil || len(list.GetCampaigns()) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	for name, got := range map[string]*typev1.Campaign{"published": published, "shown": shown.GetCampaign(), "listed": list.GetCampaigns()[0]} {
		if got.GetMaxFrameAge().AsDuration() != 10*time.Second || got.GetKinds()[0] != typev1.Kind_KIND_DYNAMIC {
			t.Errorf("%s: %v", name, got)
		}
	}
	authorise := func(kind typev1.Kind) (*issuerv1.AuthoriseEmitterResponse, error) {
		return d.client.AuthoriseEmitter(t.Context(), &issuerv1.AuthoriseEmitterRequest{
			RequestId: uuid.NewString(), Campaign: "decaying", Version: 1,
			Emitter: servetest.AdvertiserMSP, Kind: kind, Quotas: []int64{100, 100},
		})
	}
	_, err = authorise(typev1.Kind_KIND_STATIC)
	refusal{codes.InvalidArgument, coupon.ReasonUnsupportedKind}.check(t, err)
	authorised, err := authorise(typev1.Kind_KIND_DYNAMIC)
	if err != nil || authorised.GetFramework().GetKind() != typev1.Kind_KIND_DYNAMIC {
		t.Errorf("%v, %v", authorised, err)
	}
}
