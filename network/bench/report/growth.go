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

// Growth is what a network does while its ledger grows, beside one with an empty
// ledger.
type Growth struct {
	Began   time.Time `json:"began"`
	Commit  string    `json:"commit"`
	Machine Machine   `json:"machine"`
	// Redeemed coupons were spent at tills; for Blind ones a transaction wrote keys
	// and values as long as their redemptions do.
	Redeemed int     `json:"redeemed"`
	Blind    int     `json:"blind"`
	Levels   []Level `json:"levels"`
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
func (g *Growth) Spent() int { return g.Redeemed + g.Blind }

// Done reports whether a level is measured.
func (g *Growth) Done(asked int) bool {
	return slices.ContainsFunc(g.Levels, func(l Level) bool { return l.Asked == asked })
}

// Print writes the tables. Ratios are of medians, grown by fresh.
func (g *Growth) Print(out io.Writer) {
	fmt.Fprintf(out, "\n%s, commit %s\n%s\n\n", g.Began.Format("2 January 2006, 15:04 MST"), g.Commit, g.Machine)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "spent\tredeemed at tills\tcoupons/s: fresh\tgrown\tratio\t99 % ms: fresh\tgrown\tratio\tlone ms: fresh\tgrown\tratio\tstart s: fresh\tgrown\t")
	for _, l := range g.Levels {
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%.1f\t%.1f\t\n", l.Spent, l.Redeemed, compared("%.0f", l.Fresh.PerSecond, l.Grown.PerSecond),
			compared("%.0f", l.Fresh.Late, l.Grown.Late), compared("%.1f", l.Fresh.Lone, l.Grown.Lone), l.Fresh.Start, l.Grown.Start)
	}
	_ = w.Flush()
	fmt.Fprintln(out)
	fmt.Fprintln(w, "spent\tof all\tMiB\tbytes for each coupon\t")
	for i, l := range g.Levels {
		for _, kind := range slices.Sorted(maps.Keys(l.Disk)) {
			each := ""
			if i > 0 {
				before := g.Levels[i-1]
				each = fmt.Sprintf("%.0f", float64(l.Disk[kind]-before.Disk[kind])/float64(l.Spent-before.Spent))
			}
			fmt.Fprintf(w, "%d\t%s\t%.1f\t%s\t\n", l.Spent, kind, float64(l.Disk[kind])/(1<<20), each)
		}
	}
	_ = w.Flush()
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
func (g *Growth) Save(dir string) (string, error) {
	return save(dir, g.Began.UTC().Format(fileTime)+"-growth.json", g)
}
