// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	"ecoupon/services/campaignfile"
)

func (a *app) clearing() *cobra.Command {
	return group("clearing", "What the clearing house does",
		a.clearingClaims(), a.reconcile(), a.settle(), a.settlement(), a.remittances(),
		a.registerInstitute(), a.registeredInstitute())
}

func (a *app) clearingClaims() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use: "claims", Short: "List the claims of all retailers", Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			wanted, known := clearingv1.ClaimState_value["CLAIM_STATE_"+strings.ToUpper(state)]
			if state != "" && (!known || wanted == 0) {
				return usagef("--state is received, accepted, disputed or settled, not %q", state)
			}
			client, done, err := service(a, roleClearing, clearingv1.NewClearingServiceClient)
			if err != nil {
				return err
			}
			defer done()
			all := new(clearingv1.ListClaimsResponse)
			err = everyPage(func(token string) (string, error) {
				page, err := client.ListClaims(ctx, &clearingv1.ListClaimsRequest{
					PageSize: pageSize, PageToken: token, State: clearingv1.ClaimState(wanted),
				})
				all.Claims = append(all.Claims, page.GetClaims()...)
				return page.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return a.show(all, func() string { return a.knownClaims(all.GetClaims()) })
		}),
	}
	cmd.Flags().StringVar(&state, "state", "", "only claims that are received, accepted, disputed or settled")
	return cmd
}

func (a *app) knownClaims(claims []*clearingv1.Claim) string {
	t := newTable("claim", "issuer", "retailer", "state", ">batches", ">coupons", ">amount", "made")
	for _, c := range claims {
		t.add(c.GetClaimId(), c.GetIssuer(), c.GetRetailer(), word(c.GetState(), "CLAIM_STATE_"),
			len(c.GetBatchIds()), c.GetCoupons(), amounts(c.GetAmounts()), a.when(c.GetClaimTime()))
	}
	return t.String()
}

func (a *app) reconcile() *cobra.Command {
	var request requestFlag
	cmd := &cobra.Command{
		Use: "reconcile", Short: "Compare all claims that are not settled with the ledger", Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			id, err := request.value()
			if err != nil {
				return err
			}
			client, done, err := service(a, roleClearing, clearingv1.NewClearingServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.Reconcile(ctx, &clearingv1.ReconcileRequest{RequestId: id})
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(answer, func() string { return a.runText(answer) })
		}),
	}
	request.add(cmd)
	return cmd
}

func (a *app) runText(r *clearingv1.ReconcileResponse) string {
	head := fmt.Sprintf("Run %s at %s compared %s.\n", r.GetRunId(), a.when(r.GetRunTime()), plural(r.GetClaims(), "claim"))
	if len(r.GetDifferences()) == 0 {
		return head + "Nothing differs.\n"
	}
	t := newTable("differs", "claim", "batch", "redemption", ">amount", "detail")
	for _, d := range r.GetDifferences() {
		t.add(word(d.GetType(), "DIFFERENCE_TYPE_"), d.GetClaimId(), d.GetBatchId(), d.GetRedemptionId(), amount(d.GetAmount()), d.GetDetail())
	}
	return head + t.String()
}

func (a *app) settle() *cobra.Command {
	var request requestFlag
	var until string
	cmd := &cobra.Command{
		Use: "settle", Short: "Decide what is paid for the accepted claims", Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			id, err := request.value()
			if err != nil {
				return err
			}
			message := &clearingv1.SettleRequest{RequestId: id}
			if until != "" {
				at, err := campaignfile.ParseTime(until, a.env.Now())
				if err != nil {
					return usagef("--until: %w", err)
				}
				message.UntilTime = timestamppb.New(at)
			}
			client, done, err := service(a, roleClearing, clearingv1.NewClearingServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.Settle(ctx, message)
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(answer, func() string { return a.settlementText(answer.GetSettlement()) })
		}),
	}
	request.add(cmd)
	cmd.Flags().StringVar(&until, "until", "", "claims made before this time, as in today or 2030-05-01 (default: now)")
	return cmd
}

func (a *app) settlementText(s *clearingv1.Settlement) string {
	head := fmt.Sprintf("Settlement %s of %s\n\n", s.GetSettlementId(), a.when(s.GetSettleTime()))
	if len(s.GetRemittances()) == 0 {
		return head + "There was nothing to settle.\n"
	}
	net := newTable("organisation", ">net")
	for _, p := range s.GetNetPositions() {
		net.add(p.GetOrganisation(), amount(p.GetAmount()))
	}
	return head + remittanceTable(s.GetRemittances()) + "\n" + net.String()
}

func remittanceTable(remittances []*clearingv1.Remittance) string {
	t := newTable("payer", "payee", ">amount", ">coupons", ">batches", "settlement")
	for _, r := range remittances {
		t.add(r.GetIssuer(), r.GetRetailer(), amount(r.GetAmount()), r.GetCoupons(), len(r.GetBatchIds()), r.GetSettlementId())
	}
	return t.String()
}

func (a *app) settlement() *cobra.Command {
	return &cobra.Command{
		Use: "settlement ID", Short: "Show a settlement", Args: cobra.ExactArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error {
			client, done, err := service(a, roleClearing, clearingv1.NewClearingServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.GetSettlement(ctx, &clearingv1.GetSettlementRequest{SettlementId: args[0]})
			if err != nil {
				return err
			}
			return a.show(answer, func() string { return a.settlementText(answer.GetSettlement()) })
		}),
	}
}

func (a *app) remittances() *cobra.Command {
	var settlement string
	cmd := &cobra.Command{
		Use: "remittances", Short: "List who pays whom", Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			client, done, err := service(a, roleClearing, clearingv1.NewClearingServiceClient)
			if err != nil {
				return err
			}
			defer done()
			all := new(clearingv1.ListRemittancesResponse)
			err = everyPage(func(token string) (string, error) {
				page, err := client.ListRemittances(ctx, &clearingv1.ListRemittancesRequest{
					PageSize: pageSize, PageToken: token, SettlementId: settlement,
				})
				all.Remittances = append(all.Remittances, page.GetRemittances()...)
				return page.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return a.show(all, func() string { return remittanceTable(all.GetRemittances()) })
		}),
	}
	cmd.Flags().StringVar(&settlement, "settlement", "", "only those of this settlement")
	return cmd
}
