// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/peer"

	"ecoupon/services/internal/config"
)

// Roles of callers, from the attribute in their certificate.
const (
	RoleTill     = "till"
	RoleService  = "service"
	RoleOperator = "operator"
	RoleAuditor  = "auditor"
)

// attributes is the certificate extension in which an organisation says what the holder is to it.
var attributes = asn1.ObjectIdentifier{1, 2, 3, 4, 5, 6, 7, 8, 1}

// Caller is who calls. The organisation is the one whose authority signed the caller's certificate, whatever the
// certificate says of itself.
type Caller struct {
	// Organisation is the MSP id.
	Organisation string
	Role         string
	// Name is the certificate's common name, for logs and turns only.
	Name string
}

// CallerFrom returns who calls, and the zero Caller outside a call.
func CallerFrom(ctx context.Context) Caller {
	from, found := peer.FromContext(ctx)
	if !found {
		return Caller{}
	}
	info, authenticated := from.AuthInfo.(callerInfo)
	if !authenticated {
		return Caller{}
	}
	return info.caller
}

// Public reports whether the caller sees public classes in place of exact reasons.
func (c Caller) Public() bool {
	return c.Role == RoleTill || c.Role == ""
}

// authority vouches for callers of one organisation with certain roles.
type authority struct {
	organisation string
	roles        []string
	certificate  *x509.Certificate
	pool         *x509.CertPool
}

type authorities []authority

// newAuthorities takes two of each organisation: the identities' vouches for everybody but tills, the tills' for
// tills alone, so that neither a till can act for the organisation nor an identity stand at a counter.
func newAuthorities(directory *config.Directory) (authorities, error) {
	var all authorities
	for _, organisation := range directory.Organisations {
		for _, entry := range []struct {
			pem   string
			roles []string
		}{
			{organisation.IdentityCA, []string{RoleService, RoleOperator, RoleAuditor}},
			{organisation.TillsCA, []string{RoleTill}},
		} {
			certificate, err := config.ParseCertificate([]byte(entry.pem))
			if err != nil {
				return nil, fmt.Errorf("authority of %s: %w", organisation.MSPID, err)
			}
			pool := x509.NewCertPool()
			pool.AddCert(certificate)
			all = append(all, authority{organisation.MSPID, entry.roles, certificate, pool})
		}
	}
	return all, nil
}

// caller authenticates a certificate: it must be signed by one of the authorities directly, and its role must be one
// that this authority may give.
func (a authorities) caller(certificate *x509.Certificate) (Caller, error) {
	for _, authority := range a {
		if certificate.CheckSignatureFrom(authority.certificate) != nil {
			continue
		}
		// No intermediates: whoever holds an ordinary certificate signs for nobody.
		_, err := certificate.Verify(x509.VerifyOptions{
			Roots: authority.pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err != nil {
			return Caller{}, err
		}
		role, err := roleOf(certificate)
		if err != nil {
			return Caller{}, err
		}
		if !slices.Contains(authority.roles, role) {
			return Caller{}, fmt.Errorf("this authority of %s cannot give the role %q", authority.organisation, role)
		}
		return Caller{Organisation: authority.organisation, Role: role, Name: certificate.Subject.CommonName}, nil
	}
	return Caller{}, errors.New("the certificate is of no authority in the directory")
}

func roleOf(certificate *x509.Certificate) (string, error) {
	index := -1
	for i, extension := range certificate.Extensions {
		if !extension.Id.Equal(attributes) {
			continue
		}
		if index >= 0 {
			return "", errors.New("the certificate has two lists of attributes")
		}
		index = i
	}
	if index < 0 {
		return "", errors.New("the certificate has no role")
	}
	var list struct {
		Attributes map[string]string `json:"attrs"`
	}
	if err := json.Unmarshal(certificate.Extensions[index].Value, &list); err != nil {
		return "", fmt.Errorf("reading the certificate's attributes: %w", err)
	}
	return list.Attributes["role"], nil
}
