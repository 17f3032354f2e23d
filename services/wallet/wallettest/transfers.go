// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallettest

import (
	"net/http"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
)

// Transferable lets the coupons of all offers be handed on, as often as this.
func (a *Advertiser) Transferable(times int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, offer := range a.offers {
		offer.Campaign.MaxTransfers = times
	}
}

// transfer keeps the ledger's side of a transfer: the signature of the owner,
// and one step after the other.
func (a *Advertiser) transfer(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var request advertiserv1.TransferCouponRequest
	err := protojson.Unmarshal(a.note(r), &request)
	t, malformed := coupon.ParseTransfer(request.GetTransfer())
	if err != nil || malformed != nil {
		refuse(w, http.StatusBadRequest, coupon.ReasonInvalidRequest)
		return
	}
	if a.conduct.Refuse != "" {
		refuse(w, http.StatusConflict, a.conduct.Refuse)
		return
	}
	done := a.transfers[t.Coupon]
	again := t.Step <= int64(len(done)) && done[t.Step-1] == t
	switch {
	case again:
	case t.Step <= int64(len(done)):
		refuse(w, http.StatusConflict, coupon.ReasonCouponTransferred)
		return
	case t.Step != int64(len(done)+1) || t.VerifySignature(a.ownership(t.Coupon, t.Step-1)) != nil:
		refuse(w, http.StatusConflict, coupon.ReasonWrongSignature)
		return
	default:
		a.transfers[t.Coupon] = append(done, t)
	}
	if a.conduct.LoseAnswers > 0 {
		a.conduct.LoseAnswers--
		panic(http.ErrAbortHandler)
	}
	owned := a.ownershipMessage(t.Coupon, t.Step)
	if a.conduct.Owned != nil {
		a.conduct.Owned(owned)
	}
	answer(w, &advertiserv1.TransferCouponResponse{Ownership: owned})
}

func (a *Advertiser) owner(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.note(r)
	c, err := coupon.ParseCoupon(r.PathValue("coupon"))
	if err != nil {
		refuse(w, http.StatusBadRequest, coupon.ReasonMalformedCoupon)
		return
	}
	owned := a.ownershipMessage(c, int64(len(a.transfers[c])))
	if a.conduct.Owned != nil {
		a.conduct.Owned(owned)
	}
	answer(w, &advertiserv1.GetOwnerResponse{Ownership: owned})
}

// ownership is whose a coupon is after a number of transfers.
func (a *Advertiser) ownership(c coupon.Coupon, step int64) coupon.PublicKey {
	if step == 0 {
		return c.Owner
	}
	return a.transfers[c][step-1].NewOwner
}

func (a *Advertiser) ownershipMessage(c coupon.Coupon, step int64) *advertiserv1.Ownership {
	owner := a.ownership(c, step)
	shown := &advertiserv1.Ownership{Step: step, Owner: owner[:]}
	if step > 0 {
		digest := a.transfers[c][step-1].Digest()
		shown.SinceTime, shown.TransferSha256 = timestamppb.New(a.Now()), digest[:]
	}
	return shown
}
