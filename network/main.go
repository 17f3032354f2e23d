// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command network runs a consortium's network on this machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"ecoupon/network/runner"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "network:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var state string
	root := &cobra.Command{
		Use:           "network",
		Short:         "Runs a consortium's orderers, peers, chaincode and services on this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&state, "state", "", "state directory (default that of the consortium)")
	root.AddCommand(upCommand(&state), downCommand(&state), purgeCommand(&state),
		statusCommand(&state), logsCommand(&state), buildCommand(),
		prepareCommand(&state), defineCommand(&state), imagesCommand(),
		upgradeCommand(&state), joinCommand(&state),
		startCommand(&state), stopCommand(&state), backupCommand(&state), restoreCommand(&state),
		renewCommand(&state), tillCommand(&state))
	return root
}

func upCommand(state *string) *cobra.Command {
	var consortium, only string
	c := &cobra.Command{
		Use:   "up",
		Short: "Start what does not run; a network that was down goes on with its ledger",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if only != "" && only != "fabric" {
				return fmt.Errorf("--only %q: only fabric can be had alone", only)
			}
			n, err := choose(c, consortium, *state)
			if err != nil {
				return err
			}
			return n.Up(c.Context(), runner.UpOptions{OnlyFabric: only == "fabric"})
		},
	}
	c.Flags().StringVar(&consortium, "consortium", "", "consortium file (default the network that is there, else four organisations)")
	c.Flags().StringVar(&only, "only", "", `"fabric" leaves out the services`)
	return c
}

// choose takes the consortium that is named, or the network that is there, or
// the default.
func choose(c *cobra.Command, file, state string) (*runner.Network, error) {
	if file == "" {
		n, err := existing(c, state)
		if !errors.Is(err, fs.ErrNotExist) {
			return n, err
		}
	}
	consortium := runner.Default()
	if file != "" {
		var err error
		if consortium, err = runner.Load(file); err != nil {
			return nil, err
		}
	}
	if state != "" {
		consortium.StateDir = state
	}
	return runner.New(consortium, c.OutOrStdout())
}

// existing opens the network that is there.
func existing(c *cobra.Command, state string) (*runner.Network, error) {
	if state == "" {
		state = runner.Default().StateDir
	}
	return runner.Open(state, c.OutOrStdout())
}

func downCommand(state *string) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop every process and keep the ledger",
		Args:  cobra.NoArgs,
		RunE:  onExisting(state, (*runner.Network).Down),
	}
}

func purgeCommand(state *string) *cobra.Command {
	return &cobra.Command{
		Use:   "purge",
		Short: "Stop every process and remove ledger, keys and logs",
		Args:  cobra.NoArgs,
		RunE:  onExisting(state, (*runner.Network).Purge),
	}
}

// onExisting does nothing where there is no network.
func onExisting(state *string, do func(*runner.Network, context.Context) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		n, err := existing(c, *state)
		if errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintln(c.OutOrStdout(), "there is no network")
			return nil
		}
		if err != nil {
			return err
		}
		return do(n, c.Context())
	}
}

func buildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "build",
		Short: "Build Fabric's programs, once for each set of pins",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := runner.BuildFabric(c.Context(), c.OutOrStdout())
			if err == nil {
				fmt.Fprintln(c.OutOrStdout(), "Fabric's programs are in", dir)
			}
			return err
		},
	}
}
