// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

func (a *app) frameAudits() *cobra.Command {
	return group("audit", "What the audit of emitters' frames found", a.auditList(), a.auditProbe())
}

func (a *app) auditList() *cobra.Command {
	var framework string
	var findings bool
	cmd := &cobra.Command{
		Use: "list", Short: "List closed frames and what was found in them", Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			client, done, err := service(a, roleIssuer, issuerv1.NewIssuerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			all := new(issuerv1.ListAuditsResponse)
			err = everyPage(func(token string) (string, error) {
				page, err := client.ListAudits(ctx, &issuerv1.ListAuditsRequest{
					FrameworkId: framework, OnlyFindings: findings, PageSize: pageSize, PageToken: token,
				})
				all.Audits, all.Probes = append(all.Audits, page.GetAudits()...), page.GetProbes()
				return page.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return a.show(all, func() string { return a.auditsText(all) })
		}),
	}
	cmd.Flags().StringVar(&framework, "framework", "", "only of this framework (default: all)")
	cmd.Flags().BoolVar(&findings, "findings", false, "only frames in which something was found")
	return cmd
}

func (a *app) auditsText(all *issuerv1.ListAuditsResponse) string {
	t := newTable("framework", "emitter", ">lane", ">frame", "log examined", ">coupons", ">known", "found")
	for _, f := range all.GetAudits() {
		t.add(f.GetFrameworkId(), f.GetEmitter(), f.GetLane(), f.GetFrame(), a.when(f.GetAuditedTime()), f.GetCoupons(), f.GetKnown(), kindsText(f.GetFindings()))
	}
	var b strings.Builder
	b.WriteString(t.String())
	for _, f := range all.GetAudits() {
		for _, found := range f.GetFindings() {
			fmt.Fprintf(&b, "%s, lane %d, frame %d: %s", f.GetFrameworkId(), f.GetLane(), f.GetFrame(), findingText(found))
		}
	}
	fmt.Fprintf(&b, "Coupons fetched for the audit: %d.\n", all.GetProbes())
	return b.String()
}

func kindsText(findings []*issuerv1.Finding) string {
	if len(findings) == 0 {
		return "nothing"
	}
	var kinds []string
	for _, f := range findings {
		kinds = append(kinds, f.GetKind())
	}
	return strings.Join(kinds, " ")
}

func findingText(f *issuerv1.Finding) string {
	number := ""
	if f.GetSn() != 0 {
		number = fmt.Sprintf(" (number %d)", f.GetSn())
	}
	return printable(fmt.Sprintf("%s%s: %s", f.GetKind(), number, f.GetDetail())) + "\n"
}

func (a *app) auditProbe() *cobra.Command {
	return &cobra.Command{
		Use: "probe FRAMEWORK", Short: "Fetch a coupon now, as a customer does, for the audit", Args: cobra.ExactArgs(1),
		Long: "Fetch a coupon now, as a customer does, for the audit. It counts against the\n" +
			"emitter's quota and is never redeemed; whether it is in its frame's log is seen\n" +
			"once the frame is closed.",
		RunE: a.run(func(ctx context.Context, args []string) error {
			client, done, err := service(a, roleIssuer, issuerv1.NewIssuerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.ProbeEmitter(ctx, &issuerv1.ProbeEmitterRequest{FrameworkId: args[0]})
			if err != nil {
				return err
			}
			return a.show(answer, func() string {
				text := fmt.Sprintf("Got number %d of lane %d, frame %d.\n", answer.GetSn(), answer.GetLane(), answer.GetFrame())
				for _, f := range answer.GetFindings() {
					text += findingText(f)
				}
				return text
			})
		}),
	}
}

func (a *app) issuerMisconduct() *cobra.Command {
	return group("misconduct", "What was reported of emitters on the ledger",
		a.misconductList(),
		a.misconductResolve("uphold ID", "Uphold a report, after the emitter's answer or the deadline", typev1.MisconductState_MISCONDUCT_STATE_UPHELD),
		a.misconductResolve("withdraw ID", "Withdraw a report", typev1.MisconductState_MISCONDUCT_STATE_WITHDRAWN))
}

func (a *app) misconductList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List reports with their evidence and answers", Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			client, done, err := service(a, roleIssuer, issuerv1.NewIssuerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			all := new(issuerv1.ListMisconductResponse)
			err = everyPage(func(token string) (string, error) {
				page, err := client.ListMisconduct(ctx, &issuerv1.ListMisconductRequest{PageSize: pageSize, PageToken: token})
				all.Misconduct = append(all.Misconduct, page.GetMisconduct()...)
				return page.GetNextPageToken(), err
			})
			if err != nil {
				return err
			}
			return a.show(all, func() string { return a.reportsText(all.GetMisconduct()) })
		}),
	}
}

func (a *app) misconductResolve(use, short string, state typev1.MisconductState) *cobra.Command {
	var request requestFlag
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error {
			id, err := request.value()
			if err != nil {
				return err
			}
			client, done, err := service(a, roleIssuer, issuerv1.NewIssuerServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.ResolveMisconduct(ctx, &issuerv1.ResolveMisconductRequest{RequestId: id, MisconductId: args[0], State: state})
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(answer, func() string { return a.reportsText([]*typev1.Misconduct{answer.GetMisconduct()}) })
		}),
	}
	request.add(cmd)
	return cmd
}

// reportsText shows reports one after the other.
func (a *app) reportsText(reports []*typev1.Misconduct) string {
	if len(reports) == 0 {
		return "There are none.\n"
	}
	var b strings.Builder
	for _, m := range reports {
		fmt.Fprintf(&b, "%s: %s of %s is %s\n", m.GetMisconductId(), printable(m.GetKind()), printable(m.GetEmitter()), word(m.GetState(), "MISCONDUCT_STATE_"))
		b.WriteString(newFacts().
			add("issuer", m.GetIssuer()).
			add("frame", fmt.Sprintf("%s, lane %d, frame %d", m.GetFrameworkId(), m.GetLane(), m.GetFrame())).
			add("reported", a.when(m.GetReportedTime())).
			add("found", m.GetStatement()).
			add("answer until", a.when(m.GetDeadline())).
			add("answer", m.GetAnswer()).
			String())
	}
	return b.String()
}
