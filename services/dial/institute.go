// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package dial

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"ecoupon/services/internal/config"
)

// InstituteFile is, in a folder of credentials for a payment institute, how to
// reach it. Certificate and key beside it are of the institute's own authority:
// it is no member of the consortium.
const InstituteFile = "institute.json"

// Institute says how to reach a payment institute.
type Institute struct {
	// Name is what invoices call it.
	Name    string `json:"name"`
	Address string `json:"address"`
	// ServerName is in the certificate that the institute shows, which the
	// authority CA, PEM, vouches for.
	ServerName string `json:"server_name"`
	CA         string `json:"ca"`
}

// Validate names what is missing.
func (i Institute) Validate() error {
	if i.Name == "" || i.Address == "" || i.ServerName == "" || i.CA == "" {
		return errors.New("name, address, server_name and ca of an institute are required")
	}
	return nil
}

// OpenInstitute connects to a payment institute with a folder of credentials
// for it. Nothing is sent before the first call.
func OpenInstitute(folder string) (Institute, *grpc.ClientConn, error) {
	var institute Institute
	if err := config.Load(filepath.Join(folder, InstituteFile), &institute); err != nil {
		return institute, nil, err
	}
	authority, err := config.ParseCertificate([]byte(institute.CA))
	if err != nil {
		return institute, nil, fmt.Errorf("the authority of %s: %w", institute.Name, err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	certificate, err := tls.LoadX509KeyPair(filepath.Join(folder, certificateFile), filepath.Join(folder, keyFile))
	if err != nil {
		return institute, nil, fmt.Errorf("reading the credentials in %s: %w", folder, err)
	}
	connection, err := grpc.NewClient(institute.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			MinVersion: tls.VersionTLS13, ServerName: institute.ServerName, RootCAs: roots,
			Certificates: []tls.Certificate{certificate},
		})),
		// A name server is asked for the address only, and not how calls are to be
		// made: one that does not answer that would hold the first call up.
		grpc.WithDisableServiceConfig(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime}),
	)
	return institute, connection, err
}
