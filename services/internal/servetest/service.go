// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package servetest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"ecoupon/services/internal/serve"
)

// Service is a running service.
type Service struct {
	// Address is that of the gRPC server, host and port.
	Address string
	// DebugURL and PublicURL have no slash at the end. PublicURL is empty without a public side.
	DebugURL, PublicURL string

	// Stop ends the service, waits and returns its error; called again it returns the same.
	Stop func() error

	roots   *x509.CertPool
	ended   func() error
	stopped atomic.Bool
}

// Serve runs the service for the organisation on free ports until the test ends, or until Stop. Of the options it
// fills in directory, organisation, certificate, registry and logger where they are missing.
func (c *Consortium) Serve(t testing.TB, mspID string, o serve.Options) *Service {
	t.Helper()
	o.Directory, o.Organisation = c.Directory, mspID
	if o.Certificate.Certificate == nil {
		o.Certificate = c.Server(t, mspID)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = Logger(t)
	}
	listeners := serve.Listeners{GRPC: listen(t), Debug: listen(t)}
	service := &Service{
		Address: listeners.GRPC.Addr().String(), DebugURL: "http://" + listeners.Debug.Addr().String(),
		roots: x509.NewCertPool(),
	}
	service.roots.AddCert(c.tls[mspID].certificate)
	if o.Public != nil {
		listeners.Public = listen(t)
		service.PublicURL = "https://" + listeners.Public.Addr().String()
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve.Serve(ctx, o, listeners) }()
	service.ended = sync.OnceValue(func() error { return <-ended })
	service.Stop = func() error {
		service.stopped.Store(true)
		cancel()
		return service.ended()
	}
	t.Cleanup(func() {
		expected := service.stopped.Load()
		if err := service.Stop(); err != nil && !expected {
			t.Errorf("the service ended with: %v", err)
		}
	})
	return service
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// Wait returns the service's error once it has ended by itself.
func (s *Service) Wait() error {
	s.stopped.Store(true)
	return s.ended()
}

// Dial returns a connection of the caller, which is closed when the test ends. A zero certificate shows none.
func (s *Service) Dial(t testing.TB, caller tls.Certificate) *grpc.ClientConn {
	t.Helper()
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: s.roots, ServerName: "localhost"}
	if caller.Certificate != nil {
		cfg.Certificates = []tls.Certificate{caller}
	}
	conn, err := grpc.NewClient(s.Address, grpc.WithTransportCredentials(credentials.NewTLS(cfg)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// HTTP returns a client for the public side.
func (s *Service) HTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: s.roots},
		DisableKeepAlives: true,
	}}
}

// Logger writes to the test's log.
func Logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}
