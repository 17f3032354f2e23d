// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package serve runs a service: its gRPC server with everything around the handlers, its debug address, its
// background tasks, and its end.
//
// It exists so that the services differ only in their methods. Who calls is decided here, once per connection, from
// the client's certificate; who may call what is read from the configuration, and what it does not name is denied.
// Handlers return domain errors; the statuses are made here.
package serve

import (
	"crypto/tls"
	"fmt"
	"time"

	"ecoupon/services/internal/config"
)

// Defaults of Config.
const (
	defaultRequestTimeout  = 30 * time.Second
	defaultDeadlineMargin  = 250 * time.Millisecond
	defaultShutdownTimeout = 10 * time.Second
	// defaultRequestBytes: 50 coupons and 200 lines of a basket take some 30 kB.
	defaultRequestBytes = 64 << 10
	// defaultInFlight is a second's work at a rate that one machine can do.
	defaultInFlight = 2000
)

// Config is the part of a service's configuration that this package reads. Zero values mean the defaults.
type Config struct {
	// Certificate and Key are the files of the TLS certificate that the service shows to its callers.
	Certificate string `json:"certificate"`
	Key         string `json:"key"`

	// TillsCRL is the file with the list of the own tills' certificates that are withdrawn; none if empty.
	TillsCRL string `json:"tills_crl"`

	// RequestTimeout bounds every call, whatever its client would wait for. DeadlineMargin is kept back of it, so
	// that the handler ends, and says why, before the client gives up.
	RequestTimeout config.Duration `json:"request_timeout"`
	DeadlineMargin config.Duration `json:"deadline_margin"`
	// ShutdownTimeout bounds how long running calls are waited for at the end.
	ShutdownTimeout config.Duration `json:"shutdown_timeout"`
	// MaxRequestBytes bounds a request, of gRPC and of the public side. MaxInFlight bounds the calls running at a
	// time; those above it are refused at once.
	MaxRequestBytes int `json:"max_request_bytes"`
	MaxInFlight     int `json:"max_in_flight"`

	// Allow says who may call which method. A method is a bare name of the service's own API, as in "Redeem", or
	// a full one, as in "grpc.health.v1.Health/Check". A caller is role@organisation: role is till, service,
	// operator, auditor or *; organisation is own, issuer, advertiser, retailer, clearing (any organisation that
	// has this role) or any. What is not listed is denied.
	Allow map[string][]string `json:"allow"`
}

// Validate checks the section by itself; errors name the field. Whether the methods exist is known at start only.
func (c Config) Validate() error {
	switch {
	case c.Certificate == "":
		return fmt.Errorf("serve.certificate is empty")
	case c.Key == "":
		return fmt.Errorf("serve.key is empty")
	case c.MaxRequestBytes < 0:
		return fmt.Errorf("serve.max_request_bytes is negative")
	case c.MaxInFlight < 0:
		return fmt.Errorf("serve.max_in_flight is negative")
	case len(c.Allow) == 0:
		return fmt.Errorf("serve.allow is empty: nobody could call anything")
	}
	for method, callers := range c.Allow {
		for _, text := range callers {
			if _, err := parseRule(text); err != nil {
				return fmt.Errorf("serve.allow.%s: %w", method, err)
			}
		}
	}
	return nil
}

// LoadCertificate reads the files of the TLS certificate.
func (c Config) LoadCertificate() (tls.Certificate, error) {
	certificate, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading %s: %w", c.Certificate, err)
	}
	return certificate, nil
}

func (c Config) maxRequestBytes() int {
	if c.MaxRequestBytes == 0 {
		return defaultRequestBytes
	}
	return c.MaxRequestBytes
}

func (c Config) maxInFlight() int {
	if c.MaxInFlight == 0 {
		return defaultInFlight
	}
	return c.MaxInFlight
}
