// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	redial "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"ecoupon/services/internal/config"
)

const (
	// maxAnswer bounds what a peer may send: a block of events, or the longest record.
	maxAnswer = 64 << 20
	// keepaliveTime finds a dead connection; peers refuse less than a minute.
	keepaliveTime = 90 * time.Second
	// longestRedial bounds the wait before a peer that was away is called again.
	longestRedial = time.Second
)

// dialPeers connects to all peers of the organisation, and waits for none.
func dialPeers(cfg Config, organisation config.Organisation, logger *slog.Logger) (*peers, error) {
	certificate, err := tls.LoadX509KeyPair(cfg.TLSCertificate, cfg.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", cfg.TLSCertificate, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(organisation.TLSCA)) {
		return nil, fmt.Errorf("%s has no TLS authority", organisation.MSPID)
	}
	retries := redial.DefaultConfig
	retries.BaseDelay, retries.MaxDelay = firstReconnect, longestRedial
	all := newPeers(organisation.MSPID, logger)
	for _, peer := range organisation.Peers {
		conn, err := grpc.NewClient(peer.Address,
			grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
				MinVersion:   tls.VersionTLS13,
				Certificates: []tls.Certificate{certificate},
				RootCAs:      roots,
				ServerName:   peer.ServerName,
			})),
			// Name servers are not asked how calls are to be made.
			grpc.WithDisableServiceConfig(),
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: retries, MinConnectTimeout: longestReconnect}),
			grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, PermitWithoutStream: true}),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
		)
		if err != nil {
			return nil, errors.Join(err, all.Close())
		}
		all.add(peer.Address, conn)
	}
	return all, nil
}

// saw notes that the service knows of a block, so that no peer is used that has it not.
func (c *Client) saw(block uint64) {
	if c.peers != nil {
		c.peers.saw(block)
	}
}
