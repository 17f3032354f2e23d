// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command retailer runs the service of a retailer.
package main

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/clock"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/sqlstore"
	"ecoupon/services/retailer"
)

func main() { serve.Main(run) }

func run(ctx context.Context, args []string, stderr io.Writer) (err error) {
	var cfg retailer.Config
	start, err := serve.Begin(config.RoleRetailer, args, stderr, &cfg)
	if err != nil {
		return err
	}
	self := start.Organisation.MSPID
	var issuers []string
	for _, organisation := range start.Directory.WithRole(config.RoleIssuer) {
		issuers = append(issuers, organisation.MSPID)
	}
	tables, err := retailer.Migrations()
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
	desk, err := retailer.New(retailer.Options{
		Batch: cfg.Batch, MSPID: self, Issuers: issuers,
		Ledger: client, Store: store, Now: start.Now, Logger: start.Logger,
	})
	if err != nil {
		return err
	}
	watch, err := clock.New(clock.Options{
		Ledger: client, Directory: start.Directory, Now: start.Now, Registry: start.Registry, Logger: start.Logger,
	})
	if err != nil {
		return err
	}
	return start.Run(ctx, serve.Options{
		Config:   cfg.Serve,
		Register: func(to grpc.ServiceRegistrar) { retailerv1.RegisterRetailerServiceServer(to, retailer.NewServer(desk)) },
		Tasks:    []serve.Task{{Name: "retailer", Run: desk.Run}, {Name: "clock", Run: watch.Run}},
		Ready:    desk.Ready,
	})
}
