// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/issuing"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/sqlstore"
)

// settlePause is between two attempts to ask the ledger.
const settlePause = 500 * time.Millisecond

var errUnsettled = errors.New("which serial numbers were given out before is not known yet")

// Ready returns nil once coupons can be issued.
func (a *Advertiser) Ready(context.Context) error {
	if !a.settled.Load() {
		return errUnsettled
	}
	return nil
}

// settle makes sure that no serial number is given out twice because the store
// has lost some. Where it is new or restored, another may have been at work
// before: then all numbers of the mandates that are there already count as given
// out, but for the lanes that who restored it said were never used. Of dynamic
// coupons only the lanes that the store knows are left: whether another was
// opened the ledger tells, see keeper. It returns nil when ctx ends first.
func (a *Advertiser) settle(ctx context.Context) error {
	origin, err := a.store.db.Origin(ctx)
	if err != nil {
		return err
	}
	if origin.Whole {
		a.settled.Store(true)
		return nil
	}
	before, asked := a.mandatesUntilNow(ctx)
	if !asked {
		return nil
	}
	if err := a.store.giveUp(ctx, before, origin.LanesFrom); err != nil {
		return fmt.Errorf("leaving out what may have been given out: %w", err)
	}
	for _, f := range before {
		a.logger.WarnContext(ctx, "serial numbers of a mandate from before this store are left out",
			"framework", f.ID, "lanes", len(f.Quotas), "lanes_from", origin.LanesFrom)
	}
	a.settled.Store(true)
	return nil
}

// mandatesUntilNow lists the own mandates that the store or the ledger has. It
// asks until the ledger answers; false if ctx ended first.
func (a *Advertiser) mandatesUntilNow(ctx context.Context) (mandates []coupon.Framework, asked bool) {
	for {
		found, err := a.mandates(ctx)
		if err == nil {
			return found, true
		}
		a.logger.WarnContext(ctx, "mandates cannot be asked for", "error", err)
		timer := time.NewTimer(settlePause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, false
		case <-timer.C:
		}
	}
}

func (a *Advertiser) mandates(ctx context.Context) ([]coupon.Framework, error) {
	var found []coupon.Framework
	for _, o := range a.sorted() {
		found = append(found, o.Framework)
	}
	for _, namespace := range a.namespaces {
		page := coupon.PageQuery{Size: coupon.MaxPage}
		for {
			var campaigns coupon.CampaignPage
			if err := a.ask(ctx, namespace, "ListCampaigns", page, &campaigns); err != nil {
				return nil, err
			}
			for _, c := range campaigns.Campaigns {
				under, err := a.mandatesUnder(ctx, namespace, c.Campaign)
				if err != nil {
					return nil, err
				}
				found = append(found, under...)
			}
			if page.After = campaigns.Next; page.After == "" {
				break
			}
		}
	}
	return found, nil
}

func (a *Advertiser) mandatesUnder(ctx context.Context, namespace string, c coupon.Campaign) ([]coupon.Framework, error) {
	var found []coupon.Framework
	query := coupon.FrameworksQuery{Campaign: c.ID, Version: c.Version, PageQuery: coupon.PageQuery{Size: coupon.MaxPage}}
	for {
		var page coupon.FrameworkPage
		if err := a.ask(ctx, namespace, "ListFrameworks", query, &page); err != nil {
			return nil, err
		}
		for _, f := range page.Frameworks {
			if f.Emitter == a.self {
				found = append(found, f)
			}
		}
		if query.After = page.Next; query.After == "" {
			return found, nil
		}
	}
}

func (a *Advertiser) ask(ctx context.Context, namespace, function string, argument, out any) error {
	return a.ledger.Evaluate(ctx, ledger.Call{
		Namespace: namespace, Function: function, Argument: argument, Endorsers: []string{a.self},
	}, out)
}

// giveUp counts all numbers of the mandates as given out, but for lanes from
// the first unused one on, if that is not negative. Then the store is whole.
func (s store) giveUp(ctx context.Context, mandates []coupon.Framework, unused int) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, f := range mandates {
			if f.Kind != coupon.KindStatic {
				if err := leaveLanes(ctx, tx, f); err != nil {
					return err
				}
				continue
			}
			for lane, quota := range f.Quotas {
				if unused >= 0 && lane >= unused {
					break
				}
				_, err := tx.ExecContext(ctx, `
					INSERT INTO lanes (framework_id, lane, last_sn) VALUES (?, ?, ?)
					ON CONFLICT (framework_id, lane) DO UPDATE SET last_sn = excluded.last_sn`, f.ID[:], lane, quota)
				if err != nil {
					return err
				}
			}
		}
		return sqlstore.Settle(ctx, tx)
	})
}

// leaveLanes leaves the lanes of dynamic coupons that the store knows: the
// ledger, or customers, may have more of their chains.
func leaveLanes(ctx context.Context, tx *sql.Tx, f coupon.Framework) error {
	for lane, quota := range f.Quotas {
		known, err := issuing.Known(ctx, tx, f.ID, uint16(lane))
		if err != nil {
			return err
		}
		if !known {
			continue
		}
		if err := issuing.Lose(ctx, tx, f.ID, uint16(lane), quota); err != nil {
			return err
		}
	}
	return nil
}
