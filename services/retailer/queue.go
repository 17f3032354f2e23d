// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"slices"
	"time"
)

const (
	// maxWaiting bounds the sales that wait for their batch: some seconds' work.
	maxWaiting = 10_000
	// maxAge is how old the oldest sale may be that waits: when it is older, the
	// service does not keep up, and who comes is told so at once.
	maxAge = 3 * time.Second
	// maxPace bounds how long sales gather when batches take long.
	maxPace = 600 * time.Millisecond
	// few is how many sales the last batch must have had for others to gather when
	// none is in flight.
	few = 4
	// smallest is the size below which batches are not made smaller, and initial
	// what they begin with.
	smallest, initial = 64, 200
	// slow is a verdict that took long: a third of what a till waits for it.
	slow = tellWithin / 3
	// probation is how many good sales make up for one that spoilt a batch, and
	// maxProbation for all that a till's sales have spoilt.
	probation, maxProbation = 16, 64
)

// queue decides which sales go together, and when. It belongs to one goroutine.
//
// Sales that wait or are in flight share neither coupon nor invoice, nor the
// product of a purchase proof: who comes later is held until the first is
// answered. The tills take turns in a batch, so that one with many sales does not
// keep the others waiting. Tills whose sales have spoilt batches go apart, one
// batch at a time, until as many good sales have followed.
//
// A lone sale goes at once. While batches are in flight, or if the last one had a
// few sales or more, others gather: batches leave at least the configured window
// apart, and as far apart as they take of late, unless they are full. So the busier
// the ledger, the larger the batches, and no more of them are in flight than it
// takes: a batch costs much by itself, as much as dozens of coupons. How
// large they may be follows from how long the endorsers take for their verdict, which
// the tills wait for: full batches grow while it is given soon, and are halved if it
// is not given at all. That it takes long is no reason: the peers are busy then,
// and smaller batches would make them busier.
type queue struct {
	cfg   BatchConfig
	lines map[string]*line
	// good and suspect have the lines with sales that wait, in the order of their
	// turns.
	good, suspect turns
	// apart are groups that failed with others; they go by themselves.
	apart [][]*pending
	// resting are sales for which the ledger has to go on; after a rest they are in
	// their lines again.
	resting []*pending
	locks   map[string]bool
	// held wait for locks.
	held []*pending
	// waiting counts those in lines and those held.
	waiting  int
	inFlight int
	// suspects is whether a batch of suspect tills is in flight.
	suspects bool
	// size is how many coupons a batch may have for now.
	size int
	// pace is how long batches take of late.
	pace time.Duration
}

// line is one till's.
type line struct {
	till    string
	waiting []*pending
	// spoilt is how many good sales it takes until the till is not suspect.
	spoilt int
}

// turns are lines that wait, and how many coupons they want redeemed.
type turns struct {
	lines   []*line
	coupons int
	// left is when their last batch left, and last how many sales it had.
	left time.Time
	last int
}

// round is a batch that is in flight.
type round struct {
	sales []*pending
	// full says that there was no room for more.
	full     bool
	suspects bool
	began    time.Time
}

func newQueue(cfg BatchConfig) *queue {
	return &queue{cfg: cfg, size: min(initial, cfg.Coupons), lines: make(map[string]*line), locks: make(map[string]bool)}
}

// enter takes a sale in; false if too many wait.
func (q *queue) enter(p *pending, now time.Time) bool {
	l := q.line(p.till)
	share := maxWaiting / (len(q.good.lines) + len(q.suspect.lines) + 1)
	oldest, some := q.turns(l).oldest()
	if q.waiting >= maxWaiting || len(l.waiting) >= share || some && now.Sub(oldest) > maxAge {
		q.tidy(l)
		return false
	}
	q.waiting++
	p.since = now
	if !q.lock(p) {
		q.held = append(q.held, p)
		return true
	}
	q.append(p)
	return true
}

func (q *queue) line(till string) *line {
	l, found := q.lines[till]
	if !found {
		l = &line{till: till}
		q.lines[till] = l
	}
	return l
}

// tidy forgets a line of which there is nothing to know.
func (q *queue) tidy(l *line) {
	if len(l.waiting) == 0 && l.spoilt == 0 {
		delete(q.lines, l.till)
	}
}

func (q *queue) turns(l *line) *turns {
	if l.spoilt > 0 {
		return &q.suspect
	}
	return &q.good
}

func (q *queue) lock(p *pending) bool {
	for _, name := range p.locks {
		if q.locks[name] {
			return false
		}
	}
	for _, name := range p.locks {
		q.locks[name] = true
	}
	return true
}

func (q *queue) unlock(p *pending) {
	for _, name := range p.locks {
		delete(q.locks, name)
	}
}

func (q *queue) append(p *pending) {
	l := q.line(p.till)
	l.waiting = append(l.waiting, p)
	t := q.turns(l)
	t.coupons += len(p.sale.Coupons)
	if len(l.waiting) == 1 {
		t.lines = append(t.lines, l)
	}
}

// next takes a batch out of the queue, or says how long to wait for one; 0 is
// until something happens.
func (q *queue) next(now time.Time) (*round, time.Duration) {
	rested := q.wake(now)
	r, wait := q.choose(now)
	return r, sooner(wait, rested)
}

// rest lets sales of a batch rest: they are no longer part of it.
func (q *queue) rest(r *round, sales []*pending, now time.Time) {
	r.sales = slices.DeleteFunc(r.sales, func(p *pending) bool { return slices.Contains(sales, p) })
	for _, p := range sales {
		p.until = now.Add(restFor)
	}
	q.resting = append(q.resting, sales...)
}

// wake puts those into their lines whose rest is over, and returns how long until
// the next one's is.
func (q *queue) wake(now time.Time) time.Duration {
	var wait time.Duration
	q.resting = slices.DeleteFunc(q.resting, func(p *pending) bool {
		if left := p.until.Sub(now); left > 0 {
			wait = sooner(wait, left)
			return false
		}
		q.waiting++
		q.append(p)
		return true
	})
	return wait
}

// sooner is the shorter of two waits, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// choose takes what failed before first, by itself.
func (q *queue) choose(now time.Time) (*round, time.Duration) {
	if q.inFlight >= q.cfg.InFlight {
		return nil, 0
	}
	if len(q.apart) > 0 {
		group := q.apart[0]
		q.apart = q.apart[1:]
		return q.begin(round{sales: group, began: now}), 0
	}
	good, wait := q.due(&q.good, now)
	suspect, waitSuspect := false, time.Duration(0)
	if !q.suspects {
		suspect, waitSuspect = q.due(&q.suspect, now)
	}
	if good && suspect {
		first, _ := q.good.oldest()
		other, _ := q.suspect.oldest()
		good = first.Before(other)
	}
	switch {
	case good:
		return q.begin(q.taken(&q.good, now)), 0
	case suspect:
		r := q.taken(&q.suspect, now)
		r.suspects = true
		return q.begin(r), 0
	default:
		return nil, sooner(wait, waitSuspect)
	}
}

// due reports whether what waits is to go now, or when.
func (q *queue) due(t *turns, now time.Time) (bool, time.Duration) {
	if len(t.lines) == 0 {
		return false, 0
	}
	alone := q.inFlight == 0 && t.last < few
	gather := max(time.Duration(q.cfg.Window), q.pace)
	if since := now.Sub(t.left); !alone && t.coupons < q.size && since < gather {
		return false, gather - since
	}
	return true, 0
}

func (q *queue) taken(t *turns, now time.Time) round {
	r := round{full: t.coupons >= q.size, began: now}
	r.sales = t.take(q.size)
	t.left, t.last = now, len(r.sales)
	q.waiting -= len(r.sales)
	return r
}

func (q *queue) begin(r round) *round {
	q.inFlight++
	q.suspects = q.suspects || r.suspects
	return &r
}

// oldest returns when the first of those that wait came; false if none waits.
func (t *turns) oldest() (since time.Time, some bool) {
	for _, l := range t.lines {
		if first := l.waiting[0].since; !some || first.Before(since) {
			since, some = first, true
		}
	}
	return since, some
}

// take takes so many coupons, or one sale if it has more: one sale from each
// line in turn. Who is next stays next.
func (t *turns) take(coupons int) []*pending {
	var batch []*pending
	for len(t.lines) > 0 {
		l := t.lines[0]
		p := l.waiting[0]
		size := len(p.sale.Coupons)
		if len(batch) > 0 && size > coupons {
			break
		}
		coupons -= size
		t.coupons -= size
		batch = append(batch, p)
		l.waiting = l.waiting[1:]
		t.lines = t.lines[1:]
		if len(l.waiting) > 0 {
			t.lines = append(t.lines, l)
		}
	}
	return batch
}

// end ends a batch. What is not to be tried again is answered.
func (q *queue) end(f finished, now time.Time) {
	r := f.round
	q.inFlight--
	q.resize(r, f.verdict)
	if r.suspects {
		q.suspects = false
	}
	q.pace = min((3*q.pace+now.Sub(r.began))/4, maxPace)
	q.apart = append(q.apart, f.again...)
	left := slices.Concat(f.again...)
	for _, p := range r.sales {
		if slices.Contains(left, p) {
			continue
		}
		q.unlock(p)
		q.judge(p)
	}
	q.admit()
}

func (q *queue) resize(r *round, verdict time.Duration) {
	switch {
	case verdict >= verdictLimit:
		q.size = max(q.size/2, smallest)
	case r.full && verdict <= slow:
		q.size += q.size/8 + 1
	}
	q.size = min(q.size, q.cfg.Coupons)
}

// judge notes what a till's sale has come to.
func (q *queue) judge(p *pending) {
	l := q.line(p.till)
	before := q.turns(l)
	switch {
	case p.spoilt:
		l.spoilt = min(l.spoilt+probation, maxProbation)
	case p.err == nil && l.spoilt > 0:
		l.spoilt--
	}
	if after := q.turns(l); after != before && len(l.waiting) > 0 {
		coupons := 0
		for _, w := range l.waiting {
			coupons += len(w.sale.Coupons)
		}
		before.lines = slices.DeleteFunc(before.lines, func(other *line) bool { return other == l })
		before.coupons -= coupons
		after.lines = append(after.lines, l)
		after.coupons += coupons
	}
	q.tidy(l)
}

// admit lets in those that waited for locks, in the order in which they came.
func (q *queue) admit() {
	q.held = slices.DeleteFunc(q.held, func(p *pending) bool {
		if !q.lock(p) {
			return false
		}
		q.append(p)
		return true
	})
}

// empty takes out all that are not in flight.
func (q *queue) empty() []*pending {
	left := append(slices.Concat(q.apart...), q.resting...)
	for _, t := range []*turns{&q.good, &q.suspect} {
		for _, l := range t.lines {
			left = append(left, l.waiting...)
			l.waiting = nil
			q.tidy(l)
		}
		*t = turns{}
	}
	for _, p := range left {
		q.unlock(p)
	}
	left = append(left, q.held...)
	q.apart, q.resting, q.held, q.waiting = nil, nil, nil, 0
	return left
}
