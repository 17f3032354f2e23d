// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
)

// defaultPage is the size of a page when none is asked for.
const defaultPage = 50

// GetParties answers with coupon.Parties.
func (c *Contract) GetParties(ctx *Context) (string, error) {
	p, err := ctx.parties()
	if err != nil {
		return "", err
	}
	return answer(p)
}

// GetTick answers with coupon.Tick; TICK_MISSING before the first.
func (c *Contract) GetTick(ctx *Context) (string, error) {
	tick, found, err := ctx.world.Tick()
	if err != nil {
		return "", err
	}
	if !found {
		return "", coupon.Refuse(coupon.ReasonTickMissing, "", "the namespace has no tick yet")
	}
	return answer(tick)
}

// GetCampaign answers a coupon.CampaignRef with coupon.CampaignEntry.
func (c *Contract) GetCampaign(ctx *Context, request string) (string, error) {
	var ref coupon.CampaignRef
	if err := ctx.argument(request, &ref); err != nil {
		return "", err
	}
	entry, err := ctx.campaign(ref)
	if err != nil {
		return "", err
	}
	return answer(entry)
}

// ListCampaigns answers a coupon.PageQuery with coupon.CampaignPage.
func (c *Contract) ListCampaigns(ctx *Context, request string) (string, error) {
	var q coupon.PageQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	if err := checkPage(&q); err != nil {
		return "", err
	}
	page, err := ctx.world.Campaigns(q)
	if err != nil {
		return "", err
	}
	return answer(page)
}

// GetFramework answers a coupon.FrameworkQuery with coupon.Framework.
func (c *Contract) GetFramework(ctx *Context, request string) (string, error) {
	var q coupon.FrameworkQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	f, err := ctx.framework(q.Framework)
	if err != nil {
		return "", err
	}
	return answer(f)
}

// ListFrameworks answers a coupon.FrameworksQuery with coupon.FrameworkPage.
func (c *Contract) ListFrameworks(ctx *Context, request string) (string, error) {
	var q coupon.FrameworksQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	if err := checkPage(&q.PageQuery); err != nil {
		return "", err
	}
	if err := checkRef(coupon.CampaignRef{Campaign: q.Campaign, Version: q.Version}); err != nil {
		return "", err
	}
	page, err := ctx.world.Frameworks(q)
	if err != nil {
		return "", err
	}
	return answer(page)
}

// ListRetailers answers a coupon.RetailersQuery with coupon.RetailerPage.
func (c *Contract) ListRetailers(ctx *Context, request string) (string, error) {
	var q coupon.RetailersQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	if err := checkPage(&q.PageQuery); err != nil {
		return "", err
	}
	if _, err := ctx.campaign(coupon.CampaignRef{Campaign: q.Campaign, Version: q.Version}); err != nil {
		return "", err
	}
	page, err := ctx.world.Retailers(q)
	if err != nil {
		return "", err
	}
	return answer(page)
}

// HasRetailerKey answers a coupon.RetailerQuery with coupon.Presence: whether
// issuer and retailer both have k_IR, or issuer and clearing house where the
// issuer is the retailer.
func (c *Contract) HasRetailerKey(ctx *Context, request string) (string, error) {
	var q coupon.RetailerQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	if err := coupon.CheckID("retailer", q.Retailer); err != nil {
		return "", err
	}
	second, err := ctx.second(q.Retailer)
	if err != nil {
		return "", err
	}
	present := true
	for _, owner := range []string{ctx.issuer, second} {
		_, has, err := ctx.world.RetailerKey(owner, q.Retailer)
		if err != nil {
			return "", err
		}
		present = present && has
	}
	return answer(coupon.Presence{Present: present})
}

// CampaignKey answers the issuer, on its own peer, with k_M.
func (c *Contract) CampaignKey(ctx *Context, request string) (string, error) {
	var ref coupon.CampaignRef
	if err := ctx.argument(request, &ref); err != nil {
		return "", err
	}
	if err := checkRef(ref); err != nil {
		return "", err
	}
	if ctx.self != ctx.issuer {
		return "", coupon.Refuse(coupon.ReasonWrongPeer, "", "only the issuer's peer has campaign keys")
	}
	k, present, err := ctx.world.CampaignKey(ctx.issuer, ref)
	if err != nil {
		return "", err
	}
	if !present {
		return "", coupon.Refuse(coupon.ReasonKeyMissing, "campaign", "the campaign version has no key")
	}
	return answer(coupon.KeyResult{Key: k})
}

// EmitterKey answers an organisation, on its own peer, with its copy of a
// framework's key and MAC; the issuer that emits itself has them from k_M.
func (c *Contract) EmitterKey(ctx *Context, request string) (string, error) {
	var q coupon.FrameworkQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	if f, found, err := ctx.world.Framework(q.Framework); err != nil {
		return "", err
	} else if found && f.Emitter == ctx.issuer && ctx.self == ctx.issuer {
		own, err := ctx.ownEmitterKey(f)
		if err != nil {
			return "", err
		}
		return answer(own)
	}
	k, present, err := ctx.world.EmitterKey(ctx.self, q.Framework)
	if err != nil {
		return "", err
	}
	if !present {
		return "", coupon.Refuse(coupon.ReasonKeyMissing, "framework_id", "this organisation has no key of the framework")
	}
	return answer(k)
}

func checkPage(q *coupon.PageQuery) error {
	if q.Size == 0 {
		q.Size = defaultPage
	}
	if q.Size < 1 || q.Size > coupon.MaxPage {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "size", "1 to %d", coupon.MaxPage)
	}
	for _, r := range q.After {
		if r <= ' ' || r > '~' {
			return coupon.Refuse(coupon.ReasonInvalidRequest, "after", "not from a page before")
		}
	}
	return nil
}
