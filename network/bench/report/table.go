// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Line prints one load as it is measured.
func (l Load) Line(out io.Writer) {
	offered := fmt.Sprintf("offered %.0f/s", l.Offered)
	if l.Offered == 0 {
		offered = fmt.Sprintf("%d in flight", l.InFlight)
	}
	verdict := ""
	if l.Offered != 0 && !l.KeptUp {
		verdict = "  did not keep up"
	}
	took := ""
	if l.Requests > 0 {
		took = fmt.Sprintf("   median %.1f   90 %% %.1f   99 %% %.1f   max %.1f ms", l.Latency.Median, l.Latency.P90, l.Latency.P99, l.Latency.Greatest)
	}
	fmt.Fprintf(out, "%-12s %-36s %-16s %8.0f %s/s%s%s\n", l.Part, l.Name, offered, l.PerSecond, l.Unit, took, verdict)
	for _, more := range []struct {
		name   string
		counts map[string]int
	}{{"failed", l.Failed}, {"sent again", l.Repeated}, {"refused as they should be", l.Refused}} {
		if len(more.counts) > 0 {
			fmt.Fprintf(out, "%-12s %s: %s\n", "", more.name, list(more.counts))
		}
	}
	if len(l.Cores) > 0 {
		fmt.Fprintf(out, "%-12s processors busy: %s\n", "", cores(l.Cores))
	}
}

// list names counts in a fixed order.
func list(counts map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d times", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}

// cores lists groups, the busiest first, and their sum.
func cores(busy map[string]float64) string {
	names := slices.SortedFunc(maps.Keys(busy), func(a, b string) int {
		if busy[a] != busy[b] {
			if busy[a] > busy[b] {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	sum := 0.0
	var parts []string
	for _, name := range names {
		sum += busy[name]
		if busy[name] >= 0.005 {
			parts = append(parts, fmt.Sprintf("%s %.2f", name, busy[name]))
		}
	}
	return fmt.Sprintf("%s; together %.2f", strings.Join(parts, ", "), sum)
}

// Print writes the tables: what was measured, what kept the processors busy, and
// the targets.
func (r *Report) Print(out io.Writer) {
	fmt.Fprintf(out, "\n%s, commit %s\n%s\n", r.Began.Format("2 January 2006, 15:04 MST"), r.Commit, r.Machine)
	if r.Short {
		fmt.Fprintln(out, "a short run: its figures do not count")
	}
	r.printLoads(out)
	r.printCores(out)
	r.printTargets(out)
}

func (r *Report) printLoads(out io.Writer) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "part\twhat\toffered/s\tin flight\tseconds\tdone/s\tunit\tmedian ms\t90 %\t99 %\t99.9 %\tmax\tkept up\tfailed\t")
	for _, l := range r.Loads {
		offered, inFlight, kept := "", "", "yes"
		if l.Offered > 0 {
			offered = fmt.Sprintf("%.0f", l.Offered)
		} else {
			inFlight, kept = fmt.Sprint(l.InFlight), ""
		}
		if l.Offered > 0 && !l.KeptUp {
			kept = "no"
		}
		failed := 0
		for _, n := range l.Failed {
			failed += n
		}
		took := "\t\t\t\t"
		if l.Requests > 0 {
			took = fmt.Sprintf("%.1f\t%.1f\t%.1f\t%.1f\t%.1f", l.Latency.Median, l.Latency.P90, l.Latency.P99, l.Latency.P999, l.Latency.Greatest)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.0f\t%.0f\t%s\t%s\t%s\t%d\t\n", l.Part, l.Name, offered, inFlight, l.Seconds,
			l.PerSecond, l.Unit, took, kept, failed)
	}
	_ = w.Flush()
}

// groups are all groups of processes that any load kept busy.
func (r *Report) groups() []string {
	all := make(map[string]bool)
	for _, l := range r.Loads {
		for name, busy := range l.Cores {
			if busy >= 0.005 {
				all[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func (r *Report) printCores(out io.Writer) {
	groups := r.groups()
	if len(groups) == 0 {
		return
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "processors busy\tdone/s\t%s\ttogether\t\n", strings.Join(groups, "\t"))
	for _, l := range r.Loads {
		if len(l.Cores) == 0 {
			continue
		}
		fmt.Fprintf(w, "%s: %s\t%.0f\t", l.Part, l.Name, l.PerSecond)
		sum := 0.0
		for _, group := range groups {
			fmt.Fprintf(w, "%.2f\t", l.Cores[group])
		}
		for _, busy := range l.Cores {
			sum += busy
		}
		fmt.Fprintf(w, "%.2f\t\n", sum)
	}
	_ = w.Flush()
}

func (r *Report) printTargets(out io.Writer) {
	if len(r.Targets) == 0 {
		return
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "target\tmeasured\tto be\t\t\t")
	for _, t := range r.Targets {
		side, verdict := "at least", "met"
		if t.AtMost {
			side = "at most"
		}
		if !t.Met() {
			verdict = "missed"
		}
		fmt.Fprintf(w, "%s\t%.2f %s\t%s\t%g\t%s\t\n", t.Name, t.Value, t.Unit, side, t.Bound, verdict)
	}
	_ = w.Flush()
}
