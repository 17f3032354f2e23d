// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/issuing"
	"ecoupon/services/internal/ledger"
)

// ProofRequest asks for the purchase proof of a sale.
type ProofRequest struct {
	// ID is made by the till, a random UUID version 4.
	ID        string
	Framework coupon.FrameworkID
	// UData has 32 bytes of the customer's wallet.
	UData []byte
	// Product names the product instance, Invoice the sale; see
	// coupon.ProductQuery.
	Product, Invoice string
}

// IssueProof makes the purchase proof of a sale, where this organisation is the
// retailer that made the sale. Place in the log and sale are on the disk before
// it returns. A repeat returns the same proof, even after the offer has ended. A
// product whose proof was released is refused with PRODUCT_HAS_PROOF, one whose
// proof was redeemed with PRODUCT_USED.
func (a *Advertiser) IssueProof(ctx context.Context, request ProofRequest) (coupon.Coupon, error) {
	if err := request.check(); err != nil {
		return coupon.Coupon{}, err
	}
	if err := a.Ready(ctx); err != nil {
		return coupon.Coupon{}, fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	o, found := a.offer(request.Framework)
	if !found {
		return coupon.Coupon{}, coupon.Refuse(coupon.ReasonUnknownFramework, "framework_id", "there is no such offer")
	}
	if o.Framework.Kind != coupon.KindProof {
		return coupon.Coupon{}, coupon.Refuse(coupon.ReasonUnsupportedKind, "framework_id", "the offer is of %s coupons", o.Framework.Kind)
	}
	uData, err := request.uData(o.Campaign.Campaign.Holder)
	if err != nil {
		return coupon.Coupon{}, err
	}
	asked := issuing.Request{
		ID: request.ID, Framework: request.Framework, Owner: &uData, Quotas: o.Framework.Quotas,
		Sold: &issuing.Sold{Product: request.Product, Invoice: request.Invoice},
	}
	released, found, err := a.serials.FindReleased(ctx, asked)
	if err != nil {
		return coupon.Coupon{}, err
	}
	if !found {
		if released, err = a.releaseProof(ctx, o, asked); err != nil {
			return coupon.Coupon{}, err
		}
	}
	return o.released(released, uData), nil
}

// releaseProof releases a proof that was not released yet.
func (a *Advertiser) releaseProof(ctx context.Context, o *offer, request issuing.Request) (issuing.Released, error) {
	if err := o.refusal(a.now()); err != nil {
		return issuing.Released{}, err
	}
	var err error
	if request.Sold.Tag, err = a.productTag(ctx, o, request.Sold.Product); err != nil {
		return issuing.Released{}, err
	}
	if _, err := rand.Read(request.Sold.Salt[:]); err != nil {
		return issuing.Released{}, err
	}
	return a.release(ctx, o, request)
}

// productTag asks the issuer's peer, which alone has the key, for the tag of a
// product.
func (a *Advertiser) productTag(ctx context.Context, o *offer, product string) (coupon.Tag, error) {
	var result coupon.CheckResult
	err := a.ledger.Evaluate(ctx, ledger.Call{
		Namespace: o.keeper.namespace, Function: "Check", Endorsers: []string{o.Framework.Issuer},
		Input: coupon.CheckInput{
			Sales: []coupon.CheckedSale{}, Products: []coupon.ProductQuery{{Framework: o.Framework.ID, Product: product}},
		},
	}, &result)
	switch {
	case err != nil:
		return coupon.Tag{}, err
	case len(result.Products) != 1:
		return coupon.Tag{}, errors.New("the check has another number of products than was asked for")
	case result.Products[0].Used:
		return coupon.Tag{}, coupon.Refuse(coupon.ReasonProductUsed, "product_id", "a proof of the product was redeemed")
	}
	return result.Products[0].Tag, nil
}

func (r ProofRequest) check() error {
	if err := coupon.CheckUUID4("request_id", r.ID); err != nil {
		return err
	}
	if err := coupon.CheckID("product_id", r.Product); err != nil {
		return err
	}
	return coupon.CheckID("invoice_number", r.Invoice)
}

func (r ProofRequest) uData(holder coupon.Holder) (uData coupon.PublicKey, err error) {
	if len(r.UData) != len(uData) {
		return uData, coupon.Refuse(coupon.ReasonInvalidRequest, "u_data", "a proof needs 32 bytes of its customer's wallet")
	}
	uData = coupon.PublicKey(r.UData)
	if holder == coupon.HolderBound {
		err = coupon.CheckOwner(uData)
	}
	return uData, err
}

// OpeningsPage is a page of the openings of a closed frame. Next is as in
// LogPage.
type OpeningsPage struct {
	Openings []coupon.Opening
	Next     int64
}

// Openings returns a page of the openings of a closed frame, to the issuer of
// the framework and to nobody else: others are refused with WRONG_ORGANISATION.
func (a *Advertiser) Openings(ctx context.Context, caller string, query LogQuery) (OpeningsPage, error) {
	o, found := a.offer(query.Framework)
	if !found || o.Framework.Kind != coupon.KindProof {
		return OpeningsPage{}, coupon.Refuse(coupon.ReasonUnknownFramework, "framework_id", "there is no such offer of purchase proofs")
	}
	if caller != o.Framework.Issuer {
		return OpeningsPage{}, coupon.Refuse(coupon.ReasonWrongOrganisation, "framework_id", "sales are opened to the framework's issuer only")
	}
	openings, f, err := a.serials.Openings(ctx, query.FrameRef, query.After, query.Size)
	if err != nil {
		return OpeningsPage{}, err
	}
	page := OpeningsPage{Openings: openings}
	if n := len(openings); n > 0 && openings[n-1].SN < f.Content.LastSN {
		page.Next = openings[n-1].SN
	}
	return page, nil
}
