// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// sold redeems a sale and returns the batch's record.
func (c *consortium) sold() string {
	c.t.Helper()
	return c.record(c.run(redeem(c.batch(c.sale(bearer.tender(c.number.Add(1)))))))
}

// planted puts a batch on the ledger that was never redeemed, as issuer and an
// accomplice could, so that what guards against them can be seen.
func (c *consortium) planted(change func(*coupon.BatchRecord)) string {
	c.t.Helper()
	r := decodeRecord(c.t, c.sold())
	change(&r)
	text := encode(c.t, r)
	digest := sha256.Sum256([]byte(text))
	c.overwrite("batch/"+r.ID.String(), "\x01"+string(digest[:]))
	return text
}

func redemptionOf(c *consortium, text string) coupon.RedemptionID {
	return decodeRecord(c.t, text).Redemptions[0].ID
}

// TestRecordsAreRefused shows altered records to each function that takes some.
func TestRecordsAreRefused(t *testing.T) {
	t.Parallel()
	mismatch := coupon.ReasonRecordMismatch
	rows := []struct {
		name  string
		alter func(c *consortium, text string) string
		want  coupon.Reason
	}{
		{"value", func(c *consortium, text string) string { return strings.Replace(text, `"value":100`, `"value":900`, 1) }, mismatch},
		{"same content in other words", func(_ *consortium, text string) string { return " " + text }, mismatch},
		{"not a record", func(*consortium, string) string { return "{}{" }, mismatch},
		{"unknown key", func(_ *consortium, text string) string { return `{"paid":true,` + text[1:] }, mismatch},
		{"batch id of another form", func(*consortium, string) string {
			return `{"issuer":"IssuerMSP","retailer":"RetailerMSP","batch_id":"4711"}`
		}, mismatch},
		{"another issuer's", func(c *consortium, _ string) string {
			return c.planted(func(r *coupon.BatchRecord) { r.Issuer = advertiser })
		}, mismatch},
		{"batch that is not on the ledger", func(c *consortium, text string) string {
			r := decodeRecord(c.t, text)
			r.ID[0] ^= 1
			return encode(c.t, r)
		}, coupon.ReasonBatchUnknown},
	}
	var refusals []refusal
	for _, row := range rows {
		for function, show := range map[string]func(c *consortium, text string) call{
			"void":   func(c *consortium, text string) call { return void(text, coupon.RedemptionID{1}) },
			"claim":  func(c *consortium, text string) call { return c.claim(text) },
			"settle": func(c *consortium, text string) call { return c.settle(text) },
		} {
			refusals = append(refusals, refusal{
				name: function + " " + row.name, want: row.want, field: "records[0]",
				prepare: func(c *consortium) call { return show(c, row.alter(c, c.sold())) },
			})
		}
	}
	testRefusals(t, refusals)
}

// voidClaimed undoes a sale of a batch of whose claim only these keep a mark.
func voidClaimed(owners ...string) func(*consortium) call {
	return func(c *consortium) call {
		text := c.sold()
		c.run(c.claim(text))
		for _, mspID := range []string{retailer, clearing} {
			if !slices.Contains(owners, mspID) {
				c.overwritePrivate(mspID, "claimed/"+decodeRecord(c.t, text).ID.String(), "")
			}
		}
		return void(text, redemptionOf(c, text))
	}
}

func TestVoidsAreRefused(t *testing.T) {
	t.Parallel()
	testRefusals(t, []refusal{
		{name: "claimed", want: coupon.ReasonAlreadyClaimed, field: "record", prepare: voidClaimed(retailer, clearing)},
		{name: "claimed, and the retailer's mark deleted", want: coupon.ReasonAlreadyClaimed, field: "record", prepare: voidClaimed(clearing)},
		{name: "claimed, and the clearing house's mark deleted", want: coupon.ReasonAlreadyClaimed, field: "record", prepare: voidClaimed(retailer)},
		{name: "settled", want: coupon.ReasonAlreadySettled, field: "record", prepare: func(c *consortium) call {
			text := c.sold()
			c.run(c.claim(text))
			c.run(c.settle(text))
			return void(text, redemptionOf(c, text))
		}},
		{name: "twice", want: coupon.ReasonNotRedeemed, field: "redemption_id", prepare: func(c *consortium) call {
			text := c.sold()
			c.run(void(text, redemptionOf(c, text)))
			return void(text, redemptionOf(c, text))
		}},
		{name: "after the coupon was redeemed again", want: coupon.ReasonNotRedeemed, field: "redemption_id", prepare: func(c *consortium) call {
			text := c.sold()
			c.run(void(text, redemptionOf(c, text)))
			sn := decodeRecord(c.t, text).Redemptions[0].Coupons[0].SN
			c.run(redeem(c.batch(c.sale(bearer.tender(sn)))))
			return void(text, redemptionOf(c, text))
		}},
		{name: "marker lost", want: coupon.ReasonNotRedeemed, field: "redemption_id", prepare: func(c *consortium) call {
			text := c.sold()
			c.overwrite("spent/"+decodeRecord(c.t, text).Redemptions[0].Coupons[0].Tag.String(), "")
			return void(text, redemptionOf(c, text))
		}},
		{name: "marker of another batch", want: coupon.ReasonNotRedeemed, field: "redemption_id", prepare: func(c *consortium) call {
			text := c.planted(func(r *coupon.BatchRecord) { r.ID[0] ^= 1 })
			return void(text, redemptionOf(c, text))
		}},
		{name: "marker of another redemption", want: coupon.ReasonNotRedeemed, field: "redemption_id", prepare: func(c *consortium) call {
			text := c.planted(func(r *coupon.BatchRecord) { r.Redemptions[0].ID[0] ^= 1 })
			return void(text, redemptionOf(c, text))
		}},
		{name: "another redemption", want: coupon.ReasonNotFound, field: "redemption_id", prepare: func(c *consortium) call {
			other := redemptionOf(c, c.sold())
			return void(c.sold(), other)
		}},
		{name: "another retailer's", want: coupon.ReasonWrongOrganisation, field: "record", prepare: func(c *consortium) call {
			text := c.sold()
			k := void(text, redemptionOf(c, text))
			k.by, k.endorsers = retailer2, []string{issuer, retailer2}
			return k
		}},
		{name: "no tick", want: coupon.ReasonTickMissing, prepare: func(c *consortium) call {
			text := c.sold()
			c.overwrite("tick", "")
			return void(text, redemptionOf(c, text))
		}},
		{name: "old tick", want: coupon.ReasonTickStale, prepare: func(c *consortium) call {
			text := c.sold()
			c.clock.advance(11 * time.Minute)
			return void(text, redemptionOf(c, text))
		}},
		{name: "parties lost", want: coupon.ReasonPartiesMissing, prepare: func(c *consortium) call {
			text := c.sold()
			c.overwrite("parties", "")
			return void(text, redemptionOf(c, text))
		}},
		{name: "shown to another organisation", want: coupon.ReasonWrongPeer, seenBy: clearing, prepare: func(c *consortium) call {
			text := c.sold()
			k := void(text, redemptionOf(c, text))
			k.endorsers = []string{issuer, retailer, clearing}
			return k
		}},
	})
}
