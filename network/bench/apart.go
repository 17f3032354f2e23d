// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/bench/central"
	"ecoupon/network/bench/load"
	"ecoupon/network/bench/postgres"
	"ecoupon/network/bench/report"
	"ecoupon/network/bench/usage"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

const (
	// databaseConnections is how many the central service has, and pgbench.
	databaseConnections = 64
	// readyLimit bounds the wait for the central service.
	readyLimit = 30 * time.Second
	// centralCeiling is above what a crowd gets of the central service.
	centralCeiling = 20_000
	sameInsert     = "pgbench, the same insert"
)

// centrally measures the same requests against one service in front of one
// database, and that database by itself.
func (b *bench) centrally(ctx context.Context) (err error) {
	server, err := postgres.Start(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if failed := server.Stop(context.WithoutCancel(ctx)); err == nil {
			err = failed
		}
	}()
	if err := b.pgbench(ctx, server); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ecoupon-central-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	c := &bench{out: b.out, times: b.times, report: b.report, ceiling: centralCeiling, purses: map[form]*purse{bound: new(purse)}}
	now := time.Now()
	mint := central.NewMint(issuer, advertiser, coupon.Campaign{
		ID: "central", Version: 1, Product: "Product", Offer: "50 cents off", Terms: terms, Kinds: []coupon.Kind{coupon.KindStatic},
		Holder: coupon.HolderBound, Begin: now.Add(-time.Minute).UnixMilli(), End: now.Add(24 * time.Hour).UnixMilli(),
	}, quota)
	c.obtain = func(context.Context, form, int) (holding, error) {
		owner, key, err := ed25519.GenerateKey(rand.Reader)
		return holding{mint.Make(coupon.PublicKey(owner)), key}, err
	}
	pid, stop, err := c.startCentral(ctx, dir, server, mint)
	if err != nil {
		return err
	}
	defer stop()
	c.others = usage.Groups{"central service": {pid}, "PostgreSQL": {server.PID()}}
	offer := c.customers("central", alike(bound))
	rate, err := c.search(ctx, offer, crowd)
	if err != nil {
		return err
	}
	_, err = c.hold(ctx, sustained, offer, load.Plan{Rate: rate, Lasts: b.times.side}, lower)
	return err
}

// pgbench measures what the database makes durable of the same insert.
func (b *bench) pgbench(ctx context.Context, server *postgres.Server) error {
	store, err := central.Open(ctx, server.Address(), 1)
	if err != nil {
		return err
	}
	store.Close()
	groups := func() usage.Groups { return usage.Groups{"PostgreSQL": usage.Children(server.PID())} }
	lasts := b.times.rung
	before := usage.Take(groups())
	rate, err := server.Bench(ctx, central.InsertionScript, databaseConnections, lasts)
	if err != nil {
		return err
	}
	b.note(report.Load{
		Part: "pgbench", Name: sameInsert, Unit: "rows", InFlight: databaseConnections, Seconds: lasts.Seconds(), PerSecond: rate,
		Cores: usage.Take(groups()).Cores(before),
	})
	return nil
}

// startCentral starts the central service as a process of its own, and connects
// the tills to it.
func (b *bench) startCentral(ctx context.Context, dir string, server *postgres.Server, mint central.Mint) (pid int, stop func(), err error) {
	ids, err := central.NewIdentities(dir)
	if err != nil {
		return 0, nil, err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return 0, nil, err
	}
	config, err := json.Marshal(central.Config{
		Listen: address, Certificate: ids.Certificate, Key: ids.Key, Clients: ids.Authority,
		Database: server.Address(), Connections: databaseConnections, Retailer: retailer, Offers: []central.Offer{mint.Offer()},
	})
	if err != nil {
		return 0, nil, err
	}
	file := filepath.Join(dir, "central.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return 0, nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, nil, err
	}
	process := exec.CommandContext(ctx, self, "-central", file)
	process.Stderr = os.Stderr
	// The kernel shares the processors out among sessions: the network's processes
	// have one each, too.
	process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := process.Start(); err != nil {
		return 0, nil, err
	}
	var conns []*grpc.ClientConn
	stop = func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
		_ = process.Process.Signal(syscall.SIGTERM)
		_ = process.Wait()
	}
	for range connections {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(ids.Till)))
		if err != nil {
			stop()
			return 0, nil, err
		}
		conns = append(conns, conn)
		b.tills = append(b.tills, retailerv1.NewRetailerServiceClient(conn))
	}
	if err := answers(ctx, conns[0]); err != nil {
		stop()
		return 0, nil, err
	}
	return process.Process.Pid, stop, nil
}

// answers waits until a server answers at all.
func answers(ctx context.Context, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	_, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true))
	if ctx.Err() != nil {
		return fmt.Errorf("waiting for the central service: %w", status.Convert(err).Err())
	}
	return nil
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
