// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// write stores a certificate and its key, and returns their paths.
func write(t *testing.T, certificate tls.Certificate) (string, string) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	paths := []string{filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")}
	for i, block := range []*pem.Block{
		{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}, {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(paths[i], pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return paths[0], paths[1]
}

func TestOpen(t *testing.T) {
	t.Parallel()
	consortium := servetest.New(t, servetest.Default()...)
	var good ledger.Config
	good.Certificate, good.Key = write(t, consortium.Caller(t, issuer, serve.RoleService))
	good.TLSCertificate, good.TLSKey = write(t, consortium.Server(t, issuer))
	open := func(cfg ledger.Config, mspID string) error {
		client, err := ledger.Open(cfg, consortium.Directory, mspID, new(ledgertest.Journal), servetest.Logger(t))
		if err != nil {
			return err
		}
		if client.MSPID() != mspID {
			t.Errorf("in the name of %s", client.MSPID())
		}
		return client.Close()
	}
	if err := open(good, issuer); err != nil {
		t.Errorf("got %v", err)
	}
	if err := good.Validate(); err != nil {
		t.Errorf("got %v", err)
	}
	if err := open(good, "StoreMSP"); err == nil {
		t.Error("opened for an organisation that does not exist")
	}
	for _, test := range []struct {
		field  string
		change func(*ledger.Config)
	}{
		{"ledger.certificate", func(c *ledger.Config) { c.Certificate = "" }},
		{"ledger.key", func(c *ledger.Config) { c.Key = "" }},
		{"ledger.tls_certificate", func(c *ledger.Config) { c.TLSCertificate = "" }},
		{"ledger.tls_key", func(c *ledger.Config) { c.TLSKey = "" }},
		{"ledger.attempts", func(c *ledger.Config) { c.Attempts = -1 }},
	} {
		bad := good
		test.change(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), test.field) {
			t.Errorf("%s: got %v", test.field, err)
		}
		if bad.Attempts == 0 && open(bad, issuer) == nil {
			t.Errorf("%s: opened", test.field)
		}
	}
}
