// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// Defaults of BatchConfig.
const (
	defaultWindow   = 4 * time.Millisecond
	defaultCoupons  = 500
	defaultInFlight = 4
	defaultTimeout  = 30 * time.Second
	// tellWithin is how long a till waits for what is asked of peers, or for its
	// batch to be sent: it is to be told within two seconds that it is to ask again.
	tellWithin = 1500 * time.Millisecond
	// verdictLimit is how long a batch waits for the endorsers. Those whose tills
	// were told to ask again meanwhile go on with it: when peers are busy, to begin
	// anew would make them busier.
	verdictLimit = 5 * time.Second
	// restFor is how long a sale with a rival, or one that only an endorser refuses,
	// waits before it is checked again: the rival's batch takes as long when the
	// ledger is not busy.
	restFor = 100 * time.Millisecond
	// maxAttempts bounds how often a sale is part of a batch: a batch of the
	// largest size is down to single sales after ten halvings.
	maxAttempts = 16
)

// BatchConfig says how redemptions are gathered. Zero values mean the defaults.
type BatchConfig struct {
	// Window is how far apart batches leave at least while others are in flight.
	Window config.Duration `json:"window"`
	// Coupons is the size at which a batch does not wait, and the largest.
	Coupons int `json:"coupons"`
	// InFlight bounds the batches of one issuer at a time.
	InFlight int `json:"in_flight"`
	// Timeout bounds a batch from its check to its answer.
	Timeout config.Duration `json:"timeout"`
}

// Validate checks the section by itself.
func (c BatchConfig) Validate() error {
	if c.Coupons < 0 || c.Coupons > coupon.MaxBatchCoupons || c.InFlight < 0 || c.InFlight > 64 {
		return errors.New("batch: coupons is 0 to 1000, in_flight 0 to 64")
	}
	return nil
}

func (c BatchConfig) withDefaults() BatchConfig {
	c.Window = config.Duration(c.Window.Or(defaultWindow))
	c.Timeout = config.Duration(c.Timeout.Or(defaultTimeout))
	if c.Coupons == 0 {
		c.Coupons = defaultCoupons
	}
	if c.InFlight == 0 {
		c.InFlight = defaultInFlight
	}
	return c
}

// pending is a redemption on its way. It is answered exactly once.
type pending struct {
	id     coupon.RedemptionID
	digest coupon.Hash
	// till has asked for it first.
	till  string
	sale  coupon.Sale
	locks []string
	since time.Time
	// until is the end of a rest.
	until    time.Time
	attempts int
	// spoilt is set if others had to be tried again because of it.
	spoilt bool
	// asked is whether a verdict was asked for: to who comes later it may be outdated.
	asked atomic.Bool
	// sent is the transaction that it was last sent in.
	sent atomic.Pointer[string]

	answered   chan struct{}
	redemption Redemption
	err        error
}

func newPending(id coupon.RedemptionID, digest coupon.Hash) *pending {
	return &pending{id: id, digest: digest, answered: make(chan struct{})}
}

func (p *pending) answer(r Redemption, err error) {
	p.redemption, p.err = r, err
	close(p.answered)
}

// errUndecided is told to a till while its sale goes on: its repeat waits for the
// same answer.
var errUndecided = fmt.Errorf("%w: it is not decided yet", ledger.ErrUnavailable)

// wait returns the answer, or after a while that there is none yet. What was sent is
// waited for longer: a caller that cannot is told of the transaction that may have an
// effect.
func (p *pending) wait(ctx context.Context) (Redemption, error) {
	patience := time.NewTimer(tellWithin)
	defer patience.Stop()
	for {
		select {
		case <-p.answered:
			return p.redemption, p.err
		case <-patience.C:
			if p.sent.Load() == nil {
				return Redemption{}, errUndecided
			}
		case <-ctx.Done():
			if sent := p.sent.Load(); sent != nil {
				return Redemption{}, unknown(*sent, ctx.Err())
			}
			return Redemption{}, ctx.Err()
		}
	}
}

// desk redeems for one issuer. Its queue belongs to run.
type desk struct {
	service  *Service
	issuer   string
	queue    *queue
	timeout  time.Duration
	incoming chan *pending
	resting  chan resting
	finished chan finished
	stopped  chan struct{}
}

// resting are sales of a batch that have rivals, or that the peers do not agree on.
// They leave it, and are to be tried with others after a rest.
type resting struct {
	round *round
	sales []*pending
}

// finished is a batch that was tried; again is what is to be tried again.
type finished struct {
	round *round
	again [][]*pending
	// verdict is how long the endorsers took, or were waited for.
	verdict time.Duration
	// away is set if the ledger could not be asked, for these sales.
	away  error
	unmet []*pending
}

func newDesk(cfg BatchConfig, s *Service, issuer string) *desk {
	cfg = cfg.withDefaults()
	return &desk{
		service: s, issuer: issuer,
		queue:    newQueue(cfg),
		timeout:  time.Duration(cfg.Timeout),
		incoming: make(chan *pending), resting: make(chan resting), finished: make(chan finished), stopped: make(chan struct{}),
	}
}

// enter hands a sale over. When it returns nil the sale will be answered.
func (d *desk) enter(ctx context.Context, p *pending) error {
	select {
	case d.incoming <- p:
		return nil
	case <-d.stopped:
		return ledger.ErrUnavailable
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run redeems until ctx ends, and then finishes what is in flight.
func (d *desk) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer close(d.stopped)
	for {
		wait := d.dispatch(ctx)
		var due <-chan time.Time
		if wait > 0 {
			timer.Reset(wait)
			due = timer.C
		}
		select {
		case p := <-d.incoming:
			d.accept(p)
		case r := <-d.resting:
			d.queue.rest(r.round, r.sales, time.Now())
		case f := <-d.finished:
			d.end(f)
		case <-due:
		case <-ctx.Done():
			d.stop()
			return nil
		}
	}
}

// end ends a batch. If the ledger is away, those who wait are told so with it: no
// till waits for one attempt after the other. Who comes after that answer begins
// anew.
func (d *desk) end(f finished) {
	if f.away != nil {
		for _, p := range append(f.unmet, d.queue.empty()...) {
			d.answer(p, Redemption{}, f.away)
		}
	}
	d.queue.end(f, time.Now())
}

func (d *desk) accept(p *pending) {
	if !d.queue.enter(p, time.Now()) {
		d.answer(p, Redemption{}, coupon.Refuse(coupon.ReasonRateLimited, "", "too many redemptions are waiting"))
	}
}

// dispatch starts all batches that can start, and returns how long until the
// next one can.
func (d *desk) dispatch(ctx context.Context) time.Duration {
	for {
		r, wait := d.queue.next(time.Now())
		if r == nil {
			return wait
		}
		go func() {
			// A batch that is begun is ended: what it has sent is on its way.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.timeout)
			defer cancel()
			d.finished <- d.process(ctx, r)
		}()
	}
}

func (d *desk) stop() {
	for d.queue.inFlight > 0 {
		select {
		case r := <-d.resting:
			d.queue.rest(r.round, r.sales, time.Now())
		case f := <-d.finished:
			d.end(f)
		}
	}
	for _, p := range d.queue.empty() {
		d.answer(p, Redemption{}, ledger.ErrUnavailable)
	}
}

func (d *desk) answer(p *pending, r Redemption, err error) {
	d.service.leave(p)
	p.answer(r, err)
}
