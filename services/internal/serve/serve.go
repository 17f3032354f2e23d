// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"ecoupon/services/internal/config"
)

const (
	// connectionAge bounds how long a caller is believed without another handshake.
	connectionAge      = time.Hour
	connectionAgeGrace = time.Minute
	// keepaliveTime finds dead clients; keepaliveMin is the least that clients may ask.
	keepaliveTime = time.Minute
	keepaliveMin  = 10 * time.Second
	// handshakeTimeout bounds how long a stranger may take to say who it is. maxConcurrent bounds the calls of one
	// connection, each of which may hold a request in memory.
	handshakeTimeout = 5 * time.Second
	maxConcurrent    = 1000
	// readyPause is between two questions whether the service is ready.
	readyPause = 200 * time.Millisecond
	// headerTimeout bounds how long an HTTP client may take to say what it wants, idleTimeout how long it may
	// then stay.
	headerTimeout = 5 * time.Second
	idleTimeout   = time.Minute
	// maxHeader bounds what an HTTP client may say before its request: everybody may say it on many connections.
	maxHeader = 16 << 10
)

// durations are the buckets of call durations in seconds: finest where a till waits.
var durations = []float64{.001, .0025, .005, .01, .02, .03, .04, .05, .06, .08, .1, .15, .25, .5, 1, 2.5, 5, 10}

// Task runs beside the server until ctx ends, and then returns nil. It may end earlier with nil. An error ends the
// whole service.
type Task struct {
	Name string
	Run  func(ctx context.Context) error
}

// Options are what a service is made of. Public, Tasks and Ready may be missing.
type Options struct {
	Config    Config
	Directory *config.Directory
	// Organisation is the MSP id of the own organisation.
	Organisation string
	// Certificate is shown to gRPC callers and to visitors of the public side.
	Certificate tls.Certificate
	// Withdrawn are certificates of the own tills that are believed no longer; may be nil.
	Withdrawn *Withdrawn
	// Register registers the service's handlers.
	Register func(grpc.ServiceRegistrar)
	// Public is the service's side for everybody, in HTTP.
	Public http.Handler
	Tasks  []Task
	// Ready returns nil once the service can do its work; until then its health is NOT_SERVING, though it answers.
	Ready    func(ctx context.Context) error
	Registry *prometheus.Registry
	Logger   *slog.Logger
}

// Listeners are where a service listens. Debug and Public may be nil. Serve closes them.
type Listeners struct {
	GRPC, Debug, Public net.Listener
}

// Serve runs the service until ctx ends or any part of it fails, and returns once every part has ended: first no new
// calls are taken and running ones are waited for, then the tasks are told to end. Its error is that of the first
// part that failed, nil if none did.
func Serve(ctx context.Context, o Options, listen Listeners) error {
	process, err := newProcess(o)
	if err != nil {
		return errors.Join(err, listen.close())
	}
	group, running := errgroup.WithContext(ctx)
	tasks, stopTasks := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTasks()

	group.Go(func() error { return serveGRPC(process.server, listen.GRPC) })
	if listen.Debug != nil {
		group.Go(func() error { return serveHTTP(process.debug, listen.Debug) })
	}
	if listen.Public != nil {
		group.Go(func() error {
			return serveHTTP(process.public, tls.NewListener(netutil.LimitListener(listen.Public, maxPublic), process.public.TLSConfig))
		})
	}
	for _, task := range o.Tasks {
		group.Go(func() error {
			if err := task.Run(tasks); err != nil && tasks.Err() == nil {
				return fmt.Errorf("%s: %w", task.Name, err)
			}
			return nil
		})
	}
	group.Go(func() error { process.watchReady(running, o.Ready); return nil })
	group.Go(func() error {
		<-running.Done()
		process.stop(context.WithoutCancel(ctx), o.Config.ShutdownTimeout.Or(defaultShutdownTimeout))
		stopTasks()
		return nil
	})
	o.Logger.InfoContext(ctx, "serving", "address", listen.GRPC.Addr().String())
	return group.Wait()
}

func (l Listeners) close() error {
	var err error
	for _, listener := range []net.Listener{l.GRPC, l.Debug, l.Public} {
		if listener != nil {
			err = errors.Join(err, listener.Close())
		}
	}
	return err
}

// process is a running service.
type process struct {
	server *grpc.Server
	health *health.Server
	debug  *http.Server
	public *http.Server
}

func newProcess(o Options) (*process, error) {
	if o.Directory == nil || o.Register == nil || o.Registry == nil || o.Logger == nil {
		return nil, errors.New("directory, handlers, registry and logger of a service are required")
	}
	gate, err := newGate(o)
	if err != nil {
		return nil, err
	}
	metrics := grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram(grpcprom.WithHistogramBuckets(durations)))
	if err := o.Registry.Register(metrics); err != nil {
		return nil, err
	}
	trusted, err := newAuthorities(o.Directory)
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer(
		grpc.Creds(newCredentials(o.Certificate, trusted)),
		grpc.ChainUnaryInterceptor(metrics.UnaryServerInterceptor(), gate.unary),
		grpc.ChainStreamInterceptor(metrics.StreamServerInterceptor(), gate.stream),
		grpc.MaxRecvMsgSize(o.Config.maxRequestBytes()),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.MaxConcurrentStreams(maxConcurrent),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge: connectionAge, MaxConnectionAgeGrace: connectionAgeGrace, Time: keepaliveTime,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveMin, PermitWithoutStream: true}),
	)
	o.Register(server)
	healthServer := health.NewServer()
	healthServer.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	grpc_health_v1.RegisterHealthServer(server, healthServer)
	reflection.RegisterV1(server)
	metrics.InitializeMetrics(server)
	gate.allow, err = newAllowList(o.Config.Allow, server.GetServiceInfo(), o.Directory, o.Organisation)
	if err != nil {
		return nil, err
	}
	return &process{
		server: server,
		health: healthServer,
		debug:  newHTTP(debugHandler(healthServer, o.Registry), 0),
		public: newPublic(o),
	}, nil
}

// watchReady turns the health to SERVING as soon as ready returns nil.
func (p *process) watchReady(ctx context.Context, ready func(context.Context) error) {
	ticker := time.NewTicker(readyPause)
	defer ticker.Stop()
	for ready != nil && ready(ctx) != nil {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
	p.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
}

// serveGRPC returns nil when the server is stopped, if only before it began.
func serveGRPC(server *grpc.Server, listener net.Listener) error {
	if err := server.Serve(listener); !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}

// stop lets running calls end within the limit, and then ends them.
func (p *process) stop(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p.health.Shutdown()
	var group errgroup.Group
	group.Go(func() error {
		drained := context.AfterFunc(ctx, p.server.Stop)
		defer drained()
		p.server.GracefulStop()
		return nil
	})
	group.Go(func() error { return shutdownHTTP(ctx, p.public) })
	_ = group.Wait()
	_ = shutdownHTTP(ctx, p.debug)
}
