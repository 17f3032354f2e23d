// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"strings"
	"testing"

	"ecoupon/chaincode/coupon"
)

// TestCorruptStateIsNoticed: a value that no honest peer would write is a
// fault, not a reason, and no function goes on with it or dies of it.
func TestCorruptStateIsNoticed(t *testing.T) {
	t.Parallel()
	c := founded(t)
	s := c.sale(bearer.tender(1))
	text := c.record(c.run(redeem(c.batch(s))))
	record := decodeRecord(t, text)
	g := c.newGift(present)
	owned, again := "transfer/"+g.ownership.Tag.String(), g.transfer(g.signed(3))
	g.give(2)
	sale := record.Redemptions[0]
	next := redeem(c.batch(c.sale(bearer.tender(2))))
	spring := fmt.Sprintf("%x/1", "spring")
	for key, k := range map[string]call{
		"parties":                               query(outsider, "GetParties", nil),
		"tick":                                  next,
		"campaign/" + spring:                    next,
		"campaign-state/" + spring:              next,
		"framework/" + framework(bearer):        next,
		"spent/" + sale.Coupons[0].Tag.String(): redeem(c.batch(c.sale(bearer.tender(1)))),
		"redemption/" + sale.ID.String():        query(outsider, "FindRedemption", coupon.RedemptionQuery{Redemption: sale.ID}),
		"batch/" + record.ID.String():           c.claim(text),
		"settled/" + record.ID.String():         void(text, sale.ID),
		owned:                                   again,
	} {
		good := string(c.State(namespace, key))
		for _, bad := range []string{"\x00", `{"format":"one"}`, good + "\x00", strings.Repeat("\x02", 33)} {
			c.overwrite(key, bad)
			if reason, message := c.reasonOf(k); reason != "" || message == "" {
				t.Errorf("%s with %q at %s: %q, want a fault", k.function, bad, key, message)
			}
		}
		c.overwrite(key, good)
	}
	for key, mspID := range map[string]string{campaignKeyName(bearer): issuer, retailerKeyName(retailer): retailer} {
		good := string(c.private(mspID, key))
		k := next
		k.endorsers = []string{mspID}
		c.overwritePrivate(mspID, key, good[1:])
		if reason, message := c.reasonOf(k); reason != "" || message == "" {
			t.Errorf("with 31 bytes of %s: %q, want a fault", key, message)
		}
		c.overwritePrivate(mspID, key, good)
	}
	c.run(next)
}

func framework(o offer) string { return o.mandate().ID().String() }
