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
}

// Issue makes one coupon. Its serial number is on the disk before Issue
// returns, and is given to nobody else. A repeat returns the same coupon, even
// after the offer has ended.
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
	owner, err := ownerOf(o.Campaign.Campaign.Holder, request.Owner)
	if err != nil {
		return coupon.Coupon{}, err
	}
	if !o.limiter.AllowN(a.now(), 1) {
		return coupon.Coupon{}, coupon.Refuse(coupon.ReasonRateLimited, "", "too many ask for this offer")
	}
	serial, err := a.allocate(ctx, o, issuing.Request{
		ID: request.ID, Framework: request.Framework, Owner: owner, Quotas: o.Framework.Quotas,
	})
	if err != nil {
		return coupon.Coupon{}, err
	}
	return o.coupon(serial, owner), nil
}

// allocate gives new numbers only while the offer can be had.
func (a *Advertiser) allocate(ctx context.Context, o *offer, request issuing.Request) (issuing.Serial, error) {
	refusal := o.refusal(a.now())
	if refusal == nil {
		return a.serials.Allocate(ctx, request)
	}
	serial, found, err := a.serials.Find(ctx, request)
	if err != nil {
		return issuing.Serial{}, err
	}
	if !found {
		return issuing.Serial{}, refusal
	}
	return serial, nil
}

// ownerOf is nil for a bearer coupon.
func ownerOf(holder coupon.Holder, owner []byte) (*coupon.PublicKey, error) {
	if holder == coupon.HolderBearer {
		if len(owner) > 0 {
			return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "owner", "a bearer coupon has no owner")
		}
		return nil, nil
	}
	if len(owner) != len(coupon.PublicKey{}) {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "owner", "a bound coupon needs its owner's key of 32 bytes")
	}
	key := coupon.PublicKey(owner)
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
