// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package servetest makes consortia of certificates for tests, and runs services among them as package serve does:
// over TCP and TLS, with every interceptor.
package servetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"ecoupon/services/internal/config"
	"ecoupon/services/internal/serve"
)

// Names of the default organisations.
const (
	IssuerMSP     = "IssuerMSP"
	AdvertiserMSP = "AdvertiserMSP"
	RetailerMSP   = "RetailerMSP"
	ClearingMSP   = "ClearingMSP"
)

// validity of certificates.
const validity = 24 * time.Hour

// attributes is the extension that holds the role.
var attributes = asn1.ObjectIdentifier{1, 2, 3, 4, 5, 6, 7, 8, 1}

// Consortium is a directory with all keys at hand.
type Consortium struct {
	Directory *config.Directory

	identities, tls, tills map[string]*Authority
}

// Default are the four organisations of one role each.
func Default() []config.Organisation {
	return []config.Organisation{
		{MSPID: IssuerMSP, Roles: []string{config.RoleIssuer}},
		{MSPID: AdvertiserMSP, Roles: []string{config.RoleAdvertiser}},
		{MSPID: RetailerMSP, Roles: []string{config.RoleRetailer}},
		{MSPID: ClearingMSP, Roles: []string{config.RoleClearing}},
	}
}

// New makes the organisations' authorities, and fills in all of the directory but the services' addresses. Of an
// organisation only MSP id and roles need be given.
func New(t testing.TB, organisations ...config.Organisation) *Consortium {
	t.Helper()
	c := &Consortium{
		Directory:  &config.Directory{Channel: "coupons"},
		identities: make(map[string]*Authority), tls: make(map[string]*Authority), tills: make(map[string]*Authority),
	}
	for _, o := range organisations {
		c.identities[o.MSPID] = NewAuthority(t, "ca."+o.MSPID)
		c.tls[o.MSPID] = NewAuthority(t, "tlsca."+o.MSPID)
		c.tills[o.MSPID] = NewAuthority(t, "tillsca."+o.MSPID)
		o.Name = strings.ToLower(strings.TrimSuffix(o.MSPID, "MSP"))
		o.IdentityCA, o.TLSCA, o.TillsCA = c.identities[o.MSPID].PEM, c.tls[o.MSPID].PEM, c.tills[o.MSPID].PEM
		o.Peers = []config.Endpoint{{Address: "127.0.0.1:0", ServerName: "peer." + o.Name + ".example"}}
		o.Services = make(map[string]config.Service)
		c.Directory.Organisations = append(c.Directory.Organisations, o)
	}
	if err := c.Directory.Validate(); err != nil {
		t.Fatal(err)
	}
	return c
}

// Caller returns the certificate of somebody with the role in the organisation: of the authority for tills if the
// role is till, else of that for identities.
func (c *Consortium) Caller(t testing.TB, mspID, role string) tls.Certificate {
	t.Helper()
	if role == serve.RoleTill {
		return c.TillsCA(mspID).Issue(t, mspID, role)
	}
	return c.IdentityCA(mspID).Issue(t, mspID, role)
}

// IdentityCA is the organisation's authority for identities, to issue what no honest organisation would.
func (c *Consortium) IdentityCA(mspID string) *Authority { return c.identities[mspID] }

// TillsCA is the organisation's authority for tills.
func (c *Consortium) TillsCA(mspID string) *Authority { return c.tills[mspID] }

// Server returns the certificate of the organisation's services.
func (c *Consortium) Server(t testing.TB, mspID string) tls.Certificate {
	t.Helper()
	return c.tls[mspID].Issue(t, mspID, "")
}

// Authority issues certificates.
type Authority struct {
	PEM string

	certificate *x509.Certificate
	key         crypto.Signer
}

// NewAuthority makes one that is in no directory.
func NewAuthority(t testing.TB, name string) *Authority {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	a := new(Authority)
	a.certificate, a.key = sign(t, template, nil)
	a.PEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}))
	return a
}

// Issue makes a certificate for any host of the loopback, with the role attribute unless the role is empty.
func (a *Authority) Issue(t testing.TB, mspID, role string) tls.Certificate {
	t.Helper()
	name := role + "." + mspID
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: name, Organization: []string{mspID}},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if role != "" {
		value, err := json.Marshal(map[string]map[string]string{"attrs": {"role": role}})
		if err != nil {
			t.Fatal(err)
		}
		template.ExtraExtensions = []pkix.Extension{{Id: attributes, Value: value}}
	}
	certificate, key := sign(t, template, a)
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key, Leaf: certificate}
}

// sign completes the template; without an authority it is signed by itself.
func sign(t testing.TB, template *x509.Certificate, by *Authority) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(validity)
	parent, signer := template, crypto.Signer(key)
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// AuthorityOf signs with an ordinary certificate's key, which nobody must believe.
func AuthorityOf(certificate tls.Certificate) *Authority {
	return &Authority{certificate: certificate.Leaf, key: certificate.PrivateKey.(crypto.Signer)}
}

// Withdraw returns the authority's list of withdrawn certificates, in PEM.
func (a *Authority) Withdraw(t testing.TB, certificates ...tls.Certificate) []byte {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(time.Now().UnixNano()), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(validity)}
	for _, c := range certificates {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.Leaf.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.certificate, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}
