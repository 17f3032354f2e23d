// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// mandateAnswer is what a change of a mandate answers.
type mandateAnswer interface {
	proto.Message
	GetFramework() *typev1.Framework
}

// mandateCall changes the mandate of a framework.
type mandateCall func(ctx context.Context, c issuerv1.IssuerServiceClient, request, framework string) (mandateAnswer, error)

// mandates are the commands that change a mandate.
func (a *app) mandates() []*cobra.Command {
	return []*cobra.Command{
		a.raiseQuota(), a.suspend(),
		a.mandateChange("reinstate FRAMEWORK", "End a suspension", "",
			func(ctx context.Context, c issuerv1.IssuerServiceClient, request, framework string) (mandateAnswer, error) {
				return c.ReinstateEmitter(ctx, &issuerv1.ReinstateEmitterRequest{RequestId: request, FrameworkId: framework})
			}),
		a.mandateChange("revoke FRAMEWORK", "End a mandate for good",
			"End a mandate for good; its emitter is not asked. Each lane ends with its last\n"+
				"closed frame: coupons that were given out since are worth nothing. Where time\n"+
				"allows, the emitter closes its frames first.",
			func(ctx context.Context, c issuerv1.IssuerServiceClient, request, framework string) (mandateAnswer, error) {
				return c.RevokeEmitter(ctx, &issuerv1.RevokeEmitterRequest{RequestId: request, FrameworkId: framework})
			}),
		a.rotateKey(),
	}
}

func (a *app) raiseQuota() *cobra.Command {
	var quotas []int64
	cmd := a.mandateChange("raise-quota FRAMEWORK", "Let an emitter give out more coupons", "",
		func(ctx context.Context, c issuerv1.IssuerServiceClient, request, framework string) (mandateAnswer, error) {
			return c.RaiseQuota(ctx, &issuerv1.RaiseQuotaRequest{RequestId: request, FrameworkId: framework, Quotas: quotas})
		})
	cmd.Flags().Int64SliceVar(&quotas, "quota", nil, "how many coupons, for each lane; none lower than before, lanes may be added")
	require(cmd, "quota")
	return cmd
}

func (a *app) suspend() *cobra.Command {
	redeem := false
	cmd := a.mandateChange("suspend FRAMEWORK", "Stop a mandate until it is reinstated",
		"Stop a mandate until it is reinstated; its emitter is not asked. Its coupons are\n"+
			"refused meanwhile, or only those that are in no closed frame.",
		func(ctx context.Context, c issuerv1.IssuerServiceClient, request, framework string) (mandateAnswer, error) {
			return c.SuspendEmitter(ctx, &issuerv1.SuspendEmitterRequest{
				RequestId: request, FrameworkId: framework, RedeemClosedFrames: redeem,
			})
		})
	cmd.Flags().BoolVar(&redeem, "redeem", false, "coupons of closed frames are redeemed all the same")
	return cmd
}

func (a *app) rotateKey() *cobra.Command {
	var quotas []int64
	cmd := a.mandateChange("rotate-key FRAMEWORK", "Give an emitter a new key, with a mandate of its own",
		"Give an emitter a new key, with a mandate of its own. Coupons under the old one\n"+
			"stay good; where the old key is known to others, revoke its mandate, too.",
		func(ctx context.Context, c issuerv1.IssuerServiceClient, request, framework string) (mandateAnswer, error) {
			return c.RotateKey(ctx, &issuerv1.RotateKeyRequest{RequestId: request, FrameworkId: framework, Quotas: quotas})
		})
	cmd.Flags().Int64SliceVar(&quotas, "quota", nil, "how many coupons, for each lane (default: as many as before)")
	return cmd
}

func (a *app) mandateChange(use, short, long string, call mandateCall) *cobra.Command {
	var request requestFlag
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.ExactArgs(1),
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
			answer, err := call(ctx, client, id, args[0])
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(answer, func() string { return mandateText(answer.GetFramework()) })
		}),
	}
	request.add(cmd)
	return cmd
}

// mandateText says where a mandate stands.
func mandateText(f *typev1.Framework) string {
	text := fmt.Sprintf("%s: %s of %s, version %d, epoch %d, up to %s coupons.\n",
		f.GetFrameworkId(), f.GetEmitter(), f.GetCampaign(), f.GetVersion(), f.GetEpoch(), numbers(f.GetQuotas()))
	switch f.GetStatus() {
	case typev1.MandateStatus_MANDATE_STATUS_SUSPENDED:
		text += "It is suspended; "
	case typev1.MandateStatus_MANDATE_STATUS_REVOKED:
		text += "It is revoked; "
	default:
		return text + "It is active.\n"
	}
	if len(f.GetLastSns()) == 0 {
		return text + "none of its coupons is redeemed.\n"
	}
	return text + fmt.Sprintf("its lanes end with serial number %s.\n", numbers(f.GetLastSns()))
}

func numbers(all []int64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ", "), "[]")
}
