// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon_test

import (
	"testing"

	"ecoupon/chaincode/coupon"
)

func TestMandatesThatEnd(t *testing.T) {
	t.Parallel()
	next := coupon.FrameworkID{7}
	for name, test := range map[string]struct {
		state coupon.MandateState
		// issuing, and redeeming serial numbers 12 and 13 of lane 0, and 1 of
		// lane 1 and of lane 2.
		issuing                   coupon.Reason
		last, above, other, added coupon.Reason
	}{
		"active":  {state: coupon.MandateState{Status: coupon.MandateActive}},
		"rotated": {state: coupon.MandateState{Status: coupon.MandateActive, Next: &next}, issuing: coupon.ReasonSuperseded},
		"suspended": {
			state: coupon.MandateState{Status: coupon.MandateSuspended}, issuing: coupon.ReasonEmitterSuspended,
			last: coupon.ReasonEmitterSuspended, above: coupon.ReasonEmitterSuspended,
			other: coupon.ReasonEmitterSuspended, added: coupon.ReasonEmitterSuspended,
		},
		"suspended for new coupons": {
			state:   coupon.MandateState{Status: coupon.MandateSuspended, LastSNs: []int64{12, 0}},
			issuing: coupon.ReasonEmitterSuspended, above: coupon.ReasonLaneEnded, other: coupon.ReasonLaneEnded, added: coupon.ReasonLaneEnded,
		},
		"revoked": {
			state:   coupon.MandateState{Status: coupon.MandateRevoked, LastSNs: []int64{12, 0}, Next: &next},
			issuing: coupon.ReasonEmitterRevoked, above: coupon.ReasonLaneEnded, other: coupon.ReasonLaneEnded, added: coupon.ReasonLaneEnded,
		},
	} {
		for what, check := range map[string]struct {
			got  error
			want coupon.Reason
		}{
			"issuing": {test.state.CheckIssuing("field"), test.issuing},
			"last":    {test.state.CheckSerial(0, 12), test.last},
			"above":   {test.state.CheckSerial(0, 13), test.above},
			"other":   {test.state.CheckSerial(1, 1), test.other},
			"added":   {test.state.CheckSerial(2, 1), test.added},
		} {
			if got, _ := coupon.ReasonOf(check.got); got != check.want {
				t.Errorf("%s, %s: %v, want %q", name, what, check.got, check.want)
			}
		}
	}
}

func TestQuotasThatAreRaised(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		after []int64
		want  bool
	}{
		{[]int64{5, 7}, false}, {[]int64{5, 8}, true}, {[]int64{5, 7, 1}, true},
		{[]int64{4, 9}, false}, {[]int64{9}, false}, {nil, false}, {[]int64{4, 7, 1}, false},
	} {
		if got := (coupon.RaiseRequest{Quotas: test.after}).Raises([]int64{5, 7}); got != test.want {
			t.Errorf("%d: %t", test.after, got)
		}
	}
}
