// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"ecoupon/network/runner"

	"github.com/spf13/cobra"
)

func renewCommand(state *string) *cobra.Command {
	return &cobra.Command{
		Use:   "renew NAME...",
		Short: "Give processes, such as peer.issuer, or people, such as operator.issuer, new certificates",
		Args:  cobra.MinimumNArgs(1),
		RunE:  onEach(state, (*runner.Network).Renew),
	}
}

func tillCommand(state *string) *cobra.Command {
	var organisation, name string
	var withdraw bool
	c := &cobra.Command{
		Use:   "till",
		Short: "Give a till a certificate, or withdraw it",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := existing(c, *state)
			if err != nil {
				return err
			}
			if withdraw {
				return n.WithdrawTill(organisation, name)
			}
			folder, err := n.Till(organisation, name)
			if err == nil {
				fmt.Fprintln(c.OutOrStdout(), "the till's credentials are in", folder)
			}
			return err
		},
	}
	c.Flags().StringVar(&organisation, "organisation", "", "whose till, such as retailer")
	c.Flags().StringVar(&name, "name", "", "its name, such as till-3")
	c.Flags().BoolVar(&withdraw, "withdraw", false, "take its certificate back")
	return c
}
