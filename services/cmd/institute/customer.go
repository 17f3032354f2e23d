// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	institutev1 "ecoupon/proto/gen/coupon/institute/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/dial"
	"ecoupon/services/money"
)

func pay() *cobra.Command {
	var folder, amount, currency, request string
	cmd := &cobra.Command{
		Use: "pay", Short: "Take a payment; prints it with its attestation, for coupon till redeem --payment", Args: cobra.NoArgs,
		RunE: calling(&folder, func(ctx context.Context, client institutev1.InstituteServiceClient, _ []string) (proto.Message, error) {
			minor, err := money.Parse(currency, amount)
			if err != nil {
				return nil, fmt.Errorf("--amount: %w", err)
			}
			if request == "" {
				request = uuid.NewString()
			}
			paid, err := client.Pay(ctx, &institutev1.PayRequest{RequestId: request, Amount: &typev1.Money{Currency: currency, Minor: minor}})
			if err != nil {
				return nil, fmt.Errorf("request %s: %w", request, err)
			}
			return paid, nil
		}),
	}
	cmd.Flags().StringVar(&amount, "amount", "", "what is paid, as in 12.50")
	cmd.Flags().StringVar(&currency, "currency", "EUR", "currency of the amount")
	cmd.Flags().StringVar(&request, "request-id", "", "repeat the request of this id (default: a new one)")
	return required(as(cmd, &folder), "amount")
}

func confirm() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use: "confirm PAYMENT", Short: "Ask whether the institute knows the payment in a file, as pay prints it", Args: cobra.ExactArgs(1),
		RunE: calling(&folder, func(ctx context.Context, client institutev1.InstituteServiceClient, args []string) (proto.Message, error) {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return nil, err
			}
			var paid institutev1.PayResponse
			if err := protojson.Unmarshal(text, &paid); err != nil {
				return nil, fmt.Errorf("%s: %w", args[0], err)
			}
			return client.Confirm(ctx, &institutev1.ConfirmRequest{
				Payments: []*institutev1.Payment{{Invoice: paid.GetInvoice(), Merchant: paid.GetMerchant()}},
			})
		}),
	}
	return as(cmd, &folder)
}

func keys() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use: "keys", Short: "List the public keys, for coupon clearing register-institute --key", Args: cobra.NoArgs,
		RunE: calling(&folder, func(ctx context.Context, client institutev1.InstituteServiceClient, _ []string) (proto.Message, error) {
			return client.ListKeys(ctx, &institutev1.ListKeysRequest{})
		}),
	}
	return as(cmd, &folder)
}

func as(cmd *cobra.Command, folder *string) *cobra.Command {
	cmd.Flags().StringVar(folder, "as", "", "folder of credentials that the institute gave: cert.pem, key.pem, institute.json")
	return required(cmd, "as")
}

// calling connects, calls and prints the answer as one line of JSON.
func calling(
	folder *string, call func(ctx context.Context, client institutev1.InstituteServiceClient, args []string) (proto.Message, error),
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		_, connection, err := dial.OpenInstitute(*folder)
		if err != nil {
			return err
		}
		defer func() { _ = connection.Close() }()
		answer, err := call(cmd.Context(), institutev1.NewInstituteServiceClient(connection), args)
		if err != nil {
			return err
		}
		return printLine(cmd.OutOrStdout(), answer)
	}
}

func printLine(to io.Writer, message proto.Message) error {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "%s\n", text)
	return err
}
