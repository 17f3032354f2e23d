// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"ecoupon/network/runner"

	"github.com/spf13/cobra"
)

func prepareCommand(state *string) *cobra.Command {
	var consortium string
	c := &cobra.Command{
		Use:   "prepare",
		Short: "Write keys and settings of a network in containers, a folder for each",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := choose(c, consortium, *state)
			if err != nil {
				return err
			}
			return n.Prepare(c.Context())
		},
	}
	c.Flags().StringVar(&consortium, "consortium", "", "consortium file, such as network/compose.json")
	return c
}

func defineCommand(state *string) *cobra.Command {
	return &cobra.Command{
		Use:   "define",
		Short: "Make the channel and the chaincode of a network whose containers run",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := existing(c, *state)
			if err != nil {
				return err
			}
			return n.Define(c.Context())
		},
	}
}

func imagesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "images",
		Short: "Build the images of all programs and list their sizes",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return runner.BuildImages(c.Context(), c.OutOrStdout()) },
	}
}
