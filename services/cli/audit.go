// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ecoupon/services/audit"
)

const auditLong = `Re-check the whole ledger, from its first block on, from nothing but the blocks
that your organisation's peer has and the private data of your organisation.

Every block before --from is replayed too; only findings in blocks from there
on are printed and count. A breach is against the rules and names who made and
who endorsed it; a notice is a change of the channel or of a chaincode
definition, or something that was tried and refused. The exit code is 1 if
there is a breach.

The folder of credentials has tls.pem and tls.key too, which peers ask for.`

// auditFlags are what an audit is told.
type auditFlags struct {
	from, to   int64
	peer       string
	genesis    string
	publicOnly bool
	quiet      bool
}

func (a *app) audit() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use: "audit", Short: "Re-check the whole ledger and name who broke its rules", Long: auditLong, Args: cobra.NoArgs,
	}
	cmd.RunE = func(command *cobra.Command, args []string) error {
		if !command.Flags().Changed("timeout") {
			a.timeout = maxAudit
		}
		return a.run(func(ctx context.Context, _ []string) error { return a.auditLedger(ctx, f) })(command, args)
	}
	flags := cmd.Flags()
	flags.Int64Var(&f.from, "from", 0, "first block whose findings count")
	flags.Int64Var(&f.to, "to", -1, "last block (default: the newest)")
	flags.StringVar(&f.peer, "peer", "", "address of the peer, where your organisation has several (default: the first)")
	flags.StringVar(&f.genesis, "genesis", "", "SHA-256 of the first block's header, as another member or an earlier audit told it")
	flags.BoolVar(&f.publicOnly, "public-only", false, "leave your organisation's private data alone")
	flags.BoolVar(&f.quiet, "breaches-only", false, "print no notices")
	return cmd
}

// maxAudit bounds an audit that was given no time; a ledger of years takes hours.
const maxAudit = 7 * 24 * time.Hour

func (a *app) auditLedger(ctx context.Context, f auditFlags) error {
	if f.from < 0 || f.to >= 0 && f.to < f.from {
		return usagef("--from and --to are numbers of blocks, the first not above the last")
	}
	consortium, err := a.consortium()
	if err != nil {
		return err
	}
	ledger, err := consortium.Ledger(f.peer)
	if err != nil {
		return usage(err)
	}
	defer ledger.Conn.Close()
	source := audit.Peer{
		Conn: ledger.Conn, Channel: ledger.Channel, MSPID: ledger.MSPID, Identity: ledger.Identity, TLS: ledger.TLS, To: f.to,
	}
	options := audit.Options{From: uint64(f.from), Genesis: f.genesis}
	if !f.publicOnly {
		options.MSPID = ledger.MSPID
	}
	var printing error
	options.Found = func(found audit.Finding) {
		if printing == nil && (found.Level == audit.Breach || !f.quiet) {
			printing = a.showFinding(found)
		}
	}
	report, err := audit.Run(ctx, source.Deliver, options)
	if err := errors.Join(err, printing); err != nil {
		return err
	}
	if err := a.showReport(report); err != nil {
		return err
	}
	if report.Breaches > 0 {
		return errNotGood
	}
	return nil
}

func (a *app) showFinding(f audit.Finding) error {
	if a.json {
		return a.printJSON(f)
	}
	where := fmt.Sprintf("block %d", f.Block)
	if f.Transaction != "" {
		where += ", transaction " + f.Transaction
	}
	facts := newFacts().add("what", f.Text).add("function", strings.TrimSpace(f.Namespace+" "+f.Function)).
		add("creator", f.Creator).add("endorsers", strings.Join(f.Endorsers, ", ")).
		add("concerns", strings.Join(f.Organisations, ", "))
	return a.printf("%s %s: %s\n%s", strings.ToUpper(string(f.Level)), f.Rule, where, facts)
}

func (a *app) showReport(r *audit.Report) error {
	if a.json {
		return a.printJSON(r)
	}
	total := int64(0)
	for _, n := range r.Transactions {
		total += n
	}
	facts := newFacts().add("channel", r.Channel).add("first block", r.Genesis).add("last block", r.Head).
		add("transactions", fmt.Sprintf("%d: %s", total, counts(r.Transactions))).
		add("private records", r.Private).add("findings", counts(r.Found)).
		add("speed", fmt.Sprintf("%d blocks/s", r.BlocksPerSecond))
	return a.printf("%s audited in %s: %s, %s\n%s", plural(int64(r.Blocks), "block"), r.Took.Round(time.Millisecond),
		breaches(r.Breaches), plural(r.Notices, "notice"), facts)
}

func breaches(n int64) string {
	if n == 1 {
		return "one breach"
	}
	return fmt.Sprintf("%d breaches", n)
}

// counts lists numbers by name.
func counts(by map[string]int64) string {
	parts := make([]string, 0, len(by))
	for _, name := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprintf("%d %s", by[name], name))
	}
	return strings.Join(parts, ", ")
}
