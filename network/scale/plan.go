// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"ecoupon/network/bench/report"
)

const year = 365 * 24 * 3600

// mostBlocks is how many blocks there are in a second at most: orderers agree on
// one after the other, each of which takes about 30 ms.
const mostBlocks = 33

// groups are those that the model has costs of, and how many processes each had in
// what was measured: peers and chaincode of issuer and retailer, two other peers,
// four orderers, and a retailer's service.
var (
	groups    = []string{report.EndorsingPeers, report.OtherPeers, report.Orderers, report.Chaincode, report.RetailerService}
	processes = map[string]float64{
		report.EndorsingPeers: 2, report.OtherPeers: 2, report.Orderers: 4, report.Chaincode: 2, report.RetailerService: 1,
	}
)

// demand is how many coupons are redeemed, and where.
type demand struct {
	// PerYear is how many, Peak how many times the average is redeemed at the
	// busiest time.
	PerYear, Peak float64
	// Channel is how many a second go through one channel at most; Retailers redeem
	// in each, Gather seconds' sales in a batch.
	Channel, Retailers, Gather float64
	// Busy is the share of its processors that a process is to use at most.
	Busy float64
}

// needs is what a demand takes.
type needs struct {
	Average, AtPeak float64
	Channels        float64
	// Each is what goes through a channel at the peak.
	Each flow
	// Cores by group, of one process in one channel at the peak.
	Cores map[string]float64
	// Peer and Orderer are the bytes by which the files of one grow in a year, in
	// one channel.
	Peer, Orderer float64
}

// bytes are what files grow by for each coupon, of one process.
type bytes struct{ Peer, Orderer float64 }

func plan(d demand, costs map[string]cost, size bytes) needs {
	n := needs{Average: d.PerYear / year, Cores: make(map[string]float64)}
	n.AtPeak = n.Average * d.Peak
	n.Channels = math.Ceil(n.AtPeak / d.Channel)
	coupons := n.AtPeak / n.Channels
	batch := max(1, coupons/d.Retailers*d.Gather)
	n.Each = flow{Coupons: coupons, Transactions: coupons / batch}
	n.Each.Blocks = min(n.Each.Transactions, mostBlocks)
	for _, group := range groups {
		through := n.Each
		if group == report.RetailerService {
			through = flow{Coupons: coupons / d.Retailers, Transactions: n.Each.Transactions / d.Retailers}
		}
		n.Cores[group] = costs[group].each(processes[group]).at(through) / d.Busy
	}
	stored := d.PerYear / n.Channels
	n.Peer, n.Orderer = stored*size.Peer, stored*size.Orderer
	return n
}

func (n needs) print(out io.Writer, d demand) {
	fmt.Fprintf(out, "\n%.2g coupons a year: %.0f/s on average, %.0f/s at the peak\n", d.PerYear, n.Average, n.AtPeak)
	fmt.Fprintf(out, "%.0f channels of %.0f/s, with %.0f retailers each: %.1f transactions/s of %.1f coupons, %.1f blocks/s\n",
		n.Channels, n.Each.Coupons, d.Retailers, n.Each.Transactions, n.Each.Coupons/n.Each.Transactions, n.Each.Blocks)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "one process in one channel\tprocessors\tTB a year\t")
	disk := map[string]float64{report.EndorsingPeers: n.Peer, report.OtherPeers: n.Peer, report.Orderers: n.Orderer}
	for _, group := range groups {
		stored := ""
		if grows, some := disk[group]; some {
			stored = fmt.Sprintf("%.2f", grows/1e12)
		}
		fmt.Fprintf(w, "%s\t%.2f\t%s\t\n", group, n.Cores[group], stored)
	}
	_ = w.Flush()
}
