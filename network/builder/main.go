// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command builder is a peer's external builder for chaincode that runs as a
// server. The peer calls it as detect, build and release.
//
// A package says only that it is such chaincode. Where this peer's server is,
// and with which key the peer calls it, comes from a file of the peer's own,
// so no package holds a key and all organisations install the same one.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// connectionVariable names the peer's connection file.
const connectionVariable = "CHAINCODE_CONNECTION"

func main() {
	if err := run(filepath.Base(os.Args[0]), os.Args[1:], os.Getenv(connectionVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run does the step that the program was called as.
func run(step string, args []string, connectionFile string) error {
	want := map[string]int{"detect": 2, "build": 3, "release": 2}
	n, ok := want[step]
	switch {
	case !ok:
		return fmt.Errorf("called as %q, which is neither detect, build nor release", step)
	case len(args) != n:
		return fmt.Errorf("%s takes %d directories, not %d", step, n, len(args))
	case step == "detect":
		return detect(args[1])
	case step == "build":
		return build(connectionFile)
	}
	return release(connectionFile, args[1])
}

// detect accepts packages of chaincode that runs as a server.
func detect(metadata string) error {
	data, err := os.ReadFile(filepath.Join(metadata, "metadata.json")) //nolint:gosec // the peer names its own directories
	if err != nil {
		return fmt.Errorf("reading the package's metadata: %w", err)
	}
	var m struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("reading the package's metadata: %w", err)
	}
	if m.Type != "ccaas" {
		return fmt.Errorf("type %q is not ccaas", m.Type)
	}
	return nil
}

// build has nothing to build; it refuses early what release would refuse.
func build(connectionFile string) error {
	_, err := readConnection(connectionFile)
	return err
}

// release hands the peer's connection file to the peer.
func release(connectionFile, out string) error {
	data, err := readConnection(connectionFile)
	if err != nil {
		return err
	}
	dir := filepath.Join(out, "chaincode", "server")
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // the peer names its own directories
		return fmt.Errorf("releasing the connection: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "connection.json"), data, 0o600); err != nil { //nolint:gosec // the peer names its own directories
		return fmt.Errorf("releasing the connection: %w", err)
	}
	return nil
}

// connection is the peer's own form.
type connection struct {
	Address            string `json:"address"`
	Domain             string `json:"domain"`
	DialTimeout        string `json:"dial_timeout"`
	TLSRequired        bool   `json:"tls_required"`
	ClientAuthRequired bool   `json:"client_auth_required"`
	ClientKey          string `json:"client_key"`
	ClientCert         string `json:"client_cert"`
	RootCert           string `json:"root_cert"`
}

// readConnection refuses any connection without mutual TLS: the peer would
// take it as it is.
func readConnection(name string) ([]byte, error) {
	if name == "" {
		return nil, errors.New(connectionVariable + " is not set")
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the connection: %w", err)
	}
	var c connection
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("reading the connection %s: %w", name, err)
	}
	if !c.TLSRequired || !c.ClientAuthRequired {
		return nil, fmt.Errorf("%s: tls_required and client_auth_required must be true", name)
	}
	if _, err := time.ParseDuration(c.DialTimeout); err != nil {
		return nil, fmt.Errorf("%s: dial_timeout: %w", name, err)
	}
	for field, value := range map[string]string{
		"address": c.Address, "domain": c.Domain, "client_key": c.ClientKey, "client_cert": c.ClientCert, "root_cert": c.RootCert,
	} {
		if value == "" {
			return nil, fmt.Errorf("%s: %s is missing", name, field)
		}
	}
	return data, nil
}
