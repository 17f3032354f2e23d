// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
)

// SetParties names the namespace's clearing house. It comes before anything
// else, once, and needs the clearing house's endorsement.
//
// Argument: coupon.PartiesRequest. Event: PartiesSet.
func (c *Contract) SetParties(ctx *Context, request string) error {
	var req coupon.PartiesRequest
	if err := ctx.argument(request, &req); err != nil {
		return err
	}
	if err := coupon.CheckID("clearing", req.Clearing); err != nil {
		return err
	}
	if req.Clearing == ctx.issuer {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "clearing", "an issuer cannot clear for itself")
	}
	_, found, err := ctx.world.Parties()
	if err != nil {
		return err
	}
	if found {
		return coupon.Refuse(coupon.ReasonAlreadyExists, "clearing", "the clearing house is named already")
	}
	if err := ctx.world.PutParties(coupon.Parties{Issuer: ctx.issuer, Clearing: req.Clearing}); err != nil {
		return err
	}
	return ctx.emit("PartiesSet", coupon.PartiesEvent(req))
}

// EnterCampaignKey puts k_M into the issuer's collection, before the campaign
// is published. A key is never overwritten. The issuer's peer alone endorses it.
//
// Input: coupon.CampaignKeyInput. Event: CampaignKeyEntered.
func (c *Contract) EnterCampaignKey(ctx *Context) error {
	if err := ctx.checkPeer(ctx.issuer); err != nil {
		return err
	}
	var in coupon.CampaignKeyInput
	if err := ctx.input(&in); err != nil {
		return err
	}
	ref := coupon.CampaignRef{Campaign: in.Campaign, Version: in.Version}
	if err := checkRef(ref); err != nil {
		return err
	}
	if in.Key == (coupon.Key{}) {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "key", "the key is all zero")
	}
	_, present, err := ctx.world.CampaignKey(ctx.issuer, ref)
	if err != nil {
		return err
	}
	if present {
		return coupon.Refuse(coupon.ReasonAlreadyExists, "key", "the campaign version has its key")
	}
	if err := ctx.world.PutCampaignKey(ctx.issuer, ref, in.Key); err != nil {
		return err
	}
	return ctx.emit("CampaignKeyEntered", coupon.CampaignEvent(ref))
}

// PublishCampaign makes a campaign version, for ever. Its key must be there.
//
// Argument: coupon.Campaign without format and issuer. Event:
// CampaignPublished.
func (c *Contract) PublishCampaign(ctx *Context, request string) error {
	var campaign coupon.Campaign
	if err := ctx.argument(request, &campaign); err != nil {
		return err
	}
	if campaign.Format != 0 || campaign.Issuer != "" {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "issuer", "format and issuer are set by the ledger")
	}
	if err := checkCampaign(campaign); err != nil {
		return err
	}
	if _, err := ctx.parties(); err != nil {
		return err
	}
	ref := coupon.CampaignRef{Campaign: campaign.ID, Version: campaign.Version}
	_, found, err := ctx.world.Campaign(ref)
	if err != nil {
		return err
	}
	if found {
		return coupon.Refuse(coupon.ReasonAlreadyExists, "campaign", "this version is published")
	}
	if _, present, err := ctx.world.CampaignKey(ctx.issuer, ref); err != nil {
		return err
	} else if !present {
		return coupon.Refuse(coupon.ReasonKeyMissing, "campaign", "the campaign version has no key yet")
	}
	campaign.Issuer = ctx.issuer
	if err := ctx.world.PutCampaign(campaign); err != nil {
		return err
	}
	if err := ctx.world.PutCampaignState(ref, coupon.CampaignState{Status: coupon.StatusActive}); err != nil {
		return err
	}
	return ctx.emit("CampaignPublished", coupon.CampaignEvent(ref))
}

// PauseCampaign refuses issuing and redemption until ResumeCampaign.
//
// Argument: coupon.CampaignRef. Event: CampaignPaused.
func (c *Contract) PauseCampaign(ctx *Context, request string) error {
	return ctx.changeStatus(request, coupon.StatusActive, coupon.StatusPaused, "CampaignPaused")
}

// ResumeCampaign ends a pause.
//
// Argument: coupon.CampaignRef. Event: CampaignResumed.
func (c *Contract) ResumeCampaign(ctx *Context, request string) error {
	return ctx.changeStatus(request, coupon.StatusPaused, coupon.StatusActive, "CampaignResumed")
}

func (c *Context) changeStatus(request string, from, to coupon.Status, event string) error {
	var ref coupon.CampaignRef
	if err := c.argument(request, &ref); err != nil {
		return err
	}
	entry, err := c.openCampaign(ref)
	if err != nil {
		return err
	}
	if entry.State.Status != from {
		return coupon.Refuse(coupon.ReasonAlreadyExists, "campaign", "the campaign is %s", entry.State.Status)
	}
	if err := c.world.PutCampaignState(ref, coupon.CampaignState{Status: to}); err != nil {
		return err
	}
	return c.emit(event, coupon.CampaignEvent(ref))
}

// CloseCampaign ends a campaign for good: issuing at once, redemption from the
// stated time, or at once if that is past.
//
// Argument: coupon.CloseRequest. Event: CampaignClosed.
func (c *Contract) CloseCampaign(ctx *Context, request string) error {
	var req coupon.CloseRequest
	if err := ctx.argument(request, &req); err != nil {
		return err
	}
	ref := coupon.CampaignRef{Campaign: req.Campaign, Version: req.Version}
	if _, err := ctx.openCampaign(ref); err != nil {
		return err
	}
	if req.RedeemUntil < 0 {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "redeem_until", "a time before 1970")
	}
	if err := ctx.readTick(); err != nil {
		return err
	}
	state := coupon.CampaignState{Status: coupon.StatusClosed, RedeemUntil: max(req.RedeemUntil, ctx.now)}
	if err := ctx.world.PutCampaignState(ref, state); err != nil {
		return err
	}
	return ctx.emit("CampaignClosed", coupon.CampaignEvent(ref))
}

// openCampaign returns a campaign that is not closed.
func (c *Context) openCampaign(ref coupon.CampaignRef) (coupon.CampaignEntry, error) {
	entry, err := c.campaign(ref)
	if err != nil {
		return entry, err
	}
	if entry.State.Status == coupon.StatusClosed {
		return entry, coupon.Refuse(coupon.ReasonCampaignClosed, "campaign", "the campaign is closed")
	}
	return entry, nil
}

func (c *Context) campaign(ref coupon.CampaignRef) (coupon.CampaignEntry, error) {
	if err := checkRef(ref); err != nil {
		return coupon.CampaignEntry{}, err
	}
	entry, found, err := c.world.Campaign(ref)
	if err != nil {
		return entry, err
	}
	if !found {
		return entry, coupon.Refuse(coupon.ReasonUnknownCampaign, "campaign", "there is no such campaign version")
	}
	return entry, nil
}

// framework returns a framework's record.
func (c *Context) framework(id coupon.FrameworkID) (coupon.Framework, error) {
	f, found, err := c.world.Framework(id)
	if err != nil {
		return f, err
	}
	if !found {
		return f, coupon.Refuse(coupon.ReasonUnknownFramework, "framework_id", "the issuer has no such framework")
	}
	return f, nil
}

// campaignKey returns k_M on the issuer's peer, and zero elsewhere; it refuses
// where the issuer has none.
func (c *Context) campaignKey(ref coupon.CampaignRef) (coupon.Key, error) {
	kM, present, err := c.world.CampaignKey(c.issuer, ref)
	if err != nil {
		return kM, err
	}
	if !present {
		return kM, coupon.Refuse(coupon.ReasonKeyMissing, "", "the campaign's key is missing")
	}
	return kM, nil
}

func checkRef(ref coupon.CampaignRef) error {
	if err := coupon.CheckID("campaign", ref.Campaign); err != nil {
		return err
	}
	if ref.Version < 1 {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "version", "versions count from 1")
	}
	return nil
}

func checkCampaign(c coupon.Campaign) error {
	if err := checkRef(coupon.CampaignRef{Campaign: c.ID, Version: c.Version}); err != nil {
		return err
	}
	if err := coupon.CheckName("product", c.Product); err != nil {
		return err
	}
	if err := coupon.CheckName("offer", c.Offer); err != nil {
		return err
	}
	terms, err := coupon.ParseTerms([]byte(c.Terms))
	if err != nil {
		return err
	}
	if c.Holder != coupon.HolderBearer && c.Holder != coupon.HolderBound {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "holder", "neither bearer nor bound")
	}
	if c.Begin < 1 || c.End <= c.Begin {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "end", "the campaign must end after it begins")
	}
	if c.Holder == coupon.HolderBearer && c.InvoiceRequired {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "invoice_required", "bearer coupons are not presented for an invoice")
	}
	if err := checkTransfers(c); err != nil {
		return err
	}
	if len(c.Kinds) != 1 {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "kinds", "exactly one kind is served")
	}
	if err := c.Kinds[0].Check("kinds[0]"); err != nil {
		return err
	}
	if err := checkFrameAge(c); err != nil {
		return err
	}
	return terms.CheckKind(c.Kinds[0])
}

// checkTransfers refuses transfers of what has no owner, and more than are
// followed.
func checkTransfers(c coupon.Campaign) error {
	switch {
	case c.MaxTransfers < 0 || c.MaxTransfers > coupon.MaxTransfers:
		return coupon.Refuse(coupon.ReasonInvalidRequest, "max_transfers", "0 to %d transfers", coupon.MaxTransfers)
	case c.Holder == coupon.HolderBearer && c.MaxTransfers > 0:
		return coupon.Refuse(coupon.ReasonInvalidRequest, "max_transfers", "bearer coupons are not transferred")
	default:
		return nil
	}
}

// checkFrameAge refuses a bound on frames where there are none, and none where
// there are.
func checkFrameAge(c coupon.Campaign) error {
	switch {
	case c.Kinds[0] == coupon.KindStatic && c.MaxFrameAge != 0:
		return coupon.Refuse(coupon.ReasonInvalidRequest, "max_frame_age", "static coupons have no time of release")
	case c.Kinds[0] != coupon.KindStatic && (c.MaxFrameAge < 1 || c.MaxFrameAge > coupon.MaxFrameAge):
		return coupon.Refuse(coupon.ReasonInvalidRequest, "max_frame_age", "1 to %d milliseconds", int64(coupon.MaxFrameAge))
	default:
		return nil
	}
}
