// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/runner"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// hurried has the issuer's service audit with little patience until the test ends:
// the least that it may have with frames, and seconds in place of minutes with
// logs. What peers check of a report stays as it is.
func hurried(t *testing.T) {
	t.Helper()
	audits := func(ctx context.Context, changes map[string]any) error {
		if err := consortium.Configure(runner.Issuer, changes); err != nil {
			return err
		}
		if err := consortium.Stop(ctx, "issuer.issuer"); err != nil {
			return err
		}
		return consortium.Start(ctx, "issuer.issuer")
	}
	t.Cleanup(func() {
		if err := audits(context.Background(), nil); err != nil {
			t.Error(err)
		}
	})
	if err := audits(t.Context(), map[string]any{"audit": map[string]any{
		"interval": "1s", "log_patience": "2s", "late_tolerance": "5s",
	}}); err != nil {
		t.Fatal(err)
	}
}

// reported waits until the issuer has reported a kind of misconduct of the lane, and
// the report is in this state.
func (c *cheater) reported(t *testing.T, kind coupon.MisconductKind, state typev1.MisconductState) {
	t.Helper()
	eventually(t, string(kind)+" is reported: "+state.String(), func() bool {
		list := must[*issuerv1.ListMisconductResponse](t)(issuerDesk(t).ListMisconduct(t.Context(), &issuerv1.ListMisconductRequest{PageSize: 200}))
		return slices.ContainsFunc(list.GetMisconduct(), func(m *typev1.Misconduct) bool {
			return m.GetFrameworkId() == c.ref.Framework.String() && m.GetKind() == string(kind) && m.GetState() == state && m.GetFrame() == 1
		})
	})
}

// An advertiser that has given a coupon out does not close its frame: that is
// reported. It closes the frame late, and shows no log: the first report is
// withdrawn, and the log is missed. It shows the log: now that report is withdrawn,
// too, and what stays is that the frame came late.
func TestLateAndMissingFramesAreReported(t *testing.T) {
	const open, withdrawn = typev1.MisconductState_MISCONDUCT_STATE_OPEN, typev1.MisconductState_MISCONDUCT_STATE_WITHDRAWN
	hurried(t)
	if err := consortium.Kill(t.Context(), "advertiser.shop"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = consortium.Start(context.Background(), "advertiser.shop") })
	l := newLaunch(coupon.HolderBearer)
	dynamic(decays)(&l)
	l.Campaign.MaxFrameAge, l.Advertiser = (3 * time.Second).Milliseconds(), shop
	c := newCheater(t, must[*typev1.Framework](t)(l.Do(t.Context(), issuerDesk(t))).GetFrameworkId())
	given := c.make(1, coupon.FirstLink(c.beacon.Before.Last, c.beacon.Beacon), 1)
	redeem(t, request(given.Text()))
	c.reported(t, coupon.MissingFrame, open)

	log := c.close(t, given.Release.Q, given.Entry())
	c.reported(t, coupon.MissingFrame, withdrawn)
	c.reported(t, coupon.LogNotServed, open)

	service := new(alteredAdvertiser)
	service.log = log
	stop := impersonate(t, service)
	frameAudited(t, c.ref.Framework.String(), func(a *issuerv1.Audit) bool { return a.GetAuditedTime() != nil && a.GetCoupons() == 1 })
	c.reported(t, coupon.LogNotServed, withdrawn)
	c.reported(t, coupon.LateFrame, open)
	stop()
}
