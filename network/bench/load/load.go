// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package load offers work to a system and notes how long each piece took.
//
// In an open loop work falls due at a fixed rate, whether or not what came
// before is done, as customers come to tills. How long a piece took is counted
// from when it fell due: a system that stands still for a second shows that in
// all that fell due meanwhile, not only in what it was working on.
package load

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// Work is one piece of it. It returns how much it has brought about, such as
// coupons that are spent, or why it has failed.
type Work func(ctx context.Context, i int) (units int, err error)

// Plan says how much work is offered.
type Plan struct {
	// Rate is how many pieces fall due in a second.
	Rate  float64
	Lasts time.Duration
	// Limit bounds the pieces that are being done at a time. What falls due above
	// it waits, and that counts.
	Limit int
	// GiveUp ends the plan early, once a piece of work took longer; 0 for never.
	GiveUp time.Duration
}

// Pieces is how many fall due in all.
func (p Plan) Pieces() int { return int(p.Rate * p.Lasts.Seconds()) }

// Sample is one piece of work that was done.
type Sample struct {
	// Due is when it fell due, from the beginning.
	Due time.Duration
	// Took is from then until it was done.
	Took  time.Duration
	Units int
}

// Result is what became of the work. Samples are in the order in which they fell
// due; what has failed is not among them.
type Result struct {
	Plan    Plan
	Samples []Sample
	// Failed counts what has failed, by why.
	Failed map[string]int
	// Offered is how many pieces fell due: fewer than planned if ctx ended, or if the
	// plan was given up, and then Plan.Lasts is until that.
	Offered int
	GaveUp  bool
}

// Open offers work in an open loop and returns when the last piece is done.
func Open(ctx context.Context, p Plan, do Work) Result {
	n := newNotes(p)
	begun := make(chan struct{}, max(p.Limit, 1))
	start := time.Now()
	var working sync.WaitGroup
	for i := range p.Pieces() {
		due := time.Duration(float64(i) / p.Rate * float64(time.Second))
		if !sleepUntil(ctx, start.Add(due)) {
			break
		}
		begun <- struct{}{}
		if n.giveUp(due) {
			break
		}
		n.offered++
		working.Go(func() {
			units, err := do(ctx, i)
			n.note(Sample{due, time.Since(start) - due, units}, err)
			<-begun
		})
	}
	working.Wait()
	return n.result()
}

// Closed keeps Limit pieces of work going for a time: each that is done makes
// place for the next. Work falls due when it is begun. The plan's rate plays no
// part.
func Closed(ctx context.Context, p Plan, do Work) Result {
	n := newNotes(p)
	start := time.Now()
	var working sync.WaitGroup
	next := make(chan int)
	for range max(p.Limit, 1) {
		working.Go(func() {
			for i := range next {
				due := time.Since(start)
				units, err := do(ctx, i)
				n.note(Sample{due, time.Since(start) - due, units}, err)
			}
		})
	}
	for ctx.Err() == nil && time.Since(start) < p.Lasts {
		next <- n.offered
		n.offered++
	}
	close(next)
	working.Wait()
	return n.result()
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// notes is a result in the making.
type notes struct {
	plan    Plan
	offered int

	mu      sync.Mutex
	samples []Sample
	failed  map[string]int
	longest time.Duration
	gaveUp  bool
}

func newNotes(p Plan) *notes {
	return &notes{plan: p, failed: make(map[string]int)}
}

func (n *notes) note(s Sample, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil {
		n.failed[err.Error()]++
		return
	}
	n.samples, n.longest = append(n.samples, s), max(n.longest, s.Took)
}

// giveUp reports whether the plan ends here.
func (n *notes) giveUp(due time.Duration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.plan.GiveUp == 0 || n.longest <= n.plan.GiveUp {
		return false
	}
	n.gaveUp, n.plan.Lasts = true, due
	return true
}

func (n *notes) result() Result {
	slices.SortFunc(n.samples, func(a, b Sample) int { return cmp.Compare(a.Due, b.Due) })
	return Result{Plan: n.plan, Samples: n.samples, Failed: n.failed, Offered: n.offered, GaveUp: n.gaveUp}
}

// Units sums up what was brought about.
func (r Result) Units() int {
	sum := 0
	for _, s := range r.Samples {
		sum += s.Units
	}
	return sum
}

// Elapsed is from the beginning until the last piece was done, and not less than
// what was planned.
func (r Result) Elapsed() time.Duration {
	last := r.Plan.Lasts
	for _, s := range r.Samples {
		last = max(last, s.Due+s.Took)
	}
	return last
}

// PerSecond is how many units were brought about in a second: of Elapsed, or, in a
// closed loop, of the planned time without its first quarter, as begin and end
// of such a loop have less to do.
func (r Result) PerSecond() float64 {
	from, until := time.Duration(0), r.Elapsed()
	if r.Plan.Rate == 0 && r.Plan.Lasts > 0 {
		from, until = r.Plan.Lasts/4, r.Plan.Lasts
	}
	if until <= from {
		return 0
	}
	sum := 0
	for _, s := range r.Samples {
		if done := s.Due + s.Took; done > from && done <= until {
			sum += s.Units
		}
	}
	return float64(sum) / (until - from).Seconds()
}

// Latencies lists, sorted, how long all pieces took.
func (r Result) Latencies() []time.Duration {
	took := make([]time.Duration, len(r.Samples))
	for i, s := range r.Samples {
		took[i] = s.Took
	}
	slices.Sort(took)
	return took
}

// Failures is how many pieces have failed.
func (r Result) Failures() int {
	sum := 0
	for _, count := range r.Failed {
		sum += count
	}
	return sum
}

// KeptUp reports whether the plan was not given up, nothing failed, 99 % of the work was done within the
// limit, and so was what fell due last, which shows a queue that grows.
func (r Result) KeptUp(limit time.Duration) bool {
	if len(r.Samples) == 0 || r.Failures() > 0 || r.GaveUp {
		return false
	}
	last := Result{Samples: r.Samples[len(r.Samples)*9/10:]}
	return Quantile(r.Latencies(), 0.99) <= limit && Quantile(last.Latencies(), 0.99) <= limit
}

// Second is one second of a result.
type Second struct {
	// Done is how many units were brought about in it.
	Done int
	// Took is the 99th percentile of what fell due in it; 0 if nothing did.
	Took time.Duration
}

// Seconds cuts the result into seconds, from the beginning until all was done.
func (r Result) Seconds() []Second {
	seconds := make([]Second, int(r.Elapsed()/time.Second)+1)
	due := make([][]time.Duration, len(seconds))
	for _, s := range r.Samples {
		seconds[(s.Due+s.Took)/time.Second].Done += s.Units
		at := s.Due / time.Second
		due[at] = append(due[at], s.Took)
	}
	for i, took := range due {
		if len(took) > 0 {
			slices.Sort(took)
			seconds[i].Took = Quantile(took, 0.99)
		}
	}
	return seconds
}

// Quantile returns the least of the sorted values that a share q of them, from 0
// to 1, does not exceed; 0 if there are none.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	// The margin makes up for shares such as 0.99 that are no exact binary fraction.
	at := int(math.Ceil(q*float64(len(sorted))-1e-9)) - 1
	return sorted[min(max(at, 0), len(sorted)-1)]
}
