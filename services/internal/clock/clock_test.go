// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clock_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/clock"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

// patience bounds the wait for a measurement, precision is what one is good for
// on a machine that is busy.
const (
	patience  = 10 * time.Second
	precision = time.Second
)

// log is written by a watch and read by its test.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestDifferencesAreMeasuredAndWarnedOf(t *testing.T) {
	t.Parallel()
	for offset, want := range map[time.Duration]string{
		0:                `"level":"INFO"`,
		3 * time.Second:  `"level":"WARN"`,
		-3 * time.Second: `"level":"WARN"`,
		time.Minute:      `"level":"WARN"`,
		-time.Hour:       `"level":"WARN"`,
	} {
		t.Run(offset.String(), func(t *testing.T) {
			t.Parallel()
			consortium := ledgertest.New(t, ledgertest.Options{Ledger: ledger.Config{ClockOffset: offset}})
			registry, text := prometheus.NewRegistry(), new(log)
			watch, err := clock.New(clock.Options{
				Ledger: consortium.For(t, servetest.RetailerMSP), Directory: consortium.Directory,
				Now:      func() time.Time { return consortium.Clock.Now().Add(offset) },
				Registry: registry, Logger: slog.New(slog.NewJSONHandler(text, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			ended := make(chan error, 1)
			go func() { ended <- watch.Run(ctx) }()
			for text.String() == "" && ctx.Err() == nil {
				<-time.After(time.Millisecond)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text.String(), want) {
				t.Errorf("the log has no %s:\n%s", want, text)
			}
			gathered, err := registry.Gather()
			if err != nil || len(gathered) != 1 || gathered[0].GetName() != "ecoupon_clock_offset_seconds" {
				t.Fatalf("%v %v", gathered, err)
			}
			measured := time.Duration(gathered[0].GetMetric()[0].GetGauge().GetValue() * float64(time.Second))
			if (measured - offset).Abs() > precision {
				t.Errorf("measured %s, want %s", measured, offset)
			}
		})
	}
}

// Who is a minute wrong is refused whatever it does, with the clock as the
// reason.
func TestServiceThatIsAMinuteWrongIsRefusedForItsClock(t *testing.T) {
	t.Parallel()
	for offset, want := range map[time.Duration]string{
		time.Minute:  "s ahead of the clock of " + servetest.IssuerMSP,
		-time.Minute: "s behind the clock of " + servetest.IssuerMSP,
	} {
		consortium := ledgertest.New(t, ledgertest.Options{Ledger: ledger.Config{ClockOffset: offset}})
		_, err := consortium.For(t, servetest.IssuerMSP).Submit(t.Context(), ledger.Call{
			Namespace: config.Namespace(servetest.IssuerMSP), Function: "Tick",
			Endorsers: []string{servetest.IssuerMSP, servetest.ClearingMSP},
		})
		if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonClockSkew || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", offset, err)
		}
	}
}
