// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

func (a *app) retailer() *cobra.Command {
	return group("retailer", "What a retailer's desk does", a.claim(), a.claims())
}

func (a *app) claim() *cobra.Command {
	var request requestFlag
	var issuer string
	cmd := &cobra.Command{
		Use: "claim", Short: "Demand reimbursement of all that is not claimed yet", Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			issuer, err := a.only(roleIssuer, issuer, "issuer")
			if err != nil {
				return err
			}
			id, err := request.value()
			if err != nil {
				return err
			}
			client, done, err := service(a, roleRetailer, retailerv1.NewRetailerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.Claim(ctx, &retailerv1.ClaimRequest{RequestId: id, Issuer: issuer})
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(answer, func() string {
				if len(answer.GetClaims()) == 0 {
					return fmt.Sprintf("There is nothing to claim from %s.\n", issuer)
				}
				return claimsTable(answer.GetClaims())
			})
		}),
	}
	request.add(cmd)
	cmd.Flags().StringVar(&issuer, "issuer", "", "MSP id of the issuer that is to pay (default: the only other one)")
	return cmd
}

func (a *app) claims() *cobra.Command {
	return &cobra.Command{
		Use: "claims", Short: "List the retailer's claims", Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			client, done, err := service(a, roleRetailer, retailerv1.NewRetailerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			all := new(retailerv1.ListClaimsResponse)
			err = everyPage(func(token string) (string, error) {
				page, err := client.ListClaims(ctx, &retailerv1.ListClaimsRequest{PageSize: pageSize, PageToken: token})
				all.Claims = append(all.Claims, page.GetClaims()...)
				return page.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return a.show(all, func() string { return claimsTable(all.GetClaims()) })
		}),
	}
}

func claimsTable(claims []*retailerv1.Claim) string {
	t := newTable("claim", "issuer", ">batches", ">coupons", ">amount", "transaction")
	for _, c := range claims {
		t.add(c.GetClaimId(), c.GetIssuer(), len(c.GetBatchIds()), c.GetCoupons(), amounts(c.GetAmounts()), c.GetTransactionId())
	}
	return t.String()
}
