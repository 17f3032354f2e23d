// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package report is what a benchmark has found out: as tables for people, as
// JSON, and as charts.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"ecoupon/network/bench/load"
)

// Report is all that one run has measured. Durations are in milliseconds, rates
// in one second.
type Report struct {
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	// Commit is the project's, with a + if files differ from it.
	Commit  string  `json:"commit"`
	Machine Machine `json:"machine"`
	// Short says that the run was too short for its figures to count.
	Short bool `json:"short"`
	// Options are the flags that were given.
	Options []string `json:"options"`
	Loads   []Load   `json:"loads"`
	Targets []Target `json:"targets"`
}

// Load is work that was offered, and what became of it.
type Load struct {
	// Part is the part of the benchmark, Name what is done.
	Part string `json:"part"`
	Name string `json:"name"`
	// Trial says that the rate was only tried, to find one that is sustained.
	Trial bool `json:"trial,omitempty"`
	// Offered is how many pieces of work fell due in a second; 0 where each that
	// is done makes place for the next, and InFlight says of how many.
	Offered  float64 `json:"offered,omitempty"`
	InFlight int     `json:"in_flight,omitempty"`
	Seconds  float64 `json:"seconds"`
	Requests int     `json:"requests"`
	// Unit is what is counted, such as coupons.
	Unit      string  `json:"unit"`
	PerSecond float64 `json:"per_second"`
	// Latency of the requests, waiting included.
	Latency Latency `json:"latency_ms"`
	// Failed, Repeated and Refused count requests: those that should not have
	// failed, those that had to be sent again, and those that were refused as they
	// should be, by reason.
	Failed   map[string]int `json:"failed,omitempty"`
	Repeated map[string]int `json:"repeated,omitempty"`
	Refused  map[string]int `json:"refused,omitempty"`
	// KeptUp reports whether the rate can be sustained.
	KeptUp bool `json:"kept_up"`
	// Cores is how many processors groups of processes kept busy.
	Cores map[string]float64 `json:"cores,omitempty"`
	// Blocks and Transactions are how many the orderers agreed on meanwhile; 0 if
	// they were not asked.
	Blocks       int `json:"blocks,omitempty"`
	Transactions int `json:"transactions,omitempty"`
	// DoneInSecond and LateInSecond are, by the second, units done, and the 99th
	// percentile in milliseconds of what fell due.
	DoneInSecond []int     `json:"done_in_second,omitempty"`
	LateInSecond []float64 `json:"late_in_second,omitempty"`
	// Curve is the latency that each hundredth of the requests did not exceed.
	Curve []float64 `json:"curve,omitempty"`
}

// Latency sums up how long requests took, in milliseconds.
type Latency struct {
	Median   float64 `json:"median"`
	P90      float64 `json:"p90"`
	P99      float64 `json:"p99"`
	P999     float64 `json:"p99_9"`
	Greatest float64 `json:"greatest"`
}

// LatencyOf sums up sorted durations.
func LatencyOf(sorted []time.Duration) Latency {
	at := func(q float64) float64 { return milliseconds(load.Quantile(sorted, q)) }
	return Latency{Median: at(0.5), P90: at(0.9), P99: at(0.99), P999: at(0.999), Greatest: at(1)}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Sum takes over what a result says: rates, latencies, and its course.
func (l *Load) Sum(r load.Result) {
	sorted := r.Latencies()
	l.Seconds, l.Requests, l.PerSecond = r.Elapsed().Seconds(), len(sorted), r.PerSecond()
	l.Latency, l.Failed = LatencyOf(sorted), r.Failed
	for _, s := range r.Seconds() {
		l.DoneInSecond = append(l.DoneInSecond, s.Done)
		l.LateInSecond = append(l.LateInSecond, milliseconds(s.Took))
	}
	for q := 1; q <= 100; q++ {
		l.Curve = append(l.Curve, milliseconds(load.Quantile(sorted, float64(q)/100)))
	}
}

// Groups of processes that Cores tells apart: the peers of issuer and retailer, which
// endorse and keep private data, those of the others, and so on.
const (
	EndorsingPeers  = "peers that endorse"
	OtherPeers      = "other peers"
	Orderers        = "orderers"
	Chaincode       = "chaincode"
	RetailerService = "retailer service"
)

// Target is a figure with what it should be.
type Target struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Bound float64 `json:"bound"`
	// AtMost says that the value is to be no more than the bound; else no less.
	AtMost bool `json:"at_most"`
}

// Met reports whether the value is on the right side of the bound.
func (t Target) Met() bool {
	if t.AtMost {
		return t.Value <= t.Bound
	}
	return t.Value >= t.Bound
}

// Find returns the last load of a part that has the name, and whether there is
// one.
func (r *Report) Find(part, name string) (Load, bool) {
	for i := len(r.Loads) - 1; i >= 0; i-- {
		if l := r.Loads[i]; l.Part == part && l.Name == name {
			return l, true
		}
	}
	return Load{}, false
}

// Best returns the load of a part with the most done in a second.
func (r *Report) Best(part string) (Load, bool) {
	var best Load
	found := false
	for _, l := range r.Loads {
		if l.Part == part && (!found || l.PerSecond > best.PerSecond) {
			best, found = l, true
		}
	}
	return best, found
}

// name is what the files of the run are called.
func (r *Report) name() string { return r.Began.UTC().Format(fileTime) }

// fileTime is the form of times in names of files.
const fileTime = "2006-01-02-150405"

// numberLine is an element of a list of numbers, which has a line of its own.
var numberLine = regexp.MustCompile(`(?m)\n +(-?[0-9.e+-]+,?)$`)

// Save writes the report as JSON into a directory, and returns the file's path.
func (r *Report) Save(dir string) (string, error) { return save(dir, r.name()+".json", r) }

func save(dir, name string, what any) (string, error) {
	data, err := json.MarshalIndent(what, "", " ")
	if err != nil {
		return "", fmt.Errorf("encoding the report: %w", err)
	}
	data = numberLine.ReplaceAll(data, []byte(" $1"))
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // results are for everybody
		return "", fmt.Errorf("saving the report: %w", err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil { //nolint:gosec // results are for everybody
		return "", fmt.Errorf("saving the report: %w", err)
	}
	return path, nil
}
