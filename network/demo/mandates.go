// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	"ecoupon/services/wallet"
)

// handOn gives a coupon to another wallet. It is the only one of its mandate.
func (p *play) handOn(ctx context.Context) error {
	offer, err := p.launchFile(ctx, giftFile, advertiserMSP, 1)
	if err != nil {
		return err
	}
	p.gift = offer
	giver, held, err := p.fetched(ctx, "giver", offer)
	if err != nil {
		return err
	}
	before, err := shown(giver, held)
	if err != nil {
		return err
	}
	friend, taken, err := p.given(ctx, giver, held)
	if err != nil {
		return err
	}
	p.tell("a coupon of %s goes from one wallet to another, by the advertiser's public address", offer.Mandate.Campaign)
	_, err = p.checkout(ctx, before)
	if err := p.refused("the former owner shows at the till what he presented before", err, "COUPON_TRANSFERRED"); err != nil {
		return err
	}
	request, err := shown(friend, taken)
	if err != nil {
		return err
	}
	total, err := p.honest(ctx, "redeeming a coupon that was handed on", request)
	if err != nil {
		return err
	}
	p.tell("the new owner redeems it: %s off", amount(total))
	return nil
}

// given hands a coupon on to a wallet that has made a key for it.
func (p *play) given(ctx context.Context, from *wallet.Wallet, held wallet.Holding) (*wallet.Wallet, wallet.Holding, error) {
	url, _, err := p.public.Public(advertiserMSP)
	if err != nil {
		return nil, wallet.Holding{}, err
	}
	to, err := p.walletOf(advertiserMSP, "friend")
	if err != nil {
		return nil, wallet.Holding{}, err
	}
	key, err := to.NewKey()
	if err != nil {
		return nil, wallet.Holding{}, err
	}
	var taken wallet.Holding
	err = p.time("coupon handed on", func() error {
		gone, err := from.Transfer(ctx, held.ID, key)
		if err != nil {
			return fmt.Errorf("handing a coupon on: %w", err)
		}
		if taken, err = to.TakeOver(ctx, url, gone.Handover); err != nil {
			return fmt.Errorf("taking a coupon over: %w", err)
		}
		return nil
	})
	return to, taken, err
}

// changeMandate raises the quota of the mandate that handOn has used up,
// suspends it, and reinstates it.
func (p *play) changeMandate(ctx context.Context) error {
	framework := p.gift.Framework.String()
	_, _, err := p.fetched(ctx, "latecomer", p.gift)
	if err := p.refused("one coupon more than the mandate allows is asked for", err, "SOLD_OUT"); err != nil {
		return err
	}
	_, err = p.issuer.RaiseQuota(ctx, &issuerv1.RaiseQuotaRequest{RequestId: uuid.NewString(), FrameworkId: framework, Quotas: []int64{2}})
	if err != nil {
		return fmt.Errorf("raising a quota: %w", err)
	}
	w, held, err := p.afterRaise(ctx)
	if err != nil {
		return err
	}
	p.tell("the issuer raises the quota from 1 to 2; the advertiser gives the second coupon out")
	_, err = p.issuer.SuspendEmitter(ctx, &issuerv1.SuspendEmitterRequest{RequestId: uuid.NewString(), FrameworkId: framework})
	if err != nil {
		return fmt.Errorf("suspending a mandate: %w", err)
	}
	request, err := shown(w, held)
	if err != nil {
		return err
	}
	_, err = p.checkout(ctx, request)
	if err := p.refused("a coupon of a mandate that the issuer has suspended", err, "EMITTER_SUSPENDED"); err != nil {
		return err
	}
	_, err = p.issuer.ReinstateEmitter(ctx, &issuerv1.ReinstateEmitterRequest{RequestId: uuid.NewString(), FrameworkId: framework})
	if err != nil {
		return fmt.Errorf("reinstating a mandate: %w", err)
	}
	if request, err = shown(w, held); err != nil {
		return err
	}
	total, err := p.honest(ctx, "redeeming under a mandate that is reinstated", request)
	if err != nil {
		return err
	}
	p.tell("reinstated, it is good again: %s off", amount(total))
	return nil
}

// afterRaise gets a coupon as soon as the advertiser has learnt of the new quota.
func (p *play) afterRaise(ctx context.Context) (w *wallet.Wallet, held wallet.Holding, err error) {
	err = await(ctx, "the advertiser to learn of the new quota", func(ctx context.Context) (bool, error) {
		w, held, err = p.fetched(ctx, "latecomer", p.gift)
		if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonSoldOut {
			return false, nil
		}
		return true, err
	})
	return w, held, err
}

// await polls a condition that must become true soon.
func await(ctx context.Context, what string, condition func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	for {
		if done, err := condition(ctx); err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// sit opens the desk of one of an organisation's people.
func (p *play) sit(organisation, as string) (*desk.Desk, error) {
	d, err := desk.Open(p.network.Folder(organisation, as))
	if err == nil {
		p.desks = append(p.desks, d)
	}
	return d, err
}
