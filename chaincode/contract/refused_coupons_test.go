// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
)

// replace puts another coupon in the place of the batch's first.
func replace(o offer, change ...func(*coupon.Coupon)) func(*consortium, *coupon.BatchInput) {
	return func(_ *consortium, b *coupon.BatchInput) {
		cp := o.mint(1, change...)
		b.Sales[0].Coupons[0] = coupon.Tendered{Text: cp.Text(), Tag: o.tag(cp)}
	}
}

// forge spoils the batch's first coupon after its MACs are made.
func forge(spoil func(*coupon.Coupon)) func(*consortium, *coupon.BatchInput) {
	return func(_ *consortium, b *coupon.BatchInput) {
		cp := bearer.mint(1)
		spoil(&cp)
		b.Sales[0].Coupons[0] = coupon.Tendered{Text: cp.Text(), Tag: bearer.tag(cp)}
	}
}

// represent makes another presentation of the batch's second coupon.
func represent(change ...func(*coupon.Presentation)) func(*consortium, *coupon.BatchInput) {
	return func(c *consortium, b *coupon.BatchInput) { b.Sales[0].Coupons[1] = c.presented(bound, 2, change...) }
}

// moved presents a coupon so long after now.
func moved(after time.Duration) func(*coupon.Presentation) {
	return func(p *coupon.Presentation) { p.PresentedAt += after.Milliseconds() }
}

// otherOffer opens an offer and puts a coupon of it in the place of the first.
func otherOffer(change func(*coupon.Campaign)) func(*consortium, *coupon.BatchInput) {
	return func(c *consortium, b *coupon.BatchInput) {
		o := makeOffer("other", coupon.HolderBearer).with(change)
		c.open(o)
		b.Sales[0].Coupons[0] = o.tender(1)
	}
}

func TestForgedCouponsAreRefused(t *testing.T) {
	t.Parallel()
	better := makeOffer("better", coupon.HolderBearer)
	testBadBatches(t, []badBatch{
		{name: "text", want: one(0, coupon.ReasonMalformedCoupon, ""), spoil: func(_ *consortium, b *coupon.BatchInput) {
			b.Sales[0].Coupons[0].Text += "A"
		}},
		{name: "presentation's text", want: one(1, coupon.ReasonMalformedPresentation, ""), spoil: func(_ *consortium, b *coupon.BatchInput) {
			b.Sales[0].Coupons[1].Text += "A"
		}},
		{name: "unknown framework", want: one(0, coupon.ReasonUnknownFramework, ""), spoil: replace(better)},
		{name: "mandate's MAC", want: one(0, coupon.ReasonWrongMAC, ""), seenBy: issuer,
			spoil: forge(func(cp *coupon.Coupon) { cp.MandateMAC[15] ^= 1 })},
		{name: "emitter's MAC", want: one(0, coupon.ReasonWrongMAC, ""), seenBy: issuer,
			spoil: forge(func(cp *coupon.Coupon) { cp.EmitterMAC[0] ^= 0x80 })},
		{name: "another serial number", want: one(0, coupon.ReasonWrongMAC, ""), seenBy: issuer,
			spoil: forge(func(cp *coupon.Coupon) { cp.SN = 7 })},
		{name: "moved to a better campaign", want: one(0, coupon.ReasonWrongMAC, ""), seenBy: issuer,
			spoil: func(c *consortium, b *coupon.BatchInput) {
				c.open(better)
				forge(func(cp *coupon.Coupon) { cp.Framework = better.mandate().ID() })(c, b)
			}},
		{name: "moved to another advertiser", want: one(0, coupon.ReasonWrongMAC, ""), seenBy: issuer,
			spoil: func(c *consortium, b *coupon.BatchInput) {
				forge(func(cp *coupon.Coupon) { cp.Framework = c.secondEmitter() })(c, b)
			}},
		{name: "another wallet's bound coupon", want: one(1, coupon.ReasonWrongMAC, ""), seenBy: issuer,
			spoil: func(c *consortium, b *coupon.BatchInput) {
				cp := bound.mint(2, ownedBy(wallet(2)))
				ownedBy(wallet(3))(&cp)
				p := coupon.Presentation{Coupon: cp, PresentedAt: c.clock.ms.Load(), Retailer: retailer}
				if err := p.Sign(wallet(3)); err != nil {
					c.t.Fatal(err)
				}
				b.Sales[0].Coupons[1] = coupon.Tendered{Text: p.Text(), Tag: bound.tag(cp)}
			}},
		{name: "tag of another coupon", want: one(0, coupon.ReasonTagMismatch, "tag"), seenBy: issuer, redeemOnly: true,
			spoil: func(_ *consortium, b *coupon.BatchInput) { b.Sales[0].Coupons[0].Tag = bearer.tag(bearer.mint(9)) }},
		{name: "no tag", want: one(0, coupon.ReasonTagMismatch, "coupons[0].tag"), redeemOnly: true,
			spoil: func(_ *consortium, b *coupon.BatchInput) { b.Sales[0].Coupons[0].Tag = coupon.Tag{} }},
		{name: "beyond the quota", want: one(0, coupon.ReasonQuotaExceeded, ""),
			spoil: replace(bearer, func(cp *coupon.Coupon) { cp.SN = quota + 1 })},
		{name: "unknown lane", want: one(0, coupon.ReasonUnknownLane, ""),
			spoil: replace(bearer, func(cp *coupon.Coupon) { cp.Lane = 1 })},
		{name: "bound coupon of a bearer campaign", want: one(0, coupon.ReasonWrongHolder, ""),
			spoil: replace(bearer, ownedBy(wallet(1)))},
		{name: "bearer coupon of a bound campaign", want: one(0, coupon.ReasonWrongHolder, ""), spoil: replace(bound)},
	})
}

// secondEmitter authorises another advertiser for the bearer campaign.
func (c *consortium) secondEmitter() coupon.FrameworkID {
	m := bearer.mandate()
	m.Emitter = outsider
	k := authorise(bearer)
	k.endorsers = []string{issuer, outsider}
	k.argument = coupon.AuthoriseRequest{
		Campaign: "spring", Version: 1, Emitter: outsider, Kind: coupon.KindStatic, Epoch: 1, Quotas: []int64{quota},
	}
	k.input = coupon.EmitterKeyInput{
		Key: coupon.DeriveEmitterKey(bearer.key, "spring", outsider, 1),
		MAC: m.MAC(coupon.DeriveFrameworkKey(bearer.key)),
	}
	c.run(k)
	return m.ID()
}

func TestCouponsOutOfTimeAreRefused(t *testing.T) {
	t.Parallel()
	now := newConsortium(t).clock.ms.Load()
	testBadBatches(t, []badBatch{
		{name: "not begun", want: one(0, coupon.ReasonCampaignNotBegun, ""),
			spoil: otherOffer(func(k *coupon.Campaign) { k.Begin = now + 1 })},
		{name: "over", want: one(0, coupon.ReasonCampaignOver, ""), spoil: otherOffer(func(k *coupon.Campaign) { k.End = now })},
		{name: "paused", want: one(0, coupon.ReasonCampaignPaused, ""), spoil: func(c *consortium, _ *coupon.BatchInput) {
			c.run(change("PauseCampaign", bearer))
		}},
		{name: "closed at once", want: one(0, coupon.ReasonCampaignClosed, ""), spoil: func(c *consortium, _ *coupon.BatchInput) {
			c.run(closing(bearer, 0))
		}},
		{name: "closed when its time has come", want: one(0, coupon.ReasonCampaignClosed, ""),
			spoil: func(c *consortium, _ *coupon.BatchInput) {
				c.run(closing(bearer, now+1000))
				c.clock.advance(time.Second)
			}},
		{name: "closed after it was paused", want: one(0, coupon.ReasonCampaignClosed, ""),
			spoil: func(c *consortium, _ *coupon.BatchInput) {
				c.run(change("PauseCampaign", bearer))
				c.run(closing(bearer, 0))
			}},
		{name: "retailer not admitted", want: one(0, coupon.ReasonRetailerNotAdmitted, ""),
			spoil: func(c *consortium, b *coupon.BatchInput) {
				o := makeOffer("other", coupon.HolderBearer)
				c.run(enterKey(o))
				c.run(publish(o))
				c.run(authorise(o))
				b.Sales[0].Coupons[0] = o.tender(1)
			}},
		{name: "campaign lost", want: one(0, coupon.ReasonUnknownCampaign, ""), spoil: func(c *consortium, _ *coupon.BatchInput) {
			c.overwrite(fmt.Sprintf("campaign/%x/1", "spring"), "")
		}},
	})
}

func TestPresentationsAreRefused(t *testing.T) {
	t.Parallel()
	strict := makeOffer("strict", coupon.HolderBound).with(func(k *coupon.Campaign) { k.InvoiceRequired = true })
	testBadBatches(t, []badBatch{
		{name: "none", want: one(1, coupon.ReasonPresentationRequired, ""), spoil: func(_ *consortium, b *coupon.BatchInput) {
			b.Sales[0].Coupons[1].Text = bound.mint(2, ownedBy(wallet(2))).Text()
		}},
		{name: "for nobody", want: one(1, coupon.ReasonAudienceRequired, "retailer"),
			spoil: represent(func(p *coupon.Presentation) { p.Retailer = "" })},
		{name: "for another retailer", want: one(1, coupon.ReasonWrongAudience, "retailer"),
			spoil: represent(func(p *coupon.Presentation) { p.Retailer = retailer2 })},
		{name: "for another invoice", want: one(1, coupon.ReasonWrongAudience, "invoice"),
			spoil: represent(func(p *coupon.Presentation) { p.Invoice = "another" })},
		{name: "for no invoice", want: one(1, coupon.ReasonAudienceRequired, "invoice"),
			spoil: func(c *consortium, b *coupon.BatchInput) {
				c.open(strict)
				b.Sales[0].Coupons[1] = c.presented(strict, 2)
			}},
		{name: "from the future", want: one(1, coupon.ReasonPresentationFromFuture, ""), spoil: represent(moved(30_001 * time.Millisecond))},
		{name: "too old", want: one(1, coupon.ReasonPresentationExpired, ""), spoil: represent(moved(-120_001 * time.Millisecond))},
		{name: "signed by another wallet", want: one(1, coupon.ReasonWrongSignature, ""),
			spoil: func(c *consortium, b *coupon.BatchInput) {
				other := c.presented(bound, 3)
				stolen, err := coupon.ParsePresentation(b.Sales[0].Coupons[1].Text)
				if err != nil {
					c.t.Fatal(err)
				}
				p, err := coupon.ParsePresentation(other.Text)
				if err != nil {
					c.t.Fatal(err)
				}
				stolen.Signature = p.Signature
				b.Sales[0].Coupons[1].Text = stolen.Text()
			}},
		{name: "replayed after a void", want: one(1, coupon.ReasonPresentationReplayed, ""),
			spoil: func(c *consortium, b *coupon.BatchInput) {
				c.redeemAndVoid(*b)
				b.Sales[0] = c.sale(bearer.tender(1), b.Sales[0].Coupons[1])
			}},
		{name: "made in the instant of the void", want: one(1, coupon.ReasonPresentationReplayed, ""),
			spoil: func(c *consortium, b *coupon.BatchInput) {
				c.redeemAndVoid(*b)
				b.Sales[0] = c.sale(bearer.tender(1), c.presented(bound, 2))
			}},
		{name: "no later than one from the future that was used", want: one(1, coupon.ReasonPresentationReplayed, ""),
			spoil: func(c *consortium, b *coupon.BatchInput) {
				represent(moved(30*time.Second))(c, b)
				c.redeemAndVoid(*b)
				b.Sales[0] = c.sale(bearer.tender(1), c.presented(bound, 2, moved(30*time.Second-time.Millisecond)))
			}},
	})
}

// redeemAndVoid redeems a batch and undoes its first sale.
func (c *consortium) redeemAndVoid(b coupon.BatchInput) {
	c.t.Helper()
	text := c.record(c.run(redeem(b)))
	c.run(void(text, decodeRecord(c.t, text).Redemptions[0].ID))
}

// TestLimitsOfTimeAreGood redeems at the last instant of every window.
func TestLimitsOfTimeAreGood(t *testing.T) {
	t.Parallel()
	now := newConsortium(t).clock.ms.Load()
	for name, spoil := range map[string]func(*consortium, *coupon.BatchInput){
		"first instant":         otherOffer(func(k *coupon.Campaign) { k.Begin = now }),
		"last instant":          otherOffer(func(k *coupon.Campaign) { k.End = now + 1 }),
		"closing in an instant": func(c *consortium, _ *coupon.BatchInput) { c.run(closing(bearer, now+1)) },
		"resumed": func(c *consortium, _ *coupon.BatchInput) {
			c.run(change("PauseCampaign", bearer))
			c.run(change("ResumeCampaign", bearer))
		},
		"youngest presentation": represent(moved(30 * time.Second)),
		"oldest presentation":   represent(moved(-120 * time.Second)),
		"for this invoice":      nil,
		"highest serial number": replace(bearer, func(cp *coupon.Coupon) { cp.SN = quota }),
		"later presentation after a void": func(c *consortium, b *coupon.BatchInput) {
			c.redeemAndVoid(*b)
			b.Sales[0] = c.sale(bearer.tender(1), c.presented(bound, 2, moved(time.Millisecond)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := founded(t)
			b := c.batch(c.sale(bearer.tender(1), c.presented(bound, 2)))
			if spoil == nil {
				spoil = represent(func(p *coupon.Presentation) { p.Invoice = b.Sales[0].Invoice.Number })
			}
			spoil(c, &b)
			c.run(redeem(b))
		})
	}
}

// TestAudienceWaived lets a presentation leave the retailer open where the
// campaign says so.
func TestAudienceWaived(t *testing.T) {
	t.Parallel()
	c := founded(t)
	o := makeOffer("open", coupon.HolderBound).with(func(k *coupon.Campaign) { k.AudienceWaived = true })
	c.open(o)
	c.run(redeem(c.batch(c.sale(c.presented(o, 1, func(p *coupon.Presentation) { p.Retailer = "" })))))
	k := redeem(c.batch(c.sale(c.presented(o, 2, func(p *coupon.Presentation) { p.Retailer = retailer2 }))))
	c.assertRefusals(t, issuer, c.refusal(k), one(0, coupon.ReasonWrongAudience, "retailer"))
}
