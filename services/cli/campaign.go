// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/campaignfile"
)

func (a *app) campaign() *cobra.Command {
	return group("campaign", "Publish campaigns and decide on them",
		a.campaignPublish(),
		a.campaignChange("pause CAMPAIGN", "Refuse issuing and redemption until resumed",
			func(ctx context.Context, c issuerv1.IssuerServiceClient, id, campaign string, version int64) (*typev1.Campaign, error) {
				r, err := c.PauseCampaign(ctx, &issuerv1.PauseCampaignRequest{RequestId: id, Campaign: campaign, Version: version})
				return r.GetCampaign(), err
			}),
		a.campaignChange("resume CAMPAIGN", "End a pause",
			func(ctx context.Context, c issuerv1.IssuerServiceClient, id, campaign string, version int64) (*typev1.Campaign, error) {
				r, err := c.ResumeCampaign(ctx, &issuerv1.ResumeCampaignRequest{RequestId: id, Campaign: campaign, Version: version})
				return r.GetCampaign(), err
			}),
		a.campaignClose(), a.campaignShow(), a.campaignList())
}

func (a *app) campaignPublish() *cobra.Command {
	var request requestFlag
	newVersion := false
	cmd := &cobra.Command{
		Use: "publish FILE.yaml", Short: "Publish a campaign, for ever", Args: cobra.ExactArgs(1),
		Long: "Publish a campaign, for ever: a change is another version. Relative dates in the\n" +
			"file count from the day on which it is published, so publishing again on the\n" +
			"same day says that it is published.",
		RunE: a.run(func(ctx context.Context, args []string) error {
			campaign, err := campaignfile.Load(args[0], a.env.Now())
			if err != nil {
				return usage(err)
			}
			id, err := request.value()
			if err != nil {
				return err
			}
			client, done, err := service(a, roleIssuer, issuerv1.NewIssuerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			publish := campaignfile.Request(campaign, id)
			if newVersion {
				if publish.Campaign.Version, err = nextVersion(ctx, client, publish.GetCampaign()); err != nil {
					return err
				}
			}
			answer, err := client.PublishCampaign(ctx, publish)
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(answer, func() string { return "Published " + a.campaignText(answer.GetCampaign()) })
		}),
	}
	request.add(cmd)
	cmd.Flags().BoolVar(&newVersion, "new-version", false, "publish it as the version after the newest, whatever the file says")
	return cmd
}

// nextVersion is the version after the campaign's newest; the newest itself if it
// has this content: then it is a repeat.
func nextVersion(ctx context.Context, client issuerv1.IssuerServiceClient, c *typev1.Campaign) (int64, error) {
	newest := new(typev1.Campaign)
	err := everyPage(func(token string) (string, error) {
		page, err := client.ListCampaigns(ctx, &issuerv1.ListCampaignsRequest{PageSize: pageSize, PageToken: token})
		for _, published := range page.GetCampaigns() {
			if published.GetCampaign() == c.GetCampaign() && published.GetVersion() > newest.GetVersion() {
				newest = published
			}
		}
		return page.GetNextPageToken(), err
	})
	if err != nil {
		return 0, err
	}
	same := proto.CloneOf(newest)
	same.Issuer, same.Version, same.Status, same.RedeemUntilTime = c.GetIssuer(), c.GetVersion(), c.GetStatus(), c.GetRedeemUntilTime()
	if newest.GetVersion() > 0 && proto.Equal(same, c) {
		return newest.GetVersion(), nil
	}
	return newest.GetVersion() + 1, nil
}

// change is an RPC that leaves a campaign in another state.
type change func(ctx context.Context, c issuerv1.IssuerServiceClient, id, campaign string, version int64) (*typev1.Campaign, error)

func (a *app) campaignChange(use, short string, call change) *cobra.Command {
	var request requestFlag
	var version versionFlag
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error {
			id, err := request.value()
			if err != nil {
				return err
			}
			client, done, err := service(a, roleIssuer, issuerv1.NewIssuerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			campaign, err := call(ctx, client, id, args[0], version.version)
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(&issuerv1.GetCampaignResponse{Campaign: campaign}, func() string { return a.campaignText(campaign) })
		}),
	}
	request.add(cmd)
	version.add(cmd)
	return cmd
}

func (a *app) campaignClose() *cobra.Command {
	until := ""
	cmd := a.campaignChange("close CAMPAIGN", "End issuing at once, and redemption at a stated time, for ever",
		func(ctx context.Context, c issuerv1.IssuerServiceClient, id, campaign string, version int64) (*typev1.Campaign, error) {
			request := &issuerv1.CloseCampaignRequest{RequestId: id, Campaign: campaign, Version: version}
			if until != "" {
				at, err := campaignfile.ParseTime(until, a.env.Now())
				if err != nil {
					return nil, usage(err)
				}
				request.RedeemUntilTime = timestamppb.New(at)
			}
			r, err := c.CloseCampaign(ctx, request)
			return r.GetCampaign(), err
		})
	cmd.Flags().StringVar(&until, "redeem-until", "", "when redemption ends, as in +14d or 2030-05-01 (default: now)")
	return cmd
}

func (a *app) campaignShow() *cobra.Command {
	var version versionFlag
	cmd := &cobra.Command{
		Use: "show CAMPAIGN", Short: "Show one campaign", Args: cobra.ExactArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error {
			client, done, err := service(a, roleIssuer, issuerv1.NewIssuerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.GetCampaign(ctx, &issuerv1.GetCampaignRequest{Campaign: args[0], Version: version.version})
			if err != nil {
				return err
			}
			return a.show(answer, func() string { return a.campaignText(answer.GetCampaign()) })
		}),
	}
	version.add(cmd)
	return cmd
}

func (a *app) campaignList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List all campaigns", Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			client, done, err := service(a, roleIssuer, issuerv1.NewIssuerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			all := new(issuerv1.ListCampaignsResponse)
			err = everyPage(func(token string) (string, error) {
				page, err := client.ListCampaigns(ctx, &issuerv1.ListCampaignsRequest{PageSize: pageSize, PageToken: token})
				all.Campaigns = append(all.Campaigns, page.GetCampaigns()...)
				return page.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return a.show(all, func() string { return a.campaignTable(all.GetCampaigns()) })
		}),
	}
}

func (a *app) campaignTable(campaigns []*typev1.Campaign) string {
	t := newTable("campaign", ">version", "status", "holder", "begins", "ends", "offer")
	for _, c := range campaigns {
		t.add(c.GetCampaign(), c.GetVersion(), statusWord(c.GetStatus()), holderWord(c.GetHolder()),
			a.when(c.GetBeginTime()), a.when(c.GetEndTime()), c.GetOffer())
	}
	return t.String()
}
