// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ecoupon/network/bench/load"
)

// ceiling is above what a crowd gets of the network in a second.
const ceiling = 6000

// national is the rate of redemptions of the whole USA at a peak ten times their
// average.
const national = 540

// part is one thing that is measured.
type part struct {
	name, about string
	// network says whether it takes one.
	network bool
	measure func(*bench, context.Context) error
}

// parts are all of them, in their order.
func parts() []part {
	return []part{
		{"coupons", "how large coupons are, and what it takes to make and check them beside signatures", false,
			func(b *bench, _ context.Context) error { return measureCoupons(b.out) }},
		{"lane", "dynamic coupons issued on one lane, in process", false, (*bench).issueInProcess},
		{"central", "bound coupons at one service in front of PostgreSQL, and the database by itself", false, (*bench).centrally},
		{"idle", "the network with nothing to do", true, (*bench).idle},
		{"lone", "one customer after the other, and bare writes of one key in between", true, (*bench).lone},
		{"public", "dynamic coupons issued through the advertiser's page", true, (*bench).issuePublicly},
		{"steady", fmt.Sprintf("bound coupons, %d customers a second", national), true, (*bench).steady},
		{"bound", "bound coupons, as many as can be sustained", true, (*bench).boundCoupons},
		{"mix", "bound coupons, 1, 2 and 3 for 70, 20 and 10 % of the customers", true, (*bench).mix},
		{"bad", "bound coupons, of which some are not good", true, (*bench).bad},
		{"twice", "bound coupons, of which some are shown at two retailers at once", true, (*bench).twice},
		{"bearer", "bearer coupons, as many as can be sustained", true, (*bench).bearerCoupons},
		{"single", "the same redemption, one per transaction", true, (*bench).single},
		{"platform", "blind writes of as many keys and bytes, and empty transactions", true, (*bench).platform},
		{"ledger", "acknowledged redemptions are on the ledger of every peer", true, (*bench).lookUp},
	}
}

func partNames() []string { return namesOf(parts(), func(p part) string { return p.name }) }

// choose returns the parts that a list names, or all if it is empty.
func choose(only string) ([]part, error) {
	if only == "" {
		return parts(), nil
	}
	return pick("-only", only, parts(), func(p part) string { return p.name })
}

func namesOf[T any](all []T, name func(T) string) []string {
	var names []string
	for _, one := range all {
		names = append(names, name(one))
	}
	return names
}

// pick returns those of all that the list of a flag names, in the order of all.
func pick[T any](flag, list string, all []T, name func(T) string) ([]T, error) {
	wanted := strings.Split(list, ",")
	chosen := slices.DeleteFunc(slices.Clone(all), func(one T) bool { return !slices.Contains(wanted, name(one)) })
	if len(chosen) != len(wanted) {
		return nil, fmt.Errorf("%s %s: there are %s", flag, list, strings.Join(namesOf(all, name), ", "))
	}
	return chosen, nil
}

// idle measures what processes do that nobody asks for anything.
func (b *bench) idle(ctx context.Context) error {
	rest := func(ctx context.Context, _ int) (int, error) {
		select {
		case <-ctx.Done():
		case <-time.After(b.times.rung):
		}
		return 0, ctx.Err()
	}
	plan := load.Plan{Lasts: b.times.rung, Limit: 1}
	b.measure(ctx, measurement{part: "idle", name: "nothing to do", unit: "coupons", plan: plan, work: rest})
	return ctx.Err()
}

func (b *bench) steady(ctx context.Context) error {
	plan := load.Plan{Rate: national, Lasts: b.times.steady, Limit: most}
	_, err := b.sell(ctx, "steady", one, &selling{form: bound}, plan, lateLimit)
	return err
}

// sustained is what the load is called that is offered for the longest time.
const sustained, one = "sustained", "one coupon each"

func (b *bench) boundCoupons(ctx context.Context) error { return b.sustain(ctx, "bound", bound) }

func (b *bench) bearerCoupons(ctx context.Context) error { return b.sustain(ctx, "bearer", bearer) }

// sustain measures what can be sustained with coupons of a form.
func (b *bench) sustain(ctx context.Context, part string, f form) error {
	rate, err := b.rate(ctx, part, f)
	if err != nil {
		return err
	}
	l, err := b.hold(ctx, sustained, b.customers(part, alike(f)), load.Plan{Rate: rate, Lasts: b.times.long}, lower)
	b.rates[f] = l.Offered
	return err
}

// rate is how many customers with coupons of a form can be served in a second, as
// far as it is given or found out already, or else by a search.
func (b *bench) rate(ctx context.Context, part string, f form) (float64, error) {
	given := map[form]float64{bound: b.options.bound, bearer: b.options.bearer}[f]
	if b.rates == nil {
		b.rates = make(map[form]float64)
	}
	if b.rates[f] == 0 {
		b.rates[f] = given
	}
	var err error
	if b.rates[f] == 0 {
		b.rates[f], err = b.search(ctx, b.customers(part, alike(f)), crowd)
	}
	return b.rates[f], err
}

// mix asks for as many coupons in a second as with one each.
func (b *bench) mix(ctx context.Context) error {
	s := &selling{form: bound, coupons: mixed}
	return b.vary(ctx, "mix", "1, 2, 3: 70, 20, 10 %", s, 1/s.perCustomer())
}

func (b *bench) bad(ctx context.Context) error {
	for _, share := range []int{1, 10} {
		if err := b.vary(ctx, "bad", fmt.Sprintf("%d %% bad", share), &selling{form: bound, bad: share}, 1); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) twice(ctx context.Context) error {
	return b.vary(ctx, "twice", "1 % at two retailers", &selling{form: bound, twice: 1}, 1)
}

// vary measures other customers at a share of the rate that is sustained with
// one good bound coupon each.
func (b *bench) vary(ctx context.Context, part, name string, s *selling, share float64) error {
	rate, err := b.rate(ctx, part, bound)
	if err != nil {
		return err
	}
	_, err = b.hold(ctx, name, b.customers(part, func() *selling {
		return &selling{form: s.form, coupons: s.coupons, bad: s.bad, twice: s.twice}
	}), load.Plan{Rate: round(rate * share), Lasts: b.times.side}, muchLower)
	return err
}
