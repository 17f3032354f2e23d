// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package ticking keeps the ticks of namespaces rolling. A tick is the
// ledger's own statement of the time; transactions whose outcome depends on
// time refuse when it is missing or older than ten minutes, so that an
// endorsement cannot be held back and used later. Any member may roll a tick
// once it is two minutes old: the issuer's service does so as soon as it can,
// and others step in when it does not.
package ticking

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

const (
	// Due is the age at which the ledger accepts the next tick: an issuer's
	// service rolls its own at this age.
	Due = 2 * time.Minute
	// Overdue is the age at which others conclude that the issuer's service is
	// down: well before the ledger refuses at ten minutes.
	Overdue = 4 * time.Minute

	// shortestWait keeps a clock that disagrees with the ledger's from asking
	// without pause, and is how soon a failed roll is tried again.
	shortestWait = time.Second
	// longestWait bounds how late somebody else's lapse is seen.
	longestWait = 30 * time.Second
)

// Ledger is what ticks are read and rolled with.
type Ledger interface {
	Evaluate(ctx context.Context, call ledger.Call, out any) error
	Submit(ctx context.Context, call ledger.Call) (ledger.Receipt, error)
}

// Options say whose ticks are kept, and when they are rolled.
type Options struct {
	Ledger Ledger
	// Namespaces are those whose ticks are kept.
	Namespaces []string
	// Second is the MSP id of the organisation that endorses beside the
	// issuer: the clearing house, or the own organisation. In the namespace of
	// that one the clearing house endorses.
	Second string
	// After is the age at which a tick is rolled, Due or Overdue.
	After  time.Duration
	Now    func() time.Time
	Logger *slog.Logger
}

// Keeper rolls ticks. It is safe for concurrent use.
type Keeper struct {
	options Options
}

// New returns a keeper; all options are required.
func New(o Options) (*Keeper, error) {
	if o.Ledger == nil || o.Second == "" || o.After <= 0 || o.Now == nil || o.Logger == nil {
		return nil, errors.New("ledger, second endorser, age, clock and logger of a tick keeper are required")
	}
	return &Keeper{options: o}, nil
}

// Run keeps all ticks rolling until ctx ends, and then returns nil. An
// unreachable ledger is logged and asked again.
func (k *Keeper) Run(ctx context.Context) error {
	var keeping sync.WaitGroup
	for _, namespace := range k.options.Namespaces {
		keeping.Go(func() { k.keep(ctx, namespace) })
	}
	keeping.Wait()
	return nil
}

func (k *Keeper) keep(ctx context.Context, namespace string) {
	for {
		wait, err := k.roll(ctx, namespace)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			k.options.Logger.WarnContext(ctx, "rolling the tick", "namespace", namespace, "error", err)
			wait = shortestWait
		}
		timer := time.NewTimer(min(max(wait, shortestWait), longestWait))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// Roll returns once the namespace has a tick younger than After: it rolls a
// missing or older one. Somebody else being faster is no error.
func (k *Keeper) Roll(ctx context.Context, namespace string) error {
	_, err := k.roll(ctx, namespace)
	return err
}

// roll returns how long the tick stays young enough.
func (k *Keeper) roll(ctx context.Context, namespace string) (time.Duration, error) {
	age, err := k.age(ctx, namespace)
	if err != nil {
		return 0, err
	}
	if age < k.options.After {
		return k.options.After - age, nil
	}
	parties, err := ledger.Parties(ctx, k.options.Ledger, issuer(namespace), k.options.Second)
	if err != nil {
		return 0, err
	}
	_, err = k.options.Ledger.Submit(ctx, ledger.Call{Namespace: namespace, Function: "Tick", Endorsers: parties})
	reason, _ := coupon.ReasonOf(err)
	if err != nil && reason != coupon.ReasonTickTooEarly && !errors.Is(err, ledger.ErrConflict) {
		return 0, fmt.Errorf("rolling the tick of %s: %w", namespace, err)
	}
	return k.options.After, nil
}

// age is After for a missing tick: it is due.
func (k *Keeper) age(ctx context.Context, namespace string) (time.Duration, error) {
	var tick coupon.Tick
	err := k.options.Ledger.Evaluate(ctx, ledger.Call{Namespace: namespace, Function: "GetTick"}, &tick)
	switch reason, _ := coupon.ReasonOf(err); {
	case reason == coupon.ReasonNotFound, reason == coupon.ReasonTickMissing:
		return k.options.After, nil
	case err != nil:
		return 0, fmt.Errorf("reading the tick of %s: %w", namespace, err)
	}
	return k.options.Now().Sub(time.UnixMilli(tick.At)), nil
}

func issuer(namespace string) string {
	return strings.TrimPrefix(namespace, config.Namespace(""))
}
