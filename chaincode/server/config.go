// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// peerUnit is the organisational unit of a peer's TLS certificate. Other
// processes of the organisation have certificates of the same CA, and must
// not be taken for a peer.
const peerUnit = "peer"

// offsetVariable may hold a duration by which the clock is to be wrong.
const offsetVariable = "CHAINCODE_CLOCK_OFFSET"

// config is what the environment says of this process.
type config struct {
	address   string // host:port to listen on
	packageID string // of the installed chaincode package
	mspID     string // the organisation whose peers are served
	cert      string // file names of the TLS material
	key       string
	clientCA  string
	// clockOffset is added to the machine's clock, for tests.
	clockOffset time.Duration
}

func readConfig(getenv func(string) string) (config, error) {
	var c config
	var missing []error
	for _, v := range []struct {
		name string
		to   *string
	}{
		{"CHAINCODE_SERVER_ADDRESS", &c.address},
		{"CORE_CHAINCODE_ID_NAME", &c.packageID},
		{"CORE_PEER_LOCALMSPID", &c.mspID},
		{"CHAINCODE_TLS_CERT", &c.cert},
		{"CHAINCODE_TLS_KEY", &c.key},
		{"CHAINCODE_TLS_CLIENT_CA", &c.clientCA},
	} {
		if *v.to = getenv(v.name); *v.to == "" {
			missing = append(missing, fmt.Errorf("%s is not set", v.name))
		}
	}
	if text := getenv(offsetVariable); text != "" {
		offset, err := time.ParseDuration(text)
		if err != nil {
			missing = append(missing, fmt.Errorf("%s: %w", offsetVariable, err))
		}
		c.clockOffset = offset
	}
	return c, errors.Join(missing...)
}

// now is the process' clock.
func (c config) now() time.Time { return time.Now().Add(c.clockOffset) }

// serverTLS loads the certificate and refuses one of another organisation: a
// process that took itself for another organisation's would judge coupons by
// the wrong rules.
func (c config) serverTLS() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, fmt.Errorf("reading the server's certificate: %w", err)
	}
	if err := ofOrganisation(cert.Leaf, c.mspID); err != nil {
		return nil, fmt.Errorf("the server's certificate %s: %w", c.cert, err)
	}
	pem, err := os.ReadFile(c.clientCA)
	if err != nil {
		return nil, fmt.Errorf("reading the peers' certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", c.clientCA)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{cert},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
		// Resumed sessions would skip VerifyPeerCertificate; this runs always.
		VerifyConnection: func(s tls.ConnectionState) error { return checkPeer(s.PeerCertificates[0], c.mspID) },
	}, nil
}

func checkPeer(cert *x509.Certificate, mspID string) error {
	if err := ofOrganisation(cert, mspID); err != nil {
		return fmt.Errorf("the caller's certificate: %w", err)
	}
	if !slices.Contains(cert.Subject.OrganizationalUnit, peerUnit) {
		return fmt.Errorf("the caller's certificate is not a peer's but of unit %q", cert.Subject.OrganizationalUnit)
	}
	return nil
}

// ofOrganisation accepts exactly one organisation in the subject.
func ofOrganisation(cert *x509.Certificate, mspID string) error {
	if o := cert.Subject.Organization; len(o) != 1 || o[0] != mspID {
		return fmt.Errorf("subject organisation %q is not %q", o, mspID)
	}
	return nil
}
