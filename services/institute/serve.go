// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package institute

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	institutev1 "ecoupon/proto/gen/coupon/institute/v1"
	"ecoupon/services/internal/rpcerr"
	"ecoupon/services/internal/serve"
)

// Kinds of customers, the organisational unit in their certificates. The common
// name is their MSP id.
const (
	// Merchant takes payments.
	Merchant = "merchant"
	// Enquirer asks about payments.
	Enquirer = "enquirer"
)

// Limits of the server.
const (
	// callTimeout bounds a call, which is one commit to the disk or 200 look-ups.
	callTimeout = 10 * time.Second
	// stopTimeout bounds how long running calls are waited for at the end.
	stopTimeout = 5 * time.Second
	// maxRequest has room for MaxConfirm payments.
	maxRequest = 128 << 10
)

// authorise returns the caller's MSP id if it is a customer of one of these
// kinds. The certificate is of the institute's own authority: TLS saw to that.
func authorise(ctx context.Context, kinds ...string) (string, error) {
	var caller *x509.Certificate
	if from, found := peer.FromContext(ctx); found {
		if info, ok := from.AuthInfo.(credentials.TLSInfo); ok && len(info.State.VerifiedChains) > 0 {
			caller = info.State.VerifiedChains[0][0]
		}
	}
	if caller == nil || time.Now().After(caller.NotAfter) {
		return "", coupon.Refuse(coupon.ReasonWrongOrganisation, "", "no valid certificate")
	}
	name, units := caller.Subject.CommonName, caller.Subject.OrganizationalUnit
	if coupon.CheckID("", name) != nil || len(units) != 1 || !slices.Contains(kinds, units[0]) {
		return "", coupon.Refuse(coupon.ReasonWrongRole, "", "customers of this kind may not call this")
	}
	return name, nil
}

// Listeners are where an institute listens. Debug, for its health and metrics,
// may be nil. Serve closes them.
type Listeners struct {
	Customers, Debug net.Listener
}

// Serve answers customers, whose certificates the authorities vouch for, until
// ctx ends.
func Serve(
	ctx context.Context, service *Service, certificate tls.Certificate, authorities *x509.CertPool, listen Listeners, logger *slog.Logger,
) error {
	healthServer := health.NewServer()
	server := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(&tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authorities,
		})),
		grpc.UnaryInterceptor(answering(logger)),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.ConnectionTimeout(callTimeout),
	)
	institutev1.RegisterInstituteServiceServer(server, NewServer(service))
	grpc_health_v1.RegisterHealthServer(server, healthServer)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	group, ctx := errgroup.WithContext(ctx)
	if listen.Debug != nil {
		group.Go(func() error { return serve.ServeDebug(ctx, listen.Debug, healthServer, registry) })
	}
	group.Go(func() error {
		if err := server.Serve(listen.Customers); !errors.Is(err, grpc.ErrServerStopped) {
			return err // else it was stopped before it began
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		stopped := time.AfterFunc(stopTimeout, server.Stop)
		defer stopped.Stop()
		server.GracefulStop()
		return nil
	})
	return group.Wait()
}

// answering bounds a call, survives a panic in it, makes a status of its error,
// and writes its one line.
func answering(logger *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		defer func() {
			if cause := recover(); cause != nil {
				err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
			}
			if _, made := status.FromError(err); made {
				return // of health, or none
			}
			answer := rpcerr.Status(err, false)
			logger.WarnContext(ctx, "call", "method", info.FullMethod, "code", answer.Code().String(), "error", err.Error(), "took", time.Since(began))
			err = answer.Err()
		}()
		response, err = handler(ctx, request)
		if err == nil {
			logger.InfoContext(ctx, "call", "method", info.FullMethod, "took", time.Since(began))
		}
		return response, err
	}
}
