// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

func (a *app) walletExpect(w *walletFlags) *cobra.Command {
	return &cobra.Command{
		Use: "expect OFFER", Short: "Prepare for a purchase proof, and print what is shown at the till", Args: cobra.ExactArgs(1),
		Long: "Prepare for the purchase proof of an offer, and print what is shown at the till\n" +
			"where the product is bought: the framework, and a key made for this one proof.\n" +
			"The till's answer goes to \"coupon wallet accept\". Show \"coupon wallet list\" for\n" +
			"proofs that have not come.",
		RunE: a.run(func(ctx context.Context, args []string) error {
			opened, address, offers, err := a.offers(ctx, w)
			if err != nil {
				return err
			}
			offer, err := choose(offers, args[0])
			if err != nil {
				return err
			}
			expected, err := opened.Expect(address, offer)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(expected)
			}
			return a.printf("%s %s\n", expected.Framework, expected.UData)
		}),
	}
}

func (a *app) walletAccept(w *walletFlags) *cobra.Command {
	return &cobra.Command{
		Use: "accept COUPON", Short: "Take the purchase proof that a till gave", Args: cobra.ExactArgs(1),
		RunE: a.run(func(_ context.Context, args []string) error {
			opened, _, err := w.open(a)
			if err != nil {
				return err
			}
			held, err := opened.Accept(args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(held)
			}
			return a.printf("%s: %s\n%s", held.ID, a.state(held), a.holdingFacts(held))
		}),
	}
}

func (a *app) tillProve() *cobra.Command {
	var request requestFlag
	var product, invoice string
	cmd := &cobra.Command{
		Use: "prove FRAMEWORK KEY", Short: "Give a customer the purchase proof of a sale", Args: cobra.ExactArgs(2),
		Long: "Give a customer the purchase proof of a sale, for what \"coupon wallet expect\"\n" +
			"prints: the framework of the offer and the wallet's key. The product is the very\n" +
			"one that was sold, as its article and serial number in the form of GS1:\n" +
			"\"(01)09521234543213(21)S0001\". If no answer comes, the same command with the\n" +
			"request id printed gets the same proof.",
		RunE: a.run(func(ctx context.Context, args []string) error {
			var key coupon.PublicKey
			if err := key.UnmarshalText([]byte(args[1])); err != nil {
				return usagef("KEY: %w", err)
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
			answer, err := client.IssueProof(ctx, &retailerv1.IssueProofRequest{
				RequestId: id, FrameworkId: args[0], UData: key[:], ProductId: product, InvoiceNumber: invoice,
			})
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(answer, func() string { return answer.GetCoupon() + "\n" })
		}),
	}
	cmd.Flags().StringVar(&product, "product", "", "the product that was sold: article and serial number")
	cmd.Flags().StringVar(&invoice, "invoice", "", "number of the sale's invoice")
	require(cmd, "product", "invoice")
	request.add(cmd)
	return cmd
}
