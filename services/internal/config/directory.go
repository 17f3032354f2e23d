// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"slices"
)

// What an organisation can be in the consortium. One organisation may be several of them.
const (
	RoleIssuer     = "issuer"
	RoleAdvertiser = "advertiser"
	RoleRetailer   = "retailer"
	RoleClearing   = "clearing"
)

// namespacePrefix comes before the issuer's MSP id in the name of its chaincode definition.
const namespacePrefix = "coupon-"

// Directory says who is in the consortium, where their processes are, and which certificate authorities speak for
// them. It is public and the same for all; it holds no secret.
type Directory struct {
	Channel       string         `json:"channel"`
	Organisations []Organisation `json:"organisations"`
}

// Organisation is one member of the consortium. The three authorities are PEM texts: the first issues the
// identities that the ledger knows, the second TLS certificates, the third those of tills, which the ledger does
// not know. It has one peer or more, any of which its services may use.
type Organisation struct {
	Name       string             `json:"name"`
	MSPID      string             `json:"msp_id"`
	Roles      []string           `json:"roles"`
	IdentityCA string             `json:"identity_ca"`
	TLSCA      string             `json:"tls_ca"`
	TillsCA    string             `json:"tills_ca"`
	Peers      []Endpoint         `json:"peers"`
	Services   map[string]Service `json:"services"`
}

// Endpoint is where a process listens, and the name in its TLS certificate.
type Endpoint struct {
	Address    string `json:"address"`
	ServerName string `json:"server_name"`
}

// Service is the endpoint of a service. PublicURL is set where the service has a public side in HTTP.
type Service struct {
	Address    string `json:"address"`
	ServerName string `json:"server_name"`
	PublicURL  string `json:"public_url"`
}

// LoadDirectory reads and validates the directory.
func LoadDirectory(path string) (*Directory, error) {
	var directory Directory
	if err := Load(path, &directory); err != nil {
		return nil, err
	}
	return &directory, nil
}

// Namespace is the name of the chaincode definition that holds everything about the issuer's coupons.
func Namespace(issuerMSP string) string {
	return namespacePrefix + issuerMSP
}

// ByMSP returns the organisation with this MSP id.
func (d *Directory) ByMSP(mspID string) (Organisation, bool) {
	index := slices.IndexFunc(d.Organisations, func(o Organisation) bool { return o.MSPID == mspID })
	if index < 0 {
		return Organisation{}, false
	}
	return d.Organisations[index], true
}

// WithRole returns the organisations that have the role, in the order of the file.
func (d *Directory) WithRole(role string) []Organisation {
	var found []Organisation
	for _, organisation := range d.Organisations {
		if organisation.Has(role) {
			found = append(found, organisation)
		}
	}
	return found
}

// Namespaces returns the namespace of each issuer, in the order of the file.
func (d *Directory) Namespaces() []string {
	var names []string
	for _, organisation := range d.WithRole(RoleIssuer) {
		names = append(names, Namespace(organisation.MSPID))
	}
	return names
}

// Has reports whether the organisation has the role.
func (o Organisation) Has(role string) bool {
	return slices.Contains(o.Roles, role)
}

// Validate checks the directory by itself; errors name the field.
func (d *Directory) Validate() error {
	if d.Channel == "" {
		return errors.New("channel is empty")
	}
	if len(d.Organisations) == 0 {
		return errors.New("organisations is empty")
	}
	seen := make(map[string]string)
	for i, organisation := range d.Organisations {
		field := fmt.Sprintf("organisations[%d]", i)
		if err := organisation.validate(field, seen); err != nil {
			return err
		}
	}
	return nil
}

// validate also notes the organisation's names and authorities in seen: whoever they vouch for is this
// organisation's, so they can be nobody else's.
func (o Organisation) validate(field string, seen map[string]string) error {
	unique := func(name, kind, value string) error {
		if value == "" {
			return fmt.Errorf("%s.%s is empty", field, name)
		}
		if other, taken := seen[kind+value]; taken {
			return fmt.Errorf("%s.%s is the same as %s", field, name, other)
		}
		seen[kind+value] = field + "." + name
		return nil
	}
	if err := errors.Join(unique("name", "name ", o.Name), unique("msp_id", "MSP ", o.MSPID)); err != nil {
		return err
	}
	for _, role := range o.Roles {
		if !slices.Contains([]string{RoleIssuer, RoleAdvertiser, RoleRetailer, RoleClearing}, role) {
			return fmt.Errorf("%s.roles: %q is no role", field, role)
		}
	}
	for _, authority := range []struct{ name, pem string }{
		{"identity_ca", o.IdentityCA}, {"tls_ca", o.TLSCA}, {"tills_ca", o.TillsCA},
	} {
		certificate, err := ParseCertificate([]byte(authority.pem))
		if err != nil {
			return fmt.Errorf("%s.%s: %w", field, authority.name, err)
		}
		if err := unique(authority.name, "key ", string(certificate.RawSubjectPublicKeyInfo)); err != nil {
			return err
		}
	}
	return o.validateEndpoints(field)
}

func (o Organisation) validateEndpoints(field string) error {
	if len(o.Peers) == 0 {
		return fmt.Errorf("%s.peers is empty", field)
	}
	for i, peer := range o.Peers {
		if err := peer.validate(fmt.Sprintf("%s.peers[%d]", field, i)); err != nil {
			return err
		}
	}
	for role, service := range o.Services {
		if !o.Has(role) {
			return fmt.Errorf("%s.services: %s has not the role %q", field, o.MSPID, role)
		}
		endpoint := Endpoint{Address: service.Address, ServerName: service.ServerName}
		if err := endpoint.validate(field + ".services." + role); err != nil {
			return err
		}
	}
	return nil
}

func (e Endpoint) validate(field string) error {
	if _, _, err := net.SplitHostPort(e.Address); err != nil {
		return fmt.Errorf("%s.address: %w", field, err)
	}
	if e.ServerName == "" {
		return fmt.Errorf("%s.server_name is empty", field)
	}
	return nil
}

// ParseCertificate decodes exactly one PEM certificate.
func ParseCertificate(text []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("not exactly one PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}
