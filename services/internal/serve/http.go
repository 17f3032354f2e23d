// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// debugHandler is for those who run the service: it is on an address of its own, which no stranger should reach.
func debugHandler(healthServer *health.Server, registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		answer, err := healthServer.Check(r.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err != nil || answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			http.Error(w, answer.GetStatus().String(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, answer.GetStatus().String()+"\n")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// ServeDebug answers on the debug address of a process that is no service of the consortium, until ctx ends: its health,
// its metrics and its profiles.
func ServeDebug(ctx context.Context, listener net.Listener, healthServer *health.Server, registry *prometheus.Registry) error {
	server := newHTTP(debugHandler(healthServer, registry), 0)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	return serveHTTP(server, listener)
}

// maxPublic bounds the connections of the public side, each of which holds a goroutine and its TLS state: others wait.
const maxPublic = 10_000

// newPublic serves everybody: TLS without client certificates, and the same limits as for gRPC.
func newPublic(o Options) *http.Server {
	handler := o.Public
	if handler == nil {
		handler = http.NotFoundHandler()
	}
	timeout := o.Config.RequestTimeout.Or(defaultRequestTimeout)
	limited := http.MaxBytesHandler(http.TimeoutHandler(handler, timeout, ""), int64(o.Config.maxRequestBytes()))
	server := newHTTP(limited, timeout)
	server.TLSConfig = &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{o.Certificate}, NextProtos: []string{"http/1.1"},
	}
	return server
}

// newHTTP has no limit on how long an answer may take if timeout is 0: profiles take their time.
func newHTTP(handler http.Handler, timeout time.Duration) *http.Server {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, ReadTimeout: timeout,
		MaxHeaderBytes: maxHeader,
	}
	if timeout > 0 {
		server.WriteTimeout = timeout + headerTimeout
	}
	return server
}

func serveHTTP(server *http.Server, listener net.Listener) error {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// shutdownHTTP waits for running requests until ctx ends.
func shutdownHTTP(ctx context.Context, server *http.Server) error {
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}
