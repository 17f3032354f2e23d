// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/world"
)

// Transfer hands a bound coupon from its owner to another key. The caller is the
// coupon's emitter; issuer and emitter endorse it, or issuer and clearing house
// where they are one, and both keep what the owner signed. Redemptions and
// transfers by one owner of a coupon read and write the same key, so that of two
// that meet the ledger takes one.
//
// The first reason that applies is the one that is given, in this order: the
// reasons of coupon.ParseTransfer; UNKNOWN_FRAMEWORK; WRONG_ORGANISATION;
// WRONG_PEER; UNSUPPORTED_KIND; WRONG_HOLDER; UNKNOWN_LANE, QUOTA_EXCEEDED;
// EMITTER_SUSPENDED, LANE_ENDED; FRAME_NOT_OPEN, WRONG_RELEASE_TIME; WRONG_MAC; TAG_MISMATCH;
// COUPON_TRANSFERRED, WRONG_TRANSFER_STEP; CAMPAIGN_PAUSED, CAMPAIGN_CLOSED,
// CAMPAIGN_OVER; TRANSFER_NOT_ALLOWED; INVALID_REQUEST of a new owner who is the
// old; TRANSFER_FROM_FUTURE, TRANSFER_EXPIRED; WRONG_SIGNATURE;
// ALREADY_REDEEMED; TRANSFER_EXPIRED of what was signed before a void;
// TICK_MISSING, TICK_STALE.
//
// Input: coupon.TransferInput. Event: Transferred.
func (c *Contract) Transfer(ctx *Context) error {
	var in coupon.TransferInput
	if err := ctx.input(&in); err != nil {
		return err
	}
	d, err := ctx.openDeed(in.Text)
	if err != nil {
		return err
	}
	d.it.ownership = &in.Ownership
	if err := d.prove(); err != nil {
		return err
	}
	if _, err := d.ownerMarkers([]*item{d.it}); err != nil {
		return err
	}
	if err := d.judgeDeed(); err != nil {
		return err
	}
	if err := ctx.readTick(); err != nil {
		return err
	}
	marker := coupon.OwnerMarker{
		State: coupon.MarkerTransferred, Time: ctx.now, Digest: d.transfer.Digest(),
	}
	record := coupon.TransferRecord{Text: in.Text, Transaction: ctx.GetStub().GetTxID(), Time: ctx.now}
	if err := ctx.world.PutTransfer(in.Ownership.Tag, marker, record, ctx.issuer, d.second); err != nil {
		return err
	}
	return ctx.emit("Transferred", coupon.TransferredEvent{Framework: d.it.framework.ID})
}

// CheckTransfer says of a transfer what Transfer would, and gives what that
// needs: the coupon's ownership with its tag, which nobody gets who cannot show
// the owner's signature. Of a transfer that is on the ledger it says so. It is
// evaluated on the issuer's peer, for the coupon's emitter. Last of all it
// refuses with PRODUCT_USED a purchase proof of a product of which another proof
// is spent; see judgeUse.
//
// Input: coupon.CheckTransferInput. Answer: coupon.CheckTransferResult.
func (c *Contract) CheckTransfer(ctx *Context) (string, error) {
	if ctx.self != ctx.issuer {
		return "", coupon.Refuse(coupon.ReasonWrongPeer, "", "only the issuer's peer can check transfers")
	}
	var in coupon.CheckTransferInput
	if err := ctx.input(&in); err != nil {
		return "", err
	}
	d, err := ctx.openDeed(in.Text)
	if err != nil {
		return "", err
	}
	if err := d.prove(); err != nil {
		return "", err
	}
	if err := d.follow(); err != nil {
		return "", err
	}
	if done := d.done(); done != nil {
		return answer(coupon.CheckTransferResult{Done: done})
	}
	if err := d.judgeDeed(); err != nil {
		return "", err
	}
	if err := d.judgeUse(); err != nil {
		return "", err
	}
	return answer(coupon.CheckTransferResult{Ownership: d.it.ownership})
}

// FindOwner says who owns a coupon whose MACs are right, and nothing of what was
// done with it. It is evaluated on the issuer's peer, for the coupon's emitter.
//
// Input: coupon.OwnerInput. Answer: coupon.OwnerResult.
func (c *Contract) FindOwner(ctx *Context) (string, error) {
	if ctx.self != ctx.issuer {
		return "", coupon.Refuse(coupon.ReasonWrongPeer, "", "only the issuer's peer knows owners")
	}
	var in coupon.OwnerInput
	if err := ctx.input(&in); err != nil {
		return "", err
	}
	cp, err := coupon.ParseCoupon(in.Coupon)
	if err != nil {
		return "", err
	}
	d, err := ctx.lookUp(cp)
	if err != nil {
		return "", err
	}
	if d.campaign().Campaign.MaxTransfers == 0 {
		return "", coupon.Refuse(coupon.ReasonTransferNotAllowed, "", "the campaign's coupons are not transferred")
	}
	if err := d.prove(); err != nil {
		return "", err
	}
	if err := d.follow(); err != nil {
		return "", err
	}
	return answer(d.owner(d.it.ownership.Step))
}

// deed is a coupon while its transfer is judged, or its owner looked for: a
// docket with this one coupon. Its terms are left out, as what the coupon is
// worth does not matter here.
type deed struct {
	*docket
	it       *item
	transfer coupon.Transfer
}

func (c *Context) openDeed(text string) (*deed, error) {
	transfer, err := coupon.ParseTransfer(text)
	if err != nil {
		return nil, err
	}
	d, err := c.lookUp(transfer.Coupon)
	if err != nil {
		return nil, err
	}
	d.transfer = transfer
	return d, nil
}

// lookUp finds a coupon's framework and campaign, for its emitter.
func (c *Context) lookUp(cp coupon.Coupon) (*deed, error) {
	framework, err := c.framework(cp.Framework)
	if err != nil {
		return nil, err
	}
	if framework.Emitter != c.caller {
		return nil, coupon.Refuse(coupon.ReasonWrongOrganisation, "framework_id", "the framework is another emitter's")
	}
	second, err := c.second(framework.Emitter)
	if err != nil {
		return nil, err
	}
	if err := c.checkPeer(c.issuer, second); err != nil {
		return nil, err
	}
	entry, err := c.campaign(refOf(framework))
	if err != nil {
		return nil, err
	}
	state, err := c.world.MandateState(framework.ID)
	if err != nil {
		return nil, err
	}
	it := &item{tender: coupon.Tender{Coupon: cp}, framework: framework}
	offer := world.Offer{Campaign: entry.Campaign, State: entry.State}
	return &deed{it: it, docket: &docket{
		Context: c, second: second, sales: []*sale{{items: []*item{it}}},
		offers: map[coupon.CampaignRef]world.Offer{refOf(framework): offer},
		state:  world.BatchState{Mandates: map[coupon.FrameworkID]coupon.MandateState{framework.ID: state}},
	}}, nil
}

func (d *deed) campaign() world.Offer { return d.offers[refOf(d.it.framework)] }

// prove checks that the coupon is one that its emitter was allowed to make and
// has made and, of Transfer, that the ownership handed in is its own. The MACs
// are checked on the issuer's peer; the other endorser relies on that.
func (d *deed) prove() error {
	if err := d.judgeMade(d.it); err != nil {
		return err
	}
	if err := d.readFrames(); err != nil {
		return err
	}
	if err := d.judgeRelease(d.it); err != nil {
		return err
	}
	if err := d.judgeMACs(); err != nil {
		return err
	}
	d.items(func(_ *sale, it *item) { d.refuse(it, d.judgeOwnership(it)) })
	return d.refusal()
}

// follow finds the coupon's present owner, on the issuer's peer.
func (d *deed) follow() error {
	if err := d.findOwners([]*item{d.it}); err != nil {
		return err
	}
	return d.refusal()
}

// refusal is what stands on the docket against the coupon, nil if nothing does.
func (d *deed) refusal() error {
	if len(d.refused) == 0 {
		return nil
	}
	r := d.refused[0]
	return &coupon.Error{Reason: r.Reason, Field: r.Field, Detail: r.Detail}
}

// owner says who owned the coupon after a number of transfers that have been
// followed.
func (d *deed) owner(step int64) coupon.OwnerResult {
	o := *d.it.ownership
	if step < o.Step {
		o = d.it.passed[step]
	}
	result := coupon.OwnerResult{Step: step, Owner: o.Owner, Since: o.Since}
	if step > 0 {
		result.Transfer = d.it.digests[step-1]
	}
	return result
}

// done returns what has become of this very transfer, nil if it is not on the
// ledger.
func (d *deed) done() *coupon.OwnerResult {
	if step := d.transfer.Step; step <= d.it.ownership.Step {
		if after := d.owner(step); after.Transfer == d.transfer.Digest() {
			return &after
		}
	}
	return nil
}

// judgeDeed checks that the coupon's present owner may hand it on, and has
// signed that just now.
func (d *deed) judgeDeed() error {
	o, t, campaign := d.it.ownership, d.transfer, d.campaign()
	marker, marked := d.owners[o.Tag]
	switch {
	case t.Step <= o.Step || marker.State == coupon.MarkerTransferred:
		return coupon.Refuse(coupon.ReasonCouponTransferred, "", "the coupon was transferred in this step")
	case t.Step != o.Step+1:
		return coupon.Refuse(coupon.ReasonWrongTransferStep, "", "the next transfer is the coupon's %d.", o.Step+1)
	}
	if err := judgeTime(campaign, max(d.now, campaign.Campaign.Begin)); err != nil {
		return err // a coupon may be handed on, as it may be had, before it can be redeemed
	}
	switch {
	case t.Step > campaign.Campaign.MaxTransfers:
		return coupon.Refuse(coupon.ReasonTransferNotAllowed, "", "the campaign allows %d transfers", campaign.Campaign.MaxTransfers)
	case t.NewOwner == o.Owner:
		return coupon.Refuse(coupon.ReasonInvalidRequest, "new_owner", "the coupon is this owner's already")
	case t.At > d.now+maxClockAhead:
		return coupon.Refuse(coupon.ReasonTransferFromFuture, "", "the transfer's time is ahead of now")
	case t.At < d.now-maxPresentationAge:
		return coupon.Refuse(coupon.ReasonTransferExpired, "", "the transfer is older than %d s", maxPresentationAge/1000)
	}
	if err := t.VerifySignature(o.Owner); err != nil {
		return err
	}
	switch {
	case marked && marker.State == coupon.MarkerSpent:
		return coupon.Refuse(coupon.ReasonAlreadyRedeemed, "", "the coupon was redeemed")
	case marked && t.At <= marker.Time:
		return coupon.Refuse(coupon.ReasonTransferExpired, "", "the coupon was used after this transfer was signed")
	}
	return nil
}

// judgeUse checks that a purchase proof can still be redeemed, which its new
// owner could not find out. It does so in CheckTransfer only: were the product's
// marker read by the transaction, every member could follow the proof from there
// to its redemption, which writes this marker; and it would keep no emitter who
// has another proof of the product from spending that one afterwards. The emitter
// learns nothing by it that Check does not tell it of its products.
func (d *deed) judgeUse() error {
	product := productOf(d.it)
	if product == nil {
		return nil
	}
	var err error
	if d.state.Products, err = d.world.ProductMarkers([]coupon.Tag{product.Tag}); err != nil {
		return err
	}
	return d.judgeProduct(d.it)
}
