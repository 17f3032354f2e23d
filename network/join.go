// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"ecoupon/network/runner"

	"github.com/spf13/cobra"
)

func joinCommand(state *string) *cobra.Command {
	var o runner.Organisation
	c := &cobra.Command{
		Use:   "add-org [FILE]",
		Short: "Take an organisation into the running consortium, signed by all others",
		Long: `Takes an organisation into the running consortium, signed by all others. FILE
holds an entry as in a consortium file; flags do instead.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				var err error
				if o, err = runner.LoadOrganisation(args[0]); err != nil {
					return err
				}
			}
			n, err := existing(c, *state)
			if err != nil {
				return err
			}
			return n.Join(c.Context(), o)
		},
	}
	c.Flags().StringVar(&o.Name, "name", "", "short name, such as corner-shop")
	c.Flags().StringVar(&o.MSPID, "msp-id", "", "MSP id, such as CornerShopMSP")
	c.Flags().StringSliceVar(&o.Roles, "role", nil, "role; may be repeated")
	return c
}
