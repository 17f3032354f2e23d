// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"

	"ecoupon/network/bench/load"
	"ecoupon/network/bench/report"
)

// laneCounts are how many lanes the offers have that are compared.
var laneCounts = []int{1, 2, 4, 8, 16}

// lanes measures how many dynamic coupons customers get from the advertiser's page,
// offers with more and fewer lanes in turn.
func (c *comparison) lanes(ctx context.Context) error {
	if len(c.state.Lanes) > 0 {
		return nil
	}
	done := make([]report.Lanes, len(laneCounts))
	err := c.onFresh(ctx, consortium(c.options.interval), func(b *bench, _ string) error {
		offers := make([]string, len(laneCounts))
		for i, count := range laneCounts {
			done[i].Lanes = count
			campaign := campaigns[dynamic]
			campaign.ID += "-" + strconv.Itoa(count)
			quotas := make([]int64, count)
			for lane := range quotas {
				quotas[lane] = quota / int64(count)
			}
			var err error
			if offers[i], err = b.launch(ctx, campaign, quotas); err != nil {
				return err
			}
		}
		if err := b.awaitOffers(ctx, offers); err != nil {
			return err
		}
		page, err := b.page()
		if err != nil {
			return err
		}
		defer page.close()
		for range comparisonRounds {
			for i := range done {
				s := new(counts)
				l := b.measure(ctx, measurement{
					part: "lanes", name: fmt.Sprintf("%d lanes", done[i].Lanes), unit: "coupons", repeated: s,
					plan: load.Plan{Lasts: b.times.rung, Limit: visitors},
					work: func(ctx context.Context, _ int) (int, error) { return 1, page.ask(ctx, offers[i], s) },
				})
				if ctx.Err() != nil {
					return ctx.Err()
				}
				done[i].PerSecond = append(done[i].PerSecond, l.PerSecond)
				done[i].Late = append(done[i].Late, l.Latency.P99)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.state.Lanes = done
	return c.save()
}
