// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package clock watches how far a service's clock is from that of its peer's
// chaincode server.
//
// The ledger takes the time of a transaction from its proposer, and endorsers
// refuse one that is 5 s ahead of them or 30 s behind. A clock that drifts
// should be seen before that: the difference is measured at the start and every
// minute, kept as a gauge, and warned of when it is larger than Tolerance.
package clock

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

const (
	// Tolerance is the difference above which a service warns: less than half
	// of what endorsers accept.
	Tolerance = 2 * time.Second
	// Interval is between two measurements, retry after one that failed.
	Interval = time.Minute
	retry    = time.Second
)

// Ledger is what is asked for the time.
type Ledger interface {
	Evaluate(ctx context.Context, call ledger.Call, out any) error
}

// Options are what a Watch is made of; all are required.
type Options struct {
	Ledger Ledger
	// Directory names the issuers. One chaincode server of the own organisation
	// serves the namespaces of all, so that of the first is asked.
	Directory *config.Directory
	// Now is the clock that is watched.
	Now      func() time.Time
	Registry prometheus.Registerer
	Logger   *slog.Logger
}

// Watch measures the difference again and again.
type Watch struct {
	options   Options
	namespace string
	gauge     prometheus.Gauge
}

// New registers the gauge ecoupon_clock_offset_seconds and returns a Watch that
// has not measured yet.
func New(o Options) (*Watch, error) {
	if o.Ledger == nil || o.Directory == nil || o.Now == nil || o.Registry == nil || o.Logger == nil {
		return nil, errors.New("ledger, directory, clock, registry and logger of a clock's watch are required")
	}
	issuers := o.Directory.WithRole(config.RoleIssuer)
	if len(issuers) == 0 {
		return nil, errors.New("the directory has no issuer")
	}
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "ecoupon_clock_offset_seconds",
		Help: "By how much the service's clock is ahead of its peer's chaincode server; negative if it is behind.",
	})
	if err := o.Registry.Register(gauge); err != nil {
		return nil, err
	}
	return &Watch{options: o, namespace: config.Namespace(issuers[0].MSPID), gauge: gauge}, nil
}

// Run measures at once, and then every minute until ctx ends; then it returns
// nil. While the peer cannot be asked it tries every second.
func (w *Watch) Run(ctx context.Context) error {
	for {
		wait := Interval
		if err := w.measure(ctx); err != nil {
			w.options.Logger.DebugContext(ctx, "measuring the clock", "error", err)
			wait = retry
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// measure sets the gauge, and logs.
func (w *Watch) measure(ctx context.Context) error {
	offset, err := w.Offset(ctx)
	if err != nil {
		return err
	}
	w.gauge.Set(offset.Seconds())
	level, text := slog.LevelInfo, "the clock agrees with the peer's"
	if offset.Abs() > Tolerance {
		level, text = slog.LevelWarn, "the clock differs from the peer's"
	}
	w.options.Logger.Log(ctx, level, text, "offset", offset.Round(time.Millisecond).String(), "tolerance", Tolerance.String())
	return nil
}

// Offset is by how much the service's clock is ahead of its peer's chaincode
// server, give or take half of the time that the answer took. A peer that finds
// the difference too large to pass the question on tells its own time.
func (w *Watch) Offset(ctx context.Context) (time.Duration, error) {
	var shown coupon.Clock
	began, asked := w.options.Now(), time.Now()
	err := w.options.Ledger.Evaluate(ctx, ledger.Call{Namespace: w.namespace, Function: "GetClock"}, &shown)
	var skew *ledger.ClockSkew
	if errors.As(err, &skew) {
		return skew.Ahead, nil
	}
	if err != nil {
		return 0, err
	}
	return began.Add(time.Since(asked) / 2).Sub(time.UnixMilli(shown.At)), nil
}
