// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// maxHandoverInput bounds what is read of another wallet's text.
const maxHandoverInput = 1 << 20

func (a *app) walletKey(w *walletFlags) *cobra.Command {
	return &cobra.Command{
		Use: "key", Short: "Make a key for a coupon that somebody hands on to you", Args: cobra.NoArgs,
		Long: "Make a key for one coupon that somebody hands on to you, and print its text: that\n" +
			"is what the other wallet transfers the coupon to. The key stays in this wallet.",
		RunE: a.run(func(context.Context, []string) error {
			opened, _, err := w.open(a)
			if err != nil {
				return err
			}
			text, err := opened.NewKey()
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"key": text})
			}
			return a.printf("%s\n", text)
		}),
	}
}

func (a *app) walletTransfer(w *walletFlags) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "transfer COUPON --to KEY", Short: "Hand a coupon on to another wallet, on the ledger", Args: cobra.ExactArgs(1),
		Long: "Hand a coupon on to the wallet that made the key, on the ledger, and print what\n" +
			"that wallet takes. You can not use the coupon any more then. If no answer comes\n" +
			"the same command sends the same again.",
		RunE: a.run(func(ctx context.Context, args []string) error {
			if to == "" {
				return usagef("name the key that the other wallet has made with --to")
			}
			opened, h, err := a.held(w, args[0])
			if err != nil {
				return err
			}
			h, err = opened.Transfer(ctx, h.ID, to)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"handover": h.Handover})
			}
			return a.printf("%s\n", h.Handover)
		}),
	}
	cmd.Flags().StringVar(&to, "to", "", "the other wallet's key, as \"coupon wallet key\" prints it")
	return cmd
}

func (a *app) walletTake(w *walletFlags) *cobra.Command {
	return &cobra.Command{
		Use: "take HANDOVER", Short: "Take a coupon that another wallet has handed on to you", Args: cobra.ExactArgs(1),
		Long: "Take a coupon that another wallet has handed on to a key of this one: what its\n" +
			"command transfer has printed, or - to read that from standard input. The coupon's\n" +
			"emitter is asked whether the ledger says so, at --advertiser or at the consortium's\n" +
			"address: do not let the other tell you where to ask.",
		RunE: a.run(func(ctx context.Context, args []string) error {
			text := args[0]
			if text == "-" {
				read, err := io.ReadAll(io.LimitReader(a.env.In, maxHandoverInput))
				if err != nil {
					return err
				}
				text = strings.TrimSpace(string(read))
			}
			opened, address, err := w.open(a)
			if err != nil {
				return err
			}
			if address == "" {
				return usagef("name the advertiser with --advertiser, or the consortium's directory with --consortium")
			}
			h, err := opened.TakeOver(ctx, address, text)
			if err != nil {
				return unreachable(err)
			}
			if a.json {
				return a.printJSON(h)
			}
			return a.printf("%s: %s\n%s", h.ID, a.state(h), a.holdingFacts(h))
		}),
	}
}
