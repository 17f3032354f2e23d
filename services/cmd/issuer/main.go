// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command issuer runs the service of a manufacturer.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"

	"google.golang.org/grpc"

	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	"ecoupon/services/internal/clock"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/sqlstore"
	"ecoupon/services/issuer"
	"ecoupon/services/probing"
)

func main() { serve.Main(run) }

func run(ctx context.Context, args []string, stderr io.Writer) (err error) {
	var cfg issuer.Config
	start, err := serve.Begin(config.RoleIssuer, args, stderr, &cfg)
	if err != nil {
		return err
	}
	self := start.Organisation.MSPID
	clearing, err := issuer.ClearingOf(start.Directory, self)
	if err != nil {
		return err
	}
	tables, err := issuer.Migrations()
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
	certificate, err := tls.LoadX509KeyPair(cfg.Ledger.Certificate, cfg.Ledger.Key)
	if err != nil {
		return err
	}
	emitters := issuer.NewAdvertisers(start.Directory, certificate)
	defer func() { err = errors.Join(err, emitters.Close()) }()
	desk, err := issuer.New(issuer.Options{
		Ledger: client, Store: store, MSPID: self, Clearing: clearing, Directory: start.Directory,
		Emitters: emitters, Customer: probing.Customer{Directory: start.Directory, Now: start.Now},
		Audit: cfg.Audit.Settings(), Registry: start.Registry,
		Now: start.Now, Logger: start.Logger,
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
		Register: func(to grpc.ServiceRegistrar) { issuerv1.RegisterIssuerServiceServer(to, issuer.NewServer(desk)) },
		Tasks:    []serve.Task{{Name: "issuer", Run: desk.Run}, {Name: "clock", Run: watch.Run}},
		Ready:    desk.Ready,
	})
}
