// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package central

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// validity is longer than any benchmark.
const validity = 24 * time.Hour

// Identities are an authority and what it signed: a server, and a till. They are
// for one run; the authority's key is thrown away.
type Identities struct {
	// Authority, Certificate and Key are PEM files: the authority's certificate, and
	// the server's.
	Authority, Certificate, Key string
	// Till is a client of the server.
	Till *tls.Config
}

// NewIdentities makes them in a directory, with the algorithms of the
// consortium's own.
func NewIdentities(dir string) (Identities, error) {
	ids := Identities{
		Authority: filepath.Join(dir, "authority.pem"), Certificate: filepath.Join(dir, "server.pem"), Key: filepath.Join(dir, "server.key"),
	}
	authority := template("authority", 1)
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return ids, err
	}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, key.Public(), key)
	if err != nil {
		return ids, err
	}
	server := template("server", 2)
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	serverCert, serverKey, err := issue(server, authority, key)
	if err != nil {
		return ids, err
	}
	till := template("till", 3)
	till.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	tillCert, tillKey, err := issue(till, authority, key)
	if err != nil {
		return ids, err
	}
	rootPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root})
	for path, content := range map[string][]byte{ids.Authority: rootPEM, ids.Certificate: serverCert, ids.Key: serverKey} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return ids, err
		}
	}
	pair, err := tls.X509KeyPair(tillCert, tillKey)
	if err != nil {
		return ids, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(rootPEM)
	ids.Till = &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, Certificates: []tls.Certificate{pair}}
	return ids, nil
}

func template(name string, serial int64) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(validity), KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func issue(of, authority *x509.Certificate, by *ecdsa.PrivateKey) (certificate, key []byte, err error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	signed, err := x509.CreateCertificate(rand.Reader, of, authority, own.Public(), by)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), nil
}
