// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ecoupon/network/runner"
)

// TestNetworkIsUpgradedAndGrows gives the commands of docs/operating.md.
func TestNetworkIsUpgradedAndGrows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	file := func(name string, v any) string {
		t.Helper()
		data, err := json.Marshal(v)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	network := func(args ...string) string {
		t.Helper()
		var said bytes.Buffer
		c := newCommand()
		c.SetOut(&said)
		c.SetArgs(append(args, "--state", state))
		if err := c.ExecuteContext(t.Context()); err != nil {
			t.Fatalf("network %q: %v\n%s", args, err, said.String())
		}
		return said.String()
	}
	c := runner.Default()
	c.PortBase = 0
	t.Cleanup(func() {
		if n, err := runner.Open(state, t.Output()); err == nil {
			_ = n.Purge(context.Background())
		}
	})

	network("up", "--consortium", file("consortium.json", c))
	network("upgrade")
	network("add-org", "--name", "kiosk", "--msp-id", "KioskMSP", "--role", "retailer")
	network("add-org", file("brand.json", map[string]any{"name": "brand", "msp_id": "BrandMSP", "roles": []string{"issuer"}}))
	const withdrawn = "It has no key"
	if known := institute(t, state, "BrandMSP", "institute"); strings.Contains(known, withdrawn) {
		t.Errorf("an issuer that has joined is told of no key: %s", known)
	}
	if _, err := os.Stat(filepath.Join(state, "organisations", "kiosk", "institutes", "girohaus", "merchant", "key.pem")); err != nil {
		t.Errorf("a retailer that has joined cannot take payments: %v", err)
	}
	institute(t, state, "IssuerMSP", "register-institute", "--withdraw")
	network("down")
	network("up")
	// Who starts a network decides nothing of what is on the ledger.
	if known := institute(t, state, "IssuerMSP", "institute"); !strings.Contains(known, withdrawn) {
		t.Errorf("an institute that was withdrawn is back: %s", known)
	}
	status := network("status")
	for _, name := range []string{"peer.issuer", "chaincode.kiosk", "retailer.kiosk", "issuer.brand"} {
		if !strings.Contains(status, name) {
			t.Errorf("%s is missing in\n%s", name, status)
		}
	}
	want := 2*3 + len(c.Institutes) // of a newcomer: peer, chaincode, service
	for _, o := range c.Organisations {
		want += 3 + len(o.Roles)
	}
	if n := strings.Count(status, runner.Running); n != want {
		t.Errorf("%d processes run, not %d:\n%s", n, want, status)
	}
	network("purge")
}

// institute has the clearing house of a network do something with the institute
// Girohaus in an issuer's namespace.
func institute(t *testing.T, state, issuer string, args ...string) string {
	t.Helper()
	house := filepath.Join(state, "organisations", "clearing", "operator")
	args = append([]string{"--as", house, "clearing"}, append(args, "Girohaus", "--issuer", issuer)...)
	out, err := exec.CommandContext(t.Context(), filepath.Join("..", "bin", "coupon"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("coupon %q: %v\n%s", args, err, out)
	}
	return string(out)
}
