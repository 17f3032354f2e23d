// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"

	"ecoupon/network/runner"

	"github.com/spf13/cobra"
)

func startCommand(state *string) *cobra.Command {
	return &cobra.Command{
		Use:   "start NAME...",
		Short: "Start processes of a network that has been up, such as peer.issuer",
		Args:  cobra.MinimumNArgs(1),
		RunE:  onEach(state, (*runner.Network).Start),
	}
}

func stopCommand(state *string) *cobra.Command {
	return &cobra.Command{
		Use:   "stop NAME...",
		Short: "Stop processes and keep what they have",
		Args:  cobra.MinimumNArgs(1),
		RunE:  onEach(state, (*runner.Network).Stop),
	}
}

// onEach does something with the processes that are named, in their order.
func onEach(state *string, do func(*runner.Network, context.Context, string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, names []string) error {
		n, err := existing(c, *state)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := do(n, c.Context(), name); err != nil {
				return err
			}
		}
		return nil
	}
}

func backupCommand(state *string) *cobra.Command {
	return &cobra.Command{
		Use:   "backup NAME TO",
		Short: "Copy what a peer or a service keeps to a new folder or file",
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := existing(c, *state)
			if err != nil {
				return err
			}
			return n.Backup(c.Context(), args[0], args[1])
		},
	}
}

func restoreCommand(state *string) *cobra.Command {
	var r runner.RestoreOptions
	var lost bool
	c := &cobra.Command{
		Use:   "restore NAME [FROM]",
		Short: "Have a peer or a service go on with a backup, or a service with nothing",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if lost == (len(args) == 2) {
				return errors.New("name a backup, or say --lost")
			}
			if len(args) == 2 {
				r.From = args[1]
			}
			n, err := existing(c, *state)
			if err != nil {
				return err
			}
			return n.Restore(c.Context(), args[0], r)
		},
	}
	c.Flags().BoolVar(&lost, "lost", false, "a service's store is lost and there is no backup")
	c.Flags().IntVar(&r.LanesFrom, "lanes-from", -1, "first lane of which an advertiser has never given out a number; none if negative")
	return c
}
