// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ecoupon/network/bench/load"
	"ecoupon/network/bench/report"
)

// sample is a report with two loads: a rate that was kept, and trials before it.
func sample() *report.Report {
	result := load.Result{Plan: load.Plan{Rate: 100, Lasts: 3 * time.Second}, Failed: map[string]int{"refused": 2}}
	for i := range 300 {
		result.Samples = append(result.Samples, load.Sample{
			Due: time.Duration(i) * 10 * time.Millisecond, Took: time.Duration(i+1) * time.Millisecond, Units: 2,
		})
	}
	trial := report.Load{Part: "bound", Name: "a rate that is tried", Unit: "coupons", Offered: 90, Trial: true, KeptUp: true}
	kept := report.Load{
		Part: "bound", Name: "sustained", Unit: "coupons", Offered: 100, KeptUp: true,
		Cores: map[string]float64{"peers": 0.75, "orderers": 0.25}, Repeated: map[string]int{"TRY_AGAIN": 3},
	}
	kept.Sum(result)
	return &report.Report{
		Began: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Commit: "0123456789ab+", Machine: report.Machine{Cores: 2, Go: "go"},
		Loads: []report.Load{trial, kept},
		Targets: []report.Target{
			{Name: "fast", Value: 190, Unit: "/s", Bound: 100}, {Name: "soon", Value: 190, Unit: "ms", Bound: 100, AtMost: true},
		},
	}
}

func TestSum(t *testing.T) {
	t.Parallel()
	l, found := sample().Find("bound", "sustained")
	if !found || l.Requests != 300 || l.Latency.Median != 150 || l.Latency.P99 != 297 || l.Latency.Greatest != 300 {
		t.Errorf("got %+v", l)
	}
	if len(l.Curve) != 100 || l.Curve[49] != 150 || len(l.DoneInSecond) != 4 || l.Failed["refused"] != 2 {
		t.Errorf("got %+v", l)
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	r := sample()
	r.Print(&out)
	r.Loads[1].Line(&out)
	for _, want := range []string{
		"21 November 2026", "0123456789ab+", "sustained", "150.0", "297.0", "peers 0.75, orderers 0.25; together 1.00", "TRY_AGAIN 3 times",
		"fast", "met", "soon", "missed", "at most",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		target report.Target
		met    bool
	}{
		{report.Target{Value: 2, Bound: 2}, true},
		{report.Target{Value: 1.9, Bound: 2}, false},
		{report.Target{Value: 2, Bound: 2, AtMost: true}, true},
		{report.Target{Value: 2.1, Bound: 2, AtMost: true}, false},
	} {
		if test.target.Met() != test.met {
			t.Errorf("%+v is met: %t", test.target, !test.met)
		}
	}
}

func TestBest(t *testing.T) {
	t.Parallel()
	r := &report.Report{Loads: []report.Load{{Part: "a", PerSecond: 1}, {Part: "a", PerSecond: 3}, {Part: "a", PerSecond: 2}, {Part: "b", PerSecond: 9}}}
	if best, found := r.Best("a"); !found || best.PerSecond != 3 {
		t.Errorf("got %+v", best)
	}
	if _, found := r.Best("c"); found {
		t.Error("a part without loads has a best one")
	}
}

func TestSaveAndDraw(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "results")
	r := sample()
	path, err := r.Save(dir)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var again report.Report
	if err := json.Unmarshal(data, &again); err != nil || len(again.Loads) != 2 || again.Loads[1].Latency != r.Loads[1].Latency {
		t.Errorf("read back %+v %v", again, err)
	}
	if lines := strings.Count(string(data), "\n"); lines > 150 {
		t.Errorf("%d lines", lines)
	}
	paths, err := r.Draw(dir)
	if err != nil || len(paths) != 5 {
		t.Fatalf("drew %v: %v", paths, err)
	}
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		decoder, root := xml.NewDecoder(file), ""
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if element, isStart := token.(xml.StartElement); isStart && root == "" {
				root = element.Name.Local
			}
		}
		if root != "svg" {
			t.Errorf("%s is <%s>", path, root)
		}
		_ = file.Close()
	}
	if paths, err := new(report.Report).Draw(dir); err != nil || len(paths) > 0 {
		t.Errorf("an empty report: %v %v", paths, err)
	}
}
