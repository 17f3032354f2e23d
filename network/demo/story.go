// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"ecoupon/network/internal/timing"
)

// story prints what happens, and keeps how long each kind of step took.
type story struct {
	out   io.Writer
	began time.Time

	mu    sync.Mutex
	steps []string
	took  map[string][]time.Duration
}

func newStory(out io.Writer) *story {
	return &story{out: out, began: time.Now(), took: map[string][]time.Duration{}}
}

// chapter begins a part of the story.
func (s *story) chapter(title string) {
	fmt.Fprintf(s.out, "\n%s  (%.1f s)\n%s\n", title, time.Since(s.began).Seconds(), strings.Repeat("-", len(title)))
}

// tell prints one line.
func (s *story) tell(format string, a ...any) { fmt.Fprintf(s.out, "  "+format+"\n", a...) }

// time runs a step and keeps how long it took if it succeeded.
func (s *story) time(step string, do func() error) error {
	start := time.Now()
	if err := do(); err != nil {
		return err
	}
	took := time.Since(start)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.took[step] == nil {
		s.steps = append(s.steps, step)
	}
	s.took[step] = append(s.took[step], took)
	return nil
}

// timings prints the table of steps in the order of their first time.
func (s *story) timings() {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "  step\tcount\tmedian ms\t99th percentile ms\t")
	for _, step := range s.steps {
		took := s.took[step]
		slices.Sort(took)
		fmt.Fprintf(w, "  %s\t%d\t%.1f\t%.1f\t\n", step, len(took), timing.Percentile(took, 50), timing.Percentile(took, 99))
	}
	_ = w.Flush()
}
