// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 2 * 365 * 24 * time.Hour
	// clockSkew lets a certificate be used at once on a machine that is behind.
	clockSkew = 5 * time.Minute
)

// attributesOID is where Fabric looks for the attributes of an identity.
var attributesOID = asn1.ObjectIdentifier{1, 2, 3, 4, 5, 6, 7, 8, 1}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// credential is a certificate with its key, both in PEM.
type credential struct{ cert, key []byte }

// subject is what a certificate says of its holder.
type subject struct {
	mspID string
	unit  string // organisational unit: peer, orderer, client, admin …
	name  string
	role  string   // attribute; empty for none
	hosts []string // of a server
	// client says that a TLS client may present it. A certificate that says
	// neither this nor names hosts has no extended usage: Fabric refuses an
	// identity that has one.
	client bool
	// life is how long the certificate is good; leafLife if 0.
	life time.Duration
}

func newAuthority(mspID, name string) (*authority, credential, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, credential{}, fmt.Errorf("making the key of %s: %w", name, err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name, Organization: []string{mspID}},
		NotBefore:             time.Now().Add(-clockSkew),
		NotAfter:              time.Now().Add(authorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), lowS{key})
	if err != nil {
		return nil, credential{}, fmt.Errorf("making the certificate of %s: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, credential{}, fmt.Errorf("reading the certificate of %s: %w", name, err)
	}
	made, err := encode(der, key)
	return &authority{cert: cert, key: key}, made, err
}

// issue makes a key and a certificate for its holder.
func (a *authority) issue(s subject) (credential, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return credential{}, fmt.Errorf("making the key of %s: %w", s.name, err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: s.name, Organization: []string{s.mspID}, OrganizationalUnit: []string{s.unit}},
		NotBefore:             time.Now().Add(-clockSkew),
		NotAfter:              time.Now().Add(cmp.Or(s.life, leafLife)),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
	}
	if s.client {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	if len(s.hosts) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, h := range s.hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	if s.role != "" {
		attributes, err := json.Marshal(map[string]map[string]string{"attrs": {"role": s.role}})
		if err != nil {
			return credential{}, fmt.Errorf("writing the attributes of %s: %w", s.name, err)
		}
		template.ExtraExtensions = []pkix.Extension{{Id: attributesOID, Value: attributes}}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), lowS{a.key})
	if err != nil {
		return credential{}, fmt.Errorf("making the certificate of %s: %w", s.name, err)
	}
	return encode(der, key)
}

func encode(der []byte, key *ecdsa.PrivateKey) (credential, error) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return credential{}, fmt.Errorf("writing a key: %w", err)
	}
	return credential{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
	}, nil
}

// lowS signs with the smaller of the two equivalent S. Fabric rewrites other
// certificates, and a rewritten one is not found by its bytes.
type lowS struct{ *ecdsa.PrivateKey }

// Sign implements crypto.Signer.
func (k lowS) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	signature, err := k.PrivateKey.Sign(random, digest, opts)
	if err != nil {
		return nil, err
	}
	var v struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(signature, &v); err != nil || len(rest) > 0 {
		return nil, errors.New("signature is not two integers")
	}
	n := k.Curve.Params().N
	if v.S.Cmp(new(big.Int).Rsh(n, 1)) > 0 {
		v.S.Sub(n, v.S)
	}
	return asn1.Marshal(v)
}
