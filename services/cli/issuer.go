// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/config"
	"ecoupon/services/money"
)

// Roles of organisations, as their services are found.
const (
	roleIssuer     = config.RoleIssuer
	roleAdvertiser = config.RoleAdvertiser
	roleRetailer   = config.RoleRetailer
	roleClearing   = config.RoleClearing
)

func (a *app) issuer() *cobra.Command {
	commands := append(a.mandates(),
		a.campaign(),
		group("emitter", "Who gives out a campaign's coupons", a.emitterAuthorise(), a.emitterList()),
		group("retailer", "Who redeems a campaign's coupons", a.retailerAdmit()),
		a.statistics(), a.frameAudits(), a.issuerMisconduct())
	return group("issuer", "Campaigns, emitters and retailers of a manufacturer", commands...)
}

func (a *app) emitterAuthorise() *cobra.Command {
	var request requestFlag
	var version versionFlag
	var emitter string
	var quotas []int64
	cmd := &cobra.Command{
		Use: "authorise CAMPAIGN", Short: "Give an advertiser a mandate, its key and quotas", Args: cobra.ExactArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error {
			emitter, err := a.only(roleAdvertiser, emitter, "emitter")
			if err != nil {
				return err
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
			kind, err := kindOf(ctx, client, args[0], version.version)
			if err != nil {
				return err
			}
			answer, err := client.AuthoriseEmitter(ctx, &issuerv1.AuthoriseEmitterRequest{
				RequestId: id, Campaign: args[0], Version: version.version,
				Emitter: emitter, Kind: kind, Quotas: quotas,
			})
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(answer, func() string {
				f := answer.GetFramework()
				return fmt.Sprintf("%s may give out %d coupons of %s, version %d.\nIts framework is %s.\n",
					f.GetEmitter(), sum(f.GetQuotas()), f.GetCampaign(), f.GetVersion(), f.GetFrameworkId())
			})
		}),
	}
	request.add(cmd)
	version.add(cmd)
	cmd.Flags().StringVar(&emitter, "emitter", "", "MSP id of the emitter (default: the only other advertiser)")
	cmd.Flags().Int64SliceVar(&quotas, "quota", nil, "how many coupons, for each lane")
	require(cmd, "quota")
	return cmd
}

// kindOf is the one kind that the campaign has.
func kindOf(ctx context.Context, client issuerv1.IssuerServiceClient, campaign string, version int64) (typev1.Kind, error) {
	answer, err := client.GetCampaign(ctx, &issuerv1.GetCampaignRequest{Campaign: campaign, Version: version})
	if err != nil {
		return 0, err
	}
	kinds := answer.GetCampaign().GetKinds()
	if len(kinds) != 1 {
		return 0, fmt.Errorf("the campaign has %d kinds of coupons, and a mandate is for one", len(kinds))
	}
	return kinds[0], nil
}

func (a *app) emitterList() *cobra.Command {
	var version versionFlag
	cmd := &cobra.Command{
		Use: "list CAMPAIGN", Short: "List the mandates of a campaign", Args: cobra.ExactArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error {
			client, done, err := service(a, roleIssuer, issuerv1.NewIssuerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			all := new(issuerv1.ListEmittersResponse)
			err = everyPage(func(token string) (string, error) {
				page, err := client.ListEmitters(ctx, &issuerv1.ListEmittersRequest{
					Campaign: args[0], Version: version.version, PageSize: pageSize, PageToken: token,
				})
				all.Frameworks = append(all.Frameworks, page.GetFrameworks()...)
				return page.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return a.show(all, func() string {
				t := newTable("framework", "emitter", "kind", ">epoch", "status", ">lanes", ">quota")
				for _, f := range all.GetFrameworks() {
					t.add(f.GetFrameworkId(), f.GetEmitter(), word(f.GetKind(), "KIND_"), f.GetEpoch(), word(f.GetStatus(), "MANDATE_STATUS_"), len(f.GetQuotas()), sum(f.GetQuotas()))
				}
				return t.String()
			})
		}),
	}
	version.add(cmd)
	return cmd
}

func (a *app) retailerAdmit() *cobra.Command {
	var request requestFlag
	var version versionFlag
	var retailer string
	cmd := &cobra.Command{
		Use: "admit CAMPAIGN", Short: "Let a retailer redeem coupons of a campaign", Args: cobra.ExactArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error {
			retailer, err := a.only(roleRetailer, retailer, "retailer")
			if err != nil {
				return err
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
			answer, err := client.AdmitRetailer(ctx, &issuerv1.AdmitRetailerRequest{
				RequestId: id, Campaign: args[0], Version: version.version, Retailer: retailer,
			})
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(answer, func() string {
				return fmt.Sprintf("%s may redeem coupons of %s, version %d.\n", retailer, args[0], version.version)
			})
		}),
	}
	request.add(cmd)
	version.add(cmd)
	cmd.Flags().StringVar(&retailer, "retailer", "", "MSP id of the retailer, which may be your own shop (default: the only other one)")
	return cmd
}

func (a *app) statistics() *cobra.Command {
	var version versionFlag
	cmd := &cobra.Command{
		Use: "statistics CAMPAIGN", Short: "Count what was redeemed, by emitter", Args: cobra.ExactArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error {
			client, done, err := service(a, roleIssuer, issuerv1.NewIssuerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.GetStatistics(ctx, &issuerv1.GetStatisticsRequest{Campaign: args[0], Version: version.version})
			if err != nil {
				return err
			}
			campaign, err := client.GetCampaign(ctx, &issuerv1.GetCampaignRequest{Campaign: args[0], Version: version.version})
			if err != nil {
				return err
			}
			return a.show(answer, func() string { return statisticsText(answer, campaign.GetCampaign()) })
		}),
	}
	version.add(cmd)
	return cmd
}

func statisticsText(s *issuerv1.GetStatisticsResponse, c *typev1.Campaign) string {
	currency := ""
	if terms, err := coupon.ParseTerms([]byte(c.GetTerms())); err == nil {
		currency = terms.Currency
	}
	t := newTable("emitter", "framework", ">quota", ">redeemed", ">voided", ">value")
	for _, f := range s.GetFrameworks() {
		t.add(f.GetFramework().GetEmitter(), f.GetFramework().GetFrameworkId(), sum(f.GetFramework().GetQuotas()),
			f.GetRedeemed(), f.GetVoided(), money.Format(currency, f.GetValue()))
	}
	return t.String() + fmt.Sprintf("Counted up to block %d.\n", s.GetBlock())
}

func sum(numbers []int64) int64 {
	total := int64(0)
	for _, n := range numbers {
		total += n
	}
	return total
}
