// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what the audit does.
type metrics struct {
	frames   prometheus.Counter
	findings *prometheus.CounterVec
	reports  *prometheus.CounterVec
	probes   *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) (metrics, error) {
	m := metrics{
		frames: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ecoupon_audit_frames_total", Help: "Closed frames whose log was examined.",
		}),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ecoupon_audit_findings_total", Help: "What was found in frames and in coupons fetched for the audit, by kind.",
		}, []string{"kind"}),
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ecoupon_audit_reports_total", Help: "Misconduct that was reported on the ledger, by kind.",
		}, []string{"kind"}),
		probes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ecoupon_audit_probes_total", Help: "Attempts to fetch a coupon for the audit, by whether one was given.",
		}, []string{"given"}),
	}
	return m, errors.Join(registry.Register(m.frames), registry.Register(m.findings), registry.Register(m.reports), registry.Register(m.probes))
}

func (m metrics) audited(found []Finding) {
	m.frames.Inc()
	m.found(found...)
}

func (m metrics) found(found ...Finding) {
	for _, f := range found {
		m.findings.WithLabelValues(string(f.Kind)).Inc()
	}
}

func (m metrics) reported(f Finding) { m.reports.WithLabelValues(string(f.Kind)).Inc() }

func (m metrics) probed(given bool, found []Finding) {
	label := "no"
	if given {
		label = "yes"
	}
	m.probes.WithLabelValues(label).Inc()
	m.found(found...)
}
