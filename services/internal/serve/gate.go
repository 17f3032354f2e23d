// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/rpcerr"
)

// maxStreams bounds the streams at a time, which are those of reflection.
const maxStreams = 100

// foreignPrefix is of methods that are not ours (health, reflection) and make their own statuses.
const foreignPrefix = "/grpc."

// gate stands before every handler.
type gate struct {
	config Config
	allow  allowList
	slots  chan struct{}
	// streams are apart from slots: a stream lasts as long as its caller wants, and must not keep out calls.
	streams chan struct{}
	// withdrawn is about the own organisation's tills; nil if there is no list.
	withdrawn    *Withdrawn
	organisation string
	logger       *slog.Logger
	refusals     *prometheus.CounterVec
}

func newGate(o Options) (*gate, error) {
	refusals := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "coupon_refusals_total",
		Help: "Calls that were refused, by method and exact reason.",
	}, []string{"method", "reason"})
	if err := o.Registry.Register(refusals); err != nil {
		return nil, err
	}
	return &gate{
		config: o.Config, logger: o.Logger, refusals: refusals, withdrawn: o.Withdrawn, organisation: o.Organisation,
		slots: make(chan struct{}, o.Config.maxInFlight()), streams: make(chan struct{}, maxStreams),
	}, nil
}

func (g *gate) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	var response any
	err := g.call(ctx, info.FullMethod, g.slots, func() (err error) {
		ctx, cancel := g.deadline(ctx)
		defer cancel()
		response, err = handler(ctx, request)
		return err
	})
	return response, err
}

func (g *gate) stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return g.call(stream.Context(), info.FullMethod, g.streams, func() error { return handler(server, stream) })
}

// call does everything around a handler, and returns a status.
func (g *gate) call(ctx context.Context, method string, slots chan struct{}, handle func() error) error {
	began := time.Now()
	caller := CallerFrom(ctx)
	err := g.admit(ctx, method, caller, slots, handle)
	answer := rpcerr.Status(err, caller.Public())
	if made, is := status.FromError(err); is && (strings.HasPrefix(method, foreignPrefix) || made.Code() == codes.Unimplemented) {
		answer = made
	}
	g.log(ctx, method, caller, err, answer, time.Since(began))
	return answer.Err()
}

func (g *gate) admit(ctx context.Context, method string, caller Caller, slots chan struct{}, handle func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	if err := g.current(ctx); err != nil {
		return err
	}
	if err := g.allow.check(method, caller); err != nil {
		return err
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	default:
		return coupon.Refuse(coupon.ReasonRateLimited, "", "too many calls are running")
	}
	return handle()
}

// current refuses callers without a certificate, and those whose certificate has ended or was withdrawn, be it since
// they connected.
func (g *gate) current(ctx context.Context) error {
	from, found := peer.FromContext(ctx)
	if !found {
		return coupon.Refuse(coupon.ReasonWrongOrganisation, "", "no certificate")
	}
	info, authenticated := from.AuthInfo.(callerInfo)
	if authenticated && info.caller.Role == RoleTill && info.caller.Organisation == g.organisation && g.withdrawn.Has(info.serial) {
		return coupon.Refuse(coupon.ReasonWrongOrganisation, "", "the certificate is withdrawn")
	}
	if !authenticated || time.Now().After(info.until) {
		return coupon.Refuse(coupon.ReasonWrongOrganisation, "", "no valid certificate")
	}
	return nil
}

// deadline caps the client's deadline, and keeps a margin of it back.
func (g *gate) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	remaining := g.config.RequestTimeout.Or(defaultRequestTimeout)
	if deadline, set := ctx.Deadline(); set {
		remaining = min(remaining, time.Until(deadline))
	}
	margin := min(g.config.DeadlineMargin.Or(defaultDeadlineMargin), remaining/10)
	return context.WithTimeout(ctx, remaining-margin)
}

// log writes the one line of a call. Neither request nor response is in it.
func (g *gate) log(ctx context.Context, method string, caller Caller, err error, answer *status.Status, took time.Duration) {
	attributes := []slog.Attr{
		slog.String("method", method),
		slog.String("organisation", caller.Organisation),
		slog.String("role", caller.Role),
		slog.String("caller", caller.Name),
		slog.String("code", answer.Code().String()),
		slog.Duration("took", took),
	}
	level := slog.LevelInfo
	if err != nil {
		reason := rpcerr.ReasonOf(err)
		if reason == coupon.ReasonInternal || reason == coupon.ReasonOutcomeUnknown {
			level = slog.LevelWarn
		}
		g.refusals.WithLabelValues(method, string(reason)).Inc()
		attributes = append(attributes, slog.String("reason", string(reason)), slog.String("error", err.Error()))
	}
	g.logger.LogAttrs(ctx, level, "call", attributes...)
}
