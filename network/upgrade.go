// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"
)

func upgradeCommand(state *string) *cobra.Command {
	var program string
	c := &cobra.Command{
		Use:   "upgrade",
		Short: "Replace the chaincode of a running network by the program that is built now",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := existing(c, *state)
			if err != nil {
				return err
			}
			return n.Upgrade(c.Context(), program)
		},
	}
	c.Flags().StringVar(&program, "program", "", "chaincode server to run (default the project's own)")
	return c
}
