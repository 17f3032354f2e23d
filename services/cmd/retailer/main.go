// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command retailer runs the service of a retailer.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"

	"google.golang.org/grpc"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/dial"
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
	options := retailer.Options{
		Batch: cfg.Batch, MSPID: self, Issuers: issuers,
		Ledger: client, Store: store, Now: start.Now, Logger: start.Logger,
	}
	if start.Organisation.Has(config.RoleAdvertiser) {
		connection, err := emitter(cfg, start)
		if err != nil {
			return err
		}
		defer func() { _ = connection.Close() }()
		options.Emitter = retailer.NewAdvertiserService(connection)
	}
	desk, err := retailer.New(options)
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

// emitter connects to the own organisation's advertiser service, which emits the
// purchase proofs of a retailer.
func emitter(cfg retailer.Config, start serve.Start) (*grpc.ClientConn, error) {
	certificate, err := tls.LoadX509KeyPair(cfg.Ledger.Certificate, cfg.Ledger.Key)
	if err != nil {
		return nil, err
	}
	return dial.Of(start.Directory, certificate).Service(config.RoleAdvertiser, start.Organisation.MSPID)
}
