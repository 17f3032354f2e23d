// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/spf13/cobra"

	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

func (a *app) advertiser() *cobra.Command {
	return group("advertiser", "What an advertiser's operator decides",
		group("misconduct", "What issuers have reported of this advertiser", a.accusations(), a.misconductAnswer()))
}

func (a *app) accusations() *cobra.Command {
	var issuer string
	cmd := &cobra.Command{
		Use: "list", Short: "List reports with their evidence and answers", Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			client, done, err := service(a, roleAdvertiser, advertiserv1.NewAdvertiserServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.ListMisconduct(ctx, &advertiserv1.ListMisconductRequest{Issuer: issuer})
			if err != nil {
				return err
			}
			return a.show(answer, func() string { return a.reportsText(answer.GetMisconduct()) })
		}),
	}
	cmd.Flags().StringVar(&issuer, "issuer", "", "MSP id of the issuer (default: all)")
	return cmd
}

func (a *app) misconductAnswer() *cobra.Command {
	var issuer, statement string
	cmd := &cobra.Command{
		Use: "answer ID", Short: "Answer a report before its deadline, for good", Args: cobra.ExactArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error {
			client, done, err := service(a, roleAdvertiser, advertiserv1.NewAdvertiserServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.AnswerMisconduct(ctx, &advertiserv1.AnswerMisconductRequest{
				Issuer: issuer, MisconductId: args[0], Statement: statement,
			})
			if err != nil {
				return err
			}
			return a.show(answer, func() string { return a.reportsText([]*typev1.Misconduct{answer.GetMisconduct()}) })
		}),
	}
	cmd.Flags().StringVar(&issuer, "issuer", "", "MSP id of the issuer (default: the only one)")
	cmd.Flags().StringVar(&statement, "statement", "", "what there is to say")
	require(cmd, "statement")
	return cmd
}
