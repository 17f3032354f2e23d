// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package server serves a chaincode to the peers of one organisation.
//
// It answers only over mutual TLS, and only peers of its own organisation:
// whoever may play the peer chooses what the rules read, and the rules trust
// that their peer is the one that can read the organisation's secrets.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"ecoupon/chaincode/contract"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

const (
	// maxMessage equals the peer's own limit.
	maxMessage = 100 << 20
	// minPing is below the peer's ping interval of one minute, so that a
	// punctual peer is never cut off.
	minPing = 30 * time.Second
	// drainTime is how long a stop waits for transactions under way. A peer
	// keeps its stream open, so waiting longer only delays the stop.
	drainTime = 2 * time.Second
)

// Rules makes the chaincode of an organisation.
type Rules func(contract.Config) (shim.Chaincode, error)

// Run serves until ctx ends. The environment says where and for whom:
// CHAINCODE_SERVER_ADDRESS, CORE_CHAINCODE_ID_NAME, CORE_PEER_LOCALMSPID, and
// the file names CHAINCODE_TLS_CERT, CHAINCODE_TLS_KEY, CHAINCODE_TLS_CLIENT_CA.
// CHAINCODE_CLOCK_OFFSET puts the clock wrong, for tests.
func Run(ctx context.Context, getenv func(string) string, stderr io.Writer, rules Rules) error {
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	cfg, err := readConfig(getenv)
	if err != nil {
		return err
	}
	if cfg.clockOffset != 0 {
		log.WarnContext(ctx, "the clock is put wrong on purpose", "offset", cfg.clockOffset.String(), "by", offsetVariable)
	}
	tlsConfig, err := cfg.serverTLS()
	if err != nil {
		return err
	}
	chaincode, err := rules(contract.Config{MSPID: cfg.mspID, Now: cfg.now})
	if err != nil {
		return fmt.Errorf("making the contract: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(tlsConfig)),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.ConnectionTimeout(5*time.Second),
	)
	peer.RegisterChaincodeServer(server, &shim.ChaincodeServer{CCID: cfg.packageID, CC: chaincode})
	readiness := health.NewServer()
	healthv1.RegisterHealthServer(server, readiness)

	log.InfoContext(ctx, "serving", "organisation", cfg.mspID, "package", cfg.packageID, "address", listener.Addr().String())
	err = serve(ctx, server, listener, readiness)
	log.InfoContext(ctx, "stopped", "error", err)
	return err
}

// serve returns once the server has stopped: by itself with an error, or
// because ctx ended.
func serve(ctx context.Context, server *grpc.Server, listener net.Listener, readiness *health.Server) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	readiness.Shutdown()
	cut := time.AfterFunc(drainTime, server.Stop)
	server.GracefulStop()
	cut.Stop()
	if err := <-failed; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}
