// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
)

// productOf is the product of a purchase proof, nil for other coupons.
func productOf(it *item) *coupon.Product {
	if it.tender.Coupon.Kind != coupon.KindProof {
		return nil
	}
	return &it.tender.Coupon.Product
}

// judgeProduct checks that no other proof of the product is spent. Whose proof
// the product's tag is in does not matter: each product counts once in its
// campaign version.
func (d *docket) judgeProduct(it *item) error {
	product := productOf(it)
	if product == nil {
		return nil
	}
	if m, marked := d.state.Products[product.Tag]; marked && m.State == coupon.MarkerSpent {
		return coupon.Refuse(coupon.ReasonProductUsed, "", "another proof of the product was redeemed")
	}
	return nil
}

// productTags answers the emitter of purchase proofs, on the issuer's peer, with
// the tags of products: k_P is the issuer's only. Of a caller that is not the
// framework's emitter, or may not release proofs now, nothing is answered.
func (c *Context) productTags(queries []coupon.ProductQuery) ([]coupon.ProductAnswer, error) {
	if len(queries) > coupon.MaxCoupons {
		return nil, coupon.Refuse(coupon.ReasonTooMany, "products", "at most %d", coupon.MaxCoupons)
	}
	answers := make([]coupon.ProductAnswer, len(queries))
	tags := make([]coupon.Tag, len(queries))
	for i, q := range queries {
		if err := q.Check(); err != nil {
			return nil, within(err, i)
		}
		kM, err := c.proofKey(q.Framework)
		if err != nil {
			return nil, within(err, i)
		}
		tags[i] = coupon.ProductTag(coupon.DeriveProductKey(kM), q.Product)
	}
	markers, err := c.world.ProductMarkers(tags)
	if err != nil {
		return nil, err
	}
	for i, tag := range tags {
		m, marked := markers[tag]
		answers[i] = coupon.ProductAnswer{Tag: tag, Used: marked && m.State == coupon.MarkerSpent}
	}
	return answers, nil
}

// proofKey returns k_M to make product tags with, for the emitter of a framework
// of proofs that can be released now.
func (c *Context) proofKey(id coupon.FrameworkID) (coupon.Key, error) {
	f, err := c.framework(id)
	if err != nil {
		return coupon.Key{}, err
	}
	if f.Emitter != c.caller {
		return coupon.Key{}, coupon.Refuse(coupon.ReasonWrongOrganisation, "framework_id", "the framework is another emitter's")
	}
	if f.Kind != coupon.KindProof {
		return coupon.Key{}, coupon.Refuse(coupon.ReasonUnsupportedKind, "framework_id", "the framework's coupons are %s", f.Kind)
	}
	entry, err := c.openCampaign(refOf(f))
	if err != nil {
		return coupon.Key{}, err
	}
	if entry.State.Status == coupon.StatusPaused {
		return coupon.Key{}, coupon.Refuse(coupon.ReasonCampaignPaused, "framework_id", "the campaign is paused")
	}
	if c.now >= entry.Campaign.End {
		return coupon.Key{}, coupon.Refuse(coupon.ReasonCampaignOver, "framework_id", "the campaign is over")
	}
	return c.campaignKey(refOf(f))
}

// within names the product that a refusal is about.
func within(err error, i int) error {
	if refused := (*coupon.Error)(nil); errors.As(err, &refused) {
		return coupon.Refuse(refused.Reason, fmt.Sprintf("products[%d]", i), "%s", refused.Detail)
	}
	return err
}
