// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// Authorise gives an emitter its framework. One that is on the ledger with the
// same quotas is returned as it is; with others it is refused with
// ALREADY_EXISTS.
func (i *Issuer) Authorise(ctx context.Context, request coupon.AuthoriseRequest) (coupon.Framework, error) {
	request.Epoch = firstEpoch
	if err := i.checkPartner("emitter", request.Emitter, config.RoleAdvertiser); err != nil {
		return coupon.Framework{}, err
	}
	ref := coupon.CampaignRef{Campaign: request.Campaign, Version: request.Version}
	entry, err := i.Campaign(ctx, ref)
	if err != nil {
		return coupon.Framework{}, err
	}
	mandate := mandateOf(entry.Campaign, request)
	if err := mandate.Check(); err != nil {
		return coupon.Framework{}, err
	}
	framework, err := i.framework(ctx, mandate.ID())
	if err == nil {
		return withQuotas(framework, request.Quotas)
	}
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonUnknownFramework && reason != coupon.ReasonNotFound {
		return coupon.Framework{}, err
	}
	call := ledger.Call{
		Namespace: i.namespace, Function: "AuthoriseEmitter", Argument: request,
		Endorsers: []string{i.self, i.second(request.Emitter)},
		// The other peer may not have the block with the campaign, or with the
		// admission of a retailer that is to emit purchase proofs.
		RetryOn:   []coupon.Reason{coupon.ReasonUnknownCampaign, coupon.ReasonKeyMissing, coupon.ReasonRetailerNotAdmitted},
		Reference: mandate.ID().String(),
	}
	if request.Emitter != i.self { // the own key is no other's to see
		if call.Input, err = i.emitterKey(ctx, mandate); err != nil {
			return coupon.Framework{}, err
		}
	}
	_, refused := i.ledger.Submit(ctx, call)
	if reason, _ := coupon.ReasonOf(refused); refused != nil && reason != coupon.ReasonAlreadyExists {
		return coupon.Framework{}, refused
	}
	if framework, err = i.framework(ctx, mandate.ID()); err != nil {
		return coupon.Framework{}, errors.Join(err, refused)
	}
	return withQuotas(framework, request.Quotas)
}

// Authorised returns the framework that a request has made, whatever its quotas
// are by now.
func (i *Issuer) Authorised(ctx context.Context, request coupon.AuthoriseRequest) (Mandate, error) {
	request.Epoch = firstEpoch
	entry, err := i.Campaign(ctx, coupon.CampaignRef{Campaign: request.Campaign, Version: request.Version})
	if err != nil {
		return Mandate{}, err
	}
	return i.Mandate(ctx, mandateOf(entry.Campaign, request).ID())
}

func mandateOf(c coupon.Campaign, request coupon.AuthoriseRequest) coupon.Mandate {
	return coupon.Mandate{
		Issuer: c.Issuer, Emitter: request.Emitter, Product: c.Product, Offer: c.Offer,
		Campaign: c.ID, Version: c.Version, Kind: request.Kind, Epoch: request.Epoch,
		TermsSHA256: sha256.Sum256([]byte(c.Terms)),
	}
}

func withQuotas(framework coupon.Framework, quotas []int64) (coupon.Framework, error) {
	if !slices.Equal(framework.Quotas, quotas) {
		return coupon.Framework{}, coupon.Refuse(coupon.ReasonAlreadyExists, "quotas", "the emitter has this framework with other quotas")
	}
	return framework, nil
}

func (i *Issuer) framework(ctx context.Context, id coupon.FrameworkID) (framework coupon.Framework, err error) {
	err = i.ledger.Evaluate(ctx, ledger.Call{
		Namespace: i.namespace, Function: "GetFramework", Argument: coupon.FrameworkQuery{Framework: id},
	}, &framework)
	return framework, err
}

// Admit lets a retailer redeem a campaign's coupons. A retailer's first
// admission gives it its key. One that is admitted stays so.
func (i *Issuer) Admit(ctx context.Context, request coupon.AdmitRequest) error {
	if err := i.checkPartner("retailer", request.Retailer, config.RoleRetailer); err != nil {
		return err
	}
	err := i.admit(ctx, request)
	// Between the look and the transaction another admission may have brought
	// the key: looked at again, it is there.
	if field(err) == "key" {
		err = i.admit(ctx, request)
	}
	if field(err) == "retailer" {
		return nil
	}
	return err
}

func (i *Issuer) admit(ctx context.Context, request coupon.AdmitRequest) error {
	call := ledger.Call{
		Namespace: i.namespace, Function: "AdmitRetailer", Argument: request,
		Endorsers: []string{i.self, i.second(request.Retailer)},
		RetryOn:   []coupon.Reason{coupon.ReasonUnknownCampaign},
		Reference: fmt.Sprintf("%s/%d/%s", request.Campaign, request.Version, request.Retailer),
	}
	var key coupon.Presence
	err := i.ledger.Evaluate(ctx, ledger.Call{
		Namespace: i.namespace, Function: "HasRetailerKey",
		Argument: coupon.RetailerQuery{Retailer: request.Retailer}, Endorsers: []string{i.self},
	}, &key)
	if err != nil {
		return err
	}
	if key.Present {
		// The retailer's peer may not have the block with its key yet.
		call.RetryOn = append(call.RetryOn, coupon.ReasonKeyMissing)
	} else {
		call.Input = coupon.RetailerKeyInput{Key: newKey()}
	}
	_, err = i.ledger.Submit(ctx, call)
	return err
}

// second endorses beside the issuer what it has with an organisation: that
// organisation, or the clearing house where it is the issuer itself.
func (i *Issuer) second(mspID string) string {
	if mspID == i.self {
		return i.clearing
	}
	return mspID
}

// checkPartner refuses whom the directory does not have with the role: its peer
// would have to endorse.
func (i *Issuer) checkPartner(field, mspID, role string) error {
	partner, found := i.directory.ByMSP(mspID)
	if !found || !partner.Has(role) {
		return coupon.Refuse(coupon.ReasonInvalidRequest, field, "the directory has no such %s", role)
	}
	return nil
}

// field says what exists already; empty for any other error.
func field(err error) string {
	var refused *coupon.Error
	if !errors.As(err, &refused) || refused.Reason != coupon.ReasonAlreadyExists {
		return ""
	}
	return refused.Field
}
