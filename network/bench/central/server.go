// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package central

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// Config is what the process of the service is told.
type Config struct {
	Listen string `json:"listen"`
	// Certificate and Key are PEM files of the server, Clients the authority's that
	// signs those of tills.
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	Clients     string `json:"clients"`
	// Database is the address of a PostgreSQL database, Connections how many it gets.
	Database    string     `json:"database"`
	Connections int        `json:"connections"`
	Retailer    string     `json:"retailer"`
	Invoices    coupon.Key `json:"invoices"`
	Offers      []Offer    `json:"offers"`
}

// Run serves until ctx ends, as a file says.
func Run(ctx context.Context, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var c Config
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	store, err := Open(ctx, c.Database, c.Connections)
	if err != nil {
		return err
	}
	defer store.Close()
	service, err := New(c.Retailer, c.Invoices, c.Offers, store, time.Now)
	if err != nil {
		return err
	}
	server, err := c.server()
	if err != nil {
		return err
	}
	retailerv1.RegisterRetailerServiceServer(server, service)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		server.Stop()
		return <-ended
	}
}

// server demands TLS 1.3 and a till's certificate of every client.
func (c Config) server() (*grpc.Server, error) {
	certificate, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(c.Clients)
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(authority) {
		return nil, errors.New("the authority of tills is no certificate")
	}
	return grpc.NewServer(grpc.WaitForHandlers(true), grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
	}))), nil
}
