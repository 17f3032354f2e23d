// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/issuing"
	"ecoupon/services/internal/ledger"
)

// IssueRequest asks for a coupon of an offer.
type IssueRequest struct {
	// ID is made by the customer, a random UUID version 4.
	ID        string
	Framework coupon.FrameworkID
	// Owner has 32 bytes for a bound coupon and none for a bearer coupon.
	Owner []byte
	// UData has 32 bytes for a dynamic bearer coupon, which the customer chose at
	// random, and none for any other.
	UData []byte
}

// Issue makes one coupon. Its serial number is on the disk before Issue
// returns, and is given to nobody else; of a dynamic coupon its whole entry in
// the lane's log is. A repeat returns the same coupon, even after the offer has
// ended. Purchase proofs are not to be had so: UNSUPPORTED_KIND.
func (a *Advertiser) Issue(ctx context.Context, request IssueRequest) (coupon.Coupon, error) {
	if err := coupon.CheckUUID4("request_id", request.ID); err != nil {
		return coupon.Coupon{}, err
	}
	if err := a.Ready(ctx); err != nil {
		return coupon.Coupon{}, fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	o, found := a.offer(request.Framework)
	if !found {
		return coupon.Coupon{}, coupon.Refuse(coupon.ReasonUnknownFramework, "framework_id", "there is no such offer")
	}
	if o.Framework.Kind == coupon.KindProof {
		return coupon.Coupon{}, coupon.Refuse(coupon.ReasonUnsupportedKind, "framework_id", "purchase proofs come with a sale, from the retailer's till")
	}
	owner, err := ownerOf(o, request)
	if err != nil {
		return coupon.Coupon{}, err
	}
	if !o.limiter.AllowN(a.now(), 1) {
		return coupon.Coupon{}, coupon.Refuse(coupon.ReasonRateLimited, "", "too many ask for this offer")
	}
	return a.make(ctx, o, issuing.Request{
		ID: request.ID, Framework: request.Framework, Owner: owner, Quotas: o.Framework.Quotas,
	})
}

// make gives new numbers only while the offer can be had.
func (a *Advertiser) make(ctx context.Context, o *offer, request issuing.Request) (coupon.Coupon, error) {
	refusal := o.refusal(a.now())
	if o.keeper != nil {
		released, err := a.releaseUnless(ctx, refusal, o, request)
		if err != nil {
			return coupon.Coupon{}, err
		}
		return o.released(released, *request.Owner), nil
	}
	serial, err := a.allocateUnless(ctx, refusal, request)
	if err != nil {
		return coupon.Coupon{}, err
	}
	if serial.Number == 1 {
		o.lanes.wake() // the lane is to be opened
	}
	return o.coupon(serial, request.Owner), nil
}

func (a *Advertiser) allocateUnless(ctx context.Context, refusal error, request issuing.Request) (issuing.Serial, error) {
	if refusal == nil {
		return a.serials.Allocate(ctx, request)
	}
	serial, found, err := a.serials.Find(ctx, request)
	if err == nil && !found {
		err = refusal
	}
	return serial, err
}

func (a *Advertiser) releaseUnless(ctx context.Context, refusal error, o *offer, request issuing.Request) (issuing.Released, error) {
	if refusal == nil {
		return a.release(ctx, o, request)
	}
	released, found, err := a.serials.FindReleased(ctx, request)
	if err == nil && !found {
		err = refusal
	}
	return released, err
}

// ownerOf is nil for a static bearer coupon: a dynamic one has u_data in place
// of an owner.
func ownerOf(o *offer, request IssueRequest) (*coupon.PublicKey, error) {
	bound := o.Campaign.Campaign.Holder == coupon.HolderBound
	if !bound && len(request.Owner) > 0 {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "owner", "a bearer coupon has no owner")
	}
	if bound && len(request.Owner) != len(coupon.PublicKey{}) {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "owner", "a bound coupon needs its owner's key of 32 bytes")
	}
	chosen := !bound && o.Framework.Kind == coupon.KindDynamic
	if !chosen && len(request.UData) > 0 {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "u_data", "only a dynamic bearer coupon has u_data beside its owner")
	}
	if chosen && len(request.UData) != len(coupon.PublicKey{}) {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "u_data", "a dynamic bearer coupon needs 32 random bytes of its customer")
	}
	switch {
	case chosen:
		uData := coupon.PublicKey(request.UData)
		return &uData, nil
	case !bound:
		return nil, nil
	}
	key := coupon.PublicKey(request.Owner)
	if err := coupon.CheckOwner(key); err != nil {
		return nil, err
	}
	return &key, nil
}

func (o *offer) coupon(serial issuing.Serial, owner *coupon.PublicKey) coupon.Coupon {
	made := coupon.Coupon{
		Kind: o.Framework.Kind, Bound: owner != nil, Framework: o.Framework.ID, Lane: serial.Lane, SN: serial.Number,
		MandateMAC: o.mandate.MAC,
	}
	if owner != nil {
		made.Owner = *owner
	}
	made.EmitterMAC = made.MAC(o.mandate.Key, o.mData, coupon.Hash{})
	return made
}
