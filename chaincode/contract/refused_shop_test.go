// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// on is a call with other endorsers.
func on(k call, mspIDs ...string) call {
	k.endorsers = mspIDs
	return k
}

func TestShopsSetUpIsRefused(t *testing.T) {
	t.Parallel()
	testRefusals(t, []refusal{
		{name: "admission on another's peer", want: coupon.ReasonWrongPeer, prepare: func(c *consortium) call {
			return on(c.admitShop(bearer), retailer)
		}},
		{name: "admission before the parties", want: coupon.ReasonPartiesMissing, prepare: func(c *consortium) call {
			c.overwrite("parties", "")
			return c.admitShop(bearer)
		}},
		{name: "admission with another key", want: exists, field: "key", prepare: func(c *consortium) call {
			c.run(c.admitShop(bearer))
			k := c.admitShop(bound)
			k.input = coupon.RetailerKeyInput{Key: retailerKeyOf(outsider)}
			return k
		}},
		{name: "admission when the clearing house has lost the key", want: coupon.ReasonKeyMissing, field: "key", prepare: func(c *consortium) call {
			c.run(c.admitShop(bearer))
			c.overwritePrivate(clearing, retailerKeyName(issuer), "")
			return c.admitShop(bound)
		}},
		{name: "mandate with a key that the clearing house would see", want: invalid, field: coupon.TransientKey, prepare: func(c *consortium) call {
			c.run(enterKey(handed))
			c.run(publish(handed))
			k := authorise(handed)
			k.input = coupon.EmitterKeyInput{Key: handed.emitterKey()}
			return k
		}},
		{name: "mandate on another's peer", want: coupon.ReasonWrongPeer, prepare: func(c *consortium) call {
			c.run(enterKey(handed))
			c.run(publish(handed))
			return on(authorise(handed), advertiser)
		}},
		{name: "mandate after the campaign's key is lost", want: coupon.ReasonKeyMissing, prepare: func(c *consortium) call {
			c.run(enterKey(handed))
			c.run(publish(handed))
			c.overwritePrivate(issuer, campaignKeyName(handed), "")
			return authorise(handed)
		}},
		{name: "closing on another's peer", want: coupon.ReasonWrongPeer, prepare: func(c *consortium) call {
			l := c.issuersLane()
			return on(l.closing(), advertiser)
		}},
	})
}

func TestShopsSalesAreRefused(t *testing.T) {
	t.Parallel()
	own := func(c *consortium) { c.run(c.admitShop(bearer)) }
	testRefusals(t, []refusal{
		{name: "redemption before the admission", want: coupon.ReasonRetailerNotAdmitted, prepare: func(c *consortium) call {
			return shop(redeem(c.batch(c.sale(bearer.tender(1)))))
		}},
		{name: "redemption on another's peer", want: coupon.ReasonWrongPeer, prepare: func(c *consortium) call {
			own(c)
			return on(shop(redeem(c.batch(c.sale(bearer.tender(1))))), retailer)
		}},
		{name: "void on another's peer", want: coupon.ReasonWrongPeer, prepare: func(c *consortium) call {
			own(c)
			text := c.shopSold(bearer.tender(1))
			return on(shop(void(text, redemptionOf(c, text))), retailer)
		}},
		{name: "void by the clearing house", want: coupon.ReasonWrongOrganisation, field: "record", prepare: func(c *consortium) call {
			own(c)
			text := c.shopSold(bearer.tender(1))
			k := shop(void(text, redemptionOf(c, text)))
			k.by = clearing
			return k
		}},
		{name: "claim", want: coupon.ReasonNotClaimable, field: "records", prepare: func(c *consortium) call {
			own(c)
			k := c.claim(c.shopSold(bearer.tender(1)))
			k.by, k.endorsers = issuer, []string{issuer, clearing}
			return k
		}},
		{name: "settlement", want: coupon.ReasonNotClaimable, field: "records", prepare: func(c *consortium) call {
			own(c)
			text := c.shopSold(bearer.tender(1))
			mark := "claimed/" + decodeRecord(c.t, text).ID.String()
			c.overwritePrivate(issuer, mark, "{}")
			c.overwritePrivate(clearing, mark, "{}")
			return c.settle(text)
		}},
	})
}

// issuersLane is a lane that the issuer runs itself, with an open frame.
func (c *consortium) issuersLane() *lane {
	own := decaying.emittedByIssuer()
	c.run(enterKey(own))
	c.run(publish(own))
	c.run(authorise(own))
	l := c.newLane(own)
	c.clock.advance(time.Second)
	return l
}
