// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inContainers prepares a network in containers, none of which is started.
func inContainers(t *testing.T) *Network {
	t.Helper()
	c, err := Load(filepath.Join("..", "compose.json"))
	if err != nil {
		t.Fatal(err)
	}
	c.StateDir = t.TempDir()
	n, err := New(c, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPrepare(t *testing.T) {
	n := inContainers(t)
	holds := func(name string, wants ...string) {
		t.Helper()
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(data), want) {
				t.Errorf("%s does not hold %q", name, want)
			}
		}
		if bytes.Contains(data, []byte(n.StateDir())) && !strings.HasSuffix(name, containersFile) {
			t.Errorf("%s names a folder that its container does not have", name)
		}
	}
	holds(n.Folder("retailer", "peer", "core.yaml"), `"/ecoupon/builder"`, `"peer.retailer:17240"`, `"0.0.0.0:17240"`)
	holds(n.Folder("retailer", "orderer", "orderer.yaml"), `"/ecoupon/data/wal"`, `"0.0.0.0:17244"`)
	holds(n.Folder("retailer", "peer", "builder", "connection.json"), `"chaincode.retailer:17246"`)
	holds(n.Folder("retailer", "services", "retailer", "consortium.json"), `"peer.issuer:17200"`, `"retailer.retailer:17252"`)
	holds(n.Folder("retailer", "till-1", "consortium.json"), `"127.0.0.1:17200"`, `"127.0.0.1:17252"`, `"https://127.0.0.1:17227"`)
	institutes := n.Folder("clearing", "services", "clearing", "institutes")
	holds(institutes+".json", `"institutes/girohaus"`, "250")
	holds(filepath.Join(institutes, "girohaus", "institute.json"), `"institute.girohaus:17280"`, `"Girohaus"`)
	holds(filepath.Join(n.CustomerFolder("clearing", "girohaus", Enquirer), "institute.json"), `"127.0.0.1:17280"`)
	holds(filepath.Join(n.CustomerFolder("retailer", "girohaus", Merchant), "institute.json"), `"127.0.0.1:17280"`)
	holds(filepath.Join(n.CustomerFolder("issuer", "girohaus", Merchant), "key.pem"), "PRIVATE KEY")
	if left, err := filepath.Glob(filepath.Join(n.StateDir(), "institutes", "girohaus", "customers", "*")); err != nil || len(left) > 0 {
		t.Errorf("the institute keeps its customers' keys: %v, %v", left, err)
	}
	holds(filepath.Join(n.StateDir(), containersFile), "ECOUPON_STATE="+n.StateDir()+"\n", "ECOUPON_CHAINCODE=coupon")
	if step, err := os.Readlink(n.Folder("retailer", "peer", "builder", "bin", "detect")); err != nil || step != "builder" {
		t.Errorf("the builder's step leads to %q, %v", step, err)
	}
	cert := certificate(t, n.Folder("retailer", "peer", "tls", "server.crt"))
	if err := cert.VerifyHostname("peer.retailer"); err != nil {
		t.Error(err)
	}
	key := n.CustomerFolder("retailer", "girohaus", Merchant) + "/key.pem"
	before := contentOf(t, key)
	if err := os.WriteFile(institutes+".json", []byte(`{"sample_per_mille": 7}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.Prepare(t.Context()); err != nil {
		t.Errorf("preparing again: %v", err)
	}
	if !bytes.Equal(contentOf(t, key), before) {
		t.Error("preparing again gave a merchant another key")
	}
	holds(institutes+".json", "7")
}

func contentOf(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func certificate(t *testing.T, name string) *x509.Certificate {
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

// Only what runs the containers starts and stops processes in them.
func TestContainersAreLeftAlone(t *testing.T) {
	n := inContainers(t)
	if err := n.Up(t.Context(), UpOptions{}); !errors.Is(err, errContainers) {
		t.Errorf("up: %v", err)
	}
	if err := n.Kill(t.Context(), "peer.issuer"); !errors.Is(err, errContainers) {
		t.Errorf("kill: %v", err)
	}
	if err := n.Down(t.Context()); err != nil {
		t.Errorf("down: %v", err)
	}
	status, err := n.Status()
	if err != nil || status.Died() != nil || status.Processes[0].State != Elsewhere {
		t.Errorf("status: %+v, %v", status.Processes[0], err)
	}
}

// Only who runs an institute renews its keys and keeps its store.
func TestInstitutesAreNoMembers(t *testing.T) {
	c := Default()
	c.StateDir = t.TempDir()
	n, err := New(c, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	name := "institute." + c.Institutes[0].Name
	for what, err := range map[string]error{
		"renew": n.Renew(t.Context(), name), "backup": n.Backup(t.Context(), name, filepath.Join(c.StateDir, "copy")),
		"restore": n.Restore(t.Context(), name, RestoreOptions{LanesFrom: -1}),
	} {
		if !errors.Is(err, errInstitute) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := n.Stop(t.Context(), name); err != nil {
		t.Errorf("stopping one that does not run: %v", err)
	}
	if err := n.Stop(t.Context(), "institute.nobody"); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("stopping one that is not there: %v", err)
	}
}

func TestPrepareIsForContainers(t *testing.T) {
	c := Default()
	c.StateDir = t.TempDir()
	n, err := New(c, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if n.Prepare(t.Context()) == nil || n.Define(t.Context()) == nil {
		t.Error("a network of processes was treated as one of containers")
	}
}
