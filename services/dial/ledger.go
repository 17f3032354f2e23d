// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package dial

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"ecoupon/services/internal/config"
)

// Files of a credentials folder that a peer wants to see besides: it believes the
// authority of TLS certificates, and not that of identities.
const (
	tlsCertificateFile = "tls.pem"
	tlsKeyFile         = "tls.key"
)

// Ledger is the way to the blocks of the own organisation's peer. Whoever has
// it must close Conn.
type Ledger struct {
	Conn    *grpc.ClientConn
	Channel string
	MSPID   string
	// Identity signs what is asked for, TLS is what the connection presents.
	Identity, TLS tls.Certificate
}

// Ledger connects to a peer of the credentials' own organisation: to the one at
// the address, or to the first if that is empty. The server must prove that it is
// the organisation's. Nothing is sent before the first call.
func (c *Credentials) Ledger(address string) (*Ledger, error) {
	organisation, found := c.directory.ByMSP(c.Organisation())
	if !found {
		return nil, fmt.Errorf("the directory has no organisation %q", c.Organisation())
	}
	i := slices.IndexFunc(organisation.Peers, func(p config.Endpoint) bool { return address == "" || p.Address == address })
	if i < 0 {
		return nil, fmt.Errorf("the directory has no peer %q of %s", address, organisation.MSPID)
	}
	certificate, err := tls.LoadX509KeyPair(filepath.Join(c.dir, tlsCertificateFile), filepath.Join(c.dir, tlsKeyFile))
	if err != nil {
		return nil, fmt.Errorf("reading the TLS certificate in %s, which peers ask for: %w", c.dir, err)
	}
	roots, err := rootsOf(organisation)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(organisation.Peers[i].Address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			MinVersion:   tls.VersionTLS13,
			ServerName:   organisation.Peers[i].ServerName,
			RootCAs:      roots,
			Certificates: []tls.Certificate{certificate},
		})),
		grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return nil, err
	}
	return &Ledger{
		Conn: conn, Channel: c.directory.Channel, MSPID: organisation.MSPID, Identity: c.certificate, TLS: certificate,
	}, nil
}
