// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"ecoupon/network/bench/report"
	"ecoupon/network/runner"
)

// side is a network that is compared with the one that is measured otherwise.
type side struct {
	name, about string
	// change makes it of the other.
	change func(*runner.Consortium)
}

func sides() []side {
	return []side{
		{"raft", "orderers that agree by Raft, beside BFT", func(c *runner.Consortium) { c.Raft = true }},
		{"seven", "seven organisations with an orderer each, beside four", func(c *runner.Consortium) {
			for i := 2; i <= 4; i++ {
				c.Organisations = append(c.Organisations, runner.Organisation{
					Name: fmt.Sprintf("retailer%d", i), MSPID: fmt.Sprintf("Retailer%dMSP", i), Roles: []string{runner.Retailer},
				})
			}
		}},
	}
}

// side measures both networks in turn.
func (c *comparison) side(ctx context.Context, s side) error {
	if c.state.Side(s.name) != nil {
		return nil
	}
	usual := consortium(c.options.interval)
	other := consortium(c.options.interval)
	s.change(&other)
	done := report.Side{Name: s.name}
	err := c.onFresh(ctx, usual, func(one *bench, _ string) error {
		return c.onFresh(ctx, other, func(two *bench, _ string) error {
			return inTurn(ctx, s.name, contender{one, "usual", &done.Usual}, contender{two, s.name, &done.Other})
		})
	})
	if err != nil {
		return err
	}
	c.state.Sides = append(c.state.Sides, done)
	return c.save()
}
