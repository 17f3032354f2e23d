// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"crypto/tls"
	"errors"
	"net"
	"time"

	"google.golang.org/grpc/credentials"
)

// callerCredentials are TLS credentials that know the caller of each connection.
type callerCredentials struct {
	credentials.TransportCredentials

	authorities authorities
}

// callerInfo is what a connection is known by.
type callerInfo struct {
	credentials.TLSInfo

	caller Caller
	// until is the end of the certificate's validity, which a connection may outlive.
	until time.Time
	// serial is the certificate's number at its authority.
	serial string
}

// newCredentials demands TLS 1.3 and a certificate of every client, which it verifies itself: the pool depends on
// which of the authorities signed.
func newCredentials(certificate tls.Certificate, trusted authorities) credentials.TransportCredentials {
	return &callerCredentials{
		TransportCredentials: credentials.NewTLS(&tls.Config{
			MinVersion:   tls.VersionTLS13,
			Certificates: []tls.Certificate{certificate},
			ClientAuth:   tls.RequireAnyClientCert,
			// Resumed connections come here too.
			VerifyConnection: func(state tls.ConnectionState) error {
				if len(state.PeerCertificates) == 0 {
					return errors.New("no certificate")
				}
				_, err := trusted.caller(state.PeerCertificates[0])
				return err
			},
		}),
		authorities: trusted,
	}
}

// ServerHandshake adds the caller to what TLS knows of the connection.
func (c *callerCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	state, ok := info.(credentials.TLSInfo)
	if !ok || len(state.State.PeerCertificates) == 0 {
		return nil, nil, errors.Join(errors.New("a connection without certificate"), conn.Close())
	}
	certificate := state.State.PeerCertificates[0]
	caller, err := c.authorities.caller(certificate)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, callerInfo{TLSInfo: state, caller: caller, until: certificate.NotAfter, serial: certificate.SerialNumber.String()}, nil
}

// Clone returns an independent copy.
func (c *callerCredentials) Clone() credentials.TransportCredentials {
	return &callerCredentials{TransportCredentials: c.TransportCredentials.Clone(), authorities: c.authorities}
}
