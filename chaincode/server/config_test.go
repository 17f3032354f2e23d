// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
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
	"strings"
	"testing"
	"time"

	"ecoupon/chaincode/contract"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

const (
	testMSP   = "RetailerMSP"
	testLimit = 10 * time.Second
)

func TestOnlyPeersOfTheOwnOrganisationAreServed(t *testing.T) {
	t.Parallel()
	own, other := newCA(t), newCA(t)
	address := runServer(t, own)
	for name, c := range map[string]struct {
		cert     []tls.Certificate
		accepted bool
	}{
		"own peer":                         {[]tls.Certificate{own.issue(t, testMSP, "peer")}, true},
		"nobody":                           {nil, false},
		"own service":                      {[]tls.Certificate{own.issue(t, testMSP, "service")}, false},
		"peer of another organisation":     {[]tls.Certificate{own.issue(t, "IssuerMSP", "peer")}, false},
		"peer of a foreign authority":      {[]tls.Certificate{other.issue(t, testMSP, "peer")}, false},
		"peer of two organisations":        {[]tls.Certificate{own.issue(t, testMSP+",IssuerMSP", "peer")}, false},
		"own, without organisational unit": {[]tls.Certificate{own.issue(t, testMSP, "")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), testLimit)
			defer cancel()
			config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: own.pool(), Certificates: c.cert}
			conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			answer, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{}, grpc.WaitForReady(c.accepted))
			if (err == nil) != c.accepted {
				t.Fatalf("error %v, want accepted %v", err, c.accepted)
			}
			if c.accepted && answer.GetStatus() != healthv1.HealthCheckResponse_SERVING {
				t.Errorf("the server is %s", answer.GetStatus())
			}
		})
	}
}

func TestServerRefusesToStartWithWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	for name, c := range map[string]struct{ variable, value, want string }{
		"another organisation":      {"CORE_PEER_LOCALMSPID", "IssuerMSP", `is not "IssuerMSP"`},
		"no organisation":           {"CORE_PEER_LOCALMSPID", "", "CORE_PEER_LOCALMSPID is not set"},
		"no package":                {"CORE_CHAINCODE_ID_NAME", "", "CORE_CHAINCODE_ID_NAME is not set"},
		"no client authority":       {"CHAINCODE_TLS_CLIENT_CA", "", "CHAINCODE_TLS_CLIENT_CA is not set"},
		"empty authority":           {"CHAINCODE_TLS_CLIENT_CA", os.DevNull, "holds no certificate"},
		"a clock offset of no unit": {"CHAINCODE_CLOCK_OFFSET", "60", "CHAINCODE_CLOCK_OFFSET"},
		"no such key":               {"CHAINCODE_TLS_KEY", "gone.key", "gone.key"},
		"no key":                    {"CHAINCODE_TLS_KEY", "", "CHAINCODE_TLS_KEY is not set"},
		"no such certificate":       {"CHAINCODE_TLS_CERT", "gone.pem", "gone.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment(t, ca, "127.0.0.1:0")
			env[c.variable] = c.value
			err := Run(t.Context(), func(k string) string { return env[k] }, t.Output(), contract.New)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestClockOffsetIsLoggedLoudly(t *testing.T) {
	t.Parallel()
	env := environment(t, newCA(t), "127.0.0.1:0")
	env["CHAINCODE_CLOCK_OFFSET"] = "-1m"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var log strings.Builder
	var clock func() time.Time
	err := Run(ctx, func(k string) string { return env[k] }, &log, func(c contract.Config) (shim.Chaincode, error) {
		clock = c.Now
		return contract.New(c)
	})
	if clock == nil {
		t.Fatal(err)
	}
	if behind := time.Since(clock()); behind < time.Minute || behind > time.Minute+testLimit {
		t.Errorf("the clock is %s behind", behind)
	}
	if !strings.Contains(log.String(), `"level":"WARN"`) || !strings.Contains(log.String(), `"offset":"-1m0s"`) {
		t.Errorf("the log is\n%s", log.String())
	}
}

// runServer runs a server until the test ends, and then expects it to stop
// without an error.
func runServer(t *testing.T, ca authority) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	env := environment(t, ca, address)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, func(k string) string { return env[k] }, t.Output(), contract.New) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server stopped with %v", err)
		}
	})
	return address
}

func environment(t *testing.T, ca authority, address string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	cert := ca.issue(t, testMSP, "chaincode")
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"CHAINCODE_SERVER_ADDRESS": address, "CORE_CHAINCODE_ID_NAME": "coupon:1", "CORE_PEER_LOCALMSPID": testMSP,
	}
	for variable, block := range map[string]*pem.Block{
		"CHAINCODE_TLS_CERT":      {Type: "CERTIFICATE", Bytes: cert.Certificate[0]},
		"CHAINCODE_TLS_KEY":       {Type: "PRIVATE KEY", Bytes: key},
		"CHAINCODE_TLS_CLIENT_CA": {Type: "CERTIFICATE", Bytes: ca.cert.Raw},
	} {
		env[variable] = filepath.Join(dir, variable)
		if err := os.WriteFile(env[variable], pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return env
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newCA(t *testing.T) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert: cert, key: key}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue makes a certificate for a comma-separated list of organisations.
func (a authority) issue(t *testing.T, organisations, unit string) tls.Certificate {
	t.Helper()
	subject := pkix.Name{CommonName: "127.0.0.1", Organization: strings.Split(organisations, ",")}
	if unit != "" {
		subject.OrganizationalUnit = []string{unit}
	}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: subject, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
