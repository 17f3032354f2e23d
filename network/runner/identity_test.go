// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOrganisationHasWhatEachProcessNeeds(t *testing.T) {
	t.Parallel()
	dir := makeTestOrganisation(t)
	for _, c := range []struct{ cert, ca, unit, role string }{
		{"admin/cert.pem", "identity", "admin", ""},
		{"operator/cert.pem", "identity", "client", "operator"},
		{"auditor/cert.pem", "identity", "client", "auditor"},
		{"auditor/tls.pem", "tls", "client", ""},
		{"operator/tls.pem", "tls", "client", ""},
		{"till-1/cert.pem", "tills", "till", "till"},
		{"till-2/cert.pem", "tills", "till", "till"},
		{"peer/msp/signcerts/cert.pem", "identity", "peer", ""},
		{"peer2/msp/signcerts/cert.pem", "identity", "peer", ""},
		{"peer2/tls/server.crt", "tls", "peer", ""},
		{"orderer/msp/signcerts/cert.pem", "identity", "orderer", ""},
		{"services/retailer/identity.pem", "identity", "client", "service"},
		{"services/retailer/tls.pem", "tls", "service", ""},
		{"peer/tls/server.crt", "tls", "peer", ""},
		{"orderer/tls/server.crt", "tls", "orderer", ""},
		{"chaincode/tls/server.crt", "tls", "chaincode", ""},
		{"admin/tls.pem", "tls", "admin", ""},
	} {
		t.Run(c.cert, func(t *testing.T) {
			t.Parallel()
			cert := readCert(t, filepath.Join(dir, c.cert))
			for _, ca := range []string{"identity", "tls", "tills"} {
				if got := chains(t, cert, filepath.Join(dir, "ca", ca+".pem")); got != (ca == c.ca) {
					t.Errorf("issued by the authority %s: %v", ca, got)
				}
			}
			if o := cert.Subject.Organization; !slices.Equal(o, []string{"RetailerMSP"}) {
				t.Errorf("organisation %q", o)
			}
			if u := cert.Subject.OrganizationalUnit; !slices.Equal(u, []string{c.unit}) {
				t.Errorf("unit %q, want %q", u, c.unit)
			}
			if got := roleOf(cert); got != c.role {
				t.Errorf("role %q, want %q", got, c.role)
			}
		})
	}
}

func TestServerCertificatesNameTheirHosts(t *testing.T) {
	t.Parallel()
	dir := makeTestOrganisation(t)
	for file, name := range map[string]string{
		"peer/tls/server.crt":       "peer.retailer.example",
		"peer2/tls/server.crt":      "peer2.retailer.example",
		"services/retailer/tls.pem": "retailer.retailer.example",
	} {
		cert := readCert(t, filepath.Join(dir, file))
		for _, host := range []string{name, "localhost", "127.0.0.1", "shop.test"} {
			if err := cert.VerifyHostname(host); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

func TestKeysAreTheirOwnersOnly(t *testing.T) {
	t.Parallel()
	dir := makeTestOrganisation(t)
	keys := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(data), "PRIVATE KEY") {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		if other := keys[string(data)]; other != "" {
			t.Errorf("%s and %s hold the same key", name, other)
		}
		keys[string(data)] = name
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, public := range []string{"msp"} {
		entries, err := os.ReadDir(filepath.Join(dir, public))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() == "keystore" {
				t.Errorf("%s holds keys", public)
			}
		}
	}
}

func TestOrganisationIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := makeTestOrganisation(t)
	before, err := os.ReadFile(filepath.Join(dir, "ca", "identity.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := makeOrganisation(dir, testOrganisation, nil); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(filepath.Join(dir, "ca", "identity.key"))
	if err != nil || string(after) != string(before) {
		t.Errorf("the authority's key changed (%v)", err)
	}
}

func TestCertificatesHaveLowS(t *testing.T) {
	t.Parallel()
	for range 20 { // half of all signatures would do by chance
		a, _, err := newAuthority("RetailerMSP", "ca")
		if err != nil {
			t.Fatal(err)
		}
		var s struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(a.cert.Signature, &s); err != nil {
			t.Fatal(err)
		}
		if half := new(big.Int).Rsh(a.key.Params().N, 1); s.S.Cmp(half) > 0 {
			t.Fatal("S is above half the order")
		}
	}
}

var testOrganisation = Organisation{Name: "retailer", MSPID: "RetailerMSP", Roles: []string{Retailer}, Peers: 2}

func makeTestOrganisation(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "retailer")
	if err := makeOrganisation(dir, testOrganisation, []string{"shop.test"}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readCert(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func chains(t *testing.T, cert *x509.Certificate, caFile string) bool {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(readCert(t, caFile))
	_, err := cert.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}

func roleOf(cert *x509.Certificate) string {
	for _, e := range cert.Extensions {
		if e.Id.Equal(attributesOID) {
			role := strings.TrimPrefix(string(e.Value), `{"attrs":{"role":"`)
			return strings.TrimSuffix(role, `"}}`)
		}
	}
	return ""
}
