// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"math"
	"math/big"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/issuer/auditing"
)

// Customer fetches coupons as anybody does: over the public address of an
// emitter, without a certificate, and with nothing that tells who asks.
type Customer interface {
	// Fetch gets one coupon of a framework. A refusal by the emitter is a
	// *coupon.Error.
	Fetch(ctx context.Context, emitter string, framework coupon.FrameworkID) (coupon.Coupon, error)
}

const (
	// probeTimeout bounds one probe: a request that finds a frame over waits for
	// the next one to open.
	probeTimeout = time.Minute
	// probeTolerance is how far a probe's time of release may be from when it was
	// fetched: what the clocks of two members may differ by.
	probeTolerance = coupon.FrameTolerance
)

// Probe is what came of a coupon that was fetched for the audit.
type Probe struct {
	Coupon   coupon.Coupon
	Findings []Finding
}

// probe fetches coupons at random times until ctx ends. The times have no
// memory: that one was fetched tells nothing of the next.
func (i *Issuer) probe(ctx context.Context) error {
	if i.audits.ProbeInterval < 0 {
		return nil
	}
	wait := i.audits.FirstProbe
	for {
		timer := time.NewTimer(wait + randomTime(i.audits.ProbeInterval))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		wait = 0
		if err := i.probeAny(ctx); err != nil && ctx.Err() == nil {
			i.logger.WarnContext(ctx, "no coupon was fetched for the audit", "error", err)
		}
	}
}

// randomTime is exponentially distributed.
func randomTime(mean time.Duration) time.Duration {
	const steps = 1 << 53
	u := float64(random(steps)+1) / steps
	return time.Duration(-math.Log(u) * float64(mean))
}

// random is a number below n that nobody can guess.
func random(n int64) int64 {
	// It never returns an error: a system without randomness ends the process.
	drawn, _ := rand.Int(rand.Reader, big.NewInt(n))
	return drawn.Int64()
}

// probeAny probes one of the frameworks that coupons can be had of.
func (i *Issuer) probeAny(ctx context.Context) error {
	frameworks, err := i.probed(ctx)
	if err != nil || len(frameworks) == 0 {
		return err
	}
	_, err = i.Probe(ctx, frameworks[random(int64(len(frameworks)))].ID)
	return err
}

// probed lists the frameworks whose coupons the public can have now.
func (i *Issuer) probed(ctx context.Context) (found []coupon.Framework, err error) {
	page := coupon.PageQuery{Size: coupon.MaxPage}
	for {
		campaigns, err := i.Campaigns(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, entry := range campaigns.Campaigns {
			if i.refusal(entry) != nil {
				continue
			}
			under, err := i.allEmitters(ctx, coupon.CampaignRef{Campaign: entry.Campaign.ID, Version: entry.Campaign.Version})
			if err != nil {
				return nil, err
			}
			for _, f := range under {
				if !i.public(f) {
					continue
				}
				mandate, err := i.Mandate(ctx, f.ID)
				if err != nil {
					return nil, err
				}
				if mandate.State.CheckIssuing("") == nil {
					found = append(found, f)
				}
			}
		}
		if page.After = campaigns.Next; page.After == "" {
			return found, nil
		}
	}
}

// refusal says why no coupons of a campaign can be had now.
func (i *Issuer) refusal(entry coupon.CampaignEntry) error {
	now := i.now().UnixMilli()
	switch {
	case entry.State.Status == coupon.StatusPaused:
		return coupon.Refuse(coupon.ReasonCampaignPaused, "framework_id", "the campaign is paused")
	case entry.State.Status == coupon.StatusClosed:
		return coupon.Refuse(coupon.ReasonCampaignClosed, "framework_id", "the campaign is closed")
	case now < entry.Campaign.Begin:
		return coupon.Refuse(coupon.ReasonCampaignNotBegun, "framework_id", "the campaign has not begun")
	case now >= entry.Campaign.End:
		return coupon.Refuse(coupon.ReasonCampaignOver, "framework_id", "the campaign is over")
	}
	return nil
}

// public says whether the framework's emitter has a public side, and coupons to
// be compared with a log.
func (i *Issuer) public(f coupon.Framework) bool {
	emitter, found := i.directory.ByMSP(f.Emitter)
	return found && f.Kind == coupon.KindDynamic && emitter.Services[config.RoleAdvertiser].PublicURL != ""
}

func (i *Issuer) allEmitters(ctx context.Context, ref coupon.CampaignRef) (all []coupon.Framework, err error) {
	query := coupon.FrameworksQuery{Campaign: ref.Campaign, Version: ref.Version, PageQuery: coupon.PageQuery{Size: coupon.MaxPage}}
	for {
		page, err := i.Emitters(ctx, query)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Frameworks...)
		if query.After = page.Next; query.After == "" {
			return all, nil
		}
	}
}

// Probe fetches a coupon of a framework, judges it by itself, and keeps what it
// must say of itself in its frame's log. It is never redeemed. Of a campaign or
// a mandate that does not go on it is refused with the reason, of coupons that
// the public cannot have, or that are static, with UNSUPPORTED_KIND.
func (i *Issuer) Probe(ctx context.Context, id coupon.FrameworkID) (Probe, error) {
	mandate, err := i.Mandate(ctx, id)
	if err != nil {
		return Probe{}, err
	}
	framework := mandate.Framework
	entry, err := i.Campaign(ctx, coupon.CampaignRef{Campaign: framework.Campaign, Version: framework.Version})
	if err != nil {
		return Probe{}, err
	}
	if err := i.refusal(entry); err != nil {
		return Probe{}, err
	}
	if err := mandate.State.CheckIssuing("framework_id"); err != nil {
		return Probe{}, err
	}
	if !i.public(framework) {
		return Probe{}, coupon.Refuse(coupon.ReasonUnsupportedKind, "framework_id", "the public has no dynamic coupons of this framework")
	}
	limited, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	asked := i.now().UnixMilli()
	c, err := i.customer.Fetch(limited, framework.Emitter, id)
	if err != nil {
		return Probe{}, i.unserved(ctx, framework, err)
	}
	p := Probe{Coupon: c}
	if p.Findings, err = i.judgeProbe(ctx, framework, c, asked); err != nil {
		return Probe{}, err
	}
	err = i.store.db.Update(ctx, func(tx *sql.Tx) error {
		for _, f := range p.Findings {
			if err := i.store.noteFinding(ctx, tx, f); err != nil {
				return err
			}
		}
		return i.store.noteCoupon(ctx, tx, knownCoupon{
			FrameRef: coupon.FrameOf(c), sn: c.SN, leaf: c.Entry().Leaf(), source: sourceProbe,
		})
	})
	i.metrics.probed(err == nil, p.Findings)
	i.logFindings(ctx, p.Findings)
	i.wake()
	return p, err
}

// unserved notes that an emitter gives no coupon, and returns why. It may have
// none left, or many customers.
func (i *Issuer) unserved(ctx context.Context, framework coupon.Framework, why error) error {
	reason, _ := coupon.ReasonOf(why)
	if ctx.Err() != nil || reason == coupon.ReasonSoldOut || reason == coupon.ReasonRateLimited {
		return why
	}
	f := Finding{
		FrameRef: coupon.FrameRef{Framework: framework.ID}, Kind: auditing.OfferNotServed,
		SN: i.now().UnixMilli(), Detail: clean("no coupon was given: " + why.Error()),
	}
	i.metrics.probed(false, []Finding{f})
	i.logFindings(ctx, []Finding{f})
	return errors.Join(why, i.store.addFinding(ctx, f))
}

// judgeProbe checks what nobody else can before a coupon is redeemed: its MACs;
// and its time, which the issuer has seen.
func (i *Issuer) judgeProbe(ctx context.Context, framework coupon.Framework, c coupon.Coupon, asked int64) ([]Finding, error) {
	var found []Finding
	note := func(kind auditing.Kind, detail string) {
		found = append(found, Finding{FrameRef: coupon.FrameOf(c), Kind: kind, SN: c.SN, Detail: detail})
	}
	ref := coupon.CampaignRef{Campaign: framework.Campaign, Version: framework.Version}
	var campaign coupon.KeyResult
	if err := i.ask(ctx, "CampaignKey", ref, &campaign); err != nil {
		return nil, err
	}
	var beacon coupon.BeaconResult
	err := i.ask(ctx, "Beacon", coupon.FrameOf(c), &beacon)
	reason, _ := coupon.ReasonOf(err)
	if err != nil && reason != coupon.ReasonFrameNotOpen && reason != coupon.ReasonInvalidRequest {
		return nil, err
	}
	mandate := framework.Mandate()
	kME := coupon.DeriveEmitterKey(campaign.Key, framework.Campaign, framework.Emitter, framework.Epoch)
	mandateMAC := mandate.MAC(coupon.DeriveFrameworkKey(campaign.Key))
	switch {
	case err != nil:
		note(auditing.CouponNotValid, "the coupon is of a frame that is not open")
	case c.CheckMACs(kME, mandate.Data(), mandateMAC, beacon.Beacon) != nil:
		note(auditing.CouponNotValid, "the coupon has a wrong MAC: it could never be redeemed")
	}
	if at := c.Release.Time; at < asked-probeTolerance || at > i.now().UnixMilli()+probeTolerance {
		note(auditing.WrongReleaseTime, "the coupon is dated otherwise than it was given")
	}
	return found, nil
}
