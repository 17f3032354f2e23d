// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// Comparison is of networks that differ in one thing, measured in turn.
type Comparison struct {
	Began   time.Time `json:"began"`
	Commit  string    `json:"commit"`
	Machine Machine   `json:"machine"`
	Lanes   []Lanes   `json:"lanes,omitempty"`
	Sides   []Side    `json:"sides,omitempty"`
	// Redeemed coupons were spent at the tills of the network that grows; for Blind
	// ones a transaction wrote keys and values as long as their redemptions do.
	Redeemed int     `json:"redeemed,omitempty"`
	Blind    int     `json:"blind,omitempty"`
	Levels   []Level `json:"levels,omitempty"`
}

// Lanes is what customers of an offer with so many lanes get, one entry for each
// round: coupons a second of a crowd, and the 99th percentile of its waits in
// milliseconds.
type Lanes struct {
	Lanes     int       `json:"lanes"`
	PerSecond []float64 `json:"per_second"`
	Late      []float64 `json:"p99_ms"`
}

// Side compares a network with the usual one.
type Side struct {
	Name  string  `json:"name"`
	Usual Sampled `json:"usual"`
	Other Sampled `json:"other"`
}

// Level compares the two networks at a number of spent coupons.
type Level struct {
	// Asked is how many coupons were to be spent, Spent how many were, as what is
	// measured spends some, and Redeemed how many of them at tills.
	Asked    int     `json:"asked"`
	Spent    int     `json:"spent"`
	Redeemed int     `json:"redeemed"`
	Fresh    Sampled `json:"fresh"`
	Grown    Sampled `json:"grown"`
	// Disk is the bytes that files of all processes of a kind take together.
	Disk map[string]int64 `json:"disk"`
}

// Sampled is one network's part, one entry for each round: coupons a second of a
// crowd, the 99th percentile of its waits, and the median of customers one at a
// time, both in milliseconds.
type Sampled struct {
	PerSecond []float64 `json:"per_second"`
	Late      []float64 `json:"p99_ms"`
	Lone      []float64 `json:"lone_ms"`
	// Start is the seconds from a start to service.
	Start float64 `json:"start_s"`
}

// Spent is how many coupons stand on the ledger that grows.
func (c *Comparison) Spent() int { return c.Redeemed + c.Blind }

// Done reports whether a level is measured.
func (c *Comparison) Done(asked int) bool {
	return slices.ContainsFunc(c.Levels, func(l Level) bool { return l.Asked == asked })
}

// Side returns the comparison of a name; nil if it is not made yet.
func (c *Comparison) Side(name string) *Side {
	for i := range c.Sides {
		if c.Sides[i].Name == name {
			return &c.Sides[i]
		}
	}
	return nil
}

// Print writes the tables. Ratios are of medians: more lanes by one, other by
// usual, grown by fresh.
func (c *Comparison) Print(out io.Writer) {
	fmt.Fprintf(out, "\n%s, commit %s\n%s\n", c.Began.Format("2 January 2006, 15:04 MST"), c.Commit, c.Machine)
	table := func(rows func(w io.Writer)) {
		fmt.Fprintln(out)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		rows(w)
		_ = w.Flush()
	}
	if len(c.Lanes) > 0 {
		table(c.printLanes)
	}
	if len(c.Sides) > 0 {
		table(c.printSides)
	}
	if len(c.Levels) > 0 {
		table(c.printLevels)
		table(c.printDisk)
	}
}

func (c *Comparison) printLanes(w io.Writer) {
	fmt.Fprintln(w, "lanes\tcoupons/s: one lane\tthese\tratio\t99 % ms: one lane\tthese\tratio\t")
	for _, l := range c.Lanes {
		fmt.Fprintf(w, "%d\t%s\t%s\t\n", l.Lanes, compared("%.0f", c.Lanes[0].PerSecond, l.PerSecond), compared("%.0f", c.Lanes[0].Late, l.Late))
	}
}

func (c *Comparison) printSides(w io.Writer) {
	fmt.Fprintln(w, "network\tcoupons/s: usual\tother\tratio\t99 % ms: usual\tother\tratio\tlone ms: usual\tother\tratio\t")
	for _, s := range c.Sides {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", s.Name, compared("%.0f", s.Usual.PerSecond, s.Other.PerSecond),
			compared("%.0f", s.Usual.Late, s.Other.Late), compared("%.1f", s.Usual.Lone, s.Other.Lone))
	}
}

func (c *Comparison) printLevels(w io.Writer) {
	fmt.Fprintln(w, "spent\tredeemed at tills\tcoupons/s: fresh\tgrown\tratio\t99 % ms: fresh\tgrown\tratio\tlone ms: fresh\tgrown\tratio\tstart s: fresh\tgrown\t")
	for _, l := range c.Levels {
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%.1f\t%.1f\t\n", l.Spent, l.Redeemed, compared("%.0f", l.Fresh.PerSecond, l.Grown.PerSecond),
			compared("%.0f", l.Fresh.Late, l.Grown.Late), compared("%.1f", l.Fresh.Lone, l.Grown.Lone), l.Fresh.Start, l.Grown.Start)
	}
}

func (c *Comparison) printDisk(w io.Writer) {
	fmt.Fprintln(w, "spent\tof all\tMiB\tbytes for each coupon\t")
	for i, l := range c.Levels {
		for _, kind := range slices.Sorted(maps.Keys(l.Disk)) {
			each := ""
			if i > 0 {
				before := c.Levels[i-1]
				each = fmt.Sprintf("%.0f", float64(l.Disk[kind]-before.Disk[kind])/float64(l.Spent-before.Spent))
			}
			fmt.Fprintf(w, "%d\t%s\t%.1f\t%s\t\n", l.Spent, kind, float64(l.Disk[kind])/(1<<20), each)
		}
	}
}

// compared gives the medians of two networks, and their ratio.
func compared(format string, fresh, grown []float64) string {
	a, b := median(fresh), median(grown)
	return fmt.Sprintf(format+"\t"+format+"\t%.2f", a, b, b/a)
}

// median of some numbers; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Save writes it as JSON into a directory, and returns the file's path.
func (c *Comparison) Save(dir string) (string, error) {
	return save(dir, c.Began.UTC().Format(fileTime)+"-comparison.json", c)
}
