// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"crypto/sha256"
	"slices"

	"ecoupon/chaincode/coupon"
)

// firstEpoch is the key epoch of a new mandate.
const firstEpoch = 1

// AuthoriseEmitter gives an emitter its framework: a mandate, its key k_ME and
// MAC, and a quota for each lane. Who emits purchase proofs is a retailer that is
// admitted to the campaign already. Exactly issuer and emitter endorse it; the
// issuer's peer checks key and MAC against k_M. The issuer as its own emitter
// has k_ME from k_M, so that none is brought, and the clearing house endorses.
//
// Argument: coupon.AuthoriseRequest. Input: coupon.EmitterKeyInput, none where
// the emitter is the issuer. Event: EmitterAuthorised.
func (c *Contract) AuthoriseEmitter(ctx *Context, request string) error {
	var req coupon.AuthoriseRequest
	if err := ctx.argument(request, &req); err != nil {
		return err
	}
	in, err := ctx.emitterKeyInput(req.Emitter)
	if err != nil {
		return err
	}
	second, err := ctx.second(req.Emitter)
	if err != nil {
		return err
	}
	if err := ctx.checkPeer(ctx.issuer, second); err != nil {
		return err
	}
	ref := coupon.CampaignRef{Campaign: req.Campaign, Version: req.Version}
	entry, err := ctx.openCampaign(ref)
	if err != nil {
		return err
	}
	if err := checkAuthorisation(req, entry.Campaign); err != nil {
		return err
	}
	if err := ctx.checkSeller(ref, req); err != nil {
		return err
	}
	framework := newFramework(req, entry.Campaign)
	if err := ctx.giveMandate(framework, in, second); err != nil {
		return err
	}
	return ctx.emit("EmitterAuthorised", emitterEvent(framework))
}

func newFramework(req coupon.AuthoriseRequest, campaign coupon.Campaign) coupon.Framework {
	f := coupon.Framework{
		Issuer: campaign.Issuer, Emitter: req.Emitter,
		Product: campaign.Product, Offer: campaign.Offer,
		Campaign: campaign.ID, Version: campaign.Version,
		Kind: req.Kind, Epoch: req.Epoch,
		Terms:  sha256.Sum256([]byte(campaign.Terms)),
		Quotas: req.Quotas,
	}
	f.ID = f.Mandate().ID()
	return f
}

func checkAuthorisation(req coupon.AuthoriseRequest, campaign coupon.Campaign) error {
	if err := coupon.CheckID("emitter", req.Emitter); err != nil {
		return err
	}
	if err := req.Kind.Check("kind"); err != nil {
		return err
	}
	if !slices.Contains(campaign.Kinds, req.Kind) {
		return coupon.Refuse(coupon.ReasonUnsupportedKind, "kind", "the campaign does not have this kind")
	}
	if req.Epoch != firstEpoch {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "epoch", "a new mandate has epoch %d; RotateKey gives the others", firstEpoch)
	}
	return checkQuotas(req.Quotas, campaign)
}

// checkSeller refuses an emitter of purchase proofs that is not a retailer of the
// campaign: a proof is released with a sale.
func (c *Context) checkSeller(ref coupon.CampaignRef, req coupon.AuthoriseRequest) error {
	if req.Kind != coupon.KindProof {
		return nil
	}
	admitted, err := c.world.Admitted(ref, req.Emitter)
	if err != nil {
		return err
	}
	if !admitted {
		return coupon.Refuse(coupon.ReasonRetailerNotAdmitted, "emitter", "who emits purchase proofs must be admitted to the campaign as a retailer")
	}
	return nil
}

// checkQuotas refuses quotas whose worst cost is not a number of money.
func checkQuotas(quotas []int64, campaign coupon.Campaign) error {
	if len(quotas) < 1 || len(quotas) > coupon.MaxLanes {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "quotas", "1 to %d lanes", coupon.MaxLanes)
	}
	terms, err := coupon.ParseTerms([]byte(campaign.Terms))
	if err != nil {
		return err
	}
	var sum int64
	for _, quota := range quotas {
		if quota < 1 {
			return coupon.Refuse(coupon.ReasonInvalidRequest, "quotas", "a quota is at least 1")
		}
		if sum, err = coupon.AddMinor(sum, quota); err != nil {
			return err
		}
	}
	_, err = coupon.MulMinor(sum, terms.HighestValue())
	return err
}

// emitterKeyInput is what is brought for an emitter: nothing for the issuer, as
// the clearing house would see it.
func (c *Context) emitterKeyInput(emitter string) (in coupon.EmitterKeyInput, err error) {
	if emitter != c.issuer {
		err = c.input(&in)
		return in, err
	}
	given, err := c.hasInput()
	if err == nil && given {
		err = coupon.Refuse(coupon.ReasonInvalidRequest, coupon.TransientKey, "the issuer's own key is not shown to the clearing house")
	}
	return in, err
}

// provideEmitterKey writes k_ME and mac_M for issuer and emitter. The issuer as
// its own emitter has them from k_M; the other endorser's part is noted.
func (c *Context) provideEmitterKey(f coupon.Framework, in coupon.EmitterKeyInput, second string) error {
	if f.Emitter != c.issuer {
		if err := c.checkEmitterKey(f, in); err != nil {
			return err
		}
		key := coupon.EmitterKey{Framework: f.ID, Key: in.Key, MAC: in.MAC}
		return c.world.PutEmitterKey(key, c.issuer, f.Emitter)
	}
	if _, err := c.campaignKey(refOf(f)); err != nil {
		return err
	}
	return c.world.PutMandateVote(second, c.GetStub().GetTxID())
}

// ownEmitterKey is k_ME and mac_M of the issuer as its own emitter, on its own
// peer.
func (c *Context) ownEmitterKey(f coupon.Framework) (coupon.EmitterKey, error) {
	kM, err := c.campaignKey(refOf(f))
	if err != nil {
		return coupon.EmitterKey{}, err
	}
	return coupon.EmitterKey{
		Format: 1, Framework: f.ID,
		Key: coupon.DeriveEmitterKey(kM, f.Campaign, f.Emitter, f.Epoch),
		MAC: f.Mandate().MAC(coupon.DeriveFrameworkKey(kM)),
	}, nil
}

// checkEmitterKey compares key and MAC with what k_M gives. Only the issuer's
// peer can; the other relies on it, as the ledger needs both.
func (c *Context) checkEmitterKey(f coupon.Framework, in coupon.EmitterKeyInput) error {
	ref := coupon.CampaignRef{Campaign: f.Campaign, Version: f.Version}
	kM, present, err := c.world.CampaignKey(c.issuer, ref)
	if err != nil {
		return err
	}
	if !present {
		return coupon.Refuse(coupon.ReasonKeyMissing, "campaign", "the campaign's key is missing")
	}
	for _, owner := range []string{c.issuer, f.Emitter} {
		if _, present, err := c.world.EmitterKey(owner, f.ID); err != nil {
			return err
		} else if present {
			return coupon.Refuse(coupon.ReasonAlreadyExists, "key", "the framework has its key")
		}
	}
	if c.self != c.issuer {
		return nil
	}
	if in.Key != coupon.DeriveEmitterKey(kM, f.Campaign, f.Emitter, f.Epoch) {
		return coupon.Refuse(coupon.ReasonKeyMismatch, "key", "not the emitter's key under this campaign")
	}
	if !in.MAC.Equal(f.Mandate().MAC(coupon.DeriveFrameworkKey(kM))) {
		return coupon.Refuse(coupon.ReasonWrongMAC, "mac", "not the mandate's MAC")
	}
	return nil
}

// AdmitRetailer lets a retailer redeem a campaign's coupons. A retailer's first
// admission brings k_IR; later ones keep it. Issuer and retailer endorse it and
// keep the key; where the issuer itself is the retailer, issuer and clearing
// house.
//
// Argument: coupon.AdmitRequest. Input: coupon.RetailerKeyInput, at the first
// admission only. Event: RetailerAdmitted.
func (c *Contract) AdmitRetailer(ctx *Context, request string) error {
	var req coupon.AdmitRequest
	if err := ctx.argument(request, &req); err != nil {
		return err
	}
	if err := coupon.CheckID("retailer", req.Retailer); err != nil {
		return err
	}
	second, err := ctx.second(req.Retailer)
	if err != nil {
		return err
	}
	if err := ctx.checkPeer(ctx.issuer, second); err != nil {
		return err
	}
	ref := coupon.CampaignRef{Campaign: req.Campaign, Version: req.Version}
	if _, err := ctx.openCampaign(ref); err != nil {
		return err
	}
	admitted, err := ctx.world.Admitted(ref, req.Retailer)
	if err != nil {
		return err
	}
	if admitted {
		return coupon.Refuse(coupon.ReasonAlreadyExists, "retailer", "the retailer is admitted")
	}
	if err := ctx.provideRetailerKey(req.Retailer, second); err != nil {
		return err
	}
	if err := ctx.world.PutAdmitted(ref, req.Retailer); err != nil {
		return err
	}
	return ctx.emit("RetailerAdmitted", coupon.RetailerEvent(req))
}

// provideRetailerKey writes k_IR if the two parties have none.
func (c *Context) provideRetailerKey(retailer, second string) error {
	_, issuerHas, err := c.world.RetailerKey(c.issuer, retailer)
	if err != nil {
		return err
	}
	_, secondHas, err := c.world.RetailerKey(second, retailer)
	if err != nil {
		return err
	}
	given, err := c.hasInput()
	if err != nil {
		return err
	}
	switch {
	case issuerHas && secondHas && !given:
		// The second party's endorsement of a later admission is needed too.
		return c.world.PutAdmissionVote(second, c.GetStub().GetTxID())
	case issuerHas && secondHas:
		return coupon.Refuse(coupon.ReasonAlreadyExists, "key", "the two parties have their key")
	case issuerHas != secondHas:
		return coupon.Refuse(coupon.ReasonKeyMissing, "key", "one party has lost its copy of the key")
	case !given:
		// To a peer that is a block behind an issuer that has given it.
		return coupon.Refuse(coupon.ReasonKeyMissing, "key", "the two parties have no key, and none is given")
	}
	var in coupon.RetailerKeyInput
	if err := c.input(&in); err != nil {
		return err
	}
	if in.Key == (coupon.Key{}) {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "key", "the key is all zero")
	}
	return c.world.PutRetailerKey(retailer, in.Key, c.issuer, second)
}
