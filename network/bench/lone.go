// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"ecoupon/network/bench/load"
	"ecoupon/network/bench/report"
	"ecoupon/network/desk"
)

// warmUp rounds are made and not counted.
const warmUp = 20

// Names of loads that are compared.
const (
	loneRedemption = "redemption through the service"
	loneWrite      = "bare write of one key"
)

// lone measures one redemption after the other, and the bare writes.
func (b *bench) lone(ctx context.Context) error {
	if err := b.fill(ctx, bound, warmUp+b.times.rounds); err != nil {
		return err
	}
	var redemptions, writes load.Result
	s := &selling{form: bound}
	redeem := s.work(b)
	for i := range warmUp + b.times.rounds {
		redeemed, err := timed(func() error { _, err := redeem(ctx, 0); return err })
		if err != nil {
			return fmt.Errorf("redeeming: %w", err)
		}
		wrote, err := timed(func() error { return b.write(ctx) })
		if err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if i >= warmUp {
			redemptions.Samples, writes.Samples = append(redemptions.Samples, redeemed), append(writes.Samples, wrote)
		}
	}
	l := report.Load{Part: "lone", Name: loneRedemption, Unit: "coupons", InFlight: 1}
	l.Sum(inARow(redemptions))
	b.note(l)
	w := report.Load{Part: "lone", Name: loneWrite, Unit: "keys", InFlight: 1}
	w.Sum(inARow(writes))
	b.note(w)
	fmt.Fprintf(b.out, "%-12s ratio of the medians: %.2f\n", "", l.Latency.Median/w.Latency.Median)
	return nil
}

// inARow has the samples follow each other without a pause.
func inARow(r load.Result) load.Result {
	at := time.Duration(0)
	for i := range r.Samples {
		r.Samples[i].Due = at
		at += r.Samples[i].Took
	}
	return r
}

func timed(do func() error) (load.Sample, error) {
	began := time.Now()
	err := do()
	return load.Sample{Took: time.Since(began), Units: 1}, err
}

// write writes one key and reads nothing, with the endorsers of a redemption.
func (b *bench) write(ctx context.Context) error {
	return b.submit(ctx, desk.Call{
		Function: "Bare", Arguments: []string{strconv.FormatInt(time.Now().UnixNano(), 10)}, Endorsers: []string{issuer, retailer},
	})
}
