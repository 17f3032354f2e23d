// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"ecoupon/network/runner"

	"github.com/spf13/cobra"
)

func statusCommand(state *string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show every process with its addresses; an error names those that died",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := existing(c, *state)
			if err != nil {
				return err
			}
			s, err := n.Status()
			if err != nil {
				return err
			}
			if asJSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(s)
			} else {
				err = printStatus(c.OutOrStdout(), s)
			}
			if err != nil {
				return fmt.Errorf("printing the status: %w", err)
			}
			return s.Died()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printStatus(out io.Writer, s runner.Status) error {
	fmt.Fprintf(out, "channel %s, state in %s\n\n", s.Channel, s.StateDir)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PROCESS\tSTATE\tPID\tLISTENS\tADVERTISES\tOPERATIONS\tPUBLIC")
	for _, p := range s.Processes {
		pid := "-"
		if p.State == runner.Running {
			pid = fmt.Sprint(p.PID)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.State, pid,
			p.Address.Listen, p.Address.Advertise, orDash(p.Operations), orDash(p.PublicURL))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(s.Ending) > 0 {
		fmt.Fprintln(out, "\nto be renewed: certificates below", filepath.Join(s.StateDir, "organisations"))
		for _, c := range s.Ending {
			fmt.Fprintf(out, "  %s  %s\n", c.Ends.UTC().Format(time.RFC3339), c.File)
		}
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func logsCommand(state *string) *cobra.Command {
	var follow bool
	c := &cobra.Command{
		Use:   "logs NAME",
		Short: "Print the log of a process, such as peer.issuer",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := existing(c, *state)
			if err != nil {
				return err
			}
			return n.Logs(c.Context(), args[0], follow, c.OutOrStdout())
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is logged later")
	return c
}
