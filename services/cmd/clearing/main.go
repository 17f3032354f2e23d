// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command clearing runs the service of a clearing house.
package main

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	"ecoupon/services/clearing"
	"ecoupon/services/internal/clock"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/sqlstore"
)

func main() { serve.Main(run) }

func run(ctx context.Context, args []string, stderr io.Writer) (err error) {
	var cfg clearing.Config
	start, err := serve.Begin(config.RoleClearing, args, stderr, &cfg)
	if err != nil {
		return err
	}
	self := start.Organisation.MSPID
	mspIDs := func(role string) (all []string) {
		for _, organisation := range start.Directory.WithRole(role) {
			all = append(all, organisation.MSPID)
		}
		return all
	}
	tables, err := clearing.Migrations()
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
	desk, err := clearing.New(clearing.Options{
		MSPID: self, Issuers: mspIDs(config.RoleIssuer), Retailers: mspIDs(config.RoleRetailer),
		Ledger: client, Institutes: clearing.InstitutesFile(cfg.Institutes), Store: store, Now: start.Now, Logger: start.Logger,
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
		Register: func(to grpc.ServiceRegistrar) { clearingv1.RegisterClearingServiceServer(to, clearing.NewServer(desk)) },
		Tasks:    []serve.Task{{Name: "clearing", Run: desk.Run}, {Name: "clock", Run: watch.Run}},
		Ready:    desk.Ready,
	})
}
