// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/reason"
	"ecoupon/services/sales"

	"ecoupon/chaincode/coupon"
)

func (a *app) till() *cobra.Command {
	return group("till", "What a till does with coupons", a.tillVerify(), a.tillRedeem(), a.tillVoid(), a.tillShow(), a.tillProve())
}

func (a *app) tillVerify() *cobra.Command {
	var sale saleFlags
	cmd := &cobra.Command{
		Use: "verify COUPON...", Short: "Say of each coupon whether it is good now; nothing is spent", Args: cobra.MinimumNArgs(1),
		Long: "Say of each coupon or presentation whether it could be redeemed now and, with a\n" +
			"basket, for how much, and for how much in an hour; and whether its campaign wants\n" +
			"the payment attested. Nothing is spent. \"-\" reads coupons from standard input. A\n" +
			"receipt follows the coupon that it is for.\n" +
			"The exit code is 1 if one of them is not good.",
		RunE: a.run(func(ctx context.Context, args []string) error {
			shown, err := a.tenders(args)
			if err != nil {
				return err
			}
			basket, _, err := sale.read(a.env.Now())
			if err != nil {
				return err
			}
			client, done, err := service(a, roleRetailer, retailerv1.NewRetailerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.Verify(ctx, &retailerv1.VerifyRequest{
				Coupons: shown.coupons, Receipts: shown.receipts, Basket: basketMessage(basket),
			})
			if err != nil {
				return err
			}
			if err := a.show(answer, func() string { return verdictsText(answer.GetVerdicts()) }); err != nil {
				return err
			}
			for _, v := range answer.GetVerdicts() {
				if v.GetReason() != typev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
					return errNotGood
				}
			}
			return nil
		}),
	}
	sale.addBasket(cmd)
	return cmd
}

func verdictsText(verdicts []*retailerv1.Verdict) string {
	t := newTable(">coupon", "verdict", ">discount", ">in an hour", "what it is")
	why := ""
	for i, v := range verdicts {
		verdict := "good"
		if v.GetReason() != typev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			verdict = enumReason(v.GetReason())
			why += fmt.Sprintf("Coupon %d: %s%s\n", i+1, reason.Sentence(coupon.Reason(verdict)), inBrackets(v.GetDetail()))
		}
		if verdict == "good" && v.GetAttestationRequired() {
			why += fmt.Sprintf("Coupon %d is taken only with a payment that its institute has attested: --payment.\n", i+1)
		}
		t.add(i+1, verdict, amount(v.GetDiscount()), amount(v.GetDiscountInOneHour()), v.GetTitle())
	}
	return t.String() + why
}

func (a *app) tillRedeem() *cobra.Command {
	var sale saleFlags
	var request requestFlag
	cmd := &cobra.Command{
		Use: "redeem COUPON...", Short: "Spend the coupons of one issuer with a sale: all, or none", Args: cobra.MinimumNArgs(1),
		Long: "Spend coupons or presentations of one issuer with one sale: all of them, or none.\n" +
			"\"-\" reads coupons from standard input. A receipt follows the coupon that it is\n" +
			"for. If no answer comes, the same command with the request id printed gets the\n" +
			"true one.",
		RunE: a.run(func(ctx context.Context, args []string) error {
			shown, err := a.tenders(args)
			if err != nil {
				return err
			}
			basket, invoice, err := sale.read(a.env.Now())
			if err != nil {
				return err
			}
			if basket == nil {
				return usagef("a sale has a basket: --line, --basket, or --sales and --sale")
			}
			payment, err := sale.readPayment(invoice)
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
			answer, err := client.Redeem(ctx, &retailerv1.RedeemRequest{
				RequestId: id, Invoice: payment, Basket: sales.Basket(*basket),
				Coupons: shown.coupons, Receipts: shown.receipts,
			})
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(answer, func() string { return "Redeemed.\n" + a.redemptionText(answer.GetRedemption()) })
		}),
	}
	sale.addBasket(cmd)
	sale.addInvoice(cmd)
	request.add(cmd)
	return cmd
}

func (a *app) redemptionText(r *retailerv1.Redemption) string {
	f := newFacts()
	f.add("redemption", r.GetRedemptionId())
	f.add("issuer", r.GetIssuer())
	for i, discount := range r.GetDiscounts() {
		f.add(fmt.Sprintf("coupon %d", i+1), amount(discount))
	}
	f.add("total", amount(r.GetTotal()))
	f.add("time", a.when(r.GetRedeemTime()))
	f.add("transaction", r.GetTransactionId())
	f.add("block", r.GetBlock())
	f.add("batch", r.GetBatchId())
	if r.GetVoided() {
		f.add("voided", "yes")
	}
	return f.String()
}

func (a *app) tillVoid() *cobra.Command {
	var request requestFlag
	cmd := &cobra.Command{
		Use: "void REDEMPTION", Short: "Undo a redemption that is not claimed", Args: cobra.ExactArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error {
			id, err := request.value()
			if err != nil {
				return err
			}
			client, done, err := service(a, roleRetailer, retailerv1.NewRetailerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.Void(ctx, &retailerv1.VoidRequest{RequestId: id, RedemptionId: args[0]})
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(answer, func() string { return "Voided.\n" + a.redemptionText(answer.GetRedemption()) })
		}),
	}
	request.add(cmd)
	return cmd
}

func (a *app) tillShow() *cobra.Command {
	return &cobra.Command{
		Use: "show REDEMPTION", Short: "Show a redemption", Args: cobra.ExactArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error {
			client, done, err := service(a, roleRetailer, retailerv1.NewRetailerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.GetRedemption(ctx, &retailerv1.GetRedemptionRequest{RedemptionId: args[0]})
			if err != nil {
				return err
			}
			return a.show(answer, func() string { return a.redemptionText(answer.GetRedemption()) })
		}),
	}
}
