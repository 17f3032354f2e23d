// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"errors"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/issuer/auditing"
	"ecoupon/services/issuer/openings"
)

// openSales asks the emitters of purchase proofs for the sales of closed frames,
// and compares them with the proofs.
func (i *Issuer) openSales(ctx context.Context) error {
	due, err := i.store.dueSales(ctx)
	if err != nil {
		return err
	}
	for _, f := range due {
		if err := i.openFrame(ctx, f); err != nil {
			return err
		}
	}
	return i.judgeProofs(ctx)
}

// openFrame fetches the sales of one frame. They are asked for until they come;
// after a time it is noted that they do not.
func (i *Issuer) openFrame(ctx context.Context, f proofFrame) error {
	framework, err := i.framework(ctx, f.Framework)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, logTimeout)
	opened, err := i.emitters.Openings(limited, framework.Emitter, f.FrameRef, f.coupons)
	cancel()
	if err == nil {
		return i.store.putOpenings(ctx, f.FrameRef, opened)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	i.logger.WarnContext(ctx, "sales are not opened", "framework", f.Framework, "lane", f.Lane, "frame", f.Frame, "error", err)
	if i.now().Sub(time.UnixMilli(f.noticed)) < i.audits.LogPatience {
		return nil
	}
	return i.store.addFinding(ctx, Finding{
		FrameRef: f.FrameRef, Kind: auditing.SalesNotOpened, Detail: clean("the emitter opens no sales: " + err.Error()),
	})
}

// judgeProofs compares what is new, a campaign version at a time: a product has
// one proof in all of it.
func (i *Issuer) judgeProofs(ctx context.Context) error {
	fresh, err := i.store.unjudged(ctx)
	if err != nil {
		return err
	}
	done := make(map[coupon.CampaignRef]bool)
	for _, id := range fresh {
		framework, err := i.framework(ctx, id)
		if err != nil {
			return err
		}
		ref := coupon.CampaignRef{Campaign: framework.Campaign, Version: framework.Version}
		if done[ref] {
			continue
		}
		done[ref] = true
		if err := i.judgeCampaign(ctx, ref); err != nil {
			return err
		}
	}
	return nil
}

func (i *Issuer) judgeCampaign(ctx context.Context, ref coupon.CampaignRef) error {
	emitters, err := i.allEmitters(ctx, ref)
	if err != nil {
		return err
	}
	var campaign coupon.KeyResult
	if err := i.ask(ctx, "CampaignKey", ref, &campaign); err != nil {
		return err
	}
	c := openings.Case{
		ProductKey: coupon.DeriveProductKey(campaign.Key), Emitters: make(map[coupon.FrameworkID]string),
	}
	for _, f := range emitters {
		if err := i.store.addCase(ctx, f, &c); err != nil {
			return errors.Join(errors.New("collecting purchase proofs"), err)
		}
	}
	var found []Finding
	for _, f := range openings.Compare(c) {
		found = append(found, Finding{FrameRef: f.FrameRef, Kind: auditing.Kind(f.Kind), SN: f.SN, Detail: clean(f.Detail)})
	}
	return i.store.judged(ctx, c, found)
}
