// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

const (
	// seenLimit bounds how long a transfer that is on the ledger waits for the
	// issuer's peer to have seen it, seenPause is between two questions: a block
	// takes some 30 ms.
	seenLimit = time.Second
	seenPause = 10 * time.Millisecond
)

// Transfer has the ledger hand a coupon on as its owner has signed, and returns
// whose it is then. A repeat of the same transfer returns the same, however late
// it comes and with an empty store: whether it was made is on the ledger. Until
// then it is judged anew each time, with the reasons of the contract's Transfer.
// What became of it may be unknown (ledger.UnknownOutcome); a repeat finds out.
func (a *Advertiser) Transfer(ctx context.Context, framework coupon.FrameworkID, text string) (coupon.OwnerResult, error) {
	t, err := coupon.ParseTransfer(text)
	if err != nil {
		return coupon.OwnerResult{}, inField("transfer", err)
	}
	o, err := a.transferable(framework, "transfer", t.Coupon)
	if err != nil {
		return coupon.OwnerResult{}, err
	}
	checked, err := a.checkTransfer(ctx, o, text)
	if err != nil {
		return coupon.OwnerResult{}, err
	}
	if checked.Done != nil {
		return *checked.Done, nil
	}
	if err := a.submitTransfer(ctx, o, coupon.TransferInput{Text: text, Ownership: *checked.Ownership}); err != nil {
		if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonCouponTransferred {
			return coupon.OwnerResult{}, err
		}
		// The same transfer may have been sent twice at once.
		if done := a.awaitOwner(ctx, o, text); done != nil {
			return *done, nil
		}
		return coupon.OwnerResult{}, err
	}
	if done := a.awaitOwner(ctx, o, text); done != nil {
		return *done, nil
	}
	return coupon.OwnerResult{Step: t.Step, Owner: t.NewOwner, Transfer: t.Digest()}, nil
}

// Owner returns whose a coupon is, as the ledger has it. It says nothing of what
// was done with the coupon.
func (a *Advertiser) Owner(ctx context.Context, framework coupon.FrameworkID, text string) (coupon.OwnerResult, error) {
	c, err := coupon.ParseCoupon(text)
	if err != nil {
		return coupon.OwnerResult{}, inField("coupon", err)
	}
	o, err := a.transferable(framework, "coupon", c)
	if err != nil {
		return coupon.OwnerResult{}, err
	}
	var owned coupon.OwnerResult
	err = a.ledger.Evaluate(ctx, ledger.Call{
		Namespace: config.Namespace(o.Framework.Issuer), Function: "FindOwner", Endorsers: []string{o.Framework.Issuer},
		Input: coupon.OwnerInput{Coupon: text}, RetryOn: []coupon.Reason{coupon.ReasonFrameNotOpen},
	}, &owned)
	return owned, err
}

// transferable finds the offer of a coupon that may be handed on, and counts the
// question.
func (a *Advertiser) transferable(framework coupon.FrameworkID, field string, c coupon.Coupon) (*offer, error) {
	o, found := a.offer(framework)
	switch {
	case !found:
		return nil, coupon.Refuse(coupon.ReasonUnknownFramework, "framework_id", "there is no such offer")
	case c.Framework != framework:
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, field, "the coupon is of another offer")
	case o.Campaign.Campaign.MaxTransfers == 0:
		return nil, coupon.Refuse(coupon.ReasonTransferNotAllowed, "", "the campaign's coupons are not transferred")
	case !o.transfers.AllowN(a.now(), 1):
		return nil, coupon.Refuse(coupon.ReasonRateLimited, "", "too many coupons of this offer are handed on")
	}
	return o, nil
}

// inField says which field of the request a refusal is about.
func inField(field string, err error) error {
	reason, _ := coupon.ReasonOf(err)
	return coupon.Refuse(reason, field, "not in its one form, or of a coupon or a key that is not")
}

// checkTransfer asks the issuer's peer, which alone can say whether the coupon
// is good and whose it is.
func (a *Advertiser) checkTransfer(ctx context.Context, o *offer, text string) (coupon.CheckTransferResult, error) {
	var checked coupon.CheckTransferResult
	err := a.ledger.Evaluate(ctx, ledger.Call{
		Namespace: config.Namespace(o.Framework.Issuer), Function: "CheckTransfer", Endorsers: []string{o.Framework.Issuer},
		Input: coupon.CheckTransferInput{Text: text}, RetryOn: []coupon.Reason{coupon.ReasonFrameNotOpen},
	}, &checked)
	if err == nil && (checked.Done == nil) == (checked.Ownership == nil) {
		err = coupon.Refuse(coupon.ReasonInternal, "", "the check of a transfer says neither that it is made nor what it needs")
	}
	return checked, err
}

func (a *Advertiser) submitTransfer(ctx context.Context, o *offer, in coupon.TransferInput) error {
	parties, err := ledger.Parties(ctx, a.ledger, o.Framework.Issuer, a.self)
	if err != nil {
		return err
	}
	_, err = a.ledger.Submit(ctx, ledger.Call{
		Namespace: config.Namespace(o.Framework.Issuer), Function: "Transfer", Endorsers: parties, Input: in,
		RetryOn: []coupon.Reason{coupon.ReasonFrameNotOpen}, Reference: "transfer",
	})
	return err
}

// awaitOwner waits until the issuer's peer has seen what was done in the step of
// a transfer, and returns whose the coupon is if that was this transfer. Until
// then a till would be told that the coupon is the former owner's, and a peer
// that is a block ahead of the issuer's knows of the step, but not whose it was.
func (a *Advertiser) awaitOwner(ctx context.Context, o *offer, text string) *coupon.OwnerResult {
	ctx, cancel := context.WithTimeout(ctx, seenLimit)
	defer cancel()
	pause := time.NewTicker(seenPause)
	defer pause.Stop()
	for {
		checked, err := a.checkTransfer(ctx, o, text)
		if err == nil && checked.Done != nil {
			return checked.Done
		}
		if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonCouponTransferred {
			return nil
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil
		}
	}
}
