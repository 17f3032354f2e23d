// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package dial connects people and programs to the consortium's services. Who
// they are is in a folder: cert.pem and key.pem, the client certificate of one
// organisation and role, and consortium.json, the public directory of members,
// their addresses and their authorities.
package dial

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"ecoupon/services/internal/config"
)

// Files of a credentials folder.
const (
	certificateFile = "cert.pem"
	keyFile         = "key.pem"
	directoryFile   = "consortium.json"
)

// keepaliveTime is above what the services accept.
const keepaliveTime = time.Minute

// Credentials is an opened credentials folder.
type Credentials struct {
	dir         string
	directory   *config.Directory
	certificate tls.Certificate
}

// Member is an organisation as the directory shows it.
type Member struct {
	Name  string
	MSPID string
	Roles []string
}

// Open reads a credentials folder.
func Open(dir string) (*Credentials, error) {
	directory, err := config.LoadDirectory(filepath.Join(dir, directoryFile))
	if err != nil {
		return nil, err
	}
	certificate, err := tls.LoadX509KeyPair(filepath.Join(dir, certificateFile), filepath.Join(dir, keyFile))
	if err != nil {
		return nil, fmt.Errorf("reading the credentials in %s: %w", dir, err)
	}
	return &Credentials{dir: dir, directory: directory, certificate: certificate}, nil
}

// Of returns the credentials of a process that has read directory and
// certificate already.
func Of(directory *config.Directory, certificate tls.Certificate) *Credentials {
	return &Credentials{directory: directory, certificate: certificate}
}

// Organisation is the MSP id of the organisation whose certificate this is,
// as far as the certificate says; services verify it.
func (c *Credentials) Organisation() string {
	if names := c.certificate.Leaf.Subject.Organization; len(names) == 1 {
		return names[0]
	}
	return ""
}

// Members returns the organisations with a role, in the directory's order.
func (c *Credentials) Members(role string) []Member {
	var members []Member
	for _, o := range c.directory.WithRole(role) {
		members = append(members, Member{Name: o.Name, MSPID: o.MSPID, Roles: o.Roles})
	}
	return members
}

// Service connects to the service of a role. With an empty MSP id it is that of
// the credentials' own organisation if it has the role, or else the only one
// there is. The server must prove that it is that organisation's. Nothing is
// sent before the first call.
func (c *Credentials) Service(role, mspID string) (*grpc.ClientConn, error) {
	organisation, err := c.find(role, mspID)
	if err != nil {
		return nil, err
	}
	roots, err := rootsOf(organisation)
	if err != nil {
		return nil, err
	}
	service := organisation.Services[role]
	return grpc.NewClient(service.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			MinVersion:   tls.VersionTLS13,
			ServerName:   service.ServerName,
			RootCAs:      roots,
			Certificates: []tls.Certificate{c.certificate},
		})),
		grpc.WithDisableServiceConfig(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime}),
	)
}

// Public returns the address of an advertiser's public side and the
// authorities that vouch for it; the MSP id as in Service.
func (c *Credentials) Public(mspID string) (url string, roots *x509.CertPool, err error) {
	organisation, err := c.find(config.RoleAdvertiser, mspID)
	if err != nil {
		return "", nil, err
	}
	roots, err = rootsOf(organisation)
	return organisation.Services[config.RoleAdvertiser].PublicURL, roots, err
}

func (c *Credentials) find(role, mspID string) (config.Organisation, error) {
	candidates := c.directory.WithRole(role)
	for _, o := range candidates {
		if o.MSPID == mspID || mspID == "" && (o.MSPID == c.Organisation() || len(candidates) == 1) {
			if _, found := o.Services[role]; !found {
				return o, fmt.Errorf("the directory has no address of the %s service of %s", role, o.MSPID)
			}
			return o, nil
		}
	}
	if mspID == "" {
		return config.Organisation{}, fmt.Errorf("there are %d organisations with the role %s; name one", len(candidates), role)
	}
	return config.Organisation{}, fmt.Errorf("the directory has no %s %q", role, mspID)
}

func rootsOf(o config.Organisation) (*x509.CertPool, error) {
	certificate, err := config.ParseCertificate([]byte(o.TLSCA))
	if err != nil {
		return nil, fmt.Errorf("the TLS authority of %s: %w", o.MSPID, err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return roots, nil
}
