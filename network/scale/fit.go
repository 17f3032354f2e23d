// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"ecoupon/network/bench/report"
)

// cost is the processor time of a group of processes: Idle in processors, the
// others in seconds for each block, transaction and coupon.
type cost struct{ Idle, Block, Transaction, Coupon float64 }

// at is how many processors the group keeps busy.
func (c cost) at(l flow) float64 {
	return c.Idle + c.Block*l.Blocks + c.Transaction*l.Transactions + c.Coupon*l.Coupons
}

// each is the cost of one of several processes that share the group's work.
func (c cost) each(processes float64) cost {
	return cost{c.Idle / processes, c.Block / processes, c.Transaction / processes, c.Coupon / processes}
}

// flow is what goes through a channel in a second.
type flow struct{ Blocks, Transactions, Coupons float64 }

// observation is a load that was measured: what went through, and the processors
// that each group kept busy.
type observation struct {
	flow
	cores map[string]float64
}

// idle is the part in which nothing is to do.
const idle = "idle"

// parts are those of the benchmark that a model is fitted to: bound coupons in
// batches and one by one, transactions without coupons, and nothing at all.
var parts = []string{idle, "steady", "bound", "single", "empty"}

func observations(r report.Report) []observation {
	var seen []observation
	for _, l := range r.Loads {
		if !slices.Contains(parts, l.Part) || l.Seconds == 0 || l.Blocks == 0 && l.Part != idle {
			continue
		}
		o := observation{
			flow:  flow{Blocks: float64(l.Blocks) / l.Seconds, Transactions: float64(l.Transactions) / l.Seconds},
			cores: l.Cores,
		}
		if l.Unit == "coupons" {
			o.Coupons = l.PerSecond
		}
		seen = append(seen, o)
	}
	return seen
}

// leastCores is below what any group keeps busy that is worth a model.
const leastCores = 0.001

// fit finds the costs of a group, none below zero, that explain what was seen with
// the least squares of relative differences: small loads count like large ones.
func fit(seen []observation, group string) (cost, error) {
	const terms = 4
	if len(seen) < terms {
		return cost{}, fmt.Errorf("%d loads with blocks are too few to fit %d costs of %s to", len(seen), terms, group)
	}
	columns := []int{0, 1, 2, 3}
	for {
		a := mat.NewDense(len(seen), len(columns), nil)
		b := mat.NewVecDense(len(seen), nil)
		for i, o := range seen {
			row, busy := [terms]float64{1, o.Blocks, o.Transactions, o.Coupons}, max(o.cores[group], leastCores)
			for j, column := range columns {
				a.Set(i, j, row[column]/busy)
			}
			b.SetVec(i, o.cores[group]/busy)
		}
		var x mat.VecDense
		if err := x.SolveVec(a, b); err != nil {
			return cost{}, fmt.Errorf("fitting the costs of %s: %w", group, err)
		}
		lowest := 0
		var found [terms]float64
		for j, column := range columns {
			found[column] = x.AtVec(j)
			if x.AtVec(j) < x.AtVec(lowest) {
				lowest = j
			}
		}
		if x.AtVec(lowest) >= 0 || len(columns) == 1 {
			return cost{max(0, found[0]), found[1], found[2], found[3]}, nil
		}
		columns = slices.Delete(columns, lowest, lowest+1)
	}
}

// deviation is how good a fit is: the root of the mean square of relative
// differences.
func (c cost) deviation(seen []observation, group string) float64 {
	sum := 0.0
	for _, o := range seen {
		off := (c.at(o.flow) - o.cores[group]) / max(o.cores[group], leastCores)
		sum += off * off
	}
	return math.Sqrt(sum / float64(max(1, len(seen))))
}
