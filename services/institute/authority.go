// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package institute

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"time"
)

// Lives of certificates; a clock may be behind by skew.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	holderLife    = 2 * 365 * 24 * time.Hour
	skew          = 5 * time.Minute
)

// authority vouches for the institute's server and its customers.
type authority struct {
	certificate *x509.Certificate
	pem         []byte
	key         crypto.Signer
}

// holder is whom a certificate is for: a server with hosts, or a customer.
type holder struct {
	name, unit string
	hosts      []string
}

// authority returns the folder's, which it makes if it is missing.
func (f Folder) authority() (*authority, error) {
	certificate, key := f.path(authorityFile+".pem"), f.path(authorityFile+".key")
	if _, err := os.Stat(certificate); errors.Is(err, fs.ErrNotExist) {
		template := &x509.Certificate{
			Subject: pkix.Name{CommonName: "ca." + serverName}, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
			KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(authorityLife),
		}
		if err := (*authority)(nil).issue(template, certificate, key); err != nil {
			return nil, err
		}
	}
	text, err := os.ReadFile(certificate)
	if err != nil {
		return nil, err
	}
	keyText, err := os.ReadFile(key)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	keyBlock, _ := pem.Decode(keyText)
	if block == nil || keyBlock == nil {
		return nil, fmt.Errorf("%s and its key are not PEM", certificate)
	}
	a := &authority{pem: text}
	if a.certificate, err = x509.ParseCertificate(block.Bytes); err != nil {
		return nil, fmt.Errorf("%s: %w", certificate, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	signer, is := parsed.(*ecdsa.PrivateKey)
	if !is {
		return nil, fmt.Errorf("%s: not an ECDSA key", key)
	}
	a.key = signer
	return a, nil
}

// ensure issues a certificate unless it is there.
func (a *authority) ensure(certificate, key string, h holder) error {
	if _, err := os.Stat(certificate); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: h.name}, KeyUsage: x509.KeyUsageDigitalSignature, NotAfter: time.Now().Add(holderLife),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if h.unit != "" {
		template.Subject.OrganizationalUnit = []string{h.unit}
	}
	for _, host := range h.hosts {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.issue(template, certificate, key)
}

// issue completes and signs a certificate, with a nil authority by itself, and
// writes it after its key.
func (a *authority) issue(template *x509.Certificate, certificate, key string) error {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return err
	}
	template.NotBefore = time.Now().Add(-skew)
	parent, signer := template, crypto.Signer(own)
	if a != nil {
		parent, signer = a.certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, own.Public(), signer)
	if err != nil {
		return fmt.Errorf("issuing a certificate for %s: %w", template.Subject.CommonName, err)
	}
	text, err := keyPEM(own)
	if err != nil {
		return err
	}
	if err := write(key, text); err != nil {
		return err
	}
	return write(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func keyPEM(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
