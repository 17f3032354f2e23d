// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"strings"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// Who is told that its clock is wrong can ask by how much, and is told so.
func TestClockIsToldToThoseWhoseClockIsWrong(t *testing.T) {
	t.Parallel()
	c := founded(t)
	for by, want := range map[time.Duration]string{
		time.Minute:  "the proposer's clock is 1m0s ahead of the clock of " + issuer,
		-time.Minute: "the proposer's clock is 1m0s behind the clock of " + issuer,
	} {
		late := query(issuer, "GetTick", nil)
		late.at = c.clock.now().Add(by)
		reason, message := c.reasonOf(late)
		if reason != coupon.ReasonClockSkew || !strings.Contains(message, want) {
			t.Errorf("%s: refused with %s: %s", by, reason, message)
		}
		late.function = "GetClock"
		ask(t, c, late, coupon.Clock{At: c.clock.ms.Load()})
	}
}
