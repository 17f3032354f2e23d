// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command institute runs a sandbox payment institute, and calls one as its
// customers do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"ecoupon/services/institute"
	"ecoupon/services/internal/serve"
)

func main() { serve.Main(run) }

func run(ctx context.Context, args []string, stderr io.Writer) error {
	root := &cobra.Command{
		Use: "institute", Short: "A sandbox payment institute, and its customers' side", SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.AddCommand(setUp(), serveCommand(stderr), rotate(), pay(), confirm(), keys())
	root.SetArgs(args)
	root.SetErr(stderr)
	return root.ExecuteContext(ctx)
}

func setUp() *cobra.Command {
	var folder, name, address string
	var merchants, enquirers []string
	cmd := &cobra.Command{
		Use: "set-up", Short: "Make the institute's keys, and a folder of credentials for each customer", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			var customers []institute.Customer
			for _, mspID := range merchants {
				customers = append(customers, institute.Customer{MSPID: mspID, Kind: institute.Merchant})
			}
			for _, mspID := range enquirers {
				customers = append(customers, institute.Customer{MSPID: mspID, Kind: institute.Enquirer})
			}
			return institute.Folder(folder).SetUp(name, address, customers...)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&folder, "dir", "", "folder of the institute")
	flags.StringVar(&name, "name", "", "what invoices call the institute")
	flags.StringVar(&address, "address", "", "host and port at which customers call it")
	flags.StringArrayVar(&merchants, "merchant", nil, "MSP id of a retailer that takes payments; several times")
	flags.StringArrayVar(&enquirers, "enquirer", nil, "MSP id of a clearing house that asks about payments; several times")
	return required(cmd, "dir", "name", "address")
}

func serveCommand(stderr io.Writer) *cobra.Command {
	var folder, listen, debug string
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the institute of a folder", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var listeners institute.Listeners
			var err error
			if listeners.Customers, err = new(net.ListenConfig).Listen(cmd.Context(), "tcp", listen); err != nil {
				return err
			}
			if debug != "" {
				if listeners.Debug, err = new(net.ListenConfig).Listen(cmd.Context(), "tcp", debug); err != nil {
					return errors.Join(err, listeners.Customers.Close())
				}
			}
			return institute.Folder(folder).Serve(cmd.Context(), listeners, slog.New(slog.NewTextHandler(stderr, nil)))
		},
	}
	cmd.Flags().StringVar(&folder, "dir", "", "folder of the institute")
	cmd.Flags().StringVar(&listen, "listen", "", "address to listen at")
	cmd.Flags().StringVar(&debug, "debug-listen", "", "address of health, metrics and profiles; none if empty")
	return required(cmd, "dir", "listen")
}

func rotate() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use: "rotate", Short: "Make a new key, which attests from the next start on; prints all public keys, the new one first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := institute.Folder(folder).Rotate(); err != nil {
				return err
			}
			public, err := institute.Folder(folder).Keys()
			for _, key := range public {
				fmt.Fprintln(cmd.OutOrStdout(), key)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&folder, "dir", "", "folder of the institute")
	return required(cmd, "dir")
}

func required(cmd *cobra.Command, names ...string) *cobra.Command {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a flag that the command does not have
		}
	}
	return cmd
}
