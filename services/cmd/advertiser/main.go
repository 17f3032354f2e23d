// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command advertiser runs the service of an advertiser.
package main

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/clock"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/sqlstore"
)

func main() { serve.Main(run) }

func run(ctx context.Context, args []string, stderr io.Writer) (err error) {
	var cfg advertiser.Config
	start, err := serve.Begin(config.RoleAdvertiser, args, stderr, &cfg)
	if err != nil {
		return err
	}
	self := start.Organisation.MSPID
	tables, err := advertiser.Migrations()
	if err != nil {
		return err
	}
	store, err := sqlstore.Open(ctx, sqlstore.Options{Path: cfg.Store, Migrations: tables})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	cfg.Ledger.ClockOffset = start.Flags.ClockOffset
	client, err := ledger.Open(cfg.Ledger, start.Directory, self, store.Journal(), start.Logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	emitter, err := advertiser.New(advertiser.Options{
		Ledger: client, Store: store, MSPID: self, Namespaces: start.Directory.Namespaces(),
		Limits: cfg.Limits, Frames: cfg.Frames(), Lanes: cfg.Lanes, Now: start.Now, Logger: start.Logger,
	})
	if err != nil {
		return err
	}
	if err := emitter.Load(ctx); err != nil {
		return err
	}
	watch, err := clock.New(clock.Options{
		Ledger: client, Directory: start.Directory, Now: start.Now, Registry: start.Registry, Logger: start.Logger,
	})
	if err != nil {
		return err
	}
	return start.Run(ctx, serve.Options{
		Config: cfg.Serve,
		Register: func(to grpc.ServiceRegistrar) {
			advertiserv1.RegisterAdvertiserServiceServer(to, advertiser.NewServer(emitter))
		},
		Public: advertiser.NewPublic(emitter),
		Ready:  emitter.Ready,
		Tasks:  []serve.Task{{Name: "advertiser", Run: emitter.Run}, {Name: "clock", Run: watch.Run}},
	})
}
